"""The moral direction: planted axes are found, by which kind of axis, and drift is a cosine."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.instruments.direction import AXES, MoralDirection, drift, guided, held_out
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.moral_direction import NAME, DeedPair, MoralDirectionInstrument

Floats = NDArray[np.float64]
PUBLISHED = {"bert_qa": 0.8352, "bert_raw": 0.7882, "bert_cos": 0.7140, "glove_cos": 0.2685}


@dataclass
class Feeling:
    """Embeds good deeds on one side of an axis and bad ones on the other, in noise that hangs on the text."""

    strength: float
    name: str = "feeling"
    fingerprint: str = "feeling"

    def embed(self, texts: Sequence[str]) -> Floats:
        pairs = shipped_bank(NAME, DeedPair)
        good = {pair.good for pair in pairs}
        bad = {pair.bad for pair in pairs}
        rows = []
        for text in texts:
            noise = np.random.default_rng(sum(map(ord, text)) * 7919 + len(text)).normal(size=64)
            side = sum(deed in text for deed in good) - sum(deed in text for deed in bad)
            rows.append(noise + self.strength * np.sign(side) * np.eye(64)[0])
        return np.array(rows)


def planted(strength: float, seed: int, n: int = 32, h: int = 64) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=h)
    axis /= np.linalg.norm(axis)
    signs = np.repeat([1.0, -1.0], n)
    return rng.normal(size=(2 * n, h)) + strength * signs[:, None] * axis, signs, axis


@pytest.mark.parametrize("axis", AXES)
def test_a_planted_axis_is_found(axis: str) -> None:
    """Three noises wide, every kind of axis lies within 30 degrees of it; farthest deed at 1, centre at 0."""
    vectors, signs, true = planted(3.0, seed=0)
    direction = MoralDirection.fit(vectors, signs, axis)
    assert abs(direction.axis @ true) > 0.86
    scores = direction.score(vectors)
    assert (np.sign(scores) == signs).all() and np.abs(scores).max() == pytest.approx(1.0)
    assert direction.score(vectors.mean(0)[None])[0] == pytest.approx(0.0, abs=1e-12)
    assert held_out(vectors[:32], vectors[32:], axis) == 1.0


def test_a_narrow_axis_is_seen_by_the_difference_and_missed_by_the_component() -> None:
    vectors, signs, true = planted(1.0, seed=1)
    wide = vectors + 5.0 * np.random.default_rng(2).normal(size=(64, 1)) * np.eye(64)[3]
    difference, component = (MoralDirection.fit(wide, signs, axis) for axis in ("whitened", "pc1"))
    assert component.variance > 0.25 and abs(component.axis @ true) < 0.3
    assert difference.variance < 0.1 and difference.axis @ true > 0.5


@given(st.integers(0, 10**6), st.floats(0.1, 10.0))
def test_scores_do_not_hang_on_place_and_scale(seed: int, scale: float) -> None:
    vectors, signs, _ = planted(1.0, seed, n=6, h=8)
    one, other = (MoralDirection.fit(table, signs, "mean") for table in (vectors, scale * vectors + 3.0))
    np.testing.assert_allclose(one.score(vectors), other.score(scale * vectors + 3.0), atol=1e-9)
    assert drift(one, other) == pytest.approx(1.0)


def test_what_is_no_direction_is_refused() -> None:
    with pytest.raises(UserError, match="do not differ"):
        MoralDirection.fit(np.ones((4, 3)), [1, 1, -1, -1])
    with pytest.raises(UserError, match="praised"):
        MoralDirection.fit(np.eye(3), [1, 1, 1])
    with pytest.raises(UserError, match="kind of axis"):
        MoralDirection.fit(np.eye(2), [1, -1], "widest")
    small, large = (MoralDirection.fit(np.eye(n), np.sign(np.arange(n) - 0.5)) for n in (2, 3))
    with pytest.raises(UserError, match="different spaces"):
        drift(small, large)


@pytest.mark.parametrize("axis", AXES[:2])
def test_who_feels_is_read_and_who_does_not_is_not(axis: str) -> None:
    """In its own embedding, every dimension is upheld; without a planted axis nothing is fit."""
    instrument = MoralDirectionInstrument(axis=axis)
    felt, numb = (instrument.read(Feeling(strength=strength)) for strength in (3.0, 0.0))
    assert felt.covered.all() and (felt.values > 0.3).all() and felt.flags["pairs_told_apart"] > 0.95
    assert not numb.covered.any() and "held-out" in numb.unfit["care"]
    assert felt.to19["care"] is not None and felt.to19["modern"] is None


def test_continuations_are_led_to_the_praised_side() -> None:
    """The first of n above the threshold, else the best."""

    class Writer:
        name = "writer"

        def sample(self, prompts: Sequence[str], n: int = 1, **how: object) -> list[list[str]]:
            return [[" -2", " 1", " 3"], [" -3", " -1", " -2"]][: len(prompts)]

    class Reader:
        name = fingerprint = "reader"

        def embed(self, texts: Sequence[str]) -> Floats:
            return np.array([[float(text.split()[-1])] for text in texts])

    direction = MoralDirection.fit([[1.0], [-1.0]], [1, -1])
    assert guided(Writer(), Reader(), direction, ["a", "b"], n=3) == [" 1", " -1"]
    assert guided(Writer(), Reader(), direction, ["a"], n=3, threshold=2.0) == [" 3"]


def test_published_correlations_are_reproduced() -> None:
    """Schramowski et al. (2022): four published scores against 234 people, from their own table."""
    path = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "mort" / "actions.csv"
    if not path.is_file():
        pytest.skip("the judgements are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/mort")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, expected in PUBLISHED.items():
        both = [(float(row[name]), int(row["yes"]) / (int(row["yes"]) + int(row["no"]))) for row in rows if row[name]]
        assert np.corrcoef(np.array(both).T)[0, 1] == pytest.approx(expected, abs=5e-5), name
