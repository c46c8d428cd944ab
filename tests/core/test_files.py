"""Files are wholly there or not there: killed, full or truncated, nothing is half-written."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import shutil
import signal
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core import files
from progressgym.core.errors import UserError
from progressgym.core.locks import LOCK, alone
from tests.forked import exit_code


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


def write_and_die(target: Path, limit: int) -> None:
    """Write a folder; the `limit`-th call that makes something last is the process's end."""
    calls = itertools.count(1)

    def counted(original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return call

    os.fsync, os.replace = counted(os.fsync), counted(os.replace)
    with files.write_folder(target) as folder:
        files.write_json(folder / "one.json", {"n": 1})
        files.write_json(folder / "two.json", {"n": 2})


def test_kill_at_every_write_point_of_a_folder(tmp_path: Path) -> None:
    code = -signal.SIGKILL
    for limit in range(1, 40):
        target = tmp_path / str(limit) / "cell"
        code = exit_code(functools.partial(write_and_die, target, limit))
        if target.exists():
            assert sorted(file.name for file in target.iterdir()) == ["one.json", "two.json"]
        if code != -signal.SIGKILL:
            break
    assert code == 0 and limit > 5, "the loop must have killed at several points before it ran through"


def test_nan_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


FORGIVEN = ["EINVAL", "ENOTSUP", "EIO", "ENOSYS"]


@pytest.mark.parametrize("name", FORGIVEN)
@pytest.mark.parametrize("folders_only", [False, True])
def test_a_file_system_that_cannot_flush_keeps_what_is_written(
    name: str, folders_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse(descriptor: int) -> None:
        if folders_only and not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return real(descriptor)
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(files, "_told", False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        files.write_json(tmp_path / "a.json", {"n": 1})
        with files.write_folder(tmp_path / "cell") as folder:
            files.write_json(folder / "b.json", {"n": 2})
    lines = [str(warning.message) for warning in told if warning.category is RuntimeWarning]
    assert len(lines) == 1 and "cannot flush files" in lines[0], "it is told once"
    assert files.read_json(tmp_path / "a.json") == {"n": 1} and files.read_json(tmp_path / "cell" / "b.json") == {
        "n": 2
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "cell"]


def test_a_folder_that_may_not_be_opened_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(str(path)).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        files.write_json(tmp_path / "a.json", {"n": 1})
    assert files.read_json(tmp_path / "a.json") == {"n": 1}


def test_a_killed_removal_leaves_nothing_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a folder is removed before its name is gone, and the next start clears the rest."""
    folder = tmp_path / "checkpoints" / "checkpoint-1"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"w")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if it were killed here
        files.discard(folder)
    assert not folder.exists()
    (left,) = folder.parent.iterdir()
    assert (left / "weights").exists()
    with alone(tmp_path, "test"):
        assert not left.exists()
    files.discard(folder)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [LOCK, "checkpoints"]


def test_a_file_system_without_locks_is_used_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    mine = tmp_path / ".tmp-1-somebody"
    mine.mkdir()
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(RuntimeWarning, match="cannot be locked"), alone(tmp_path, "test"):
        assert mine.exists(), "without a lock, others may be writing"


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_before_any_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write to"):
        files.check_writable(tmp_path / "out")


def test_a_file_in_place_of_the_folder_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="cannot write to"):
        files.check_writable(tmp_path / "out" / "deeper")
    assert files.check_writable(tmp_path / "new") == tmp_path / "new" and not list((tmp_path / "new").iterdir())
