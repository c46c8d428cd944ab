"""Frames survive the way there and back; everything else is refused before memory is taken for it."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.frames import PREFIX, Frame, FrameError, decode, decode_all, encode, lengths

arrays = st.sampled_from(["<f4", "<f8", "<i8"]).flatmap(
    lambda kind: st.lists(st.integers(0, 3), max_size=4).map(lambda shape: np.ones(shape, dtype=kind))
)
texts = st.dictionaries(
    st.text(max_size=5), st.integers() | st.text(max_size=8) | st.booleans() | st.none(), max_size=3
)


@given(st.text(max_size=10), texts, st.dictionaries(st.text(max_size=5), arrays, max_size=3))
def test_there_and_back(kind: str, fields: dict[str, object], tables: dict[str, np.ndarray]) -> None:
    back = decode_all(encode(Frame(kind=kind, fields=fields, arrays=tables)))
    assert (back.kind, dict(back.fields), list(back.arrays)) == (kind, fields, list(tables))
    for name, table in tables.items():
        assert back.arrays[name].dtype == table.dtype and back.arrays[name].tobytes() == table.tobytes()
        assert back.arrays[name].shape == table.shape


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frame_raise_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        decode_all(data)


@given(st.integers(0, 119), st.integers(0, 255))
def test_a_damaged_frame_is_read_as_another_or_refused(place: int, byte: int) -> None:
    data = bytearray(encode(Frame(kind="k", fields={"a": 1}, arrays={"x": np.arange(3.0)})))
    data[place % len(data)] = byte
    with contextlib.suppress(FrameError):  # the only error there may be
        decode_all(bytes(data))


def header(**changes: object) -> bytes:
    return json.dumps({"kind": "k", "fields": {}, "arrays": [], **changes}).encode()


@pytest.mark.parametrize(
    ("head", "body", "told"),
    [
        (b"", b"", "not JSON"),
        (b"[]", b"", "exactly kind, fields and arrays"),
        (b'{"kind": "k"}', b"", "exactly kind, fields and arrays"),
        (b'{"kind": "k", "kind": "k", "fields": {}, "arrays": []}', b"", "not JSON"),
        (b'{"kind": "k", "fields": {"x": NaN}, "arrays": []}', b"", "not JSON"),
        (b"[" * 100_000, b"", "not JSON"),
        (b'{"kind": "\xff"}', b"", "not JSON"),
        (header(kind=1), b"", "wrong type"),
        (header(arrays=[["a", "<f4", [1]]] * 9), b"", "at most 8"),
        (header(arrays=[["a", "O", [1]]]), b"1234", "one of the types"),
        (header(arrays=[["a", "<f4", [True]]]), b"1234", "whole numbers"),
        (header(arrays=[["a", "<f4", [-1]]]), b"1234", "whole numbers"),
        (header(arrays=[["a", "<f4", [2]]]), b"1234", "longer than what was sent"),
        (header(arrays=[["a", "<f4", [2**30, 2**30]]]), b"1234", "longer than what was sent"),
        (header(arrays=[["a", "<f4", [1]], ["a", "<f4", [1]]]), b"12345678", "listed twice"),
        (header(arrays=[["a", "<f4", [0, *[2**31 - 1] * 3]]]), b"", "cannot have its shape"),
        (header(), b"1", "belong to no array"),
    ],
)
def test_bad_headers(head: bytes, body: bytes, told: str) -> None:
    with pytest.raises(FrameError, match=told):
        decode(head, body)


def test_lengths_are_checked_first() -> None:
    with pytest.raises(FrameError, match=r"announces 10 [+] 11 bytes; at most 10 [+] 10"):
        lengths(PREFIX.pack(b"PGF1", 10, 11), 10, 10)
    assert lengths(PREFIX.pack(b"PGF1", 10, 10), 10, 10) == (10, 10)


def test_objects_cannot_be_sent() -> None:
    with pytest.raises(FrameError, match="object cannot be sent"):
        encode(Frame(kind="k", arrays={"a": np.array([None])}))


SIZES = st.sampled_from([0, 1, 2, 3, 2**16, 2**31 - 1, 2**31, 2**63, -1, True, 1.5, "2", None])
SHAPES = st.lists(SIZES, max_size=5) | st.none() | st.integers() | st.text(max_size=3)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "", "\ud800", 1, None]), st.sampled_from(["<f4", "<f8", "O", ">f4", [], 4]), SHAPES
    )
    | st.integers()
    | st.lists(SIZES, max_size=4),
    max_size=9,
)


@given(ENTRIES, st.binary(max_size=40))
def test_no_header_ends_in_anything_but_a_frame_or_a_reason(arrays: list[object], body: bytes) -> None:
    try:
        frame = decode(header(arrays=arrays), body)
    except FrameError as error:
        assert "\n" not in str(error)
        return
    assert sum(array.nbytes for array in frame.arrays.values()) == len(body)
