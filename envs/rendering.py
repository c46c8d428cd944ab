"""Pictures of an episode. The environments know nothing of drawing; matplotlib is imported when one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.text import one_line

Floats = NDArray[np.float64]
SIZE = (7.0, 4.0)
"""Inches of a picture."""
DPI = 100


@dataclass(kw_only=True, frozen=True, eq=False)
class Scene:
    """What is to be seen. Shapes: T centuries, n steps so far, C covered dimensions."""

    title: str
    labels: tuple[str, ...]
    """T century labels."""
    human: Floats
    """(T, C) the human's values."""
    agent: Floats
    """(n, C) the agent's values so far."""
    first: int
    """Century that the agent's first values are compared with."""
    utilities: tuple[float, ...]
    """n utilities so far."""
    dimensions: tuple[str, ...]
    """C names."""


def draw_text(scene: Scene) -> str:
    """The episode as text: one line a century, then the dimensions where the agent is furthest off.

    >>> scene = Scene(title="follow", labels=("C013", "C014"), human=np.zeros((2, 1)), agent=np.ones((1, 1)), first=1,
    ...               utilities=(0.5,), dimensions=("care",))
    >>> print(draw_text(scene))
    follow: utility 0.5000 after 1 of 1 steps
    C013            human     +0.00
    C014  0.5000    human     +0.00  agent     +1.00
    furthest off: care +1.00
    """
    total = len(scene.labels) - scene.first
    lines = [f"{scene.title}: utility {sum(scene.utilities):.4f} after {len(scene.utilities)} of {total} steps"]
    for t, label in enumerate(scene.labels):
        step = t - scene.first
        scored = 0 <= step < len(scene.utilities)
        score = f"{scene.utilities[step]:.4f}" if scored else " " * 6
        line = f"{label}  {score}    human {_mean(scene.human[t])}"
        lines.append(line + (f"  agent {_mean(scene.agent[step])}" if scored else ""))
    if len(scene.agent):
        gap = scene.agent[-1] - scene.human[scene.first + len(scene.agent) - 1]
        worst = np.argsort(-np.abs(gap))[:3]
        lines.append("furthest off: " + ", ".join(f"{scene.dimensions[d]} {gap[d]:+.2f}" for d in worst))
    return "\n".join(lines)


def _mean(values: Floats) -> str:
    return f"{float(values.mean()) if values.size else 0.0:+9.2f}"


def draw_array(scene: Scene) -> NDArray[np.uint8]:
    """The episode as an RGB array (400, 700, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    canvas: Any = FigureCanvasAgg(figure)
    _draw(figure, scene)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


class Window:
    """A window that shows the latest scene; on a machine without a display it draws unseen."""

    def __init__(self) -> None:
        self._figure: Any = None

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        from matplotlib import pyplot

        if self._figure is None:
            self._figure = pyplot.figure(figsize=SIZE, dpi=DPI)
            self._figure.show(warn=False)
        self._figure.clear()
        _draw(self._figure, scene)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def close(self) -> None:
        """Close the window; more than once does no harm."""
        if self._figure is not None:
            from matplotlib import pyplot

            pyplot.close(self._figure)
            self._figure = None

    def __getstate__(self) -> dict[str, Any]:
        """A window does not travel; its copy opens a new one."""
        return {"_figure": None}


def _draw(figure: Any, scene: Scene) -> None:
    """Left: drift of every dimension, human as lines, agent as points. Right: utility of every step."""
    from progressgym.monitor.plots import literal

    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    times = np.arange(len(scene.labels))
    left.plot(times, scene.human, linewidth=1.0, alpha=0.8)
    left.set_prop_cycle(None)
    steps = scene.first + np.arange(len(scene.agent))
    if len(steps):
        left.plot(steps, scene.agent, "o", markersize=3)
    left.set_xticks(times, scene.labels, rotation=60, fontsize=7)
    left.set_ylabel("value (lines: human, points: agent)", fontsize=8)
    left.set_title(one_line(scene.title), fontsize=9, parse_math=False)
    right.bar(steps, scene.utilities, color="tab:green", alpha=0.7)
    right.set_xlim(scene.first - 0.6, len(scene.labels) - 0.4)
    low = min((*scene.utilities, 0.9))
    right.set_ylim(low - 0.02 if low < 0.9 else 0.88, 1.002)
    right.set_xticks(times[scene.first :], scene.labels[scene.first :], rotation=60, fontsize=7)
    right.set_title(f"utility {sum(scene.utilities):.3f}", fontsize=9)
    literal(figure)
    # A tight layout would measure every text once more, a third of the time; labels are what varies.
    longest = max(map(len, scene.labels), default=0)
    figure.subplots_adjust(left=0.115, right=0.99, top=0.93, bottom=min(0.06 + 0.012 * longest, 0.4), wspace=0.2)
