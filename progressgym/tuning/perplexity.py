"""Held-out loss of a language model, in nats per token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def mean_loss(model: Any, sequences: Sequence[Sequence[int]], batch_size: int = 2) -> float:
    """Mean negative log-likelihood of every token after the first of its sequence.

    Args:
        model: a transformers causal language model, its own device is used.
        sequences: token ids; equal lengths batch best.
        batch_size: sequences a forward pass.

    Returns:
        Nats per token; exp of it is the perplexity.
    """
    import torch

    device = next(model.parameters()).device
    total, count = 0.0, 0
    ordered = sorted(sequences, key=len)
    with torch.inference_mode():
        for start in range(0, len(ordered), batch_size):
            batch = ordered[start : start + batch_size]
            groups: dict[int, list[Sequence[int]]] = {}
            for sequence in batch:
                groups.setdefault(len(sequence), []).append(sequence)
            for same_length in groups.values():
                ids = torch.tensor(same_length, device=device)
                logits = model(input_ids=ids).logits[:, :-1]
                losses = torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="sum"
                )
                total, count = total + float(losses), count + ids[:, 1:].numel()
    if count == 0:
        raise ValueError("mean_loss needs a sequence of at least two tokens")
    return total / count
