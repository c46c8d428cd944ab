"""Preferences between two continuations of one text, as rows of token ids: what every alignment stage is trained on.

A row is computed without what cannot matter: the last token of a continuation predicts nothing, so it is not fed, and
texts that are equal without it (two one-word verdicts on one deed) are fed once. Padding stands on the left, so that
the predicting positions are the last columns and the output head is applied to these alone.

Legend of shapes: B rows of a batch, U different texts, L tokens of the longest, C tokens of the longest continuation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.models.tokens import Ids, encode

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids", "target", "weight", "offset")


@dataclass(kw_only=True, frozen=True)
class Contrast:
    """One preference between two continuations."""

    prompt: str
    chosen: str
    rejected: str
    target: float = 1.0
    """Probability that `chosen` is preferred; 1 is the plain label of DPO."""
    weight: float = 1.0
    """Share in the loss."""
    offset: float = 0.0
    """Added to the margin: 0 compares with the reference, the policy's own preference compares with a uniform one."""


def tokenise(rows: Sequence[Contrast], tokenizer: PreTrainedTokenizerBase) -> list[dict[str, Any]]:
    """Rows as token ids, encoded as a reading encodes them and without an end token.

    Raises:
        UserError: no row, a weight or target that is not a finite number in its range.
    """
    if not rows:
        raise UserError("an alignment stage needs at least one preference")
    for row in rows:
        if not (math.isfinite(row.weight) and row.weight >= 0):
            raise UserError(f"a preference has the weight {row.weight}; finite numbers from 0 on are expected")
        if not (0.0 <= row.target <= 1.0 and math.isfinite(row.offset)):
            raise UserError(f"a preference has target {row.target} and offset {row.offset}; expected 0..1 and a number")
    prompts, pairs = [row.prompt for row in rows], [[row.chosen, row.rejected] for row in rows]
    return [
        {
            "prompt_ids": list(request.prefixes[0]),
            "chosen_ids": list(request.options[0]),
            "rejected_ids": list(request.options[1]),
            "target": row.target,
            "weight": row.weight,
            "offset": row.offset,
        }
        for row, request in zip(rows, encode(tokenizer, prompts, [""], pairs), strict=True)
    ]


def arrange(rows: list[dict[str, Any]], batch_size: int, seed: int, together: int = 1) -> list[dict[str, Any]]:
    """An order for sequential batches: rows of like length together, the batches in random order, a short one last.

    Args:
        rows: tokenised rows.
        batch_size: rows a step.
        seed: of the order.
        together: so many consecutive rows are never parted. The two verdicts of one comparison ask for opposite words:
            in one step they cancel what is common to all deeds, in two steps they push the policy to and fro.
    """
    groups = [rows[start : start + together] for start in range(0, len(rows), together)]
    groups.sort(key=lambda group: max(len(row["prompt_ids"]) + len(row["chosen_ids"]) for row in group))
    size = max(batch_size // together, 1)
    batches = [groups[start : start + size] for start in range(0, len(groups), size)]
    rest = [batches.pop()] if batches and len(batches[-1]) < size else []
    mixed = [batches[n] for n in generator(seed, "batches").random(len(batches)).argsort(kind="stable")]
    return [row for batch in (*mixed, *rest) for group in batch for row in group]


def collate(examples: Sequence[Mapping[str, Any]], pad: int) -> dict[str, Any]:
    """Stack B rows.

    Returns:
        `input_ids`, `attention_mask`, `position_ids` (U, L) padded on the left; `source` (2B,) which text each
        continuation belongs to, the chosen ones first; `tokens` and `token_mask` (2B, C) continuations, aligned on the
        right; every further number of a row as (B,).
    """
    import torch

    texts: dict[Ids, int] = {}
    source, continuations = [], []
    for side in ("chosen_ids", "rejected_ids"):
        for example in examples:
            text = (*example["prompt_ids"], *example[side][:-1])
            source.append(texts.setdefault(text, len(texts)))
            continuations.append(list(example[side]))
    ids, seen = left_padded(list(texts), pad)
    tokens, mask = left_padded(continuations, pad)
    numbers = {
        key: torch.tensor([float(example[key]) for example in examples])
        for key in examples[0]
        if key not in ("prompt_ids", "chosen_ids", "rejected_ids")
    }
    return {
        "input_ids": ids,
        "attention_mask": seen,
        "position_ids": (seen.cumsum(-1) - 1).clamp(min=0),
        "source": torch.tensor(source),
        "tokens": tokens,
        "token_mask": mask,
        **numbers,
    }


def continuation_logps(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """Mean log-probability per token of every continuation of a batch, (2B,), as a reading counts it."""
    import torch

    width = batch["tokens"].shape[1]
    logits = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        position_ids=batch["position_ids"],
        use_cache=False,
        logits_to_keep=width,
    ).logits
    logs = torch.log_softmax(logits.float(), dim=-1)[batch["source"]]
    own = logs.gather(-1, batch["tokens"][..., None])[..., 0] * batch["token_mask"]
    return own.sum(-1) / batch["token_mask"].sum(-1)


def left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and mask (U, L) of rows that end together."""
    import torch

    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        if row:
            ids[number, width - len(row) :] = torch.tensor(row)
            mask[number, width - len(row) :] = 1
    return ids, mask
