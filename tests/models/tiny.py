"""Tiny models with weights large enough that attention and positions matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from progressgym.models.language_model import LanguageModel
from progressgym.models.tokens import Request
from tests.tuning.tiny import save_tiny_llama

CONTEXTS = [
    "My old father will not see the morning.",
    "He asks.",
    "At the market a young man wants my horse, and its price would feed my children all winter long.",
]
FRAMINGS = ["", " What do I do?", " I think, and then I say:"]
OPTIONS = [
    [" I tell him.", " I say that it is calm.", " I say nothing", " I say nothing at all."],
    [" Yes."],
    [" I sell the horse to the man.", " I send him away."],
]


def lively_llama(folder: Path) -> Path:
    """A tiny Llama whose answers depend strongly on every token."""
    from transformers import LlamaForCausalLM

    save_tiny_llama(folder)
    model = LlamaForCausalLM.from_pretrained(folder)
    enliven(model)
    model.save_pretrained(folder)
    return folder


def enliven(model: Any) -> None:
    """Draw weights of the size that training reaches, in place."""
    import torch

    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            scale = parameter.shape[-1] ** -0.5
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * scale * 1.5)


def one_by_one(lm: LanguageModel, requests: list[Request]) -> list[Any]:
    """Mean log-probabilities from the plain reference."""
    import numpy as np

    from progressgym.models.general import score_one_by_one

    sums = score_one_by_one(lm.model, requests)
    return [
        table / np.array([len(option) for option in request.options])
        for table, request in zip(sums, requests, strict=True)
    ]
