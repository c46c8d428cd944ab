"""Where a stance policy computes."""

from __future__ import annotations

import torch

from progressgym.core.errors import UserError

WORTH_A_GPU = 256
"""An estimate: with fewer episodes a GPU spends its time on launching kernels for 19 numbers each."""


def choose_device(name: str, rows: int) -> torch.device:
    """The device for a batch of stance policies.

    Args:
        name: `auto` or a torch device.
        rows: how many episodes learn at once; `auto` takes a GPU, where there is one, from `WORTH_A_GPU` on.

    Raises:
        UserError: torch knows no such device, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if rows >= WORTH_A_GPU and torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA GPU is available to torch here; use device auto or cpu")
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} has no 64-bit numbers or is not supported; use auto, cpu or cuda")
    return device
