"""Preferences between two continuations of one text, as rows of token ids: what every alignment stage is trained on.

A row is computed without what cannot matter: the last token of a continuation predicts nothing, so it is not fed, and
texts that are equal without it (two one-word verdicts on one deed) are fed once. Padding stands on the left, so that
the predicting positions are the last columns and the output head is applied to these alone.

Losses of more than margins look at further texts (`Term`): a reason, an answer with less in it, another prompt. They are fed
with the row that they belong to, so that texts which are the same are fed once again.

Legend of shapes: B rows of a batch, E terms of them, U different texts, L tokens of the longest, C tokens of the longest
continuation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.models.tokens import Ids, encode
from progressgym.tuning.shared_prompts import Continued, of_shared_prompts, shared_logps, stack_shared

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

TERM_PARTS = ("rationale", "degrees", "intra", "inter", "steer")
"""Parts of `losses.Margins` that are sums over texts."""
NUMBER_PARTS = ("lag", "length", "fares")
"""Parts that are numbers of the row."""
_APART = ("prompt_ids", "chosen_ids", "rejected_ids", "terms", "ref_terms")


@dataclass(kw_only=True, frozen=True)
class Term:
    """One summand of a part: share times the log-odds of a continuation against the reference, times beta."""

    part: str
    """One of `TERM_PARTS`."""
    prompt: str
    continuation: str
    share: float = 1.0
    slot: int = 0
    """Which of the numbers of the part."""
    bare: bool = False
    """Share times the policy's own log-likelihood instead: without reference and beta."""


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
    terms: tuple[Term, ...] = ()
    """What the loss looks at beside the margin."""
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Parts of `NUMBER_PARTS`; all rows of a stage have the same."""
    end: bool = False
    """Whether the model learns that an answer ends here."""
    group: str = ""
    """What is held out together: the prompt as it was given."""


def tokenise(rows: Sequence[Contrast], tokenizer: PreTrainedTokenizerBase) -> list[dict[str, Any]]:
    """Rows as token ids, encoded as a reading encodes them and without an end token unless a row has one.

    Raises:
        UserError: no row, a weight, target or other number that is not finite or in its range; no end token where one is
            asked for.
    """
    if not rows:
        raise UserError("an alignment stage needs at least one preference")
    for row in rows:
        if not (math.isfinite(row.weight) and row.weight >= 0):
            raise UserError(f"a preference has the weight {row.weight}; finite numbers from 0 on are expected")
        if not (0.0 <= row.target <= 1.0 and math.isfinite(row.offset)):
            raise UserError(f"a preference has target {row.target} and offset {row.offset}; expected 0..1 and a number")
        for part, numbers in row.numbers.items():
            if not all(map(math.isfinite, numbers)):
                raise UserError(
                    f"a preference has a {part} of {', '.join(map(str, numbers))}; finite numbers are expected"
                )
    prompts, pairs = [row.prompt for row in rows], [[row.chosen, row.rejected] for row in rows]
    ready = [
        {
            "prompt_ids": list(request.prefixes[0]),
            "chosen_ids": _ended(request.options[0], row, tokenizer),
            "rejected_ids": _ended(request.options[1], row, tokenizer),
            "target": row.target,
            "weight": row.weight,
            "offset": row.offset,
        }
        for row, request in zip(rows, encode(tokenizer, prompts, [""], pairs), strict=True)
    ]
    _add_parts(ready, rows, tokenizer)
    return ready


def _ended(ids: Ids, row: Contrast, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    if not row.end:
        return list(ids)
    if not isinstance(tokenizer.eos_token_id, int):
        raise UserError("the tokenizer has no end token to be learned")
    return [*ids, tokenizer.eos_token_id]


def _add_parts(ready: list[dict[str, Any]], rows: Sequence[Contrast], tokenizer: PreTrainedTokenizerBase) -> None:
    """Give tokenised rows what their losses look at beside margins; rows of a plain stage stay as they are."""
    if any(row.numbers for row in rows):
        for tokenised, row in zip(ready, rows, strict=True):
            tokenised["numbers"] = {part: list(row.numbers[part]) for part in rows[0].numbers}
    terms = [(place, row, term) for place, row in zip(ready, rows, strict=True) for term in row.terms]
    if not terms:
        return
    for tokenised in ready:
        tokenised["terms"] = []
    asked = encode(
        tokenizer, [term.prompt for _, _, term in terms], [""], [[term.continuation] for _, _, term in terms]
    )
    for (tokenised, row, term), request in zip(terms, asked, strict=True):
        tokenised["terms"].append(
            {
                "part": TERM_PARTS.index(term.part),
                "prompt_ids": list(request.prefixes[0]),
                "ids": _ended(request.options[0], row, tokenizer),
                "share": term.share,
                "slot": term.slot,
                "bare": term.bare,
            }
        )


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


def collate(examples: Sequence[Mapping[str, Any]], pad: int, *, share: bool = False) -> dict[str, Any]:
    """Stack B rows.

    Args:
        examples: tokenised rows.
        pad: token that fills up.
        share: read a prompt of several continuations once, see `shared_prompts`.

    Returns:
        `input_ids`, `attention_mask`, `position_ids` (U, L) padded on the left; `source` (2B,) which text each
        continuation belongs to, the chosen ones first; `tokens` and `token_mask` (2B, C) continuations, aligned on the
        right; every further number of a row as (B,), and `numbers` as (B, n) each. Continuations of terms follow those of
        rows, (2B + E,), and `term_row`, `term_part`, `term_slot`, `term_share`, `term_bare` (E,) say what they are. Of
        continuations that share a prompt there is `shared_prompts.stack_shared` instead, and `order` (2B + E,) says where
        each stands: behind the others.
    """
    import torch

    pairs = [(one["prompt_ids"], one[side]) for side in ("chosen_ids", "rejected_ids") for one in examples]
    terms = [(n, term) for n, example in enumerate(examples) for term in example.get("terms", ())]
    pairs += [(term["prompt_ids"], term["ids"]) for _, term in terms]
    apart = of_shared_prompts(pairs) if share else []
    alone = sorted({*range(len(pairs))} - {*apart})
    batch = _stack_texts([pairs[n] for n in alone], pad) if alone else {}
    if apart:
        batch |= stack_shared([pairs[n] for n in apart], pad)
        batch["order"] = torch.tensor([*alone, *apart]).argsort()
    for key in examples[0]:
        if key not in (*_APART, "numbers"):
            batch[key] = torch.tensor([float(example[key]) for example in examples])
    for part in examples[0].get("numbers", ()):
        batch[part] = torch.tensor([example["numbers"][part] for example in examples], dtype=torch.float32)
    if terms:
        batch["term_row"] = torch.tensor([n for n, _ in terms])
        for key in ("part", "slot", "share", "bare"):
            batch[f"term_{key}"] = torch.tensor([term[key] for _, term in terms])
        if "ref_terms" in examples[0]:
            batch["ref_terms"] = torch.tensor([logp for example in examples for logp in example["ref_terms"]])
    return batch


def _stack_texts(pairs: Sequence[Continued], pad: int) -> dict[str, Tensor]:
    """Whole texts, equal ones once."""
    import torch

    texts: dict[Ids, int] = {}
    source = [texts.setdefault((*prompt, *continuation[:-1]), len(texts)) for prompt, continuation in pairs]
    ids, seen = left_padded(list(texts), pad)
    tokens, mask = left_padded([continuation for _, continuation in pairs], pad)
    return {
        "input_ids": ids,
        "attention_mask": seen,
        "position_ids": (seen.cumsum(-1) - 1).clamp(min=0),
        "source": torch.tensor(source),
        "tokens": tokens,
        "token_mask": mask,
    }


def continuation_logps(model: Any, batch: Mapping[str, Tensor], *, total: bool = False) -> Tensor:
    """Mean log-probability per token of every continuation of a batch, (2B + E,), as a reading counts it; or their sum."""
    import torch

    parts = []
    if "input_ids" in batch:
        parts.append(_whole_logps(model, batch))
    if "prompt_ids" in batch:
        parts.append(shared_logps(model, batch))
    scores = [own.sum(-1) if total else own.sum(-1) / mask.sum(-1) for own, mask in parts]
    return torch.cat(scores)[batch["order"]] if "order" in batch else scores[0]


def _whole_logps(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Log-probabilities of tokens, and their mask, of continuations whose texts are read whole."""
    import torch

    width = batch["tokens"].shape[1]
    logits = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        position_ids=batch["position_ids"],
        use_cache=False,
        logits_to_keep=width,
    ).logits
    precise = torch.promote_types(logits.dtype, torch.float32)
    logs = torch.log_softmax(logits.to(precise), dim=-1)
    own = logs[batch["source"][:, None], torch.arange(width, device=logs.device), batch["tokens"]]
    return own * batch["token_mask"], batch["token_mask"]


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
