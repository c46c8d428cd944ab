"""Which device, which number format, and how the allocator treats large temporaries."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError, unknown

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "bfloat16", "float16", "float32")
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device to run on: `auto` takes a CUDA GPU when there is one, else the CPU.

    Raises:
        UserError: not a device name, or a device that this machine lacks.
    """
    import torch

    if isinstance(device, torch.device):
        return device
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise UserError(f"unknown device {device!r}; write auto, cpu, cuda, cuda:1 or mps") from None
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device {device!r} is not there: this machine offers {torch.cuda.device_count()} CUDA devices")
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("device 'mps' is not there: this machine offers no Metal device; write cpu")
    return chosen


def choose_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """The number format of the weights: `auto` is bfloat16 where the hardware multiplies it, else float32.

    Raises:
        UserError: not one of `DTYPES`.
    """
    import torch

    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    if dtype != "auto":
        chosen: torch.dtype = getattr(torch, dtype)
        return chosen
    return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are native (AVX512-BF16, AMX, Ampere or later), not emulated."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(feature)) for feature in ("avx512_bf16", "amx_bf16", "bf16"))


@cache
def keep_large_blocks() -> bool:
    """Tell glibc to keep large freed blocks instead of returning them to the system; once a process, Linux only.

    Activations of some megabytes are otherwise mapped and unmapped at every operation, and the page faults cost
    about a quarter of the time of a forward or training step on the CPU (measured on SmolLM2-135M: 280 against 366
    training tokens a second). The price is that memory of the process does not shrink before it ends.

    Returns:
        Whether the allocator took the settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, for example musl
        return False
    largest = 2**31 - 1  # mallopt takes an int
    settings = ((_M_MMAP_THRESHOLD, largest), (_M_TRIM_THRESHOLD, largest), (_M_TOP_PAD, 64 * 2**20))
    return all(mallopt(name, value) == 1 for name, value in settings)
