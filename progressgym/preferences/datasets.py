"""Data sets of preferences, as `progressgym preferences compare` takes them: pairs, who was asked, and what a naive rule says.

| name | file, in the folder of data | features | users |
|---|---|---|---|
| planted-chain, planted-ring, planted-tastes | none: votes by a known rule | things themselves; random | tastes: 60 |
| panel | `gss-panel/panel06.csv.gz` | the question itself; left is its plus pole | respondents |
| opinpref | `opinpref/train.csv` | seven ratings | |
| ethics | `ethics/util_train.csv.gz`, first 3,000 | words | |
| hh-harmless | `hh-harmless/harmless_test.jsonl.gz` | words | |
| FILE.jsonl | yours, see `read_rows` | words, or `chosen_features` and `rejected_features` | `user`, if given |
| FILE.jsonl | yours, of segments, see `segments` | summed features of the steps | |

Which of the two stands on the left is drawn, but for the panel. Nothing is shipped: who has no file is told so.

Legend of shapes: n pairs, d features.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.core.rows import csv_rows, finite_number, json_rows, packed_text
from progressgym.preferences.pairs import Pairs
from progressgym.preferences.segments import is_segments, read_segments

Floats = NDArray[np.float64]
VOCABULARY = 300
"""Commonest words of which texts are counted."""
ETHICS_ROWS = 3000
MIDDLE = 0.5
"""An answer of the panel between the poles: a tie, which is left out."""
NAMES = ("planted-chain", "planted-ring", "planted-tastes", "panel", "opinpref", "ethics", "hh-harmless")


@dataclass(kw_only=True, frozen=True, eq=False)
class DataSet:
    """Pairs with certain targets, 0 or 1."""

    name: str
    pairs: Pairs
    personal: bool = False
    """Whether the groups are users, who are held out as a whole."""
    longer: Floats | None = None
    """(n,) how much longer left is than right; None where nothing has a length."""
    ratings: bool = False
    """Whether more of a feature is meant to be better."""
    words: Pairs | None = None
    """The same pairs with counts of words as features, where there are texts."""
    texts: tuple[tuple[str, str], ...] = ()
    """What stands on the left and on the right of each pair; none where nothing is a text."""
    questions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """(n,) which question a pair answers, where left and right mean the same for everybody; else empty."""
    segments: Pairs | None = None
    """The same pairs as `regret` takes them, with the first and last state of each segment."""
    successors: Floats | None = None
    """(p, s, d) what it needs of the world, see `progressgym.preferences.segments`."""


class Absent(UserError):
    """A data set whose file is not there."""


def load(asked: str, folder: Path | None, seed: int = 0) -> DataSet:
    """A data set by name, or of a file.

    Args:
        asked: one of `NAMES`, or a path that ends in .jsonl or .jsonl.gz.
        folder: where the folders of named data sets lie.
        seed: of what is drawn.

    Raises:
        UserError: no such data set, or a file that is not as it should be.
        Absent: a named data set that is not at hand.
    """
    if asked.endswith((".jsonl", ".jsonl.gz")):
        if is_segments(Path(asked)):
            plain, segments, pool = read_segments(Path(asked), seed)
            return DataSet(name=Path(asked).name, pairs=plain, segments=segments, successors=pool)
        return _of_rows(Path(asked).name, read_rows(Path(asked)), seed)
    if asked not in NAMES:
        raise unknown("data set", asked, [*NAMES, "FILE.jsonl"])
    if asked.startswith("planted-"):
        return _planted(asked, seed)
    loader, file = FILES[asked]
    if folder is None or not (folder / file).is_file():
        where = "set PROGRESSGYM_SHARED or --folder" if folder is None else f"there is no {folder / file}"
        raise Absent(f"{asked} is not at hand: {where}")
    return loader(folder / file, seed)


def _planted(name: str, seed: int) -> DataSet:
    """Votes: one of four goes the other way in chains and rings; people of three tastes choose as Bradley and Terry say."""
    random = np.random.default_rng(seed)
    if name == "planted-tastes":
        group = np.repeat(np.arange(60), 30)
        left, right = random.normal(size=(2, len(group), 8))
        wanted = 1.5 * random.normal(size=(3, 8))[group % 3]
        chance = 1.0 / (1.0 + np.exp(-((left - right) * wanted).sum(1)))
        return DataSet(
            name=name, pairs=Pairs.of(left, right, random.random(len(group)) < chance, group=group), personal=True
        )
    first, second = random.integers(0, 6, (2, 1200))
    first, second = first[first != second], second[first != second]
    # In a ring of six each beats the two that follow it and is even with the one across.
    ahead = (second - first) % 6
    wins = first < second if name == "planted-chain" else ahead < 3
    chance = (
        np.where(wins, 0.75, 0.25) if name == "planted-chain" else np.where(ahead == 3, 0.5, np.where(wins, 0.75, 0.25))
    )
    return DataSet(name=name, pairs=Pairs.of(np.eye(6)[first], np.eye(6)[second], random.random(len(first)) < chance))


def _panel(path: Path, seed: int) -> DataSet:
    """First wave of a panel: person, wave, one column a question, 1 for its plus pole and 0 for its minus."""
    rows = list(csv_rows(path, ("person", "wave")))
    questions = [column for column in rows[0][1] if column not in ("person", "wave", "polviews3")]
    people, asked, answers = [], [], []
    for line, row in rows:
        if row["wave"] != "1":
            continue
        for number, question in enumerate(questions):
            if (
                row[question]
                and (answer := finite_number(row[question], f"{path.name}, line {line}, {question}")) != MIDDLE
            ):
                if answer not in (0.0, 1.0):
                    raise UserError(
                        f"{path.name}, line {line}: {question} is {row[question]!r}; 0, 0.5 or 1 is expected"
                    )
                people.append(_whole(row["person"], f"{path.name}, line {line}, person"))
                asked.append(number)
                answers.append(answer)
    if not answers:
        raise UserError(f"{path.name} has no answers of wave 1")
    about = np.array(asked)
    left = np.eye(len(questions))[about]
    pairs = Pairs.of(left, np.zeros_like(left), answers, group=people)
    return DataSet(name="panel", pairs=pairs, personal=True, questions=about)


def _opinpref(path: Path, seed: int) -> DataSet:
    rows = list(csv_rows(path, ("preferred", "one_words", "two_words")))
    names = [column.removeprefix("one_") for column in rows[0][1] if column.startswith("one_")]
    sides: dict[str, list[list[float]]] = {"one": [], "two": []}
    targets = []
    for line, row in rows:
        where = f"{path.name}, line {line}"
        if row["preferred"] not in ("1", "2"):
            raise UserError(f"{where}: preferred is {row['preferred']!r}; 1 or 2 is expected, a tie says nothing")
        targets.append(float(row["preferred"] == "1"))
        for side, ratings_of in sides.items():
            ratings_of.append(
                [finite_number(row.get(f"{side}_{name}", ""), f"{where}, {side}_{name}") for name in names]
            )
    one, two = (np.array(rows_of) for rows_of in sides.values())
    words = names.index("words")
    ratings = [n for n in range(len(names)) if n != words]
    return DataSet(
        name="opinpref",
        pairs=Pairs.of(one[:, ratings], two[:, ratings], targets),
        longer=one[:, words] - two[:, words],
        ratings=True,
    )


def _ethics(path: Path, seed: int) -> DataSet:
    text = packed_text(path)
    rows = [
        Row(chosen=row[0], rejected=row[1])
        for row in csv.reader(io.StringIO(text, newline=""))
        if len(row) == 2 and row[0] != row[1]
    ]
    if not rows:
        raise UserError(f"{path.name} has no rows of two sentences")
    return _of_rows("ethics", rows[:ETHICS_ROWS], seed)


@dataclass(kw_only=True, frozen=True)
class Row:
    """One line of a preference file."""

    chosen: str
    rejected: str
    prompt: str = ""
    user: str = ""
    features: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Of the chosen one and of the rejected one."""


