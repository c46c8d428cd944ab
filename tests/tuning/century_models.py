"""A history of three tiny language models, their adapters beside it: what a shipped history is, in a second."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model
from progressgym.tuning.lora import LoraRecipe, attach, save_adapter
from tests.tuning.tiny import save_tiny_llama

ITEMS = 24


def tiny_instrument(folder: Path) -> Questionnaire:
    """Some items of the shipped questionnaire, cut short so that a byte-level model reads them quickly.

    Its name is its folder, so that a history that names it can be loaded by anybody.
    """
    whole = Questionnaire.load("moral19-v1")
    chosen = [whole.items[i] for i in range(0, len(whole.items), len(whole.items) // ITEMS)][:ITEMS]
    short = tuple(
        replace(item, text=item.text[:12], options=tuple(f"{n}{text[:6]}" for n, text in enumerate(item.options)))
        for item in chosen
    )
    config = replace(whole.config, framings=(" So",), verdicts=((" It is", " just", " wicked"),))
    instrument = Questionnaire.from_items(short, name=str(folder), config=config)
    instrument.save(folder)
    return instrument


def save_history(folder: Path, *, centuries: int = 3, mode: str = "verdict") -> tuple[Path, Path, Questionnaire]:
    """Write a base model and a history of adapters on it, measured.

    Returns:
        Folder of the base, folder of the history, its instrument.
    """
    import torch

    base, out, instrument = folder / "base", folder / "history", tiny_instrument(folder / "instrument")
    save_base(base)
    labels = [f"C0{13 + n}" for n in range(centuries)]
    models: list[Any] = []
    for n, label in enumerate(labels):
        model: Any = attach(
            load_language_model(base, device="cpu", dtype="float32").model, LoraRecipe(rank=2, top_layers=None), n
        )
        torch.manual_seed(n)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.normal_(std=0.3)
        target = out / "adapters" / label
        target.mkdir(parents=True)
        save_adapter(model, target, str(base))
        models.append(load_language_model(target, device="cpu", base=base))
    card = {"base_model": str(base), "reading": {"mode": mode}}
    measured = History.measure(models, instrument, labels, mode=mode, card=card)
    staged = folder / "measured"
    measured.save(staged)
    for file in staged.iterdir():
        (out / file.name).write_bytes(file.read_bytes())
    return base, out, instrument


def spread(history: History) -> float:
    """How far centuries lie apart: mean absolute difference of answers between the first and the last."""
    return float(np.abs(history.answers[-1] - history.answers[0]).mean())


def save_base(base: Path) -> Path:
    """A tiny Llama that has one token for each verdict, as real vocabularies do."""
    save_tiny_llama(base)
    path = base / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary, merges = content["model"]["vocab"], content["model"]["merges"]
    for word in ("Ġjust", "Ġwicked"):
        for end in range(2, len(word) + 1):
            vocabulary.setdefault(word[:end], len(vocabulary))
            merges.append([word[: end - 1], word[end - 1]])
    path.write_text(json.dumps(content), encoding="utf-8")
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    torch.manual_seed(1)
    model.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.1)
    model.save_pretrained(base)
    return base
