"""Processes that train one model together, as `torchrun` starts them: each runs the same program on its own share.

torchrun tells every process who it is in its environment (RANK, LOCAL_RANK, WORLD_SIZE); accelerate, which TRL's
trainers stand on, reads the same names.
"""

from __future__ import annotations

import os

from progressgym.core.errors import UserError


def rank() -> int:
    """Which of the processes this is; 0, the first, is the one that writes."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many there are; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def own_device(device: str) -> str:
    """The device of this process: each its own GPU of its machine, where GPUs are asked for and there are several."""
    import torch

    if count() > 1 and (device == "cuda" or (device == "auto" and torch.cuda.is_available())):
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return device


def share(rows: int) -> int:
    """How many of the rows of a step this process takes.

    Raises:
        UserError: the processes cannot share them evenly.
    """
    if rows % count():
        raise UserError(f"{count()} processes cannot share {rows} rows a step; choose a batch_size that they divide")
    return rows // count()


def wait_for_all(device: str) -> None:
    """Go on when every process has come here; at once when there is only one."""
    if count() > 1:
        from accelerate import PartialState

        PartialState(cpu=not device.startswith("cuda")).wait_for_everyone()
