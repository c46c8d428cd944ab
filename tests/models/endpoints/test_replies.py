"""Replies of any shape: read, or refused in one line; never an exception of another kind, never a made-up number."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.models.endpoints import replies
from progressgym.models.endpoints.address import Address
from progressgym.models.endpoints.client import is_snapshot
from progressgym.models.endpoints.model import _choose_model
from progressgym.models.endpoints.replies import Echo, Unusable
from progressgym.models.endpoints.ways import Way, letter_scores

TOP = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -2.4}]
REPLIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "echo": (
        replies.echoed,
        {
            "model": "m",
            "usage": {"completion_tokens": 1, "prompt_tokens": 3},
            "choices": [
                {"text": "", "logprobs": {"tokens": ["a", " b", " c"], "token_logprobs": [None, -1.0, -2.0]}},
            ],
        },
    ),
    "prompt": (
        replies.prompt_scored,
        {"choices": [{"prompt_logprobs": [None, {"7": {"logprob": -1.0, "rank": 1, "decoded_token": " b"}}]}]},
    ),
    "top": (replies.first_token, {"choices": [{"logprobs": {"top_logprobs": [{" A": -0.1, " B": -2.4}]}}]}),
    "chat": (
        replies.first_token,
        {"choices": [{"message": {"content": "A"}, "logprobs": {"content": [{**TOP[0], "top_logprobs": TOP}]}}]},
    ),
    "texts": (replies.texts, {"choices": [{"message": {"content": "A"}}, {"text": " B"}]}),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-9999, -9999.0, -1e9, -3.4e38, 1, 5, 10**400, -(10**400), math.nan, math.inf, -math.inf, "", "x"]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(), st.floats()), max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all parts of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, part in parts for found in places(part, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one part replaced."""
    if not path:
        return new
    result = copy.deepcopy(value)
    at = result
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return result


def numbers(found: Any) -> list[float]:
    if isinstance(found, Echo):
        assert all(isinstance(token, str) for token in found.tokens)
        return [value for value in found.logprobs if value is not None]
    return list(found.values()) if isinstance(found, dict) else []


@pytest.mark.parametrize("kind", REPLIES)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutated_replies(kind: str, data: st.DataObject) -> None:
    """One part of a good reply becomes something else; the reply itself always is an object (the client sees to it)."""
    read, good = REPLIES[kind]
    path = data.draw(st.sampled_from([path for path in places(good) if path]))
    try:
        found = read(changed(good, path, data.draw(ODD)))
    except Unusable as refused:
        assert "\n" not in str(refused) and len(str(refused)) < 200
        return
    assert all(replies.LOWEST <= value <= 0 for value in numbers(found))


@pytest.mark.parametrize("kind", REPLIES)
def test_good_replies_are_read(kind: str) -> None:
    read, good = REPLIES[kind]
    assert read(good)


@pytest.mark.parametrize("value", [None, -9999.0, -1e9, math.nan, math.inf, 0.5, "x", True])
@pytest.mark.parametrize("kind", ["echo", "prompt", "top", "chat"])
def test_signs_for_unknown_are_no_numbers(kind: str, value: Any) -> None:
    read, good = REPLIES[kind]
    values = [
        path for path in places(good) if path and (path[-1] in ("logprob", " B") or path[-2:] == ("token_logprobs", 1))
    ]
    with pytest.raises(Unusable):
        read(changed(good, values[-1], value))


class Lister:
    """A client that lists models."""

    def __init__(self, listing: Any, model: str) -> None:
        self.listing, self.model, self.address = listing, model, Address(url="http://x/v1", model=model)

    def get(self, path: str) -> Any:
        return self.listing


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(places({"data": [{"id": "m"}]})), odd=ODD, model=st.sampled_from(["", "m"]))
def test_mutated_lists_of_models(path: tuple[Any, ...], odd: Any, model: str) -> None:
    client: Any = Lister(changed({"data": [{"id": "m"}]}, path, odd), model)
    try:
        assert isinstance(_choose_model(client), str)
    except UserError as refused:
        assert "\n" not in str(refused)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet-20241022"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet@20240620"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet-20241022-v2:0"),
        ("mistral-large", "mistral-large-2411"),
        ("command-r", "command-r-08-2024"),
        ("gemini-1.5-pro", "gemini-1.5-pro-002"),
        ("llama3", "llama3:latest"),
        ("m", "m"),
    ],
)
def test_dated_names(asked: str, said: str) -> None:
    assert is_snapshot(said, asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("gpt-4", "gpt-4-1106-preview"),
        ("gpt-4", "gpt-4o-2024-08-06"),
        ("gpt-oss", "gpt-oss-20b"),
        ("phi-3", "phi-3-4096"),
        ("gpt-4-0613", "gpt-4"),
        ("llama-3", "llama-3-70b-2024-08-06"),
        ("m", "n-0613"),
        ("", "m"),
    ],
)
def test_names_of_other_models(asked: str, said: str) -> None:
    assert not is_snapshot(said, asked)


def test_a_cut_text_is_noticed() -> None:
    """Some servers leave out the beginning of a text that is too long for them."""
    text = "An old man gave a coat. Answer: A"
    whole = ("<s>", "An", " old", " man", " gave", " a", " coat", ".", " Answer", ":", " A")
    for first, covered in ((0, True), (1, True), (2, True), (3, False), (8, False)):
        assert replies.covers(Echo(whole[first:], (None,) * (11 - first)), text) == covered


def test_an_unlisted_letter_is_no_likelier_than_what_is_left() -> None:
    """One letter listed with probability 0.99: the other has at most 0.01, not as much."""

    class Client:
        model = "m"

        def post(self, *_: Any) -> dict[str, Any]:
            return {"choices": [{"logprobs": {"top_logprobs": [{" A": math.log(0.99)}]}}]}

    client: Any = Client()
    found = letter_scores(client, Way("top_logprobs", {}, ()), "Answer:", [" A", " B"], 0)
    assert found["logprobs"] == pytest.approx([math.log(0.99), math.log(0.01)])
