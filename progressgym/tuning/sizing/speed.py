"""How many operations a second a device does: measured where it is here, from the makers' tables where it is not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from progressgym.core.errors import UserError, unknown
from progressgym.tuning.sizing.architecture import Architecture

MEASURED_SHARE = {"lora": 0.5, "full": 0.6}
"""What training reaches of this machine's matrix products (measured on SmolLM2-135M, docs/scale.md)."""
ASSUMED_SHARE = 0.35
"""What training usually reaches of a GPU's peak; assumed, not measured here."""


@dataclass(kw_only=True, frozen=True)
class Device:
    """A device that training may run on."""

    name: str
    kind: str
    """`cpu` or `cuda`."""
    memory: float
    """Bytes."""
    flops: float
    """Operations a second that training is expected to reach."""
    basis: str
    """Where the figure comes from, in words."""


CARDS: dict[str, tuple[float, float]] = {
    "rtx-4090": (24e9, 165e12),
    "a6000": (48e9, 155e12),
    "l40s": (48e9, 362e12),
    "a100-40": (40e9, 312e12),
    "a100-80": (80e9, 312e12),
    "h100": (80e9, 989e12),
    "h200": (141e9, 989e12),
    "b200": (180e9, 2250e12),
}
"""Memory and peak in bfloat16 without sparsity, from the makers' data sheets."""


def device_of(name: str, shape: Architecture, tuning: str) -> Device:
    """The device of a name.

    Args:
        name: `auto`, `cpu` or `cuda` for one that is here and is measured now, or one of `CARDS`.
        shape: of the model, for matrix products of its size.
        tuning: `lora` (bfloat16) or `full` (float32).

    Raises:
        UserError: an unknown name; no CUDA GPU is here.
    """
    if name in CARDS:
        memory, peak = CARDS[name]
        share = ASSUMED_SHARE if tuning == "lora" else ASSUMED_SHARE / 2
        basis = f"assumed: {share:.0%} of the data sheet's {peak / 1e12:.0f} TFLOP/s in bfloat16"
        if tuning == "full":
            basis += " (float32 weights are multiplied as TF32, at half the rate)"
        return Device(name=name, kind="cuda", memory=memory, flops=share * peak, basis=basis)
    if name not in ("auto", "cpu") and not name.startswith("cuda"):
        raise unknown("device", name, ("auto", "cpu", "cuda", *CARDS))
    return _measured(name, shape, tuning)


def _measured(name: str, shape: Architecture, tuning: str) -> Device:
    """A device of this machine, with its matrix products timed."""
    import torch

    from progressgym.models.precision import choose_device, choose_dtype

    where = choose_device(name)
    if where.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} cannot be planned for; use auto, cpu, cuda or one of {', '.join(CARDS)}")
    dtype = choose_dtype("auto", where) if tuning == "lora" else torch.float32
    rate = matrix_rate(shape, str(where), dtype)
    on_gpu = where.type == "cuda"
    memory = float(torch.cuda.get_device_properties(where).total_memory) if on_gpu else _usable_memory()
    share = MEASURED_SHARE[tuning]
    number_format = str(dtype).removeprefix("torch.")
    basis = f"{share:.0%} of {rate / 1e9:.0f} GFLOP/s, measured now in {number_format}"
    return Device(name=str(where), kind=where.type, memory=memory, flops=share * rate, basis=basis)


def matrix_rate(shape: Architecture, device: str, dtype: object, *, tokens: int = 1024, seconds: float = 0.5) -> float:
    """Operations a second in matrix products of the size of the model's feed-forward layer; the best of a few."""
    import torch

    assert isinstance(dtype, torch.dtype)
    hidden, intermediate = min(shape.hidden, 4096), min(shape.intermediate, 8192)
    left = torch.randn(tokens, hidden, device=device, dtype=torch.float32).to(dtype)
    right = torch.randn(hidden, intermediate, device=device, dtype=torch.float32).to(dtype)
    on_gpu = device.startswith("cuda")
    best, rounds, end = float("inf"), 0, time.perf_counter() + seconds
    while time.perf_counter() < end or rounds < 3:
        # Processor time on a CPU: other work on the machine makes it wait, not slower.
        start = time.perf_counter() if on_gpu else time.process_time() / torch.get_num_threads()
        left @ right
        if on_gpu:
            torch.cuda.synchronize()
        stop = time.perf_counter() if on_gpu else time.process_time() / torch.get_num_threads()
        best, rounds = min(best, stop - start), rounds + 1
    return 2.0 * tokens * hidden * intermediate / best


def _usable_memory() -> float:
    """Bytes of this machine's memory."""
    import os

    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
