"""A debate as text and as a picture.

Texts may come from anywhere, so each is put on one line without control characters before it is shown: a piece of
evidence cannot end its line and go on as somebody else.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.debate import CaseText
from progressgym.core.text import one_line

SIZE = (7.0, 5.0)
"""Inches of a picture."""
DPI = 100
WIDTH = 84
"""Characters of a line in a picture."""
MARK = ">"
"""Begins every line that somebody said; nothing else begins with it."""


@dataclass(kw_only=True, frozen=True)
class Transcript:
    """What there is to be seen of a debate."""

    text: CaseText
    """The case."""
    names: tuple[str, str]
    """The debaters."""
    shown: tuple[tuple[int, int | None], ...]
    """Turns so far: which debater, and which piece; None where the turn was wasted on a piece already shown."""
    turns: int
    """L."""
    margin: float | None
    """By how much debater 0 leads, once the judge has ruled."""


def draw_text(transcript: Transcript) -> str:
    """The debate so far, one line a turn, and the ruling.

    >>> text = CaseText(question="What now?", options=("go", "stay"), pieces=("it is late", "it is warm"))
    >>> print(draw_text(Transcript(text=text, names=("debater_0", "debater_1"), shown=((1, 0),), turns=2, margin=None)))
    What now?
      debater_0 argues for: go
      debater_1 argues for: stay
    > debater_1: it is late
      1 turn to come
    """
    text, names = transcript.text, transcript.names
    lines = [one_line(text.question)]
    lines += [f"  {name} argues for: {one_line(option)}" for name, option in zip(names, text.options, strict=True)]
    for side, piece in transcript.shown:
        lines.append(f"{MARK} {names[side]}: {said(text, names, piece)}")
    left = transcript.turns - len(transcript.shown)
    if left:
        lines.append(f"  {left} turn{'s' if left > 1 else ''} to come")
    if transcript.margin is not None:
        lines.append(f"  {ruling(names, transcript.margin)}")
    return "\n".join(lines)


def said(text: CaseText, names: Sequence[str], piece: int | None) -> str:
    """A piece in words; where pieces speak of an option, of whose."""
    if piece is None:
        return "(nothing new)"
    plain = one_line(text.pieces[piece])
    return f"(of what {names[text.about[piece]]} argues for) {plain}" if text.about else plain


def ruling(names: Sequence[str], margin: float) -> str:
    """What the judge says.

    >>> ruling(("debater_0", "debater_1"), -0.5)
    'the judge rules for debater_1, margin 0.500'
    """
    if margin == 0.0:
        return "the judge rules for neither"
    if math.isinf(margin):
        return f"{names[0] if margin < 0.0 else names[1]} forfeits"
    return f"the judge rules for {names[0] if margin > 0.0 else names[1]}, margin {abs(margin):.3f}"


def draw_array(transcript: Transcript) -> NDArray[np.uint8]:
    """The debate as an RGB array (500, 700, 3), each debater's lines in a colour of their own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    canvas: Any = FigureCanvasAgg(figure)
    colours = {f"{MARK} {transcript.names[0]}": "tab:blue", f"{MARK} {transcript.names[1]}": "tab:red"}
    height = 0.97
    for line in draw_text(transcript).splitlines():
        colour = next((colours[start] for start in colours if line.startswith(start)), "black")
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ", drop_whitespace=False) or [""]:
            figure.text(0.02, height, part, color=colour, fontsize=9, family="monospace", va="top", parse_math=False)
            height -= 0.04
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
