"""Pictures of value trajectories: small multiples, a century x dimension heat map.

Figures are drawn by matplotlib's Agg back end without global state and returned; `save` writes a PNG. Colours are those
of Okabe and Ito, told apart by readers with any colour vision; agents also differ in their markers. Diverging maps are
centred at 0. Legend of shapes: T centuries, D dimensions, n steps of an agent.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.dimensions import DIMENSIONS, GROUPS
from progressgym.core.files import write_bytes
from progressgym.core.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
DPI = 110
SCALE_CUT = 2
"""Trajectories: an agent farther out than this many of the human's largest changes leaves its panel."""
NARROWEST = 0.45
"""Width of the narrowest texts: ems a character."""
LONGEST_TICK = 12
MOST_LINES = 60
"""Of one text."""
CUT = "\u2026"
INK, FAINT = "#222222", "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
GROUP_INK = {"basic": "#0072B2", "social": "#009E73", "foundations": "#D55E00", "worldview": "#7A4B94"}
STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # names may hold dollar signs
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.titlesize": 9.5,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.labelcolor": "#333333",
    "legend.frameon": False,
}
VALUE_UNIT = "value (1 = always upholds, 0 = indifferent)"
HEAT_MAP_ROOM, SMALL_ROOM = 40, 18
"""How many signs fit below a panel."""
DRIFT_UNIT = "change of value since {first}"


