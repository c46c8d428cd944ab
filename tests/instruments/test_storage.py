"""Loading, saving, identity."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.instruments import Instrument, ReadingConfig
from progressgym.instruments.storage import shipped_folder


def item(**changed: object) -> bytes:
    """A line of a file of items."""
    sound = {"id": "a", "main": "pain", "text": "t", "options": ["x", "y"], "tags": [{}, {}]}
    return json.dumps(sound | changed).encode() + b"\n"


@pytest.fixture
def folder(tiny: Instrument, tmp_path: Path) -> Path:
    tiny.save(tmp_path / "tiny")
    return tmp_path / "tiny"


def edit(folder: Path, **changes: object) -> None:
    path = folder / "instrument.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_round_trip(tiny: Instrument, folder: Path) -> None:
    again = Instrument.load(folder)
    assert again == tiny and again.hash == tiny.hash and hash(again) == hash(tiny)
    assert again.items == tiny.items and again.config == tiny.config
    np.testing.assert_array_equal(again.elicitation, tiny.elicitation)
    again.save(folder.parent / "again")
    for name in ("items.jsonl", "instrument.json"):
        assert (folder / name).read_bytes() == (folder.parent / "again" / name).read_bytes()


def test_the_shipped_instrument_is_kept_in_memory_and_saves_to_its_own_bytes(tmp_path: Path) -> None:
    moral19 = Instrument.load("moral19-v1")
    assert Instrument.load("moral19-v1") is moral19
    assert (moral19.name, moral19.version, len(moral19), len(moral19.dimensions)) == ("moral19-v1", "1", 432, 19)
    moral19.save(tmp_path)
    for name in ("items.jsonl", "instrument.json"):
        assert (tmp_path / name).read_bytes() == (shipped_folder() / "moral19-v1" / name).read_bytes()
    assert (shipped_folder() / "moral19-v1" / "card.md").is_file()


def test_the_hash_follows_what_can_move_a_score(tiny: Instrument) -> None:
    warmer = ReadingConfig(framings=(" So:",), neutral_context="", temperature=0.7)
    item = dataclasses.replace(tiny.items[0], text="She asks me.")
    others = [
        dataclasses.replace(tiny, config=warmer),
        dataclasses.replace(tiny, elicitation=tiny.evaluation, evaluation=tiny.elicitation),
        dataclasses.replace(tiny, items=(item, *tiny.items[1:])),
    ]
    hashes = {tiny.hash, *(other.hash for other in others)}
    assert len(hashes) == 4 and all(other != tiny for other in others)
    assert dataclasses.replace(tiny, name="other").hash == tiny.hash
    assert tiny != "tiny"


def test_copies_and_pickles_are_equal(tiny: Instrument) -> None:
    _ = tiny.loadings, tiny.values(tiny.uniform())
    for twin in (copy.deepcopy(tiny), pickle.loads(pickle.dumps(tiny))):  # noqa: S301  (our own bytes)
        assert twin == tiny
        np.testing.assert_array_equal(twin.loadings, tiny.loadings)


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown instrument 'moral19-v2' \(did you mean 'moral19-v1'.*\?\); known: "):
        Instrument.load("moral19-v2")
    with pytest.raises(UserError, match=r"holds no instrument\.json"):
        Instrument.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "needs a field 'name' of type str"),
        ({"schema": 9}, "reads schema 1"),
        ({"dimensions": ["death"]}, "19 dimensions"),
        ({"reading": {}}, "needs a field 'reading' with exactly framings"),
        (
            {"reading": {"framings": "x", "neutral_context": "", "temperature": 1, "verdicts": []}},
            "reading.framings is of the wrong",
        ),
        ({"reading": {"framings": [], "neutral_context": "", "temperature": 1, "verdicts": []}}, "at least one"),
        ({"reading": {"framings": [" a"], "neutral_context": "", "temperature": -1, "verdicts": []}}, "positive"),
        ({"reading": {"framings": [" a"], "neutral_context": "", "temperature": 1, "verdicts": [[" b"]]}}, "triples"),
        ({"elicitation": ["a", "z"]}, "does not exist: 'z'"),
        ({"elicitation": ["a", "a"]}, "exactly once"),
    ],
)
def test_damaged_heads(folder: Path, changes: dict, message: str) -> None:
    edit(folder, **changes)
    with pytest.raises(UserError, match=message):
        Instrument.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no items|does not exist"),
        (b"{\n", "items.jsonl line 1 is not valid JSON"),
        (b"[]\n", "exactly the fields id, main"),
        (b'{"id": "a"}\n', "found id"),
        (b'{"id": 1, "main": "pain", "text": "t", "options": [], "tags": []}\n', "are strings"),
        (b'{"id": "a", "main": "pain", "text": "t", "options": "xy", "tags": []}\n', "list of strings"),
        (b'{"id": "a", "main": "pain", "text": "t", "options": ["x", "y"], "tags": [1, 2]}\n', "list of objects"),
        (b"\xff\xfe", "items.jsonl line 1 is not UTF-8"),
        (b"\n" + item(tags=[{"kindness": 1}, {}]), "items.jsonl line 2: unknown dimension"),
        (b"\n" + item(options=["x", ""]), "items.jsonl line 2: item 'a' has an empty option"),
        (item(options=["x"]), "items.jsonl line 1: item 'a' has 1 options"),
        (item(options=[str(n) for n in range(9)]), "items.jsonl line 1: item 'a' has 9 options"),
    ],
)
def test_damaged_items(folder: Path, content: bytes, message: str) -> None:
    (folder / "items.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=message):
        Instrument.load(folder)


def test_an_option_that_stands_twice_is_refused_with_its_line(folder: Path, tiny: Instrument) -> None:
    items = [json.dumps(one.to_record()) for one in tiny.items]
    again = {**tiny.items[1].to_record(), "options": [tiny.items[1].options[0]] * len(tiny.items[1].options)}
    (folder / "items.jsonl").write_text("\n".join([items[0], "", json.dumps(again), *items[2:]]))
    with pytest.raises(UserError, match=r"items.jsonl line 3: item .* has the option .* twice"):
        Instrument.load(folder)


def test_missing_items(folder: Path) -> None:
    (folder / "items.jsonl").unlink()
    with pytest.raises(UserError, match="no such file"):
        Instrument.load(folder)


def test_no_items_and_repeated_ids(tiny: Instrument) -> None:
    with pytest.raises(UserError, match="no items"):
        Instrument.from_items([], name="none")
    with pytest.raises(UserError, match="uses ids twice: a"):
        Instrument.from_items([tiny.items[0], tiny.items[0]], name="twice")


def test_loading_imports_no_torch() -> None:
    code = (
        "import sys; from progressgym import Instrument; i = Instrument.load('moral19-v1'); i.values(i.uniform()); "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
