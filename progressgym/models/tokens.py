"""From texts to token ids: one convention for every way of scoring.

A scored text is the joined `context + framing + option`, encoded as a whole; in front comes what the tokenizer itself
puts before a text (a BOS for Llama 3, nothing for SmolLM2). The option's tokens are those that follow the tokens of
`context + framing`, as in lm-evaluation-harness; where no token ends at the joint the request is refused. A text that
would begin with the option itself is given the BOS (else EOS) token to be predicted from, as the harness does.

Text is only ever text: a control token that is spelled out in it (`<|im_end|>`, `</s>`) is read as its letters, and so
is every added token with the look of one (`<think>`, `<tool_call>`, `[INST]`), whether or not the tokenizer's maker has
marked it as special: it would switch the model to another mode. Added words and runs of blanks stay tokens.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.text import check_well_formed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = tuple[int, ...]
TAG = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")
"""What a control token looks like."""


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
        UserError: lengths differ, no framing, no option, an option without tokens, no token ends where an option
            begins, an option's tokens are not the same after all framings, or see `encode_texts`.
    """
    if len(contexts) != len(options):
        raise UserError(f"{len(contexts)} contexts but {len(options)} lists of options; they must pair up")
    if not framings:
        raise UserError("no framing is given; pass [''] to score the options right after their contexts")
    for number, texts in enumerate(options):
        if not texts:
            raise UserError(f"context {number} has no options")
        if "" in texts:
            raise UserError(f"option '' of context {number} has no tokens; an option needs some text")
    if splits_at_spaces(tokenizer) and _all_parted_by_spaces(contexts, framings, options):
        return _encode_parts(tokenizer, contexts, framings, options)
    return _encode_joined(tokenizer, contexts, framings, options)


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, special: bool = False) -> list[Ids]:
    """Token ids of plain texts.

    Args:
        tokenizer: of the model.
        texts: whatever they spell out, no control token comes of it.
        special: with the tokens that the tokenizer itself puts around a text.

    Raises:
        UserError: the tokenizer makes a control token, or no number, of a text, or cannot read it.
    """
    if not texts:
        return []
    check_well_formed(texts, "a text to be read")
    try:
        reader = _reader(tokenizer, tags_of(tokenizer))
        rows = reader(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
        sequences = [tuple(row) for row in rows]
        highest = max((max(row) for row in sequences if row), default=0)
    except (TypeError, ValueError, KeyError, UnicodeError) as error:
        raise UserError(f"the tokenizer cannot read a text: {str(error).splitlines()[0][:200]}") from None
    assert highest >= 0
    controls = _controls(tokenizer)
    for text, ids in zip(texts, sequences, strict=True):
        if not controls.isdisjoint(ids):
            token = tokenizer.convert_ids_to_tokens(next(number for number in ids if number in controls))
            raise UserError(f"the tokenizer takes {token!r} in {text[:60]!r} for a control token, not for text")
    if special:
        before, after = _added(tokenizer)
        return [before + ids + after for ids in sequences]
    return sequences


def encode_prompts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[Ids]:
    """Token ids of texts that are continued, or read as a whole: what the tokenizer puts before a text, and the text.

    An empty text is the BOS (else EOS) token.

    Raises:
        UserError: see `encode_texts`.
    """
    before = _added(tokenizer)[0] if texts else ()
    return [(before + ids) or _first_token(tokenizer) for ids in encode_texts(tokenizer, texts)]


def tags_of(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Added tokens that look like control tokens and are not marked as such.

    >>> [name for name in ("<think>", "</tool_call>", "[INST]", "<|fim_middle|>", "covid", "   ") if TAG.fullmatch(name)]
    ['<think>', '</tool_call>', '[INST]', '<|fim_middle|>']
    """
    added = tokenizer.added_tokens_decoder.values()
    return tuple(sorted(token.content for token in added if not token.special and TAG.fullmatch(token.content)))


@lru_cache(maxsize=4)
def _reader(tokenizer: PreTrainedTokenizerBase, tags: tuple[str, ...]) -> PreTrainedTokenizerBase:
    """The tokenizer with its tags marked as special, so that they can be split."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if not tags or backend is None:
        return tokenizer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    state = json.loads(backend.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["special"] or token["content"] in tags
    made: PreTrainedTokenizerBase = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)))
    return made


