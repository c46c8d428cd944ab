"""Strict parsing under fuzz: whatever comes in, a value or a reasoned refusal comes out, never another exception."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from progressgym.leaderboard.arrays import read_actions, write_actions
from progressgym.leaderboard.manifest import MANIFEST, check_manifest, pack
from progressgym.leaderboard.names import csv_cell, name_problem, skeleton, text_problem
from progressgym.leaderboard.problems import Refused, plain
from progressgym.leaderboard.schema import SUBMISSION, SubmissionRecord, parse_model
from progressgym.leaderboard.strict_json import parse_json
from progressgym.leaderboard.submission import validate
from progressgym.leaderboard.unpack import PATH, read_zip
from tests.leaderboard.helpers import base_files

QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refused(call: Any, *arguments: Any) -> bool:
    """Whether it ends in a refusal; anything but a value or a refusal is an error of the test."""
    try:
        call(*arguments)
    except Refused as reason:
        assert reason.problems
        for problem in reason.problems:
            assert problem.message.isprintable() and problem.message.isascii() and problem.code
        return True
    return False


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes_as_json(data: bytes) -> None:
    refused(parse_json, data, "x")


@QUIET
@given(VALUES)
def test_good_json_is_read_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    if not refused(parse_json, text.encode(), "x"):
        assert parse_json(text.encode(), "x") == json.loads(text)


@QUIET
@given(VALUES, st.integers(0, 2**31))
def test_any_value_anywhere_in_a_record(value: Any, seed: int) -> None:
    """One place of a good record is replaced by anything."""
    record = json.loads(base_files()[SUBMISSION])
    record["cells"] = record["cells"][:2]
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in pairs:
            places.append((node, key))
            walk(child)

    walk(record)
    node, key = places[seed % len(places)]
    node[key] = value
    refused(parse_model, json.dumps(record).encode(), SubmissionRecord, SUBMISSION)


@QUIET
@given(st.integers(0, 2**31), st.integers(0, 255), st.booleans())
def test_any_damage_to_a_zip(at: int, byte: int, cut: bool) -> None:
    """One byte changed, or the end cut off: all files as they were, or a refusal."""
    files = {name: base_files()[name] for name in list(base_files())[:3]}
    data = bytearray(pack(files))
    data[at % len(data)] = byte
    if cut:
        del data[at % len(data) :]
    try:
        found = read_zip(io.BytesIO(bytes(data)), PATH)
    except Refused:
        return
    assert found == files, "a changed byte went unnoticed"


@QUIET
@given(st.integers(0, 2**31), st.integers(0, 255))
def test_any_damage_to_actions(at: int, byte: int) -> None:
    actions = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    data = bytearray(write_actions(actions))
    data[at % len(data)] = byte
    if not refused(read_actions, bytes(data), (2, 3, 4), "x"):
        assert (read_actions(bytes(data), (2, 3, 4), "x") == actions).all()


@QUIET
@given(st.dictionaries(st.text(min_size=1, max_size=40), st.binary(max_size=40), max_size=5))
def test_any_zip_of_any_names(files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            try:
                archive.writestr(name, data)
            except (ValueError, UnicodeEncodeError):
                return
    refused(read_zip, buffer, PATH)


@QUIET
@given(st.text(max_size=300))
def test_any_manifest(text: str) -> None:
    files = {**base_files(), MANIFEST: text.encode("utf-8", "surrogatepass")}
    assert refused(check_manifest, files)


@QUIET
@given(st.text(max_size=80))
def test_names_and_texts(text: str) -> None:
    if name_problem(text) is None:
        assert text.isascii() and text.isprintable() and not set(text) & set("<>\"'/\\ \t")
        assert csv_cell(text) == text, "a name never looks like a formula"
    if text_problem(text, 80) is None:
        assert text.isprintable() or not text.isascii()
    skeleton(text)
    assert plain(text).isascii() and plain(text).isprintable()


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@x", "\tx", "|x", "%x"])
def test_formulas_are_escaped(text: str) -> None:
    assert csv_cell(text) == "'" + text


def test_duplicate_keys_are_found_at_any_depth() -> None:
    assert refused(parse_json, b'{"a": [{"b": 1, "b": 2}]}', "x")


def test_a_long_unclosed_string_is_not_slow() -> None:
    """Quadratic scanning of this would take hours; the whole suite's time limit is the assertion."""
    assert refused(parse_json, b'"' + b'\\"' * 1_900_000, "x")


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    record = json.loads(base_files()[SUBMISSION])
    record["licence"], record["authors"], record["extra"] = 7, [], 1
    with pytest.raises(Refused) as caught:
        validate({SUBMISSION: json.dumps(record).encode()})
    assert {problem.where for problem in caught.value.problems} == {
        "submission.json#/licence",
        "submission.json#/authors",
        "submission.json#/extra",
    }
