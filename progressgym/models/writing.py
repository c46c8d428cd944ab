"""Continuations of texts, drawn with uniform numbers that were fixed beforehand.

The numbers of a continuation follow from the seed, its prompt and which of the n it is. So the draws neither depend on what
else is asked in the same call nor move the generators of anybody else. Prompts are padded on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.models.general import ROW_TOKENS
from progressgym.models.tokens import Ids

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(kw_only=True, frozen=True)
class Drawing:
    """How continuations are drawn; see `progressgym.core.protocols.Writer`.

    Raises:
        UserError: a value out of its range.
    """

    n: int = 1
    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 64

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("n", "max_tokens"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name} is {value!r}; a whole number from 1 on is expected")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise UserError(f"seed is {self.seed!r}; a whole number from 0 on is expected")
        if not 0.0 <= self.temperature < float("inf"):
            raise UserError(f"temperature is {self.temperature!r}; 0 or a positive number is expected")
        if not 0.0 < self.top_p <= 1.0:
            raise UserError(f"top_p is {self.top_p!r}; a number above 0 and up to 1 is expected")


def chosen(logits: Tensor, uniform: NDArray[np.float64], temperature: float, top_p: float) -> Tensor:
    """The tokens (B,) that uniform numbers (B,) draw from logits (B, V); ties go to the lower token.

    Tokens are laid out from the likeliest on; as many as are needed for `top_p` stay, the first one always.
    """
    import torch

    if temperature == 0.0:
        return logits.argmax(-1)
    chances, order = torch.softmax(logits.double() / temperature, dim=-1).sort(dim=-1, descending=True, stable=True)
    ends = chances.cumsum(-1)
    nucleus = torch.where(ends - chances < top_p, chances, 0.0).cumsum(-1)
    spot = torch.as_tensor(uniform, device=logits.device)[:, None] * nucleus[:, -1:]
    place = torch.searchsorted(nucleus, spot, right=True).clamp(max=logits.shape[-1] - 1)
    return order.gather(-1, place)[:, 0]


def continuations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    rows: Sequence[Ids],
    how: Drawing,
) -> list[list[str]]:
    """n texts for every prompt.

    Args:
        model: who writes.
        tokenizer: of the model.
        prompts: B texts.
        rows: their tokens, none of them empty.
        how: to draw.
    """
    copies = 1 if how.temperature == 0.0 else how.n  # the likeliest text is written once
    lines = [(row, number) for row in range(len(rows)) for number in range(copies)]
    lines.sort(key=lambda line: len(rows[line[0]]))
    written: dict[tuple[int, int], str] = {}
    begin = 0
    while begin < len(lines):
        end = begin + 1
        while end < len(lines) and (end + 1 - begin) * (len(rows[lines[end][0]]) + how.max_tokens) <= ROW_TOKENS:
            end += 1
        part = lines[begin:end]
        uniforms = np.array(
            [generator(how.seed, "sample", prompts[row], str(number)).random(how.max_tokens) for row, number in part]
        )
        texts = _write(model, tokenizer, [rows[row] for row, _ in part], uniforms, how)
        written.update(zip(part, texts, strict=True))
        begin = end
    return [[written[row, number % copies] for number in range(how.n)] for row in range(len(rows))]


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Ids],
    uniforms: NDArray[np.float64],
    how: Drawing,
) -> list[str]:
    """One text for each row of a batch. transformers keeps the states and stops; the tokens are ours."""
    import torch
    from transformers import GenerationConfig, LogitsProcessor

    width = max(map(len, rows))
    stop = _stops(model, tokenizer)
    ids = torch.full((len(rows), width), stop[0] if stop else 0)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :], mask[number, width - len(row) :] = torch.tensor(row), 1

    class Drawn(LogitsProcessor):  # type: ignore[misc]  # read without its types
        """Leaves the drawn token only."""

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            if not torch.isfinite(scores.max(-1).values).all():
                raise UserError("the model gives no finite log-probability for the next token")
            at = input_ids.shape[1] - width
            tokens = chosen(scores, uniforms[:, at], how.temperature, how.top_p)
            return torch.full_like(scores, -torch.inf).scatter_(1, tokens[:, None], 0.0)

    settings: dict[str, Any] = {
        "max_new_tokens": how.max_tokens,
        "do_sample": False,
        "num_beams": 1,
        "eos_token_id": stop or None,
        "pad_token_id": stop[0] if stop else 0,
    }
    writer: Any = model
    before, writer.generation_config = (
        writer.generation_config,
        GenerationConfig(),
    )  # its own defaults are not asked for
    try:
        with torch.inference_mode():
            made = writer.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                generation_config=GenerationConfig(**settings),
                logits_processor=[Drawn()],
            )
    finally:
        writer.generation_config = before
    return [_text(tokenizer, row[width:].tolist(), stop) for row in made.cpu()]


def _stops(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens that end a text."""
    own: Any = getattr(model.generation_config, "eos_token_id", None)
    named = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    return sorted({number for number in named if isinstance(number, int)})


def _text(tokenizer: PreTrainedTokenizerBase, ids: list[int], stop: Sequence[int]) -> str:
    end = next((place for place, number in enumerate(ids) if number in stop), len(ids))
    return str(tokenizer.decode(ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False))
