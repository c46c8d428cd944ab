"""Files are wholly there or not there: killed, full or truncated, nothing is half-written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from progressgym.core import files
from progressgym.core.errors import UserError


def test_npz_is_reproducible(tmp_path: Path) -> None:
    arrays = {"answers": np.arange(6, dtype=np.float32).reshape(2, 3), "labels": np.array(["C013", "C014"])}
    files.write_npz(tmp_path / "a.npz", **arrays)
    files.write_npz(tmp_path / "b.npz", **arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = files.read_npz(tmp_path / "a.npz")
    assert all((back[name] == arrays[name]).all() for name in arrays)


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        files.write_npz(tmp_path / "a.npz", bad=np.array([object()]))
    np.savez(tmp_path / "b.npz", bad=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError):
        files.read_npz(tmp_path / "b.npz")
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_npz_is_one_clear_line(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.npz"
    files.write_npz(path, x=np.random.default_rng(0).random(1000))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match="not a readable npz") as caught:
        files.read_npz(path)
    assert "\n" not in str(caught.value)


def test_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"old": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        files.write_json(path, {"new": 2})
    assert files.read_json(path) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from progressgym.core import files
calls, limit = 0, int(sys.argv[2])
def counted(original):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call
os.fsync, os.replace = counted(os.fsync), counted(os.replace)
with files.write_folder(Path(sys.argv[1])) as folder:
    files.write_json(folder / "one.json", {"n": 1})
    files.write_json(folder / "two.json", {"n": 2})
print("ended")
"""


def test_kill_at_every_write_point_of_a_folder(tmp_path: Path) -> None:
    ended = False
    for limit in range(1, 40):
        target = tmp_path / str(limit) / "cell"
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(target), str(limit)], capture_output=True, text=True, check=False
        )
        if target.exists():
            assert sorted(file.name for file in target.iterdir()) == ["one.json", "two.json"]
        if "ended" in done.stdout:
            ended = True
            break
    assert ended and limit > 5, "the loop must have killed at several points before it ran through"


def test_nan_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())
