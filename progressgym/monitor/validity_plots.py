"""Pictures of a validity report: agreement with people in time, practices, a survey's years, the multitrait matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.dimensions import DIMENSIONS
from progressgym.monitor.plots import COLOURS, FAINT, INK, MARKERS, STYLE, blank, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUIET = "#bbbbbb"


def in_time(
    labels: Sequence[str],
    readings: Mapping[str, Sequence[float]],
    *,
    bold: Sequence[str],
    title: str,
    subtitle: str = "",
) -> Figure:
    """A line a reading over models; those in `bold` in colour with a name, the others grey.

    Args:
        labels: M models.
        readings: name -> M correlations.
        bold: names that are told apart.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = blank(8.6, 5.2)
        panel = figure.add_subplot()
        spot = np.arange(len(labels))
        for name, row in readings.items():
            if name not in bold:
                panel.plot(spot, row, color=QUIET, linewidth=0.9, zorder=1)
        for k, name in enumerate(bold):
            colour = INK if k == 0 else COLOURS[(k - 1) % len(COLOURS)]
            panel.plot(
                spot,
                readings[name],
                color=colour,
                marker=MARKERS[k % len(MARKERS)],
                markersize=4,
                label=name,
                zorder=3 + k,
            )
        panel.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        panel.set_xticks(spot, labels)
        panel.set_ylabel("correlation with people")
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
        headline(figure, title, subtitle, left=0.09)
        figure.subplots_adjust(left=0.09, right=0.70, top=0.86, bottom=0.09)
        return figure


def practice_bars(drift: Mapping[str, Sequence[float]], *, title: str, subtitle: str = "") -> Figure:
    """A bar a practice: how far its verdict moved, in blue where it is known to have risen, in orange where fallen.

    Args:
        drift: name -> (direction, change).
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        rows = sorted(drift.items(), key=lambda entry: (-entry[1][0], -entry[1][1]))
        figure = blank(8.2, 1.6 + 0.19 * len(rows))
        panel = figure.add_subplot()
        spot = np.arange(len(rows))
        colours = [COLOURS[0] if way > 0 else COLOURS[1] for _, (way, _) in rows]
        panel.barh(spot, [change for _, (_, change) in rows], color=colours, alpha=0.8, height=0.7)
        panel.set_yticks(spot, [name.replace("-", " ") for name, _ in rows], fontsize=7)
        panel.margins(y=0.01)
        panel.invert_yaxis()
        panel.axvline(0, color="#999999", linewidth=0.8)
        panel.set_xlabel("change of the verdict, in spreads of the controls")
        headline(figure, title, subtitle, left=0.03)
        figure.subplots_adjust(left=0.36, right=0.97, top=0.90, bottom=0.07)
        return figure


def survey_years(
    labels: Sequence[str], steps: Sequence[str], agreement: ArrayLike, *, title: str, subtitle: str = ""
) -> Figure:
    """A map of agreement: models down, steps of the survey across, a ring at each model's nearest step.

    Args:
        labels: M models.
        steps: T steps.
        agreement: (M, T) correlations.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        table = np.asarray(agreement, dtype=np.float64)
        bound = max(float(np.abs(table).max()), 1e-9)
        figure = blank(8.6, 2.4 + 0.32 * len(labels))
        panel = figure.add_subplot()
        mesh = panel.imshow(table, cmap="RdBu", vmin=-bound, vmax=bound, aspect="auto")
        panel.plot(table.argmax(1), np.arange(len(table)), "o", mfc="none", mec=INK, markersize=9)
        panel.set_xticks(np.arange(len(steps)), steps, rotation=30, ha="right", fontsize=8)
        panel.set_yticks(np.arange(len(labels)), labels)
        figure.colorbar(mesh, ax=panel, label="correlation over items")
        headline(figure, title, subtitle, left=0.03)
        figure.subplots_adjust(left=0.10, right=0.98, top=0.80 if len(labels) > 3 else 0.62, bottom=0.24)
        return figure


def trait_matrix(methods: Sequence[str], table: ArrayLike, *, title: str, subtitle: str = "") -> Figure:
    """The multitrait-multimethod matrix: blocks of methods, within a block the 19 dimensions; grey is not measured.

    Args:
        methods: Q names.
        table: (19 Q, 19 Q) correlations; NaN where not measured.
        title: of the picture.
        subtitle: a second line.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = blank(8.8, 8.8)
        panel = figure.add_subplot()
        panel.set_facecolor("#dadada")
        mesh = panel.imshow(np.asarray(table, dtype=np.float64), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="none")
        size = len(DIMENSIONS)
        for edge in range(1, len(methods)):
            panel.axhline(edge * size - 0.5, color=INK, linewidth=1.0)
            panel.axvline(edge * size - 0.5, color=INK, linewidth=1.0)
        centres = [size * (place + 0.5) - 0.5 for place in range(len(methods))]
        panel.set_xticks(centres, methods)
        panel.set_yticks(centres, methods, rotation=90, va="center")
        figure.colorbar(mesh, ax=panel, shrink=0.7, label="correlation over models")
        headline(figure, title, subtitle)
        figure.subplots_adjust(left=0.07, right=0.99, top=0.90, bottom=0.05)
        return figure