def read_rows(path: Path) -> list[Row]:
    """A file of preferences, one JSON object a line, as TRL reads them.

    `chosen` and `rejected` are texts or conversations (lists of messages with `content`); `prompt`, `user`,
    `chosen_features` and `rejected_features` (lists of numbers) stand in all lines or in none.

    Raises:
        UserError: the first mistake, with its line: a column that is missing or in some lines only, a tie (`chosen` and
            `rejected` are the same), features that are no finite numbers or not as many as before.
    """
    rows: list[Row] = []
    first: dict[str, Any] = {}
    for where, given in json_rows(path, "chosen and rejected"):
        first = first or given
        rows.append(_row(given, first, where))
    return rows


def _row(given: Mapping[str, Any], first: Mapping[str, Any], where: str) -> Row:
    for column in ("chosen", "rejected"):
        if column not in given:
            raise UserError(f"{where}: there is no column {column!r}; it has {', '.join(sorted(given)) or 'none'}")
    for column in ("prompt", "user", "chosen_features", "rejected_features"):
        if (column in given) != (column in first):
            raise UserError(f"{where}: column {column!r} stands in some lines only")
        if column == "prompt" and type(given.get(column)) is not type(first.get(column)):
            raise UserError(
                f"{where}: prompt is a {type(given[column]).__name__}, before it was a {type(first[column]).__name__}"
            )
    chosen, rejected = (_words_of(given[column], f"{where}, {column}") for column in ("chosen", "rejected"))
    features = None
    if "chosen_features" in first or "rejected_features" in first:
        width = len(first["chosen_features"]) if isinstance(first.get("chosen_features"), list) else -1
        sides = [
            _numbers(given.get(column), width, f"{where}, {column}")
            for column in ("chosen_features", "rejected_features")
        ]
        features = (sides[0], sides[1])
    if chosen == rejected and (features is None or features[0] == features[1]):
        raise UserError(f"{where}: chosen and rejected are the same; a tie, or a thing beside itself, says nothing")
    prompt = _words_of(given["prompt"], f"{where}, prompt") if "prompt" in given else ""
    return Row(chosen=chosen, rejected=rejected, prompt=prompt, user=str(given.get("user", "")), features=features)


