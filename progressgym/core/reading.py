"""Files as strangers make them: bytes, text, JSON and arrays, or one line that says what is wrong with them.

Every reader of the package goes through these few functions, so that none has faults of its own: a folder in place of a
file, a byte order mark, a whole number of five thousand digits, half a surrogate pair, an archive that is encrypted or
packed in an unknown way, an array whose header does not parse or announces more than the file holds. Nothing is
unpickled and no memory is taken for what a header merely announces.
"""

from __future__ import annotations

import ast
import json
import lzma
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.core.text import well_formed

LONGEST_WHOLE = 40
"""Digits of a whole number; no field of any of our files needs more than twenty."""
LONGEST_HEADER = 1 << 14
"""Bytes of an npy header."""
MOST_RATIO = 1100
"""Unpacked over packed size: deflate reaches 1032, so whatever announces more is damaged."""
KINDS = "biufcU"
"""Kinds of numbers that are read: boolean, whole, floating, complex, text. No objects, no records, no dates."""
REAL = "biuf"
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP_FAULTS = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError)
_LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}


class ArrayFault(ValueError):
    """Not an npy array that is read, and why."""


def read_bytes(path: Path | str) -> bytes:
    """All bytes of a file.

    Raises:
        UserError: no such file, a folder, not readable.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; a file is expected") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL sign in the name
        raise UserError(f"{str(path)!r} names no file: {error}") from None


def read_text(path: Path | str) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        UserError: as `read_bytes`, or not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8 (byte {error.start}); save it with that encoding") from None


def read_json(path: Path | str) -> Any:
    """Read a JSON file; bare NaN and Infinity are taken as Python writes them.

    Raises:
        UserError: as `read_text`, or not valid JSON; see `parse_json`.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> Any:
    """Parse JSON.

    Args:
        text: one document.
        where: its name in an error.

    Raises:
        UserError: no JSON, too deep, a number without bound, half a surrogate pair.
    """
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_floating)
        whole = not _HALF_ESCAPED.search(text) or well_formed(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        raise UserError(f"{where} is not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{where} is not valid JSON: {error}") from None
    if not whole:
        raise UserError(f"{where} holds half of a surrogate pair, which is no sign of any text")
    return value


def read_object(path: Path | str, what: str) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: of the file.
        what: it should be, for the error.

    Raises:
        UserError: as `read_json`, or something else than an object.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} is not {what}: a JSON object is expected, found {type(value).__name__}")
    return value


def read_npz(path: Path | str, *names: str) -> dict[str, NDArray[Any]]:
    """Read the arrays of an npz archive.

    Args:
        path: of the file.
        names: which arrays; all of them by default.

    Raises:
        UserError: no such file, damaged, encrypted, not an npz archive, a named array that is missing, pickled objects.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        read_bytes(path)  # says which
    try:
        with open(path, "rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise UserError(f"{path} is a bare npy array; an npz archive with named arrays is expected")
            with zipfile.ZipFile(file) as archive:
                return _members(archive, path, names)
    except (ArrayFault, *_ZIP_FAULTS, NotImplementedError, RuntimeError, OSError, ValueError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is not a readable npz file (truncated or damaged): {reason}") from None
    except MemoryError:
        raise UserError(f"{path} holds more than the memory of this machine") from None


def read_array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Read one npy array.

    Args:
        stream: at its first byte.
        size: bytes that the stream holds; memory is taken for no more.

    Raises:
        ArrayFault: no header that parses, a kind of number that is not read, another size than announced.
    """
    shape, fortran, kind, used = read_layout(stream)
    if kind.kind not in KINDS:
        raise ArrayFault("pickled objects are not read" if kind.hasobject else f"{kind.str[:40]!r} is not read")
    length = math.prod(shape) * kind.itemsize
    if length != size - used:
        raise ArrayFault(f"an array of shape {shape} has {length} bytes, here are {size - used}")
    if length == 0:
        return np.zeros(shape, kind)
    raw, place = np.empty(length, np.uint8), 0
    while place < length:
        part = stream.read(min(length - place, 1 << 24))
        if not part:
            raise ArrayFault("it ends too early")
        raw[place : place + len(part)] = np.frombuffer(part, np.uint8)
        place += len(part)
    if stream.read(1):
        raise ArrayFault("bytes are left behind the array")
    return raw.view(kind).reshape(shape, order="F" if fortran else "C")


