"""Builders of hostile submissions: each returns a function that writes one under a folder and returns its path."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.leaderboard.board import CellKey, load_board
from progressgym.leaderboard.manifest import MANIFEST, pack
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.submission import CONFIG, STEPS
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.unpack import Files
from tests.leaderboard.helpers import base_files, config_of, edited, manifested, with_actions, with_agent, with_file


def first_key() -> CellKey:
    """The first required cell."""
    return load_board().cells[0]


def zipped(files: Files) -> Callable[[Path], Path]:
    """A builder of a zip of some files."""

    def build(folder: Path) -> Path:
        path = folder / "submission.zip"
        path.write_bytes(pack(files))
        return path

    return build


def later(make: Callable[[Files], Files]) -> Callable[[Path], Path]:
    """A builder that changes the good submission when it is asked, not when the list is made."""
    return lambda folder: zipped(make(dict(base_files())))(folder)


def json_bytes(data: bytes | Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A builder with another `submission.json`, bytes as they are."""

    def change(files: Files) -> Files:
        new = data(files[SUBMISSION]) if callable(data) else data
        return manifested({**files, SUBMISSION: new})

    return later(change)


def field(*path: str | int, value: Any) -> Callable[[Path], Path]:
    """A builder with one field of `submission.json` set."""

    def change(record: dict[str, Any]) -> None:
        place: Any = record
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return later(lambda files: edited(files, change))


def replaced(old: str, new: str) -> Callable[[Path], Path]:
    """A builder with one text of `submission.json` replaced as it stands in the file."""
    return json_bytes(lambda data: data.replace(old.encode(), new.encode("utf-8", "surrogatepass"), 1))


def extra(name: str, data: bytes = b"x") -> Callable[[Path], Path]:
    """A builder with one file too many, listed in the manifest."""
    return later(lambda files: with_file(files, name, data))


def steps_bytes(data: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A builder with another `steps.npz` in the first cell."""
    return later(lambda files: with_file(files, f"{first_key().folder}/{STEPS}", data()))


def one_config(**changes: Any) -> Callable[[Path], Path]:
    """A builder with another `config.json` in the first cell, its own hash right."""
    return later(
        lambda files: with_file(
            files, f"{first_key().folder}/{CONFIG}", config_of(load_board(), first_key(), "nudged", **changes)
        )
    )


def raw(name: str, data: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    """A builder of a single file that is not a zip of a submission."""

    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data() if callable(data) else data)
        return path

    return build


def archive(fill: Callable[[zipfile.ZipFile], None]) -> Callable[[Path], Path]:
    """A builder of an odd zip."""

    def build(folder: Path) -> Path:
        path = folder / "odd.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            fill(opened)
        return path

    return build


def named(name: str) -> Callable[[Path], Path]:
    """A builder of a zip with the good files and one of another name."""

    def fill(opened: zipfile.ZipFile) -> None:
        for path, data in list(base_files().items())[:4]:
            opened.writestr(path, data)
        opened.writestr(zipfile.ZipInfo(name), b"x")

    return archive(fill)


def folder_with(spoil: Callable[[Path], None]) -> Callable[[Path], Path]:
    """A builder of a folder that is spoilt after it was written."""

    def build(folder: Path) -> Path:
        root = folder / "submission"
        for name, data in base_files().items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        spoil(root)
        return root

    return build


def sparse(name: str, size: int) -> Callable[[Path], None]:
    """Make a file of the folder huge without writing it."""

    def spoil(root: Path) -> None:
        with open(root / name, "r+b") as file:
            file.truncate(size)

    return spoil


def npy(dtype: str, shape: tuple[int, ...], body: bytes = b"", version: int = 1) -> Callable[[], bytes]:
    """An npz whose header says what it likes."""

    def build() -> bytes:
        header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
        data = b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header + body
        return npz({"actions.npy": data})

    return build


def npz(members: dict[str, bytes]) -> bytes:
    """A zip in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return buffer.getvalue()


def write_all(opened: zipfile.ZipFile, files: list[tuple[str, bytes]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about names that are there twice, which is the point
        for name, data in files:
            opened.writestr(name, data)


def link_entry(opened: zipfile.ZipFile) -> None:
    """A symbolic link inside of a zip."""
    entry = zipfile.ZipInfo(SUBMISSION)
    entry.external_attr = 0o120777 << 16
    opened.writestr(entry, "/etc/passwd")


def overlapping(folder: Path) -> Path:
    """Two entries of a zip that are the same bytes."""
    data = bytearray(npz({SUBMISSION: b"{}" * 2000, MANIFEST: b"{}" * 2000}))
    second = data.rindex(b"PK\1\2")
    struct.pack_into("<L", data, second + 42, 0)
    path = folder / "overlap.zip"
    path.write_bytes(data)
    return path


def understated(folder: Path) -> Path:
    """A zip that declares less than it unpacks to."""
    data = bytearray(npz({SUBMISSION: b" " * 3_000_000}))
    central, local = data.rindex(b"PK\1\2"), data.index(b"PK\3\4")
    struct.pack_into("<L", data, central + 24, 10)
    struct.pack_into("<L", data, local + 22, 10)
    path = folder / "understated.zip"
    path.write_bytes(data)
    return path


def tarred(folder: Path) -> Path:
    """A tar that wants to write outside."""
    path = folder / "submission.tar"
    with tarfile.open(path, "w") as opened:
        entry = tarfile.TarInfo("../../escaped")
        entry.size = 1
        opened.addfile(entry, io.BytesIO(b"x"))
    return path


def truth_actions(kind: str) -> Callable[[Path], Path]:
    """The truth itself, that of another century, or a blend of truths, as every cell's answers."""

    def agent(truth: Any, key: CellKey) -> Any:
        logs = np.log(np.maximum(truth.history.answers.astype(np.float64), 1e-12))
        if kind == "target":
            return truth.reference_actions()
        if kind == "observed":
            return logs[1 : 1 + truth.steps].astype(np.float32)
        if kind == "shifted":
            return truth.reference_actions() + np.float32(1.5)
        targets = truth.compared.tolist()
        return np.stack([0.5 * logs[t] + 0.5 * logs[max(t - 1, 0)] for t in targets]).astype(np.float32)

    return later(lambda files: with_agent(files, agent))


def constant(value: float) -> Callable[[Path], Path]:
    """The same number for every option."""
    return later(lambda files: with_agent(files, lambda truth, _: np.full(truth.shape, value, dtype=np.float32)))


def changed_cells(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Path], Path]:
    """A builder with another list of cells."""
    return later(lambda files: edited(files, lambda record: change(record["cells"])))


def poisoned(value: float) -> Callable[[Path], Path]:
    """One bad number in one cell."""

    def change(files: Files) -> Files:
        key = load_board().cells[7]
        actions = episode_truth(load_board(), key).static_actions()
        actions[3, 5, 0] = value
        return with_actions(files, key, actions)

    return later(change)


def wrong_shape(cut: Callable[[Any], Any]) -> Callable[[Path], Path]:
    """Actions of another shape in the first cell."""
    return later(
        lambda files: with_actions(files, first_key(), cut(episode_truth(load_board(), first_key()).static_actions()))
    )


def ahead() -> str:
    import datetime

    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)).isoformat(timespec="seconds")


def linked(folder: Path) -> Path:
    path = folder / "link"
    path.symlink_to("/etc")
    return path
