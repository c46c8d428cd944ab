"""Scoring options with any causal language model: whole rows, sorted by length, padded on the right.

Shares nothing between rows, so it is slow; it makes no assumption about the model beyond causality (right padding
needs no mask) and is the path for every architecture that `packed` does not know.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from progressgym.models.tokens import Ids, Request

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

ROW_TOKENS = 2048
"""Padded tokens of a batch."""


def score_rows(model: PreTrainedModel, requests: Sequence[Request]) -> tuple[list[NDArray[np.float64]], int, int]:
    """Sums of log-probabilities, B arrays (F, K_i); how many tokens were computed, and how many predicted."""
    rows = [
        (prefix, option, (b, f, k))
        for b, request in enumerate(requests)
        for f, prefix in enumerate(request.prefixes)
        for k, option in enumerate(request.options)
    ]
    rows.sort(key=lambda row: (len(row[0]) + len(row[1]), len(row[0]), row[2]))
    sums = [np.zeros((len(request.prefixes), len(request.options))) for request in requests]
    computed, predicted, begin = 0, 0, 0
    while begin < len(rows):
        end = begin + 1
        while end < len(rows) and (end + 1 - begin) * (len(rows[end][0]) + len(rows[end][1])) <= ROW_TOKENS:
            end += 1
        batch = rows[begin:end]
        scores, tokens, heads = _score_batch(model, [(prefix, option) for prefix, option, _ in batch])
        for (_, _, (b, f, k)), score in zip(batch, scores, strict=True):
            sums[b][f, k] = score
        computed, predicted, begin = computed + tokens, predicted + heads, end
    return sums, computed, predicted


def _score_batch(model: PreTrainedModel, batch: Sequence[tuple[Ids, Ids]]) -> tuple[list[float], int, int]:
    import torch

    width = max(len(prefix) + len(option) for prefix, option in batch) - 1  # the last token predicts nothing
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    for row, (prefix, option) in enumerate(batch):
        tokens = (prefix + option)[:-1]
        ids[row, : len(tokens)] = torch.tensor(tokens)
    first = min(len(prefix) for prefix, _ in batch) - 1
    columns = torch.arange(first, width, device=model.device)
    with torch.inference_mode():
        logits = logits_of(model, ids.to(model.device), columns)
        scores = []
        for row, (prefix, option) in enumerate(batch):
            start = len(prefix) - 1 - first
            logs = torch.log_softmax(logits[row, start : start + len(option)].float(), dim=-1)
            target = torch.tensor(option, device=logits.device)
            scores.append(float(logs.gather(1, target[:, None]).double().sum()))
    return scores, ids.numel(), len(batch) * len(columns)


def logits_of(model: PreTrainedModel, ids: Tensor, columns: Tensor) -> Tensor:
    """Logits (B, C, vocabulary) at some positions of the texts `ids` (B, L).

    Architectures whose forward pass cannot be asked for positions give all of them.
    """
    names = inspect.signature(model.forward).parameters
    asked = {"use_cache": False, "logits_to_keep": columns}
    logits: Tensor = model(input_ids=ids, **{name: value for name, value in asked.items() if name in names}).logits
    return logits if "logits_to_keep" in names else logits[:, columns]


def score_one_by_one(model: PreTrainedModel, requests: Sequence[Request]) -> list[NDArray[np.float64]]:
    """The plain reference: every text alone in a batch of one, full output. For tests; as `score_rows`."""
    import torch

    sums = []
    for request in requests:
        table = np.zeros((len(request.prefixes), len(request.options)))
        for f, prefix in enumerate(request.prefixes):
            for k, option in enumerate(request.options):
                ids = torch.tensor([prefix + option], device=model.device)
                with torch.inference_mode():
                    logs = torch.log_softmax(model(input_ids=ids).logits[0].float(), dim=-1)
                at = torch.arange(len(prefix), len(prefix) + len(option), device=model.device)
                table[f, k] = float(logs[at - 1, ids[0, at]].double().sum())
        sums.append(table)
    return sums
