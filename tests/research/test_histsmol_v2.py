"""histsmol-v2: its gate tells a drift of many values from one of tone, and what ships is what the kept scores give."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.histories.history import History
from progressgym.instruments import Instrument
from tests.research.loading import FOLDER, script

study = script("histsmol_v2")
deeds = script("deeds_reading")
FEW = 99


def planted(axes: int) -> np.ndarray:
    """Log-odds (2 seeds, 5 centuries, 1, B) whose table of centuries by dimensions has so many axes of its own."""
    _, dimension, _ = deeds.deeds_of(Instrument.load("deeds19-v1"))
    rng = np.random.default_rng(axes)
    table = rng.standard_normal((5, axes)) @ rng.standard_normal((axes, len(DIMENSIONS)))
    own = rng.standard_normal((5, len(dimension))) + 0.3 * rng.standard_normal((2, 5, len(dimension)))
    return np.asarray((0.5 * table[:, dimension] + own)[:, :, None])


def test_one_axis_is_not_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and without the worldviews both are found; without the first axis only the table that has more passes."""
    monkeypatch.setattr(deeds, "PERMUTATIONS", FEW)
    monkeypatch.setattr(deeds, "DRAWS", FEW)
    instrument = Instrument.load("deeds19-v1")
    one, four = (study.gate(planted(axes), instrument) for axes in (1, 4))
    assert four["passed"] and not one["passed"]
    assert one["checks"]["all dimensions"]["r"] > 0.5 and four["checks"]["without the first axis"]["r"] > 0.7
    assert abs(one["checks"]["without the first axis"]["r"]) < 0.3


def test_what_ships_is_what_the_scores_give() -> None:
    """Answers to float32, and the gate's correlations."""
    shipped = History.load("histsmol-v2")
    _, labels, raw = study.scores_of(FOLDER.parent / "docs" / "data" / "deeds19-v1")
    assert list(shipped.labels) == labels and len(labels) == 9
    answers = study.answers_of(raw.mean(0, keepdims=True), shipped.instrument)[0]
    np.testing.assert_allclose(shipped.answers, answers, atol=1e-6)
    _, dimension, first = deeds.deeds_of(shipped.instrument)
    rest = deeds.without_first_axis(deeds.centred(deeds.half_values(raw.mean(2), dimension, first)))
    checks = shipped.card["gate"]
    assert round(deeds.agreements(rest)[study.ACROSS], 3) == checks["without the first axis"]["r"]
    page = (FOLDER.parent / "docs" / "deeds19.md").read_text(encoding="utf-8")
    for name in ("all dimensions", "without the worldviews", "without the first axis"):
        assert f"{checks[name]['r']:.2f}".lstrip("0") in page.partition("## histsmol-v2")[2], name
    assert ("passes" if checks["passed"] else "does not pass") in page
