"""Malformed answers raise; a failure never becomes zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.answers import centred_log, softmax_options, validate_answers
from progressgym.core.errors import UserError
from progressgym.core.ids import format_id, parse_id, safe_name

MASK = np.array([[True, True, False], [True, True, True]])
GOOD = np.array([[0.25, 0.75, 0.0], [0.2, 0.3, 0.5]])


def broken(index: tuple[int, int], value: float) -> np.ndarray:
    answers = GOOD.copy()
    answers[index] = value
    return answers


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (GOOD[:1], "shape"),
        (GOOD[0], "shape"),
        (broken((0, 0), np.nan), "NaN"),
        (broken((1, 1), np.inf), "NaN or infinite"),
        (broken((0, 0), -0.25), "negative"),
        (broken((0, 0), 0.5), "sum to"),
        (broken((0, 2), 0.1), "does not exist"),
        ([["a", "b", "c"], ["d", "e", "f"]], "numeric"),
    ],
)
def test_malformed_answers_raise_one_line(answers: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        validate_answers(answers, MASK)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_good_answers_pass() -> None:
    assert (validate_answers(GOOD.astype(np.float32), MASK).round(6) == GOOD).all()


@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6))
def test_softmax_and_centred_log_are_inverse(numbers: list[float]) -> None:
    logits = np.where(MASK, np.array(numbers).reshape(2, 3), 0.0)
    answers = softmax_options(logits, MASK)
    validate_answers(answers, MASK)
    centred = centred_log(answers, MASK, floor=1e-300)
    expected = np.where(MASK, logits - logits.sum(-1, keepdims=True) / MASK.sum(-1)[:, None], 0.0)
    np.testing.assert_allclose(centred, expected, atol=1e-6)


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.one_of(st.integers(), st.booleans()), max_size=4)
)
def test_ids_survive_a_round_trip(arguments: dict[str, int | bool]) -> None:
    text = format_id("synthetic:linear", **arguments)
    assert parse_id(text).arguments == arguments
    assert "/" not in safe_name(text) and "?" not in safe_name(text)


@pytest.mark.parametrize("text", ["", "?a=1", "x?a", "x?a=1&a=2"])
def test_bad_ids_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_id(text)
