"""Files of a repeated survey: counts per question, year and answer, and the questions with what their answers uphold.

Both are comma-separated UTF-8 with a header, `.gz` or not; docs/surveys.md describes them. Every mistake is one error
that names file and line: nothing is guessed, repaired or skipped.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from progressgym.core.errors import UserError, did_you_mean
from progressgym.instruments.item import Item

COUNT_COLUMNS, WEIGHT_COLUMNS = ("variable", "year", "answer", "count"), ("weighted", "squares")
GROUP_COLUMNS = ("variable", "group", "answer", "count")
ITEM_COLUMNS = ("item", "variable", "main", "text", "option", "answers", "tags")
EVERYWHERE = "*"
"""In the column `item`: answers that count for no option of any question."""
BETWEEN = "|"
"""Stands between answers that count for the same option."""
_YEAR = re.compile(r"[12]\d{3}")
_WHOLE = re.compile(r"\d{1,12}")
_TAG = re.compile(r"([a-z]+):([+-]1)")
PERCENT = (99, 101)
"""What rounded percentages sum to."""


@dataclass(kw_only=True, frozen=True)
class Question:
    """An item and where its counts come from."""

    item: Item
    variable: str
    """Its name in the file of counts."""
    options: Mapping[str, int | None]
    """Answer -> index of the option that it counts for; None: it counts for none."""


@dataclass(kw_only=True, frozen=True)
class Tally:
    """The answers to one question in one year, by option."""

    people: tuple[int, ...]
    """How many gave each answer."""
    weighted: tuple[float, ...]
    """Sums of their weights; `people` where no weights are given."""
    squares: tuple[float, ...] | None
    """Sums of the squares of their weights, where given."""


@dataclass(frozen=True)
class Row:
    """One line of a file."""

    fields: Mapping[str, str]
    where: str
    """File and line, for errors."""

    def __getitem__(self, column: str) -> str:
        return self.fields[column]

    @property
    def line(self) -> str:
        """`line 7`."""
        return f"line {self.where.rpartition(' ')[2]}"

    def error(self, what: str) -> UserError:
        """What is wrong, and where."""
        return UserError(f"{self.where}: {what}")


def read_questions(path: Path | str) -> tuple[Question, ...]:
    """Read a file of questions, one row an option; rows of one item stand together.

    Raises:
        UserError: the first mistake, with file and line.
    """
    groups: dict[str, list[Row]] = {}
    everywhere: dict[str, int | None] = {}
    for row in read_rows(Path(path), ITEM_COLUMNS):
        if row["item"] == EVERYWHERE:
            everywhere |= dict.fromkeys(_answers(row))
            continue
        if not row["item"] or not row["variable"]:
            raise row.error("the columns item and variable must not be empty")
        if row["item"] in groups and row["item"] != next(reversed(groups)):
            raise row.error(f"the rows of item {row['item']!r} do not stand together, or it is there twice")
        groups.setdefault(row["item"], []).append(row)
    if not groups:
        raise UserError(f"{Path(path).name} holds no question")
    questions = [_question(rows, everywhere) for rows in groups.values()]
    first: dict[str, str] = {}
    for question, rows in zip(questions, groups.values(), strict=True):
        if question.variable in first:
            raise rows[0].error(f"variable {question.variable!r} already belongs to item {first[question.variable]!r}")
        first[question.variable] = question.item.id
    return tuple(questions)


def read_counts(path: Path | str, questions: Sequence[Question]) -> dict[tuple[str, int], Tally]:
    """Read a file of counts.

    Returns:
        (item id, year) -> the answers to it in that year. Where nobody gave an answer that counts, there is no entry.

    Raises:
        UserError: the first mistake, with file and line.
    """
    path = Path(path)
    by_variable = {question.variable: question for question in questions}
    seen: dict[tuple[str, int, str], str] = {}
    groups: dict[tuple[str, int], list[tuple[int | None, int, float, float | None]]] = defaultdict(list)
    lines: dict[str, Row] = {}
    for row in read_rows(path, COUNT_COLUMNS, WEIGHT_COLUMNS):
        question = by_variable.get(row["variable"])
        if question is None:
            raise row.error(
                f"no item names the variable {row['variable']!r}{did_you_mean(row['variable'], by_variable)}"
            )
        year, answer = _year(row), row["answer"]
        if answer not in question.options:
            near = did_you_mean(answer, question.options)
            raise row.error(f"item {question.item.id!r} does not say what the answer {answer!r} counts for{near}")
        key = (question.variable, year, answer)
        if key in seen:
            raise row.error(f"{question.variable!r}, {year}, {answer!r} stands already in {seen[key]}")
        seen[key] = row.line
        lines.setdefault(question.variable, row)
        groups[question.item.id, year].append((question.options[answer], *_numbers(row)))
    for question in questions:
        if question.variable not in lines:
            raise UserError(
                f"{path.name} has no row of variable {question.variable!r}, which item {question.item.id!r} needs"
            )
        years = [group for (name, _), group in groups.items() if name == question.item.id]
        _refuse_percentages(lines[question.variable], years)
    tallies = {key: _tally(group, len(_by_id(questions)[key[0]].item.options)) for key, group in groups.items()}
    return {key: tally for key, tally in tallies.items() if sum(tally.people) > 0}


def read_groups(path: Path | str, questions: Sequence[Question]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Read counts by group of people instead of by year.

    Returns:
        Item id -> group -> how many of it chose each option. Items without a row are absent.

    Raises:
        UserError: the first mistake, with file and line.
    """
    by_variable = {question.variable: question for question in questions}
    by_item: dict[str, dict[str, list[int]]] = {}
    seen: set[tuple[str, str, str]] = set()
    for row in read_rows(Path(path), GROUP_COLUMNS):
        question = by_variable.get(row["variable"])
        if question is None or row["answer"] not in question.options or not row["group"]:
            raise row.error("no item names this variable and answer, or the group is empty")
        if (key := (row["variable"], row["group"], row["answer"])) in seen:
            raise row.error("this answer of this group stands already in an earlier line")
        seen.add(key)
        option, (count, *_) = question.options[row["answer"]], _numbers(row)
        if option is not None:
            groups = by_item.setdefault(question.item.id, {})
            groups.setdefault(row["group"], [0] * len(question.item.options))[option] += count
    return {item: {group: tuple(counts) for group, counts in groups.items()} for item, groups in by_item.items()}


