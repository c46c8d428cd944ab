"""What aligning a language model needs beside a plain installation; asked before anything is fetched or computed."""

from __future__ import annotations

import importlib.util
import os

from progressgym.core.errors import UserError


def need_trl() -> None:
    """Say what is missing; and keep trl from telling its makers of every trainer, unless somebody has asked it to.

    Raises:
        UserError: trl or datasets is not installed.
    """
    missing = [name for name in ("trl", "datasets") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"aligning a language model needs {' and '.join(missing)}: pip install 'progress-gym[lm]'")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
