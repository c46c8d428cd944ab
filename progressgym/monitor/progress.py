"""Progress of long work: a bar with the time left on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


def duration(seconds: float) -> str:
    """A time span as people write it.

    >>> duration(7.2), duration(75), duration(7300)
    ('7 s', '1 min 15 s', '2 h 1 min')
    """
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


MANY, FEW = 36, 4
"""One piece in so many tells nothing about the pace, but no more than so few; three times as many are waited for."""


class Progress:
    """Counts finished pieces of work. Use it as a context manager; it writes to stderr.

    >>> import io
    >>> with Progress(2, "baking", stream=io.StringIO()) as progress:
    ...     progress.advance("one cake")
    """

    def __init__(
        self,
        total: int,
        title: str,
        *,
        stream: TextIO | None = None,
        quiet: bool = False,
        every: int = 1,
        done: int = 0,
    ) -> None:
        """Prepare, without writing anything yet.

        Args:
            total: how many pieces there are.
            title: what is being done.
            stream: where to write; standard error by default.
            quiet: write nothing but messages.
            every: away from a terminal, write a line only for every so many pieces (and for the last).
            done: how many pieces were done before.
        """
        self._total, self._title, self._quiet = total, title, quiet
        self._stream = sys.stderr if stream is None else stream
        self._done = self._before = done
        self._every = every
        self._counted, self._since = 0, 0.0
        """Pieces that tell nothing about the pace, and when the last of them was done."""
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        """Start the clock, and the bar on a terminal."""
        self._since = time.monotonic()
        if self._stream.isatty() and not self._quiet and self._total > 0:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("[dim]{task.fields[note]}"),
                console=Console(file=self._stream),
                transient=True,
            )
            self._bar.start()
            self._bar.add_task(self._title, total=self._total, completed=self._done, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def advance(self, note: str = "", amount: int = 1) -> None:
        """More pieces are done; `note` says which."""
        before, self._done = self._done, self._done + amount
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, note=note)
        elif not self._quiet and (self._done // self._every > before // self._every or self._done >= self._total):
            self._line(f"[{self._done}/{self._total}] {note or self._title}{self._left()}")

    def message(self, text: str) -> None:
        """A line that stays, also when quiet."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            self._line(text)

    def _left(self) -> str:
        """The time left. Of many pieces it is told after some: what the first ones took is how long the start takes."""
        rest, done = self._total - self._done, self._done - self._before
        few = min(self._total // MANY, FEW)
        if 0 < done <= few:
            self._counted, self._since = done, time.monotonic()
        if rest <= 0 or done <= max(3 * few, self._counted):
            return ""
        pace = (time.monotonic() - self._since) / (done - self._counted)
        return f", about {duration(pace * rest)} left"

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
