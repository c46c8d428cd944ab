"""Pictures of what instruments read: one panel an instrument, or one a dimension through time.

Legend of shapes: T steps, D dimensions of an instrument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.monitor.plots import COLOURS, FAINT, INK, SMALL_ROOM, STYLE, blank, headline, mark_time

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
COLUMNS = 3
PANEL = (4.2, 0.9, 0.2)
"""Width of a panel in inches, height of its frame, and of each of its bars."""


def profile(
    readings: Mapping[str, tuple[Sequence[str], ArrayLike, ArrayLike]], *, title: str, subtitle: str = ""
) -> Figure:
    """One panel an instrument: its values as bars, each panel in its own units.

    Args:
        readings: instrument -> names of D dimensions, (D,) values, (2, D) ends of their intervals; NaN leaves a gap.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    width, frame, bar = PANEL
    columns = min(COLUMNS, max(len(readings), 1))
    names = list(readings)
    rows = [names[first : first + columns] for first in range(0, len(names), columns)]
    heights = [frame + bar * max(len(readings[name][0]) for name in row) for row in rows]
    with rc_context(STYLE):
        figure = blank(width * columns, sum(heights) + 1.0)
        grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
        for r, row in enumerate(rows):
            for c, name in enumerate(row):
                panel = figure.add_subplot(grid[r, c])
                dimensions, values, interval = readings[name]
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
        top = 1.0 - 0.9 / (sum(heights) + 1.0)
        figure.subplots_adjust(left=0.11, right=0.985, top=top, bottom=0.04, wspace=0.5, hspace=0.35)
        headline(figure, title, subtitle)
        return figure


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
        headline(figure, title, subtitle)
        return figure
