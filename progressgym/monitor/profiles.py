"""Pictures of what instruments read: one panel an instrument, or one a dimension through time.

Legend of shapes: T steps, D dimensions of an instrument.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.monitor.plots import COLOURS, FAINT, INK, SMALL_ROOM, STYLE, blank, headline, mark_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
COLUMNS = 3
PANEL = (4.2, 0.9, 0.2)
"""Width of a panel in inches, height of its frame, and of each of its bars."""
LINE = 0.2
"""Height of a line of text in inches."""


def profile(
    readings: Mapping[str, tuple[Sequence[str], ArrayLike, ArrayLike]], *, title: str, subtitle: str = ""
) -> Figure:
    """One panel an instrument: its values as bars, each panel in its own units; those of which nothing is fit share a line.

    Args:
        readings: instrument -> names of D dimensions, (D,) values, (2, D) ends of their intervals; NaN leaves a gap.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    fit = [name for name, (_, values, _) in readings.items() if np.isfinite(np.asarray(values, dtype=np.float64)).any()]
    rest = [name for name in readings if name not in fit]
    width, frame, bar = PANEL
    columns = min(COLUMNS, max(len(fit), 1))
    rows = [fit[first : first + columns] for first in range(0, len(fit), columns)]
    heights = [frame + bar * max(len(readings[name][0]) for name in row) for row in rows]
    note = textwrap.wrap(f"nothing is fit: {', '.join(rest)}", 42 * columns) if rest else []
    inches = sum(heights) + 1.0 + LINE * len(note)
    with rc_context(STYLE):
        figure = blank(width * columns, inches)
        if rows:
            grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
            for r, row in enumerate(rows):
                for c, name in enumerate(row):
                    _bars(figure.add_subplot(grid[r, c]), name, *readings[name])
            top, bottom = 1.0 - 0.9 / inches, (0.35 + LINE * len(note)) / inches
            figure.subplots_adjust(left=0.11, right=0.985, top=top, bottom=bottom, wspace=0.5, hspace=0.35)
        figure.text(0.06, 0.1 / inches, "\n".join(note), fontsize=9.5, color="#555555")
        headline(figure, title, subtitle, inches=True)
        return figure


def _bars(panel: Axes, name: str, dimensions: Sequence[str], values: ArrayLike, interval: ArrayLike) -> None:
    """One instrument's values and their intervals."""
    v, ends = np.asarray(values, dtype=np.float64), np.asarray(interval, dtype=np.float64)
    spot = np.arange(len(dimensions))
    panel.barh(spot, v, color=COLOURS[0], alpha=0.75, height=0.66)
    whiskers = np.where(np.isfinite(ends).all(0), np.maximum([[-1.0], [1.0]] * (ends - v), 0.0), 0.0)
    panel.errorbar(v, spot, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    panel.axvline(0, color=INK, linewidth=0.8)
    panel.set_yticks(spot, [text[:22] for text in dimensions], fontsize=7.5)
    panel.invert_yaxis()
    panel.grid(axis="x", color=FAINT, linewidth=0.6)
    panel.set_title(name, loc="left", fontweight="bold", color=INK)


def courses(
    labels: Sequence[str],
    names: Sequence[str],
    values: ArrayLike,
    interval: ArrayLike,
    *,
    title: str,
    subtitle: str = "",
) -> Figure:
    """One panel a dimension: its value through time with the 95 % interval as a band.

    Args:
        labels: T names of steps.
        names: of D dimensions; those that are never measured are left out.
        values: (T, D); NaN leaves a gap.
        interval: (2, T, D); no band where an end is infinite.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    v, ends = np.asarray(values, dtype=np.float64), np.asarray(interval, dtype=np.float64)
    measured = [d for d in range(len(names)) if np.isfinite(v[:, d]).any()]
    columns = min(5, max(len(measured), 1))
    rows = max(math.ceil(len(measured) / columns), 1)
    one_scale = set(names) <= set(DIMENSIONS)
    with rc_context(STYLE):
        figure = blank(max(2.5 * columns, 6.0), 1.9 * rows + 1.0)
        panels = figure.subplots(rows, columns, squeeze=False, sharey=one_scale).ravel()
        for panel, d in zip(panels, measured, strict=False):
            bounded = np.isfinite(ends[:, :, d]).all(0)
            low, high = (np.where(bounded, end[:, d], v[:, d]) for end in ends)
            panel.fill_between(range(len(v)), low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
            panel.plot(v[:, d], color=COLOURS[0], marker="o", markersize=3.0, linewidth=1.6)
            panel.set_title(names[d][:26], loc="left", color=INK, fontweight="bold", pad=3)
            mark_time(panel, labels, SMALL_ROOM, labelpad=1)
        for panel in panels[len(measured) :]:
            panel.axis("off")
        height = 1.9 * rows + 1.0
        figure.subplots_adjust(
            left=0.07, right=0.985, top=1.0 - 0.8 / height, bottom=0.45 / height, wspace=0.28, hspace=0.55
        )
        headline(figure, title, subtitle, inches=True)
        return figure
