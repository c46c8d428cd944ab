"""What a model can take: how long a text may be, and which tokens it knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.models.tokens import Ids, Request

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
"""How configurations call the longest text; those of models without positions have none."""
_ADAPTIVE = ("dynamic", "longrope")
"""Rotary positions whose frequencies change for all texts of a call as soon as one is longer than a given length."""


def longest_text(config: PreTrainedConfig) -> int | None:
    """Most tokens of a text, or None where there is no limit.

    Where frequencies depend on the longest text of a call, the limit is the length up to which they do not: beyond it a
    text's score would depend on what it is asked with.

    Raises:
        UserError: the configuration says something else than a number of tokens.
    """
    settings: Any = config.get_text_config()
    lengths = [_whole(name, value) for name in _LENGTHS if (value := getattr(settings, name, None)) is not None][:1]
    for rope in _rotations(getattr(settings, "rope_parameters", None)):
        kind = rope.get("rope_type", rope.get("type"))
        length = rope.get("original_max_position_embeddings")
        if isinstance(kind, str) and any(name in kind for name in _ADAPTIVE) and length is not None:
            lengths.append(_whole("original_max_position_embeddings", length))
    return min(lengths, default=None)


def check_fit(model: PreTrainedModel, requests: Sequence[Request]) -> None:
    """Refuse what a model cannot take.

    Raises:
        UserError: a text is longer than the model's window, or a token has no row in its embedding.
    """
    longest = max((max(map(len, request.prefixes)) + max(map(len, request.options)) for request in requests), default=0)
    check_texts(model, longest, (ids for request in requests for ids in (*request.prefixes, *request.options)))


def check_texts(model: PreTrainedModel, longest: int, rows: Iterable[Ids]) -> None:
    """As `check_fit`, of texts that are no requests.

    Args:
        model: that will read them.
        longest: tokens of the longest text.
        rows: their tokens, in parts or as a whole.
    """
    limit = longest_text(model.config)
    if limit is not None and longest > limit:
        raise UserError(
            f"a text of {longest} tokens is longer than the model's window of {limit} (its score would be no number "
            "that the model was made for); ask shorter texts, or a model with a longer window"
        )
    embedding: Any = model.get_input_embeddings()
    count = int(embedding.weight.shape[0])
    highest = max(map(max, rows), default=0)
    if highest >= count:
        raise UserError(
            f"the tokenizer gives token {highest}, but the model's embedding ends at {count - 1}: a token was added to the "
            "one and not to the other, or they do not belong together"
        )


def _rotations(parameters: Any) -> Iterator[dict[str, Any]]:
    """Settings of rotary positions; some models have one set for each kind of layer."""
    if isinstance(parameters, dict):
        yield parameters
        for value in parameters.values():
            yield from _rotations(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"the model's configuration says {name} = {str(value)[:40]}; a whole number from 1 is expected")
    return value
