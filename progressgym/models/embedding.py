"""Vectors of texts: the mean of a language model's last hidden states over a text's tokens.

Padding stands on the right, where a causal model does not see it, and is left out of the mean, so a text's vector does not
depend on its batch, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.models.general import ROW_TOKENS
from progressgym.models.tokens import Ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def mean_states(model: PreTrainedModel, rows: Sequence[Ids]) -> NDArray[np.float64]:
    """Mean last hidden states (n, d) of token rows, none of them empty."""
    import torch

    order = sorted(range(len(rows)), key=lambda row: (len(rows[row]), rows[row]))
    vectors: list[Any] = [None] * len(rows)
    base: Any = model.base_model
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * len(rows[order[end]]) <= ROW_TOKENS:
            end += 1
        batch = [rows[row] for row in order[begin:end]]
        ids, mask = (torch.zeros(len(batch), len(batch[-1]), dtype=torch.long) for _ in range(2))
        for number, row in enumerate(batch):
            ids[number, : len(row)], mask[number, : len(row)] = torch.tensor(row), 1
        ids, mask = ids.to(model.device), mask.to(model.device)
        with torch.inference_mode():
            states = base(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state.double()
            means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        for place, mean in zip(order[begin:end], means.cpu().numpy(), strict=True):
            vectors[place] = mean
        begin = end
    return np.array(vectors, dtype=np.float64)
