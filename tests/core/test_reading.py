"""Files of strangers: a value, or one line that says what is wrong."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.answers import validate_answers
from progressgym.core.errors import LONGEST, UserError
from progressgym.core.reading import numbers, read_json, read_npz, read_object, texts
from progressgym.core.seals import read_sealed, seal_of, write_sealed


def member(header: bytes, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + body


def archive(content: bytes, method: int = zipfile.ZIP_STORED, name: str = "x.npy") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        opened.writestr(name, content)
    return made.getvalue()


def patched(offset: int, value: int) -> bytes:
    """An archive with a byte of its table of contents changed: 8 says encrypted, 10 names the method."""
    data = bytearray(archive(member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(4))))
    data[data.rindex(b"PK\1\2") + offset] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (archive(member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,", bytes(8))), "does not parse"),
        (archive(member(b"(" * 200)), "does not parse"),
        (archive(member(b"{'descr': '<f4', 'shape': (2,)}", bytes(8))), "exactly descr"),
        (archive(member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", bytes(8))), "whole numbers"),
        (archive(member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", bytes(4))), "whole numbers"),
        (
            archive(member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}", bytes(8))),
            "bytes, here",
        ),
        (archive(member(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", bytes(8))), "pickled"),
        (archive(member(b"{'descr': 'f4,f4', 'fortran_order': False, 'shape': (1,)}", bytes(8))), "is not read"),
        (archive(member(b"{'descr': 'zz', 'fortran_order': False, 'shape': (1,)}", bytes(8))), "no such kind"),
        (archive(member(b"{}", version=b"\x07\x00")), "format 7.0"),
        (archive(b"\x93NUM"), "not an npy array"),
        (archive(member(b"x" * 100)[:50]), "within its header"),
        (archive(b"\0" * 9, zipfile.ZIP_LZMA), "other than deflate"),
        (archive(b"\0" * 9, zipfile.ZIP_BZIP2), "other than deflate"),
        (patched(8, 1), "encrypted"),
        (patched(10, 97), "other than deflate"),
        (b"", "not a readable npz"),
        (b"PK\x05\x06", "not a readable npz"),
    ],
)
def test_odd_archives_are_one_line(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(UserError, match=reason) as caught:
        read_npz(tmp_path / "a.npz")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i2", "|b1", "<U3", "<c8"])
def test_arrays_come_back_as_they_were(kind: str, order: Any, tmp_path: Path) -> None:
    array = np.asarray(np.arange(6).reshape(2, 3).astype(kind), order=order)
    np.savez_compressed(tmp_path / "a.npz", x=array, nothing=array[:0])
    found = read_npz(tmp_path / "a.npz")
    assert found["x"].dtype == array.dtype and (found["x"] == array).all() and found["nothing"].shape == (0, 3)
    assert list(read_npz(tmp_path / "a.npz", "x")) == ["x"]
    with pytest.raises(UserError, match="lacks y"):
        read_npz(tmp_path / "a.npz", "y")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9" * 41, "41 digits"),
        ("[" + "9" * 5000 + "]", "5000 digits"),
        ("1e999", "beyond"),
        ('"\\ud83d"', "surrogate"),
        ('{"\\udc00": 1}', "surrogate"),
        ("[" * 100_000, "too deeply"),
        ("{", "not valid JSON"),
    ],
)
def test_odd_json_is_one_line(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=reason) as caught:
        read_json(tmp_path / "a.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_byte_order_mark_is_read_and_a_whole_emoji_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": "\U0001f600"}).encode())
    assert read_json(tmp_path / "a.json") == {"a": "\U0001f600"}


@pytest.mark.parametrize("read", [read_json, read_npz, read_sealed, lambda path: read_object(path, "x")])
def test_folders_and_missing_files_are_named(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "nowhere")
    with pytest.raises(UserError):
        read(tmp_path / "a\0b")


@pytest.mark.parametrize(
    "value", [np.ones(2, complex), ["0.5", "0.5"], [b"1"], [None], [[1], [1, 2]], [10**400], ["2020"]]
)
def test_what_is_no_real_number_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="numeric"):
        numbers(value, "answers")
    with pytest.raises(UserError, match="numeric"):
        validate_answers([value], np.ones((1, 2), bool))


def test_texts_are_texts() -> None:
    assert texts(np.array(["C013", "þ"]), "labels") == ["C013", "þ"]
    odd = [np.array([1, 2]), np.array([["a"]]), np.array(["\ud83d"]), np.frombuffer(b"\xff\xff\xff\xff", "<U1")]
    for array in odd:
        with pytest.raises(UserError, match="labels"):
            texts(array, "labels")


def test_a_message_is_one_printable_line() -> None:
    message = str(UserError("a\nb \u2028 c \ud83d \x1b[2J" + "x" * 5000))
    assert message.isprintable() and len(message.splitlines()) == 1 and len(message) <= LONGEST + 4
    message.encode()


@pytest.mark.parametrize("bit", [0, 100, 799])
def test_a_flipped_bit_breaks_the_seal(bit: int, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_sealed(path, bytes(100))
    assert read_sealed(path) == bytes(100)
    changed = bytearray(path.read_bytes())
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    for foreign in (False, True):
        with pytest.raises(UserError, match="is damaged"):
            read_sealed(path, foreign=foreign)


def test_a_seal_is_needed_of_our_own_files_only(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_sealed(path, b"x")
    seal_of(path).write_text("nonsense")
    with pytest.raises(UserError, match="one line is expected"):
        read_sealed(path, foreign=True)
    seal_of(path).unlink()
    assert read_sealed(path, foreign=True) == b"x"
    with pytest.raises(UserError, match="nothing says whether it is whole"):
        read_sealed(path)


def test_everything_that_ships_is_sealed() -> None:
    from importlib.resources import files

    weights = sorted(Path(str(files("progressgym.data"))).rglob("*.safetensors"))
    assert len(weights) >= 11
    for path in weights:
        read_sealed(path)