def _by_id(questions: Sequence[Question]) -> dict[str, Question]:
    return {question.item.id: question for question in questions}


def _question(rows: Sequence[Row], everywhere: Mapping[str, int | None]) -> Question:
    """The question of an item's rows."""
    head = rows[0]
    options: dict[str, int | None] = dict(everywhere)
    for index, row in enumerate(rows):
        for column in ("variable", "main", "text"):
            if row[column] not in (head[column], "") or (column == "variable" and not row[column]):
                raise row.error(f"{column} differs from that of the item's first row")
        for answer in _answers(row):
            if options.get(answer) is not None:
                raise row.error(f"the answer {answer!r} already counts for option {options[answer]} of this item")
            options[answer] = index
    try:
        item = Item(
            id=head["item"],
            main=head["main"],
            text=head["text"],
            options=tuple(row["option"] for row in rows),
            tags=tuple(_tags(row) for row in rows),
        )
    except UserError as error:
        raise head.error(str(error)) from None
    return Question(item=item, variable=head["variable"], options=options)


def _answers(row: Row) -> list[str]:
    answers = [answer.strip() for answer in row["answers"].split(BETWEEN)]
    if not all(answers) or len(set(answers)) != len(answers):
        raise row.error(
            f"answers is {row['answers']!r}; write the survey's answers with {BETWEEN} between them, each once"
        )
    return answers


def _tags(row: Row) -> dict[str, int]:
    """`purity:-1;freedom:+1` as a mapping."""
    tags: dict[str, int] = {}
    for part in filter(None, row["tags"].split(";")):
        match = _TAG.fullmatch(part.strip())
        if match is None or match[1] in tags:
            raise row.error(f"tags is {row['tags']!r}; write for example purity:-1;freedom:+1, each dimension once")
        tags[match[1]] = int(match[2])
    return tags


def _year(row: Row) -> int:
    if not _YEAR.fullmatch(row["year"]):
        raise row.error(f"year is {row['year']!r}; a year of four digits is expected")
    return int(row["year"])


