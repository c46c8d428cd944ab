"""Shared by all tests: one thread for tiny models, no network, a cache and a temporary folder of its own, draws that a
second run repeats."""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils import seeding
from hypothesis import settings

from progressgym.core.files import cache_dir

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting makes a million objects, nearly all of which stay: none is looked at for garbage while they are made."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _no_old_garbage() -> None:
    """What is there before a file's tests stays, and is not looked through in each of them: trainers look for garbage
    after every training, which takes half a second where all libraries are loaded."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with heavy tests first: the processes that share the files are done at about the same time."""
    heavy = {item.path for item in items if item.get_closest_marker("heavy")}
    items.sort(key=lambda item: item.path not in heavy)


@pytest.fixture(scope="session", autouse=True)
def _leaves_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests, libraries and killed processes leave in the temporary folder goes with it.

    Answers that an earlier run kept are not found again; models that it fetched are. The path is short, for sockets.
    """
    tmp_path_factory.getbasetemp()  # stays where pytest keeps the folders of what failed
    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder, models = Path(name), cache_dir() / "models"
        folder.chmod(0o755)  # other users' servers run below it
        models.mkdir(parents=True, exist_ok=True)
        (folder / "cache").mkdir()
        (folder / "cache" / "models").symlink_to(models, target_is_directory=True)
        patch.setenv("PROGRESSGYM_CACHE", str(folder / "cache"))
        patch.setenv("TMPDIR", name)
        patch.setattr(tempfile, "tempdir", name)
        yield


NUMBERS: list[Iterator[int]] = [count()]
"""Seeds of whatever asks Gymnasium for a random one."""


def _draw_by(name: str) -> None:
    """Whatever draws without a seed draws by a name from here on: what fails once fails again."""
    seed = zlib.crc32(name.encode())
    NUMBERS[0] = count(seed)
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():  # torch.manual_seed would note a traceback for every device that may come
            torch.cuda.manual_seed_all(seed)


@pytest.fixture(scope="session", autouse=True)
def _same_seeds() -> Iterator[None]:
    original = seeding.np_random

    def np_random(seed: int | None = None) -> Any:
        return original(next(NUMBERS[0]) if seed is None else seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeding, "np_random", np_random)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """What several tests share is the same, whichever of them comes first."""
    if fixturedef.scope != "function":
        _draw_by(f"{fixturedef.baseid}::{fixturedef.argname}")


@pytest.fixture(autouse=True)
def _same_draws(request: pytest.FixtureRequest) -> None:
    _draw_by(request.node.nodeid)
