"""Experiment trackers by the hooks that trainers have for them, on this machine only unless somebody says otherwise."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from progressgym.core.errors import UserError, unknown

TRACKERS = ("none", "trackio", "wandb")


def trackers(name: str, folder: Path) -> list[str]:
    """What a trainer's `report_to` takes, with the tracker set to stay offline.

    trackio keeps its runs on this machine unless `TRACKIO_SPACE_ID` names a place; W&B does where `WANDB_MODE` is not set.

    Args:
        name: one of `TRACKERS`.
        folder: of the run; W&B writes into it, unless `WANDB_DIR` is set.

    Raises:
        UserError: an unknown tracker, or one that is not installed.
    """
    if name not in TRACKERS:
        raise unknown("tracker", str(name), TRACKERS)
    if name == "none":
        return []
    if importlib.util.find_spec(name) is None:
        raise UserError(f"logging to {name} needs it: pip install 'progress-gym[{name}]'")
    if name == "wandb":
        os.environ.setdefault("WANDB_MODE", "offline")
        os.environ.setdefault("WANDB_DIR", str(folder))
    return [name]
