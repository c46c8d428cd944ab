"""Pictures of debates: judge accuracy with and without an adversary, policies against lambda."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from progressgym.monitor.plots import COLOURS, FAINT, INK, MARKERS, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(kw_only=True, frozen=True)
class Bar:
    """A number with its interval; no interval from one seed."""

    mid: float
    """The number."""
    low: float | None = None
    """Lower bound."""
    high: float | None = None
    """Upper bound."""


def grouped_bars(
    groups: Sequence[str],
    bars: Mapping[str, Sequence[Bar | None]],
    *,
    published: Mapping[str, Sequence[float | None]],
    line: tuple[str, float],
    title: str,
    label: str,
) -> Figure:
    """Bars in groups, diamonds for published values, a dashed reference line.

    Args:
        groups: G names on the axis.
        bars: name of a bar -> its G numbers, None where there is none.
        published: name of a bar -> G published numbers, None where there is none.
        line: name and height of the reference.
        title: of the picture.
        label: of the vertical axis.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(8.6, 4.6), facecolor="white", layout="constrained")
        panel = figure.add_subplot()
        width = 0.8 / len(bars)
        for k, (name, numbers) in enumerate(bars.items()):
            at = [g - 0.4 + (k + 0.5) * width for g in range(len(groups))]
            heights = [0.0 if bar is None else bar.mid for bar in numbers]
            panel.bar(at, heights, width * 0.92, color=COLOURS[k % len(COLOURS)], label=name)
            for x, bar in zip(at, numbers, strict=True):
                if bar is not None and bar.low is not None and bar.high is not None:
                    panel.plot([x, x], [max(bar.low, 0.0), min(bar.high, 1.0)], color=INK, linewidth=1.4)
            points = [(x, value) for x, value in zip(at, published.get(name, []), strict=False) if value is not None]
            if points:
                spots, values = zip(*points, strict=True)
                panel.scatter(spots, values, marker="D", s=26, color="white", edgecolor=INK, zorder=5)
        panel.scatter([], [], marker="D", s=26, color="white", edgecolor=INK, label="published (other data)")
        panel.axhline(line[1], color=INK, linestyle="--", linewidth=1.0, label=line[0])
        _finish(panel, title, label)
        panel.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        panel.set_xticks(range(len(groups)), list(groups))
        panel.set_ylim(0.0, 1.0)
        return figure


def curves(
    panels: Mapping[str, Mapping[str, Mapping[float, float]]], *, title: str, label: str, dashed: Sequence[str] = ()
) -> Figure:
    """Panels of curves over lambda.

    Args:
        panels: label of a panel's vertical axis -> name of a curve -> lambda -> value.
        title: of the picture.
        label: of the horizontal axes.
        dashed: curves that are not ours.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(4.9 * len(panels), 4.2), facecolor="white", layout="constrained")
        figure.suptitle(title, fontsize=13, fontweight="bold", color=INK, x=0.01, ha="left")
        for n, (height, lines) in enumerate(panels.items()):
            panel = figure.add_subplot(1, len(panels), n + 1)
            for k, (name, points) in enumerate(lines.items()):
                panel.plot(
                    list(points),
                    list(points.values()),
                    color=COLOURS[k % len(COLOURS)],
                    marker=MARKERS[k % len(MARKERS)],
                    markersize=4.0,
                    linestyle="--" if name in dashed else "-",
                    label=name,
                )
            _finish(panel, "", height)
        figure.supxlabel(label, fontsize=9, color="#333333")
        return figure


def _finish(panel: Axes, title: str, label: str) -> None:
    panel.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    panel.set_ylabel(label)
    panel.grid(axis="y", color=FAINT, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.legend(fontsize=8, loc="best")
