"""From texts to token ids: one convention for every way of scoring.

A scored text is `context + framing + option`. The three parts are encoded separately, without special tokens, and
their ids are joined; in front comes what the tokenizer itself puts before a text (a BOS for Llama 3, nothing for
SmolLM2). A part that begins with a space splits exactly where byte-level BPE splits anyway, so the ids equal those of
the joined text, and those of lm-evaluation-harness. A text that would begin with the option itself is given the BOS
(else EOS) token to be predicted from, as the harness does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.core.text import check_well_formed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Request:
    """One context with its framings and options, as token ids."""

    prefixes: tuple[Ids, ...]
    """F beginnings, context + framing; never empty."""
    options: tuple[Ids, ...]
    """K continuations; never empty."""


def encode(
    tokenizer: PreTrainedTokenizerBase,
    contexts: Sequence[str],
    framings: Sequence[str],
    options: Sequence[Sequence[str]],
) -> list[Request]:
    """Encode B contexts with F framings and K_i options each.

    Raises:
        UserError: lengths differ, no framing, no option, an option without tokens.
    """
    if len(contexts) != len(options):
        raise UserError(f"{len(contexts)} contexts but {len(options)} lists of options; they must pair up")
    if not framings:
        raise UserError("no framing is given; pass [''] to score the options right after their contexts")
    distinct = dict.fromkeys([*contexts, *framings, *(text for texts in options for text in texts)])
    check_well_formed(distinct, "a text to be scored")
    ids = dict(zip(distinct, _encode_plain(tokenizer, list(distinct)), strict=True))
    before, start = _automatic_prefix(tokenizer), _first_token(tokenizer)
    requests = []
    for number, (context, texts) in enumerate(zip(contexts, options, strict=True)):
        if not texts:
            raise UserError(f"context {number} has no options")
        if empty := [text for text in texts if not ids[text]]:
            raise UserError(f"option {empty[0]!r} of context {number} has no tokens; an option needs some text")
        prefixes = tuple((before + ids[context] + ids[framing]) or start for framing in framings)
        requests.append(Request(prefixes=prefixes, options=tuple(ids[text] for text in texts)))
    return requests


def _encode_plain(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[Ids]:
    if not texts:
        return []
    return [tuple(row) for row in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def _automatic_prefix(tokenizer: PreTrainedTokenizerBase) -> Ids:
    """The special tokens that the tokenizer puts before a text by itself."""
    plain, full = (tuple(tokenizer("a", add_special_tokens=special)["input_ids"]) for special in (False, True))
    for start in range(len(full) - len(plain) + 1):
        if full[start : start + len(plain)] == plain:
            return full[:start]
    return ()


def _first_token(tokenizer: PreTrainedTokenizerBase) -> Ids:
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return (token,)
    raise UserError("the tokenizer has neither a BOS nor an EOS token to begin an empty context with")