def splits_at_spaces(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a text's tokens are those of its parts wherever it is parted before a single space within a line.

    True of byte-level BPE with GPT-2's pattern (GPT-2, SmolLM2): each of the pattern's alternatives takes a space at
    its very beginning or in a run of spaces only, and nothing is merged over the pattern's cuts. A digit that is cut
    off first changes nothing. Other tokenizers may split likewise; they are asked with the joined text.
    """
    if any(not token.special for token in tokenizer.added_tokens_decoder.values()):
        return False  # such a token may hold a space
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or backend.normalizer is not None or type(backend.model).__name__ != "BPE":
        return False
    return str(backend.pre_tokenizer) in _GPT2_PATTERNS


_BYTES = "ByteLevel(add_prefix_space=False, trim_offsets={}, use_regex=True)"
_DIGITS = "Digits(individual_digits=True)"
_GPT2_PATTERNS = frozenset(
    form
    for trim in (False, True)
    for form in (_BYTES.format(trim), f"Sequence(pretokenizers=[{_DIGITS}, {_BYTES.format(trim)}])")
)


def _all_parted_by_spaces(contexts: Iterable[str], framings: Iterable[str], options: Iterable[Iterable[str]]) -> bool:
    """Whether every part that follows another begins with one space, and every joint lies between solid signs."""
    middle = [framing for framing in framings if framing]
    last = {text for texts in options for text in texts}
    ends = [text[-1:] for text in (*contexts, *middle)]
    begins = [text[:2] for text in (*middle, *last)]
    return all(map(_is_solid, ends)) and all(text[0] == " " and _is_solid(text[1:]) for text in begins)


def _is_solid(sign: str) -> bool:
    """Whether a sign is a letter, a digit or ASCII punctuation: certainly no space."""
    return sign.isalnum() or (sign != "" and sign in string.punctuation)


def _encode_parts(
    tokenizer: PreTrainedTokenizerBase,
    contexts: Sequence[str],
    framings: Sequence[str],
    options: Sequence[Sequence[str]],
) -> list[Request]:
    """Each different part once; the ids are joined."""
    distinct = list(dict.fromkeys([*contexts, *framings, *(text for texts in options for text in texts)]))
    ids = dict(zip(distinct, encode_texts(tokenizer, distinct), strict=True))
    before = _added(tokenizer)[0]
    return [
        Request(
            prefixes=tuple(before + ids[context] + ids[framing] for framing in framings),
            options=tuple(ids[text] for text in texts),
        )
        for context, texts in zip(contexts, options, strict=True)
    ]


def _encode_joined(
    tokenizer: PreTrainedTokenizerBase,
    contexts: Sequence[str],
    framings: Sequence[str],
    options: Sequence[Sequence[str]],
) -> list[Request]:
    """Every joined text, cut where its beginning ends."""
    asked = [
        (context + framing, texts) for context, texts in zip(contexts, options, strict=True) for framing in framings
    ]
    distinct = list(
        dict.fromkeys(text for beginning, texts in asked for text in (beginning, *(beginning + end for end in texts)))
    )
    ids = dict(zip(distinct, encode_texts(tokenizer, distinct), strict=True))
    before = _added(tokenizer)[0]
    requests = []
    for first in range(0, len(asked), len(framings)):
        group = asked[first : first + len(framings)]
        cuts = [tuple(_cut(ids, beginning, text) for text in texts) for beginning, texts in group]
        if len(set(cuts)) > 1:
            raise UserError(
                f"the tokenizer splits the options of {contexts[first // len(framings)][:60]!r} otherwise after one "
                "framing than after another; their scores cannot be compared"
            )
        prefixes = tuple((before + ids[beginning]) or _first_token(tokenizer) for beginning, _ in group)
        requests.append(Request(prefixes=prefixes, options=cuts[0]))
    return requests


def _cut(ids: dict[str, Ids], beginning: str, option: str) -> Ids:
    """The option's own tokens in the joined text."""
    whole, start = ids[beginning + option], ids[beginning]
    if whole[: len(start)] != start:
        raise UserError(
            f"the tokenizer joins the end of {beginning[-30:]!r} and the beginning of {option[:30]!r} in one token, so "
            "the option has no score of its own; begin options with a space and end what stands before with none"
        )
    if len(whole) == len(start):
        raise UserError(f"option {option!r} has no tokens after {beginning[-30:]!r}; an option needs some text")
    return whole[len(start) :]


def _controls(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids that no text may become: all special tokens and tags but the one for unknown signs."""
    tags = tags_of(tokenizer)
    added = tokenizer.added_tokens_decoder.items()
    special = {number for number, token in added if token.special or token.content in tags}
    named = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    unknown = {tokenizer.unk_token_id} - {tokenizer.bos_token_id, tokenizer.eos_token_id}
    return frozenset(number for number in special | named if isinstance(number, int)) - unknown


def _added(tokenizer: PreTrainedTokenizerBase) -> tuple[Ids, Ids]:
    """The special tokens that the tokenizer puts before and after a text by itself.

    Raises:
        UserError: the text's own tokens are not among those that it gives then.
    """
    plain, full = (tuple(tokenizer("a", add_special_tokens=special)["input_ids"]) for special in (False, True))
    for start in range(len(full) - len(plain) + 1):
        if full[start : start + len(plain)] == plain:
            return full[:start], full[start + len(plain) :]
    raise UserError("the tokenizer changes a text's own tokens when it adds its special tokens; it cannot be used")


def _first_token(tokenizer: PreTrainedTokenizerBase) -> Ids:
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return (token,)
    raise UserError("the tokenizer has neither a BOS nor an EOS token to begin an empty context with")
