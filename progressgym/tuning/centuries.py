"""Checkpoints of an agent's centuries, so that no training is ever done twice.

Every century is a folder `C0<n>` that is there wholly or not at all: the trainable weights after it, what the agent
answered, what the trainers logged, and a record, written last, with the hashes of all and of everything that decided
the century. A run that is taken up again meets the same observations and finds its centuries; one that does not match
in a single bit is trained again. Weights of all but the last two centuries are thinned out, answers and logs stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import read_json, read_npz, sha256_file, sweep, write_folder, write_json, write_npz

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, ANSWERS, LOGS, DONE = "weights.safetensors", "answers.npz", "training.json", "DONE.json"
KEPT = 2
"""Of so many newest centuries the weights are kept."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Century:
    """What a finished century left."""

    logits: NDArray[np.float64]
    """(N, K) what was answered."""
    logs: Sequence[Mapping[str, float]]
    """What the trainers logged, one entry a step."""


class CenturyStore:
    """The checkpoints of one run."""

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        """Use a folder; it is made when the first century is written.

        Args:
            folder: of the centuries.
            writes: whether `put` writes; of several processes that train together only the first one does.
        """
        self.folder, self._writes = folder, writes
        if writes:
            sweep(folder)

    def get(self, number: int, key: str) -> Century | None:
        """A finished century, if it is whole and was decided by the same things.

        Args:
            number: from 1.
            key: hash of everything that decides it.
        """
        place = self._place(number)
        try:
            done = read_json(place / DONE)
            there = [name for name in (ANSWERS, LOGS, WEIGHTS) if name != WEIGHTS or (place / name).exists()]
            if done["key"] != key or any(sha256_file(place / name) != done["files"][name] for name in there):
                return None
            logs = read_json(place / LOGS)
            return Century(logits=read_npz(place / ANSWERS)["logits"], logs=logs)
        except (UserError, OSError, KeyError, TypeError):
            return None

    def weights(self, number: int) -> dict[str, Tensor] | None:
        """The weights after a century, empty for a model that was never changed; None where they are not there."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        place = self._place(number)
        try:
            if sha256_file(place / WEIGHTS) != read_json(place / DONE)["files"][WEIGHTS]:
                return None
            return dict(load_file(place / WEIGHTS))
        except (UserError, OSError, KeyError, TypeError, SafetensorError):
            return None

    def put(self, number: int, key: str, century: Century, weights: Mapping[str, Tensor]) -> None:
        """Write a century, then thin out old weights.

        Raises:
            OSError: the disk is full or cannot be written; earlier centuries are as they were.
        """
        from safetensors.torch import save

        if not self._writes:
            return
        with write_folder(self._place(number)) as staged:
            write_npz(staged / ANSWERS, logits=century.logits)
            (staged / LOGS).write_text(json.dumps(list(map(dict, century.logs))), encoding="utf-8")
            (staged / WEIGHTS).write_bytes(save({name: tensor.contiguous() for name, tensor in weights.items()}))
            files = {path.name: sha256_file(path) for path in sorted(staged.iterdir())}
            write_json(staged / DONE, {"key": key, "files": files})
        (self._place(number - KEPT) / WEIGHTS).unlink(missing_ok=True)

    def _place(self, number: int) -> Path:
        return self.folder / f"century-{number:02d}"


def plain(logs: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Logs as JSON allows them: what is no finite number is left out."""
    return [{key: value for key, value in entry.items() if np.isfinite(value)} for entry in logs]
