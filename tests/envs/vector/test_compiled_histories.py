"""Drawn histories by kernels: the numbers of a batch of histories, and the story of single environments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from progressgym.envs.vector.paths import BatchPaths
from progressgym.envs.vector.streams import Streams
from progressgym.histories.source import resolve_history
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import PairChooser
from tests.envs.rollout import LINEAR
from tests.envs.vector.reference import COARSE, EXACT, assert_close, assert_same_story, native, taken

pytest.importorskip("numba")

from progressgym.envs.vector.compiled.normal import EDGE, FAR_EDGE, normals
from progressgym.envs.vector.compiled.paths import CompiledPaths
from progressgym.envs.vector.compiled.uniforms import chosen, draw_chosen

FAMILIES = ("linear", "quadratic", "cyclic", "abrupt", "reversal", "random-walk")
FOLLOW = "ProgressGym/FollowStance-v0"


def other_instruments() -> dict[str, Questionnaire]:
    """Of items with two options, with four, and with two, three and four: these have options that do not exist."""
    items = Questionnaire.load("moral19-v1").items
    two, four = ([item for item in items if len(item.options) == count] for count in (2, 4))
    three = [replace(item, options=item.options[:3], tags=item.tags[:3]) for item in four[::2]]
    kinds = {"two": two[:30], "four": four[:12], "mixed": [*two[:20], *three[:10], *four[1:21:2]]}
    return {kind: Questionnaire.from_items(some, name=kind) for kind, some in kinds.items()}


OTHERS = other_instruments()


def quantiles(uniforms: Any) -> Any:
    """What the kernel makes of uniform numbers."""
    count = len(uniforms)
    out, tails, where = np.empty(count), np.empty(count), np.empty(count, dtype=np.uint64)
    normals(uniforms, np.arange(count, dtype=np.uint64), out, tails, where)
    return out


def test_normal_numbers_are_those_of_scipy() -> None:
    uniforms = np.random.default_rng(0).random(200_000)
    np.testing.assert_allclose(quantiles(uniforms), ndtri(uniforms + 2.0**-54), rtol=2e-15)


@pytest.mark.parametrize("some", [[0.0], [1.0 - 2.0**-53], [FAR_EDGE, 1.0 - FAR_EDGE, 1e-16, 0.1], [-1.0, 2.0, np.nan]])
def test_normal_numbers_at_the_edges(some: list[float]) -> None:
    uniforms = np.array([*some, 0.5, EDGE, 1.0 - EDGE, 0.3])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(quantiles(uniforms), ndtri(uniforms + 2.0**-54), rtol=2e-15)


@pytest.mark.parametrize(("count", "length"), [(1, 1), (5, 9), (6, 9), (600, 1000)])
def test_chosen_numbers_are_those_of_the_stream(count: int, length: int) -> None:
    places = np.sort(np.random.default_rng(count).choice(length, count, replace=False))
    row, streams, again = np.arange(1), Streams(1), Streams(1)
    for one in (streams, again):
        one.seed(3, row)
    some, states, numbers = chosen(places, length), streams.states(row).copy(), np.full(length, -1.0)
    draw_chosen(states[0], some, np.empty((len(some.lengths), 4), dtype=np.uint64), numbers)
    whole = again[0].random(length)
    np.testing.assert_array_equal(numbers[places], whole[places])
    assert (numbers >= 0).sum() == count
    np.testing.assert_array_equal(states, again.states(row))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "arguments", ["", "?amplitude=3&coherence=0.4&centuries=4", "?amplitude=0", "?coherence=1&centuries=2"]
)
def test_histories_are_those_of_a_batch(family: str, arguments: str) -> None:
    source = resolve_history(f"synthetic:{family}{arguments}")
    pairs, scored = PairChooser(source.instrument).pairs, source.instrument.evaluation
    batch, compiled = BatchPaths.of(source, pairs, scored), CompiledPaths.of(source, pairs, scored)
    assert batch is not None and isinstance(compiled, CompiledPaths)
    rows, streams = np.arange(3), Streams(3)
    streams.seed(7, rows)
    uniforms = np.stack([streams[row].random(batch.batch.numbers) for row in range(3)])
    expected = [table.copy() for table in batch.read(uniforms.copy(), source.centuries)]
    first, values, preferred = compiled.read(uniforms, source.centuries)
    np.testing.assert_array_equal(first, expected[0])
    np.testing.assert_allclose(values, expected[1], atol=1e-14)
    np.testing.assert_allclose(preferred, expected[2], atol=1e-15)
    streams.seed(7, rows)
    read = compiled.room(3, preferred=source.centuries)
    compiled.read_drawn(streams.states(rows), 0, read)
    np.testing.assert_array_equal(read.preferred, preferred)
    np.testing.assert_array_equal(read.values, values)


CASES: dict[str, dict[str, Any]] = {
    "exact": {"history": "synthetic:linear", "reward": "gain"},
    "votes": {"history": "synthetic:cyclic", "labels": "sample"},
    "short votes": {"history": "synthetic:random-walk", "labels": "sample", "rng_scheme": "uniforms-v2"},
    "some votes": {"history": "synthetic:linear", "labels": "sample", "queries": 30},
    "annotators": {"history": "synthetic:abrupt", "labels": "annotators"},
    "argmax": {"history": "synthetic:quadratic", "labels": "argmax"},
    "short": {"history": "synthetic:reversal?centuries=3&amplitude=3", "rng_scheme": "uniforms-v2", "reward": "gain"},
    "still": {"history": "synthetic:linear?amplitude=0", "reward": "gain"},
    "held out": {"history": "synthetic:linear", "reward_items": "elicitation"},
    "one by one": {"history": ["synthetic:linear", "synthetic:plural"]},
}


@pytest.mark.parametrize("mode", ["next_step", "disabled"])
@pytest.mark.parametrize("case", list(CASES))
def test_same_story(case: str, mode: str) -> None:
    assert_same_story(FOLLOW, mode, 11, EXACT, array_backend="numba", **CASES[case])


@pytest.mark.parametrize("name", ["PredictStance", "PredictLastStance", "Follow", "Predict", "PredictStream"])
def test_same_story_of_other_challenges(name: str) -> None:
    full = f"ProgressGym/{name}-v0"
    assert_same_story(full, "same_step", 11, EXACT, array_backend="numba", **taken(full, CASES["exact"]))


@pytest.mark.parametrize("labels", ["probability", "sample"])
@pytest.mark.parametrize("kind", OTHERS)
def test_same_story_of_other_instruments(kind: str, labels: str) -> None:
    arguments: dict[str, Any] = {
        "history": "synthetic:abrupt?amplitude=2",
        "instrument": OTHERS[kind],
        "labels": labels,
    }
    assert_same_story(FOLLOW, "next_step", 11, EXACT, array_backend="numba", **arguments)


def test_another_history_for_some_rows() -> None:
    """Tables of a fixed history and of drawn ones stand side by side, and what is drawn next is the same."""
    ours, theirs = (
        native(FOLLOW, 5, "next_step", history="synthetic:linear", array_backend=b) for b in ("numba", "numpy")
    )
    some, actions = np.array([True, False, True, False, False]), np.random.default_rng(3).uniform(-1.0, 1.0, (5, 19))
    others: list[dict[str, Any]] = [{}, {"history": LINEAR, "reset_mask": some}, {"history": "synthetic:cyclic"}]
    for n, options in enumerate(others):
        seed = None if n else 1
        a, b = (env.reset(seed=seed, options=dict(options)) for env in (ours, theirs))
        assert_close(a, b, EXACT)
        for _ in range(10):
            assert_close(ours.step(actions), theirs.step(actions), EXACT)
    assert [row.random() for row in ours.np_random] == [row.random() for row in theirs.np_random]


def test_same_story_in_half_the_bits() -> None:
    assert_same_story(FOLLOW, "same_step", 11, COARSE, array_backend="numba", dtype="float32", **CASES["exact"])
