"""The Pareto picture: every agent is numbered once, where the number can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from progressgym.monitor.pareto import DASH, ParetoPoint, pareto_chart, ranges


def points(places: list[tuple[float, float]]) -> list[ParetoPoint]:
    """Agents at (displacement, utility), every third a reference."""
    return [
        ParetoPoint(
            name=f"agent-{number}",
            utility=(utility - 0.01, utility, min(utility + 0.01, 1.0)),
            displacement=(0.9 * moved, moved, 1.1 * moved),
            front=None if number % 3 == 0 else 1,
        )
        for number, (moved, utility) in enumerate(places)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_numbers_do_not_cover_each_other(seed: int) -> None:
    """Eight agents that nearly coincide, as good ones do, and a few elsewhere."""
    rng = np.random.default_rng(seed)
    crowd = [(0.06 * (1 + 0.03 * rng.random()), 0.94 + 0.004 * rng.random()) for _ in range(8)]
    chart = pareto_chart(points([*crowd, (0.02, 0.98), (0.2, 0.5), (0.5, 0.7)]), title="here")
    canvas = FigureCanvasAgg(chart)
    canvas.draw()
    labels = [text for text in chart.axes[0].texts if isinstance(text, Annotation)]
    boxes = [label.get_window_extent(canvas.get_renderer()) for label in labels]
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert sorted(number for label in labels for number in expanded(label.get_text())) == list(range(1, 12))
    assert len(labels) >= 4


def test_points_that_coincide_share_a_label() -> None:
    chart = pareto_chart(points([(0.1, 0.9), (0.1, 0.9), (0.4, 0.5)]), title="here")
    assert [text.get_text() for text in chart.axes[0].texts] == [f"1{DASH}2", "3"]


@given(st.sets(st.integers(1, 40), min_size=1))
@settings(max_examples=50)
def test_ranges_hold_their_numbers(numbers: set[int]) -> None:
    assert expanded(ranges(list(numbers))) == sorted(numbers)


def expanded(text: str) -> list[int]:
    """The numbers of a label."""
    found: list[int] = []
    for part in text.split(", "):
        first, _, last = part.partition(DASH)
        found += range(int(first), int(last or first) + 1)
    return found