def _numbers(row: Row) -> tuple[int, float, float | None]:
    """Count, sum of weights and sum of their squares."""
    if not _WHOLE.fullmatch(row["count"]):
        raise row.error(f"count is {row['count']!r}; how many people is a whole number from 0 on, not a share")
    count = int(row["count"])
    weighted, squares = (_weight(row, column) if column in row.fields else None for column in WEIGHT_COLUMNS)
    for column, value in (("weighted", weighted), ("squares", squares)):
        if value is not None and (value > 0) != (count > 0):
            raise row.error(f"{column} is {value:g} for {count} people")
    if weighted is not None and squares is not None and weighted**2 > squares * count * (1 + 1e-6):
        raise row.error("squares is smaller than weighted * weighted / count: it is not a sum of squared weights")
    return count, float(count) if weighted is None else weighted, squares


def _weight(row: Row, column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise row.error(f"{column} is {row[column]!r}; a number from 0 on is expected")
    return value


def _tally(group: Sequence[tuple[int | None, int, float, float | None]], options: int) -> Tally:
    """Sum answers by option."""
    people, weighted, squares = [0] * options, [0.0] * options, [0.0] * options
    for option, count, weight, square in group:
        if option is not None:
            people[option] += count
            weighted[option] += weight
            squares[option] += square or 0.0
    given = group[0][3] is not None
    return Tally(people=tuple(people), weighted=tuple(weighted), squares=tuple(squares) if given else None)


def _refuse_percentages(row: Row, years: Sequence[Sequence[tuple[int | None, int, float, float | None]]]) -> None:
    """Refuse counts that sum to about 100 whenever the question was asked."""
    totals = {sum(count for _, count, *_ in group) for group in years}
    if all(PERCENT[0] <= total <= PERCENT[1] for total in totals):
        raise row.error(
            f"the counts of {row['variable']!r} sum to 100 in every year: these are percentages, not people"
        )


def read_rows(
    path: Path, columns: Sequence[str], optional: Sequence[str] = (), *, others: bool = False
) -> Iterator[Row]:
    """The rows of a file, with stripped fields; empty lines are skipped.

    Args:
        path: of the file.
        columns: that the header must name.
        optional: that it may name.
        others: whether it may name any others.

    Raises:
        UserError: the first mistake, with file and line.
    """
    reader = csv.reader(_text(path).splitlines(keepends=True), strict=True)
    header: list[str] = []
    try:
        for fields in reader:
            where, row = f"{path.name} line {reader.line_num}", [field.strip() for field in fields]
            if not any(row):
                continue
            if not header:
                header = row
                _check_header(header, columns, header if others else optional, where)
            elif len(row) != len(header):
                raise UserError(f"{where}: {len(row)} fields, but the header names {len(header)}")
            else:
                yield Row(dict(zip(header, row, strict=True)), where)
    except csv.Error as error:
        raise UserError(f"{path.name} line {reader.line_num}: not comma-separated text: {error}") from None
    if not header:
        raise UserError(f"{path.name} is empty; its first line must be {','.join(columns)}")


def _check_header(header: Sequence[str], columns: Sequence[str], optional: Sequence[str], where: str) -> None:
    names = {*columns, *optional}
    if not set(columns) <= set(header) <= names or len(set(header)) != len(header) or not all(header):
        more = f" and may name {', '.join(optional)}" if optional and not names >= set(header) else ""
        raise UserError(f"{where}: the header must name {','.join(columns)}{more}; it is {','.join(header)[:200]!r}")
    if set(WEIGHT_COLUMNS) <= set(optional) and "squares" in header and "weighted" not in header:
        raise UserError(f"{where}: squares of weights without the weights; add the column weighted")


def _text(path: Path) -> str:
    """The text of a UTF-8 file; a byte order mark, as spreadsheets write it, is no part of it.

    Raises:
        UserError: no such file, damaged, or in another encoding.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path.name} line 1: the text is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path.name} line {line}: the text is not UTF-8 ({error.reason}); save it as UTF-8") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path.name} line {line}: the text holds a zero byte (UTF-16?); save it as UTF-8")
    return text