def trajectories(
    labels: Sequence[str],
    human: ArrayLike,
    agents: Mapping[str, ArrayLike],
    *,
    first: int = 1,
    title: str = "Values through the centuries",
    subtitle: str = "",
    drift: bool = True,
) -> Figure:
    """One small panel a dimension: the human in black, agents in colour, all panels on one scale.

    Args:
        labels: T century labels.
        human: (T, 19) values; NaN leaves a gap.
        agents: name -> (n, 19) values; step 0 stands at century `first`. At most six are drawn apart.
        first: century index of the agents' first step.
        title: of the picture.
        subtitle: a second line, for example history and seed.
        drift: show the change since the first century instead of the values themselves.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        h = np.asarray(human, dtype=np.float64)
        zero = h[0] if drift else np.zeros(h.shape[1])
        paths = {name: np.asarray(path, dtype=np.float64) - zero for name, path in agents.items()}
        figure = blank(12.6, 8.6)
        panels = figure.subplots(4, 5, sharex=True, sharey=True).ravel()
        for d, (panel, name) in enumerate(zip(panels, DIMENSIONS, strict=False)):
            _panel(panel, (h - zero)[:, d], {agent: path[:, d] for agent, path in paths.items()}, first)
            panel.set_title(name, loc="left", color=GROUP_INK[_group(d)], fontweight="bold", pad=3)
            if d % 5 == 0:
                panel.set_ylabel("change of value" if drift else "value")
        for d, panel in enumerate(
            panels[: len(DIMENSIONS)]
        ):  # what asks for the common scale: once all paths are there
            panel.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
            if d >= 14:
                mark_time(panel, labels, SMALL_ROOM, labelpad=1)
                panel.tick_params(labelbottom=True)
        _legend_panel(panels[-1], panels[0])
        unit = subtitle or (DRIFT_UNIT.format(first=labels[0]) if drift else VALUE_UNIT)
        if drift and _cut_scale(panels[0], h - zero, paths):
            unit += f"; the scale ends at {SCALE_CUT} times the human's largest change"
        headline(figure, title, unit)
        figure.subplots_adjust(left=0.06, right=0.985, top=0.88, bottom=0.07, hspace=0.34, wspace=0.10)
        return figure


def heat_map(
    labels: Sequence[str],
    tables: Mapping[str, ArrayLike],
    *,
    title: str = "Change of values",
    subtitle: str = "",
    unit: str | None = None,
) -> Figure:
    """Dimensions down, centuries across, one panel a table, one colour scale centred at 0 for all.

    Args:
        labels: T century labels.
        tables: name -> (T, 19); NaN is drawn grey.
        title: of the picture.
        subtitle: a second line.
        unit: what the colour means.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        arrays = {name: np.asarray(table, dtype=np.float64) for name, table in tables.items()}
        largest = max((float(np.nanmax(np.abs(a))) for a in arrays.values() if np.isfinite(a).any()), default=0.0)
        bound = largest if largest > 0 else 1.0
        width = 2.7 + 3.1 * len(arrays)
        figure = blank(width, 6.4)
        panels = np.atleast_1d(figure.subplots(1, len(arrays), sharey=True))
        mesh = None
        for panel, (name, array) in zip(panels, arrays.items(), strict=True):
            panel.set_facecolor("#dadada")
            mesh = panel.imshow(array.T, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto", interpolation="none")
            panel.set_title(name, loc="left", fontweight="bold", color=INK)
            mark_time(panel, labels, HEAT_MAP_ROOM)
            panel.tick_params(length=0)
            for group in list(GROUPS.values())[:-1]:
                panel.axhline(group.stop - 0.5, color="white", linewidth=2.0)
            for spine in panel.spines.values():
                spine.set_visible(False)
        panels[0].set_yticks(range(len(DIMENSIONS)), DIMENSIONS)
        for d, tick in enumerate(panels[0].get_yticklabels()):
            tick.set_color(GROUP_INK[_group(d)])
        figure.subplots_adjust(left=1.15 / width, right=1 - 1.35 / width, top=0.86, bottom=0.09, wspace=0.06)
        if mesh is not None:
            bar_axes = figure.add_axes((1 - 1.15 / width, 0.09, 0.16 / width, 0.77))
            bar = figure.colorbar(mesh, cax=bar_axes)
            bar.set_label(unit or DRIFT_UNIT.format(first=labels[0]))
            bar.outline.set_visible(False)
        headline(figure, title, subtitle, left=1.15 / width)
        return figure


def value_bars(
    values: ArrayLike, errors: ArrayLike, *, title: str, subtitle: str = "", names: Sequence[str] = DIMENSIONS
) -> Figure:
    """Values as bars with their 95 % intervals.

    Args:
        values: (D,) values; NaN leaves a gap.
        errors: (D,) standard errors, or (2, D) lower and upper ends; no line where one is infinite or NaN.
        title: of the picture.
        subtitle: a second line.
        names: of the D values.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        v, e = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
        ends = e if e.ndim == 2 else v + 1.96 * np.stack([-e, e])
        own = tuple(names) == DIMENSIONS
        figure = blank(8.2, 6.2 if own else 1.6 + 0.24 * len(names))
        panel = figure.add_subplot()
        spot = np.arange(len(names))
        colours = [GROUP_INK[_group(d)] for d in range(len(spot))] if own else INK
        panel.barh(spot, v, color=colours, alpha=0.75, height=0.66)
        whiskers = np.where(np.isfinite(ends).all(0), np.maximum([[-1.0], [1.0]] * (ends - v), 0.0), 0.0)
        panel.errorbar(v, spot, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=1.0, capsize=2.5)
        panel.axvline(0, color=INK, linewidth=0.8)
        panel.set_yticks(spot, names)
        panel.invert_yaxis()
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", color=FAINT, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.set_xlabel((VALUE_UNIT if own else "value") + ", lines: 95 % interval")
        headline(figure, title, subtitle, left=0.13)
        figure.subplots_adjust(left=0.13, right=0.97, top=0.87, bottom=0.09)
        return figure


def century_matrix(
    labels: Sequence[str], table: ArrayLike, *, title: str, subtitle: str, rows: str, columns: str
) -> Figure:
    """A century x century table as a heat map with its numbers.

    Args:
        labels: T century labels.
        table: (T, T), 0 or more.
        title: of the picture.
        subtitle: a second line.
        rows: what the vertical axis is.
        columns: what the horizontal axis is.
    """
    from matplotlib import rc_context

    array = np.asarray(table, dtype=np.float64)
    bound = float(array.max()) or 1.0
    with rc_context(STYLE):
        figure = blank(6.6, 6.4)
        panel = figure.add_axes((0.13, 0.09, 0.82, 0.79))
        panel.imshow(array, cmap="Blues", vmin=0.0, vmax=bound, aspect="auto", interpolation="none")
        for (row, column), value in np.ndenumerate(array):
            ink = "white" if value > 0.6 * bound else INK
            panel.text(column, row, f"{value:.3f}".lstrip("0"), ha="center", va="center", fontsize=8, color=ink)
        ticks = [_tick(label) for label in labels]
        panel.set_xticks(range(len(labels)), ticks)
        panel.set_yticks(range(len(labels)), ticks)
        panel.set_xlabel(f"{columns} (century)")
        panel.set_ylabel(f"{rows} (century)")
        panel.tick_params(length=0)
        headline(figure, title, subtitle, left=0.13)
        return figure


def save(figure: Figure, path: Path | str, *, dpi: int = DPI, about: str = "") -> NDArray[np.uint8]:
    """Write a figure as PNG, atomically and without a date inside; returns its pixels (height, width, 3).

    Args:
        figure: what to write.
        path: the file.
        dpi: pixels an inch.
        about: where its numbers come from, kept in the file's text under `Comment`.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels, said = to_array(figure, dpi=dpi), PngInfo()
    if about:
        said.add_text("Comment", about)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", dpi=(dpi, dpi), pnginfo=said)
    write_bytes(path, buffer.getvalue())
    return pixels


def to_array(figure: Figure, *, dpi: int = DPI) -> NDArray[np.uint8]:
    """A figure as an RGB array (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    literal(figure)
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a box is drawn in its place
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


@contextmanager
def extra(path: Path | str, failures: list[str] | None = None) -> Iterator[None]:
    """Draw something beside results that are written already: when it fails, that is told and nothing else is lost.

    Args:
        path: of the picture.
        failures: gets a line when it cannot be drawn.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  matplotlib, its fonts and the disk may raise anything
        warning = f"{path} could not be drawn: {type(error).__name__}: {one_line(str(error))[:200]}"
        print(f"progressgym: warning: {warning}", file=sys.stderr)
        if failures is not None:
            failures.append(warning)


def literal(figure: Any) -> None:
    """Have every text of a figure drawn as it is written: no formulas, no control characters, no line beyond its edge.

    Titles and labels hold names that somebody chose; none of them may keep the picture from being drawn.
    """
    from matplotlib.text import Text

    edge = 72 * max(figure.get_size_inches())
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(_shown(text.get_text(), int(edge / (NARROWEST * text.get_fontsize()))))


def _tick(label: str) -> str:
    """A century's label as it stands at an axis, which writes it anew whenever the figure is drawn."""
    return one_line(label.removeprefix("C0"))[:LONGEST_TICK]


def _shown(text: str, room: int) -> str:
    """A text without control characters, its lines cut to so many characters."""
    lines = [line if line.isprintable() else one_line(line) for line in text.split("\n")[:MOST_LINES]]
    return "\n".join(line if len(line) <= room else line[: max(room - 1, 0)] + CUT for line in lines)


def principal_axes(human: Floats) -> tuple[Floats, list[float]]:
    """The two main directions of a drift and their shares of it.

    Args:
        human: (T, D) values.

    Returns:
        (2, D) unit vectors, the last century on their positive side, and their shares of the sum of squares.
    """
    drift = human - human[0]
    _, sizes, rows = np.linalg.svd(drift, full_matrices=False)
    axes = np.zeros((2, human.shape[1]))
    axes[: len(rows)] = rows[:2]
    for axis in axes:
        axis *= -1.0 if float(drift[-1] @ axis) < 0 else 1.0
    total = float((sizes**2).sum()) or 1.0
    shares = [float(size**2) / total for size in sizes[:2]]
    return axes, [*shares, 0.0, 0.0][:2]


def blank(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, without the state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def _group(dimension: int) -> str:
    return next(name for name, part in GROUPS.items() if part.start <= dimension < part.stop)


def _panel(panel: Axes, human: Floats, agents: Mapping[str, Floats], first: int) -> None:
    for k, (name, path) in enumerate(agents.items()):
        panel.plot(
            first + np.arange(len(path)),
            path,
            color=COLOURS[k % len(COLOURS)],
            marker=MARKERS[k % len(MARKERS)],
            markersize=3.0,
            linewidth=1.2,
            alpha=0.9,
            label=f" {name}" if name.startswith("_") else name,  # legends leave out what begins so
        )
    panel.plot(human, color=INK, linewidth=2.0, marker="o", markersize=3.0, label="human", zorder=5)
    panel.tick_params(length=2.5)


def _cut_scale(panel: Axes, human: Floats, agents: Mapping[str, Floats]) -> bool:
    """Keep agents that run away from squeezing the human's path into a flat line; returns whether it was needed."""
    reach = SCALE_CUT * np.abs(human[np.isfinite(human)]).max(initial=0.0)
    farthest = max((np.abs(path[np.isfinite(path)]).max(initial=0.0) for path in agents.values()), default=0.0)
    if reach == 0.0 or farthest <= reach:
        return False
    panel.set_ylim(-reach, reach)
    return True


def mark_time(panel: Axes, labels: Sequence[str], room: int, labelpad: float | None = None) -> None:
    """As many labels as there is room for, in signs; centuries without their C0."""
    short = [_tick(label) for label in labels]
    every = math.ceil(sum(len(label) + 2 for label in short) / room)
    places = range(0, len(labels), every)
    panel.set_xticks(list(places), [short[t] for t in places])
    panel.set_xlabel("century" if all(label.startswith("C0") for label in labels) else "step", labelpad=labelpad)


def _legend_panel(panel: Axes, source: Axes) -> None:
    panel.axis("off")
    _legend(panel, source, loc="center left", fontsize=8.5, handlelength=2.2)


def _legend(panel: Axes, source: Axes, **options: Any) -> None:
    """The human first; arguments of an agent go to a line of their own."""
    handles, names = source.get_legend_handles_labels()
    order = [len(names) - 1, *range(len(names) - 1)]
    panel.legend([handles[k] for k in order], [names[k].replace("?", "\n  ?") for k in order], **options)


def headline(figure: Figure, title: str, subtitle: str, left: float = 0.06) -> None:
    """Title and second line, flush with the left edge of the panels."""
    title, subtitle = one_line(title), one_line(subtitle)
    figure.text(left, 0.965, title, fontsize=14, fontweight="bold", color=INK, va="center")
    figure.text(left, 0.928, subtitle, fontsize=9.5, color="#555555", va="center")
