"""TensorBoard logs of a run, readable while it goes on.

| tag | what |
|---|---|
| `alignment/<challenge>/score` | utility of each step, with `score_low` and `score_high` where there are several seeds |
| `alignment/<challenge>/skill` | skill, with `skill_low` and `skill_high` |
| `values/<dimension>/human`, `values/<dimension>/agent` | value vectors, century by century |
| `values/<challenge>/<history>/<dimension>` | the same of a benchmark, where every agent and the human are runs of their own |
| `values/<dimension>/agent_low`, `_high` | one standard error below and above, where a run is watched live |
| `values/heat_map` | an image: centuries x dimensions |
| `gaps/<tag>` | how many values of a tag were not defined so far |

The step is the index of the century. A value that is not defined (None or NaN) is left out, so that the curve has a
gap and not a zero. The custom scalars tab draws human and agent of a dimension together and scores as bands.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.dimensions import DIMENSIONS

FLUSH_SECONDS = 5
WRITER = "_AsyncWriterThread"
"""TensorBoard writes in a thread of this class, which keeps an error for whoever flushes or closes the log."""


class RunLog:
    """The log of one run. Use it as a context manager, or call `close`."""

    def __init__(self, folder: Path | str, *, first_step: int | None = None) -> None:
        """Open or reopen a log.

        Args:
            folder: of the event files; a resumed run reopens its own.
            first_step: on resume, the first step that will be written again: older points from there on are hidden.
        """
        from torch.utils.tensorboard import SummaryWriter

        _hush_writers()
        self._writer = SummaryWriter(str(folder), purge_step=first_step, flush_secs=FLUSH_SECONDS, max_queue=100)
        self._gaps: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Nothing to do: the file is open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def scalar(self, tag: str, value: float | None, step: int) -> None:
        """Write a number, or a gap where there is none."""
        if value is None or not np.isfinite(value):
            self._gaps[tag] += 1
            self._writer.add_scalar(f"gaps/{tag}", self._gaps[tag], step)
        else:
            self._writer.add_scalar(tag, float(value), step)

    def band(self, tag: str, step: int, mid: float | None, low: float | None = None, high: float | None = None) -> None:
        """Write a number with its interval, as `tag`, `tag_low` and `tag_high`."""
        self.scalar(tag, mid, step)
        if low is not None and high is not None:
            self.scalar(f"{tag}_low", low, step)
            self.scalar(f"{tag}_high", high, step)

    def values(self, step: int, who: str, values: ArrayLike, where: str = "") -> None:
        """Write a value vector (19,); NaN on dimensions that are not covered.

        Args:
            step: index of the century.
            who: `human` or `agent`; empty where a run is one of them.
            values: the vector.
            where: what the tag says before the dimension.
        """
        for dimension, value in zip(DIMENSIONS, np.asarray(values, dtype=np.float64).tolist(), strict=True):
            self.scalar("/".join(part for part in ("values", where, dimension, who) if part), value, step)

    def layout(self, challenges: Sequence[str], *, values: bool = True, margins: bool = False) -> None:
        """Lay out the custom scalars tab: one chart a dimension, one band a challenge and measure.

        Args:
            challenges: their names.
            values: one chart a dimension of `human` and `agent`; not where a run is one of them.
            margins: also one band a dimension of the agent's value, `agent` with `agent_low` and `agent_high`.
        """
        alignment = {
            f"{challenge}: {measure}": [
                "Margin",
                [f"alignment/{challenge}/{measure}{end}" for end in ("", "_low", "_high")],
            ]
            for challenge in challenges
            for measure in ("score", "skill")
        }
        charts = {name: ["Multiline", [f"values/{name}/human", f"values/{name}/agent"]] for name in DIMENSIONS}
        bands = {
            f"{name} (agent)": ["Margin", [f"values/{name}/agent{end}" for end in ("", "_low", "_high")]]
            for name in DIMENSIONS
        }
        self._writer.add_custom_scalars(
            {"alignment": alignment}
            | ({"values": charts} if values else {})
            | ({"values with errors": bands} if margins else {})
        )

    def image(self, tag: str, picture: NDArray[np.uint8], step: int = 0) -> None:
        """Write an RGB image (height, width, 3)."""
        self._writer.add_image(tag, picture, step, dataformats="HWC")

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Write text."""
        self._writer.add_text(tag, markdown, step)

    def outcome(self, settings: Mapping[str, Any], metrics: Mapping[str, float | None]) -> None:
        """Write settings and final numbers for the hparams tab; numbers that are not defined are left out."""
        from torch.utils.tensorboard.summary import hparams

        plain = {
            key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in settings.items()
        }
        numbers = {key: float(value) for key, value in metrics.items() if value is not None and np.isfinite(value)}
        # `add_hparams` would open a second file, and without a run name a folder named after the time.
        for summary in hparams(plain, numbers):
            self._writer.file_writer.add_summary(summary)  # type: ignore[attr-defined]  # torch declares it as None
        for tag, value in numbers.items():
            self.scalar(tag, value, 0)

    def flush(self) -> None:
        """Make everything so far readable."""
        self._writer.flush()

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


@cache
def _hush_writers() -> None:
    """Let a writer's thread end without a traceback of its own: its error (a full disk) is raised where it is handled."""
    before = threading.excepthook

    def hook(ended: threading.ExceptHookArgs) -> None:
        if type(ended.thread).__name__ != WRITER:
            before(ended)

    threading.excepthook = hook
