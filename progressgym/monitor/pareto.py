"""The Pareto picture of Coevolve: what the human came to resemble, against how far the assistant moved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from progressgym.monitor.plots import COLOURS, FAINT, INK, STYLE, blank, headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEAREST = 1e-3
"""A utility of 0.999 and more is drawn as 0.999, a displacement below 0.001 as 0.001: the axes are logarithmic."""
UTILITIES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
DISPLACEMENTS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

NEAR = 16.0
"""Pixels between points that share a label."""
DASH = "\N{EN DASH}"


@dataclass(kw_only=True, frozen=True)
class ParetoPoint:
    """One agent in the picture. Triples are 2.5 % bound, estimate, 97.5 % bound."""

    name: str
    utility: tuple[float, float, float]
    """Mean utility of a step, at most 1."""
    displacement: tuple[float, float, float]
    """Mean total-variation distance of the human's answers from its path without influence, 0 to 1."""
    front: int | None
    """1 on the front; None for a reference, which is not ranked."""
    steers: bool = False
    """Whether its utility is above the reference's."""


def pareto_chart(points: Sequence[ParetoPoint], *, title: str, subtitle: str = "") -> Figure:
    """Utility against displacement with intervals; the front is a line, references are hollow.

    Args:
        points: agents, in the order of the legend.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = blank(9.6, 5.6)
        panel = figure.add_axes((0.08, 0.12, 0.58, 0.73))
        spots = [_draw(panel, number, point) for number, point in enumerate(points, start=1)]
        front = sorted((_x(p.displacement[1]), _y(p.utility[1])) for p in points if p.front == 1)
        if len(front) > 1:
            panel.plot(
                *zip(*front, strict=True), color=INK, linewidth=1.2, linestyle="--", zorder=1, label="Pareto front"
            )
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.invert_yaxis()
        panel.margins(x=0.08)
        _ticks(panel)
        _number(panel, spots)
        panel.grid(color=FAINT, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.set_xlabel("moved: distance of the human's answers from its path without the assistant (left is better)")
        panel.set_ylabel("utility: resemblance to later centuries")
        panel.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize=8.5, frameon=False, borderaxespad=0.0)
        headline(figure, title, subtitle, left=0.08)
        return figure


def _draw(panel: Axes, number: int, point: ParetoPoint) -> tuple[float, float]:
    """Draw a point with its intervals; returns where it is."""
    x, y = [_x(v) for v in point.displacement], [_y(v) for v in point.utility]
    colour = COLOURS[(number - 1) % len(COLOURS)] if point.front is not None else "#777777"
    kind = "reference" if point.front is None else f"front {point.front}"
    name = f"{number}  {kind}{', steers' if point.steers else ''}: {point.name}".replace("?", "\n     ?")
    panel.errorbar(
        x[1],
        y[1],
        xerr=[[max(x[1] - x[0], 0.0)], [max(x[2] - x[1], 0.0)]],
        yerr=[[max(y[1] - y[2], 0.0)], [max(y[0] - y[1], 0.0)]],
        fmt="D" if point.steers else "o",
        color=colour,
        markerfacecolor="white" if point.front is None else colour,
        markersize=6,
        elinewidth=1.0,
        capsize=2.0,
        label=name,
        zorder=3,
    )
    return x[1], y[1]


def _number(panel: Axes, spots: Sequence[tuple[float, float]]) -> None:
    """Write numbers beside points; points that lie so near that numbers would cover each other share a label."""
    groups: list[list[int]] = []
    places = panel.transData.transform(spots)
    for point in sorted(range(len(spots)), key=lambda point: tuple(places[point])):
        group = next((g for g in groups if np.abs(places[g] - places[point]).max(1).min() < NEAR), None)
        if group is None:
            groups.append([point])
        else:
            group.append(point)
    for group in groups:
        last = max(group, key=lambda point: float(places[point, 0]))
        text = ranges([point + 1 for point in group])
        panel.annotate(text, spots[last], xytext=(5, 5), textcoords="offset points", fontsize=8.5, color=INK)


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers as people write them.

    >>> ranges([3, 1, 2, 7, 9, 10]).replace(DASH, "-")
    '1-3, 7, 9-10'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}{DASH}{run[-1]}" for run in runs)


def _ticks(panel: Axes) -> None:
    """Numbers of the quantities themselves, not of their logarithms."""
    bottom, top = sorted(panel.get_ylim())
    left, right = panel.get_xlim()
    levels = [u for u in UTILITIES if bottom <= _y(u) <= top]
    panel.set_yticks([_y(u) for u in levels], [f"{u:g}" for u in levels])
    spots = [d for d in DISPLACEMENTS if left <= d <= right]
    panel.set_xticks(spots, [f"{d:g}" for d in spots])
    panel.minorticks_off()


def _x(displacement: float) -> float:
    return max(displacement, NEAREST)


def _y(utility: float) -> float:
    """Distance from the best possible utility, 1."""
    return max(1.0 - utility, NEAREST)