def _of_rows(name: str, rows: Sequence[Row], seed: int) -> DataSet:
    """Pairs of rows, by their features or the words of what they say; the left side is drawn."""
    left_chosen = np.random.default_rng(seed).random(len(rows)) < 0.5
    users = sorted({row.user for row in rows})
    group = [users.index(row.user) for row in rows]
    chosen, rejected = ([getattr(row, side) for row in rows] for side in ("chosen", "rejected"))

    def drawn(better: Floats, worse: Floats) -> Pairs:
        swap = left_chosen[:, None]
        return Pairs.of(np.where(swap, better, worse), np.where(swap, worse, better), left_chosen, group=group)

    words = drawn(*_counts(chosen, rejected))
    rated = [row.features for row in rows if row.features is not None]
    lengths = np.array([[len(text.split()) for text in side] for side in (chosen, rejected)], dtype=np.float64)
    return DataSet(
        name=name,
        pairs=drawn(*np.array(rated).swapaxes(0, 1)) if rated else words,
        personal=len(users) > 1,
        longer=np.where(left_chosen, lengths[0] - lengths[1], lengths[1] - lengths[0]),
        words=words,
        texts=tuple(
            (one, other) if first else (other, one)
            for one, other, first in zip(chosen, rejected, left_chosen.tolist(), strict=True)
        ),
    )


def _counts(*sides: Sequence[str]) -> list[Floats]:
    """How often each of the commonest words stands in each text, as log(1 + count)."""
    split = [[[word.strip(".,;:!?\"'()").lower() for word in text.split()] for text in side] for side in sides]
    common = Counter(word for side in split for words in side for word in set(words) if word)
    # Commonest first, the alphabet decides: the same words on every machine.
    place = {word: n for n, word in enumerate(sorted(common, key=lambda word: (-common[word], word))[:VOCABULARY])}
    tables = []
    for side in split:
        table = np.zeros((len(side), len(place)))
        for row, words in enumerate(side):
            for word, count in Counter(words).items():
                if word in place:
                    table[row, place[word]] = math.log1p(count)
        tables.append(table)
    return tables


def _whole(text: str, where: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise UserError(f"{where} is {text!r}; a whole number is expected")
    return int(text)


def _numbers(given: Any, width: int, where: str) -> tuple[float, ...]:
    whole = isinstance(given, list) and len(given) == width and width > 0
    if not whole or not all(type(x) in (int, float) and abs(x) < 1e12 for x in given):
        raise UserError(f"{where}: a list of {width if width > 0 else 'some'} finite numbers is expected")
    return tuple(float(x) for x in given)


def _words_of(given: Any, where: str) -> str:
    """A text, or the texts of a conversation."""
    if isinstance(given, str):
        return given
    if (
        isinstance(given, list)
        and given
        and all(isinstance(part, dict) and isinstance(part.get("content"), str) for part in given)
    ):
        return "\n".join(part["content"] for part in given)
    raise UserError(f"{where} is neither a text nor a list of messages with content")


FILES: dict[str, tuple[Callable[[Path, int], DataSet], str]] = {
    "panel": (_panel, "gss-panel/panel06.csv.gz"),
    "opinpref": (_opinpref, "opinpref/train.csv"),
    "ethics": (_ethics, "ethics/util_train.csv.gz"),
    "hh-harmless": (
        lambda path, seed: _of_rows("hh-harmless", read_rows(path), seed),
        "hh-harmless/harmless_test.jsonl.gz",
    ),
}
"""How a named data set is read, and where it lies."""
