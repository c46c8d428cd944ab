"""Every registered environment: the vector entry point tells the same story as single environments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.envs.rollout import LINEAR
from tests.envs.vector.reference import COARSE, DISTINCT, EXACT, MODES, VECTOR_IDS, assert_same_story, taken

CASES: dict[str, dict[str, Any]] = {
    "fixed": {"history": LINEAR},
    "sampled": {"history": LINEAR, "labels": "sample", "reward": "gain"},
    "some questions": {"history": LINEAR, "queries": 40},
    "distribution": {"history": "synthetic:linear", "labels": "sample", "queries": 30},
    "annotators": {"history": LINEAR, "labels": "annotators", "reward_items": "elicitation"},
    "short": {"history": LINEAR, "labels": "sample", "rng_scheme": "uniforms-v2"},
    "argmax": {"history": "synthetic:linear", "labels": "argmax", "queries": 30},
    "temperature": {"history": LINEAR, "labels": "temperature", "queries": 40, "reward_items": "elicitation"},
    "held out": {"history": "synthetic:linear", "labels": "annotators", "queries": 30, "reward_items": "elicitation"},
    "several": {"history": [LINEAR, "synthetic:cyclic?seed=2", "synthetic:abrupt"], "reward": "gain"},
    "still": {"history": [LINEAR, "synthetic:linear?amplitude=0&seed=0"], "reward": "gain"},
}


def in_turn(cases: Sequence[str], *others: Sequence[str]) -> list[tuple[str, ...]]:
    """Every class with every case and every other choice, the modes in turn: all pairs of two meet, not all of three."""
    rows = itertools.product(enumerate(DISTINCT), *(enumerate(one) for one in (cases, *others)))
    return [(*(value for _, value in row), MODES[sum(n for n, _ in row) % len(MODES)]) for row in rows]


@pytest.mark.parametrize(("name", "case", "mode"), in_turn(list(CASES)))
def test_same_story(name: str, case: str, mode: str) -> None:
    assert_same_story(name, mode, 20, **taken(name, CASES[case]))


@pytest.mark.parametrize(
    ("name", "case", "dtype", "mode"), in_turn(["fixed", "distribution", "still"], ["float64", "float32"])
)
def test_same_story_in_torch(name: str, case: str, dtype: str, mode: str) -> None:
    tolerance = EXACT if dtype == "float64" else COARSE
    assert_same_story(name, mode, 20, tolerance, array_backend="torch", dtype=dtype, **taken(name, CASES[case]))


@pytest.mark.parametrize(
    ("name", "case", "mode"), in_turn(["fixed", "sampled", "short", "annotators", "some questions", "several"])
)
def test_same_story_compiled(name: str, case: str, mode: str) -> None:
    assert_same_story(name, mode, 20, array_backend="numba", **taken(name, CASES[case]))


@pytest.mark.parametrize("case", ["fixed", "distribution", "still"])
@pytest.mark.parametrize("name", [name for name in DISTINCT if "Stance" in name])
def test_same_story_compiled_in_float32(name: str, case: str) -> None:
    assert_same_story(name, "same_step", 20, COARSE, array_backend="numba", dtype="float32", **taken(name, CASES[case]))


@pytest.mark.parametrize("family", ["quadratic", "cyclic", "random-walk", "plural"])
@pytest.mark.parametrize("name", ["ProgressGym/FollowStance-v0", "ProgressGym/Predict-v0"])
def test_same_story_of_other_distributions(name: str, family: str) -> None:
    """Courses of several numbers, courses with breaks, and those that are made one by one."""
    assert_same_story(name, "next_step", 11, history=f"synthetic:{family}?coherence=0.4&amplitude=2")


@pytest.mark.parametrize("queries", ["all", 30, 396])
@pytest.mark.parametrize("labels", ["probability", "annotators", "sample"])
def test_same_story_with_short_numbers(labels: str, queries: Any) -> None:
    """Whatever of a new history's draws is used, the next episode begins at the same number."""
    arguments = {"history": "synthetic:linear", "labels": labels, "queries": queries, "rng_scheme": "uniforms-v2"}
    assert_same_story("ProgressGym/FollowStance-v0", "next_step", 20, **arguments)


@pytest.mark.parametrize("name", [name for name in VECTOR_IDS if name not in DISTINCT])
def test_same_story_with_other_defaults(name: str) -> None:
    assert_same_story(name, "same_step", 20, **CASES["several"])
    assert_same_story(name, "next_step", 20, COARSE, array_backend="torch", **CASES["sampled"])
