"""Shared by all tests: one thread for tiny models, no network, a cache of its own, draws that a second run repeats."""

from __future__ import annotations

import os
import zlib
from itertools import count
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _same_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`space.sample()` and `reset()` without a seed draw by the test's name: what fails once fails again."""
    from gymnasium.utils import seeding

    numbers, original = count(zlib.crc32(request.node.nodeid.encode())), seeding.np_random

    def np_random(seed: int | None = None) -> Any:
        return original(next(numbers) if seed is None else seed)

    monkeypatch.setattr(seeding, "np_random", np_random)
