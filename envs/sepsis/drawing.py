"""A patient as a picture: one bar a measured quantity, for videos and for libraries that ask for `rgb_array`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = (6.0, 4.0)
"""Inches of a picture."""
DPI = 80


def draw_patient(title: str, names: Sequence[str], values: Sequence[float], limit: float) -> NDArray[np.uint8]:
    """Bars from 0, as an RGB array (320, 480, 3).

    Args:
        title: above the bars.
        names: of the quantities, the first on top.
        values: how far each is from its normal level.
        limit: the axis goes from -limit to limit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots()
    rows = np.arange(len(names))[::-1]
    colours = ["tab:red" if abs(value) > limit / 2 else "tab:blue" for value in values]
    axes.barh(rows, values, color=colours)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_xlim(-limit, limit)
    axes.set_yticks(rows, [name.replace("_", " ") for name in names], fontsize=8)
    axes.set_title(title, fontsize=9)
    figure.tight_layout()
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
