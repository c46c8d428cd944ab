"""Questionnaires on disk: a folder with `items.jsonl` (one item a line) and `instrument.json` (name, split, reading)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.files import read_json, write_json, write_text
from progressgym.core.reading import parse_json, read_text
from progressgym.instruments.ask import ReadingConfig
from progressgym.instruments.item import Item
from progressgym.instruments.loadings import Ints
from progressgym.instruments.questionnaire import Questionnaire

ITEMS, HEAD = "items.jsonl", "instrument.json"
SCHEMA = 1


def shipped_folder() -> Path:
    """Where the instruments of the package lie."""
    return Path(str(files("progressgym.data").joinpath("instruments")))


def shipped_names() -> list[str]:
    """Names of the instruments that come with the package.

    >>> "moral19-v1" in shipped_names()
    True
    """
    folder = shipped_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{HEAD}")) if folder.is_dir() else []


def comes_with_package(instrument: Questionnaire) -> bool:
    """Whether an instrument of this name and content is shipped."""
    return instrument.name in shipped_names() and load_shipped(instrument.name) == instrument


def is_instrument(folder: Path) -> bool:
    """Whether a folder holds an instrument."""
    return (folder / HEAD).is_file()


@lru_cache(maxsize=8)
def load_shipped(name: str) -> Questionnaire:
    """A shipped one, read once."""
    return read_folder(shipped_folder() / name)


def read_folder(folder: Path) -> Questionnaire:
    """Read an instrument's folder.

    Raises:
        UserError: a missing or damaged file, a field that is missing or of the wrong kind, a split that does not fit.
    """
    return _assemble(read_json(folder / HEAD), lambda: read_items(folder / ITEMS), f"{folder.name}/{HEAD}")


def to_record(instrument: Questionnaire) -> dict[str, Any]:
    """The whole instrument as one JSON object."""
    return {"head": _head(instrument), "items": [item.to_record() for item in instrument.items]}


def from_record(record: Any) -> Questionnaire:
    """The instrument of a JSON object made by `to_record`.

    Raises:
        UserError: it is none.
    """
    if not isinstance(record, dict) or set(record) != {"head", "items"} or not isinstance(record["items"], list):
        raise UserError("an instrument's record has exactly a head and a list of items")
    rows = record["items"]
    return _assemble(
        record["head"],
        lambda: tuple(Item.from_record(row, f"item {number}") for number, row in enumerate(rows, 1)),
        "an instrument's record",
    )


def read_items(path: Path) -> tuple[Item, ...]:
    """Read a file of items, one JSON object a line; empty lines are skipped.

    Raises:
        UserError: no such file, not UTF-8, a line that is no item.
    """
    items = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name} line {number}"
        items.append(Item.from_record(parse_json(line, where), where))
    return tuple(items)


def check_options(instrument: Questionnaire, path: Path) -> None:
    """Refuse an item that offers the same twice: it can only be answered evenly.

    Asked of folders that somebody names; an import and the histories made with it keep such items (`moral_evals`).

    Args:
        instrument: read from the file.
        path: of the items.

    Raises:
        UserError: with file and line.
    """
    lines = [number for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    for number, item in zip(lines, instrument.items, strict=True):
        for place, option in enumerate(item.options):
            if option in item.options[:place]:
                raise UserError(f"{path.name} line {number}: item {item.id!r} has the option {option!r} twice")


def save_instrument(instrument: Questionnaire, folder: str | Path) -> None:
    """Write the two files of an instrument, each atomically."""
    folder = Path(folder)
    lines = [json.dumps(item.to_record(), ensure_ascii=False) + "\n" for item in instrument.items]
    write_text(folder / ITEMS, "".join(lines))
    write_json(folder / HEAD, _head(instrument))


def _head(instrument: Questionnaire) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": instrument.name,
        "version": instrument.version,
        "dimensions": list(DIMENSIONS),
        "reading": instrument.config.to_record(),
        "elicitation": [instrument.items[i].id for i in instrument.elicitation],
        "evaluation": [instrument.items[i].id for i in instrument.evaluation],
    }


def _assemble(head: Any, read: Callable[[], tuple[Item, ...]], where: str) -> Questionnaire:
    """An instrument of its head and items, the head checked first."""
    for field, kind in (("name", str), ("version", str), ("elicitation", list), ("evaluation", list)):
        if not isinstance(head, dict) or not isinstance(head.get(field), kind):
            raise UserError(f"{where} needs a field {field!r} of type {kind.__name__}")
    if type(head.get("schema")) is not int or head["schema"] != SCHEMA:  # true == 1
        raise UserError(f"{where} has schema {head.get('schema')!r}; this version reads schema {SCHEMA}")
    if head.get("dimensions") != list(DIMENSIONS):
        raise UserError(f"{where} must list the 19 dimensions in their fixed order")
    items = read()
    return Questionnaire(
        name=head["name"],
        version=head["version"],
        items=items,
        config=_read_config(head.get("reading"), where),
        elicitation=_indices(head["elicitation"], items, where),
        evaluation=_indices(head["evaluation"], items, where),
    )


def _read_config(record: Any, where: str) -> ReadingConfig:
    fields: dict[str, tuple[type, ...]] = {
        "framings": (list,),
        "neutral_context": (str,),
        "temperature": (int, float),
        "verdicts": (list,),
    }
    if not isinstance(record, dict) or set(record) != set(fields):
        raise UserError(f"{where} needs a field 'reading' with exactly {', '.join(fields)}")
    for field, kind in fields.items():
        if not isinstance(record[field], kind):
            raise UserError(f"{where}: reading.{field} is of the wrong type ({type(record[field]).__name__})")
    return ReadingConfig(
        framings=tuple(record["framings"]),
        neutral_context=record["neutral_context"],
        temperature=float(record["temperature"]),
        verdicts=tuple(tuple(verdict) if isinstance(verdict, list) else (verdict,) for verdict in record["verdicts"]),
    )


def _indices(ids: list[Any], items: tuple[Item, ...], where: str) -> Ints:
    position = {item.id: i for i, item in enumerate(items)}
    missing = [name for name in ids if not isinstance(name, str) or name not in position]
    if missing:
        raise UserError(f"{where} splits over an item that does not exist: {missing[0]!r}")
    return np.sort(np.array([position[name] for name in ids], dtype=np.int64))