def numbers(value: ArrayLike, where: str) -> NDArray[np.float64]:
    """What is an array of real numbers, as float64: no complex numbers, no text, no objects.

    Raises:
        UserError: something else.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} must be a numeric array, its rows of one length") from None
    if array.dtype.kind not in REAL:
        raise UserError(f"{where} must be a numeric array of real numbers, not {_called(array)}")
    with np.errstate(over="ignore"):  # of a wider type: infinite here, which whoever asks refuses
        return array.astype(np.float64, copy=False)


def texts(array: NDArray[Any], where: str) -> list[str]:
    """The entries of a list of texts.

    Raises:
        UserError: not a list of texts, or one with code points that no text has.
    """
    if array.ndim != 1 or array.dtype.kind != "U":
        raise UserError(f"{where} must be a list of strings")
    codes = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).view(np.uint32)
    if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():
        raise UserError(f"{where} hold code points that no text has")
    return [str(entry) for entry in array.tolist()]


def _members(archive: zipfile.ZipFile, path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    entries = archive.infolist()
    by_name = {entry.filename.removesuffix(".npy"): entry for entry in entries}
    if len(by_name) != len(entries):
        raise ArrayFault("two arrays have one name")
    missing = [name for name in names if name not in by_name]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; it holds {', '.join(by_name) or 'nothing'}"[:400])
    return {name: _member(archive, by_name[name]) for name in names or by_name}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    label = entry.filename[:80]
    if entry.flag_bits & 1:
        raise ArrayFault(f"{label!r} is encrypted")
    if entry.compress_type not in _PACKED:
        raise ArrayFault(f"{label!r} is packed by a method other than deflate")
    if entry.file_size > MOST_RATIO * entry.compress_size + 1024:
        raise ArrayFault(f"{label!r} announces {entry.file_size} bytes in {entry.compress_size}")
    with archive.open(entry) as stream:
        try:
            return read_array(stream, entry.file_size)
        except ArrayFault as error:
            raise ArrayFault(f"{label!r}: {error}") from None


def read_layout(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, kind of number, and how many bytes the header of an npy array took.

    Raises:
        ArrayFault: no header that parses.
    """
    header, used = _header(stream)
    return *_layout(header), used


def _header(stream: IO[bytes]) -> tuple[str, int]:
    """The header of an npy array, and how many bytes it took with all that comes before it."""
    start = stream.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY":
        raise ArrayFault("not an npy array")
    form = _LENGTHS.get((start[6], start[7]))
    if form is None:
        raise ArrayFault(f"npy format {start[6]}.{start[7]} is not known")
    packed = stream.read(struct.calcsize(form))
    if len(packed) < struct.calcsize(form):
        raise ArrayFault("it ends within its header")
    (length,) = struct.unpack(form, packed)
    if length > LONGEST_HEADER:
        raise ArrayFault(f"a header of {length} bytes; at most {LONGEST_HEADER} are read")
    text = stream.read(length)
    if len(text) < length:
        raise ArrayFault("it ends within its header")
    return text.decode("utf-8" if start[6] == 3 else "latin1"), 8 + len(packed) + length


def _layout(header: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and kind of number."""
    try:
        layout = ast.literal_eval(header.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ArrayFault("its header does not parse") from None
    if not isinstance(layout, dict) or set(layout) != {"descr", "fortran_order", "shape"}:
        raise ArrayFault("its header needs exactly descr, fortran_order and shape")
    shape, fortran, named = layout["shape"], layout["fortran_order"], layout["descr"]
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 2**48 for size in shape):
        raise ArrayFault("its shape is no tuple of whole numbers")
    if not isinstance(fortran, bool) or not isinstance(named, str) or len(shape) > 32:
        raise ArrayFault("its header has entries of the wrong type")
    try:
        kind = np.dtype(named)
    except (TypeError, ValueError, SyntaxError, OverflowError):
        raise ArrayFault(f"no such kind of number: {named[:40]!r}") from None
    return shape, fortran, kind


def _called(array: NDArray[Any]) -> str:
    names = {"c": "complex numbers", "U": "text", "S": "text", "M": "dates", "m": "durations", "O": "objects"}
    return names.get(array.dtype.kind, str(array.dtype))


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_WHOLE:
        raise ValueError(f"a whole number of {len(digits)} digits; at most {LONGEST_WHOLE} are read")
    return int(digits)


def _floating(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:40]} is beyond the numbers of a computer")
    return value
