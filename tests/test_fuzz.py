"""Every reader of a file, under seeded mutations: it reads, or it says what is wrong in one line.

The kinds of files are in `tests.fuzz_kinds`, the mutations in `tests.mutations`.
"""

from __future__ import annotations

import json
import random
import shutil
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.core.frames import FrameError
from progressgym.core.reading import parse_json
from tests.fuzz_kinds import KINDS, Kind, _read_strict
from tests.mutations import ODD

MUTATIONS = 30
"""Of each reader."""


@pytest.fixture(scope="module", params=list(KINDS))
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, Path]:
    """A kind of file and a folder with a sound one."""
    folder = tmp_path_factory.mktemp("sound")
    kind = KINDS[request.param]
    kind.write(folder)
    return kind, folder


def check(kind: Kind, folder: Path) -> None:
    """Read; anything but a value or a refusal in one line is an error of the reader."""
    from progressgym.leaderboard.problems import Refused

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            kind.read(folder)
        except (UserError, FrameError, Refused) as error:
            message = str(error)
            assert message and len(message.splitlines()) == 1, message
            message.encode()


def test_sound_files_are_read(sound: tuple[Kind, Path], tmp_path: Path) -> None:
    kind, folder = sound
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    kind.read(tmp_path)


@settings(
    max_examples=MUTATIONS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_mutated_files_are_read_or_refused(sound: tuple[Kind, Path], tmp_path: Path, seed: int) -> None:
    kind, folder = sound
    place = tmp_path / "mutated"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    path = place / kind.file
    path.write_bytes(kind.mutate(path.read_bytes(), random.Random(seed)))
    check(kind, place)


def test_a_folder_in_place_of_a_file(sound: tuple[Kind, Path], tmp_path: Path) -> None:
    kind, folder = sound
    if kind.file in ("f", "steps.npz", "s.zip") or kind.read is _read_strict:
        pytest.skip("read from bytes, or a folder is a submission")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / kind.file).unlink()
    (tmp_path / kind.file).mkdir()
    check(kind, tmp_path)


IDS = [
    "synthetic:linear?seed=3&coherence=0.5&centuries=9&amplitude=1&noise=0",
    "resampled:histsmol-v1?seed=3",
    "gss-v1?split=3",
    "lifelong-dpo?independent=true&order=1&forecast=1&beta_dpo=1.0",
    "kalman?forecast=2&scale=1.0",
    "predict?horizon=2&queries=40&labels=sample",
    "coevolve?influence=0.2&pull=0.1",
]
NUMBERS = [
    "100000000",
    "-1",
    "1e308",
    "1e999",
    "nan",
    "inf",
    "9" * 40,
    "9" * 5000,
    "true",
    "",
    "x",
    "0.5",
    "\ud83d",
    "a\nb",
]


@pytest.mark.parametrize("text", IDS)
@pytest.mark.parametrize("value", NUMBERS)
def test_ids_have_bounds(text: str, value: str) -> None:
    from progressgym.agents.registry import check as check_agent
    from progressgym.bench.challenges import parse_challenge
    from progressgym.histories.source import resolve_history

    name, _, query = text.partition("?")
    pairs = query.split("&")
    for number in range(len(pairs)):
        key = pairs[number].partition("=")[0]
        changed = f"{name}?" + "&".join([*pairs[:number], f"{key}={value}", *pairs[number + 1 :]])
        try:
            if ":" in name or "gss" in name:
                resolve_history(changed)
            elif name in ("predict", "coevolve"):
                parse_challenge(changed).make("synthetic:linear?seed=0")
            else:
                check_agent(changed)
        except UserError as error:
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("value", ODD)
def test_odd_values_parse_or_are_refused(value: str) -> None:
    try:
        json.dumps(parse_json(value, "a value")).encode()
    except UserError as error:
        assert len(str(error).splitlines()) == 1
