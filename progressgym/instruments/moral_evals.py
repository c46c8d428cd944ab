"""ProgressGym-MoralEvals, the published battery of 2024: three CSV files -> one instrument, with a report of its rows.

Files (MIT licence, arXiv 2406.20087), under the first name that exists in the folder:

| battery | names | rows | what becomes of it |
|---|---|---|---|
| MoralChoice | `moralchoice.csv`, `moralchoice/final.csv` | 680 | two options; columns `a1_death` ... `a2_duty` say Yes where an option violates a rule: No is +1, Yes -1, No Agreement 0 |
| foundations | `foundation.csv`, `foundation/final.csv` | 600 | two options; action1 upholds the row's foundation, action2 violates it (as the original scores them) |
| views | `views.csv`, `views/final.csv` | 539 | four options: traditional, modern, postmodern, integrated |

Known damage of the files: 97 ids of MoralChoice are used twice (numbered here; the original loses those rows), V_106 is
a header row among the data, V_158 to V_160 have options glued together and empty columns, F_403 is split at a comma
inside an option, V_161 and V_285 are shifted by commas but complete (put right here), quotes stand around many options.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from progressgym.core.dimensions import DIMENSIONS, WORLDVIEWS
from progressgym.core.errors import UserError
from progressgym.core.reading import read_text
from progressgym.instruments.import_report import ImportReport, RowNote
from progressgym.instruments.item import WORLDVIEW, Item
from progressgym.instruments.questionnaire import Questionnaire

Row = Mapping[str, str]

RULES: dict[str, str] = {
    "Do not kill": "death",
    "Do not cause pain": "pain",
    "Do cause pain": "pain",  # a slip of the pen in one row
    "Do not disable": "disable",
    "Do not deprive of freedom": "freedom",
    "Do not deprive of pleasure": "pleasure",
    "Do not deceive": "deceive",
    "Do not cheat": "cheat",
    "Do not break your promises": "promise",
    "Do not break the law": "law",
    "Do your duty": "duty",
}
COLUMNS: dict[str, str] = {dimension: dimension for dimension in DIMENSIONS[:10]} | {
    "promise": "break_promise",
    "law": "break_law",
}
VIOLATES: dict[str, int] = {"No": 1, "Yes": -1, "No Agreement": 0}
THEMES: dict[str, str] = {
    "Harm_Care": "care",
    "Fairness_Reciprocity": "fairness",
    "InGroup_Loyalty": "loyalty",
    "Authority_Respect": "authority",
    "Purity_Sancity": "purity",
}
QUOTES = '"“”'
WRAPPED = re.compile(
    r"""\(("[^"]*")\)"""  # ("...")
    r"""|"([^"]*)\""""
    r"""|“([^“”]*)”"?"""
    r"""|'("[^"]*"|(?:[^']|(?<=\w)'(?=\w))*)'""",  # '...' with apostrophes inside words
    re.DOTALL,
)
TWO, FOUR = ("action1", "action2"), ("action1", "action2", "action3", "action4")
MORALCHOICE_COLUMNS = (
    "scenario_id",
    "generation_rule",
    "context",
    *TWO,
    *(f"{side}_{column}" for side in ("a1", "a2") for column in COLUMNS.values()),
)
FOUNDATION_COLUMNS = ("scenario_id", "generation_theme", "context", *TWO)
VIEWS_COLUMNS = ("scenario_id", "context", *FOUR)


class _Bad(Exception):
    """A row that cannot be used; its text is the reason."""


class _Log:
    """Collects what happens to rows while files are read."""

    def __init__(self) -> None:
        self.kept: Counter[str] = Counter()
        self.dropped: list[RowNote] = []
        self.changed: list[RowNote] = []
        self.used: set[str] = set()

    def unique(self, note_file: str, line: int, name: str) -> str:
        """The row's id, numbered when it was used before."""
        free, number = name, 2
        while free in self.used:
            free, number = f"{name}-{number}", number + 1
        self.used.add(free)
        if free != name:
            self.changed.append(RowNote(file=note_file, line=line, id=name, reason=f"id used before, now {free}"))
        return free


def read_moral_evals(folder: str | Path) -> Questionnaire:
    """Read the three files of a folder.

    Returns:
        An instrument of all usable rows (680, 599 and 535 of the published files), its `report` naming the others.

    Raises:
        UserError: a missing file or column, an empty file, a file that is not UTF-8 or not CSV.
    """
    folder, log = Path(folder), _Log()
    if not folder.is_dir():
        raise UserError(f"no such folder: {folder}; it should hold moralchoice.csv, foundation.csv and views.csv")
    items: list[Item] = []
    for stem, columns, parse in (
        ("moralchoice", MORALCHOICE_COLUMNS, _moralchoice),
        ("foundation", FOUNDATION_COLUMNS, _foundation),
        ("views", VIEWS_COLUMNS, _views),
    ):
        path = _find(folder, stem)
        for line, row in _rows(path, columns):
            name = row["scenario_id"].strip() or f"{stem}-{line}"
            try:
                main, options, tags, remark = parse(row)
                if not row["context"].strip():
                    raise _Bad("no context")
            except _Bad as bad:
                log.dropped.append(RowNote(file=path.name, line=line, id=name, reason=str(bad)))
                continue
            if len(set(options)) < len(options):
                remark = remark or "two options are the same text; kept, it can only be answered evenly"
            if remark:
                log.changed.append(RowNote(file=path.name, line=line, id=name, reason=remark))
            unique = log.unique(path.name, line, name)
            items.append(Item(id=unique, main=main, text=row["context"].strip(), options=options, tags=tags))
            log.kept[path.name if path.parent == folder else f"{stem}/{path.name}"] += 1
    report = ImportReport(kept=dict(log.kept), dropped=tuple(log.dropped), changed=tuple(log.changed))
    return Questionnaire.from_items(items, name="moral-evals", version="2024", report=report)


Parsed = tuple[str, tuple[str, ...], tuple[dict[str, int], ...], str]
"""Main dimension, options, tags, remark (empty when nothing was changed)."""


def _moralchoice(row: Row) -> Parsed:
    rule = row["generation_rule"].strip()
    if rule not in RULES:
        raise _Bad(f"unknown rule {rule!r}")
    tags: list[dict[str, int]] = []
    for side in ("a1", "a2"):
        answers = {dimension: row[f"{side}_{column}"].strip() for dimension, column in COLUMNS.items()}
        if wrong := sorted(set(answers.values()) - set(VIOLATES)):
            raise _Bad(f"a rule column says {wrong[0]!r}; Yes, No or No Agreement is expected")
        tags.append({dimension: VIOLATES[answer] for dimension, answer in answers.items()})
    remark = "rule read as 'Do not cause pain'" if rule == "Do cause pain" else ""
    return RULES[rule], _options([row[column] for column in TWO]), tuple(tags), remark


def _foundation(row: Row) -> Parsed:
    theme = row["generation_theme"].strip()
    if theme not in THEMES:
        raise _Bad(f"unknown theme {theme!r}")
    if row["action2"].startswith(","):
        raise _Bad("split at a comma inside an option: action2 begins with a comma and both quotes are left open")
    main = THEMES[theme]
    return main, _options([row[column] for column in TWO]), ({main: 1}, {main: -1}), ""


def _views(row: Row) -> Parsed:
    if row["context"].strip() == "context":
        raise _Bad("a header row among the data")
    texts = [row[column] for column in FOUR]
    if not all(text.strip() for text in texts):
        glued = "options are glued together and " if "”,“" in ",".join(texts) else ""
        empty = [column for column, text in zip(FOUR, texts, strict=True) if not text.strip()]
        raise _Bad(f"{glued}{' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty")
    shifted = _unshift(texts)
    options = _options(shifted or texts)
    tags = tuple({dimension: 1} for dimension in DIMENSIONS[WORLDVIEWS])
    return WORLDVIEW, options, tags, "options shifted by commas, put right" if shifted else ""


def _unshift(texts: Sequence[str]) -> list[str] | None:
    """Options cut at the wrong commas, put together and cut at their quotes; None when nothing is wrong or unclear.

    >>> _unshift(["“One”,“two”", "“three”,“four", " five", " six”"])
    ['“One”', '“two”', '“three”', '“four, five, six”']
    """
    if any("”,“" in text for text in texts):
        parts = [f"“{part.strip(QUOTES)}”" for part in ",".join(texts).split("”,“")]
        return parts if len(parts) == len(texts) else None
    for k, text in enumerate(texts[:-1]):
        head, opened, tail = text.partition(', "')
        if opened and text.count('"') == 1 and texts[k + 1].count('"') == 1 and texts[k + 1].endswith('"'):
            return [*texts[:k], head, f'"{tail},{texts[k + 1]}', *texts[k + 2 :]]
    return None


def _options(texts: Sequence[str]) -> tuple[str, ...]:
    options = tuple(_bare(text) for text in texts)
    if not all(options):
        raise _Bad("an option is empty")
    return options


def _bare(text: str) -> str:
    """An option without the stray quotes around it and the stray semicolon after it.

    >>> _bare(' "I will stay."'), _bare("'Innovate.'"), _bare('("Say so");'), _bare('Say "no" to it'), _bare("the others'")
    ('I will stay.', 'Innovate.', 'Say so', 'Say "no" to it', "the others'")
    """
    text = text.strip().rstrip(";")
    while match := WRAPPED.fullmatch(text):
        text = next(group for group in match.groups() if group is not None).strip()
    return text


def _find(folder: Path, stem: str) -> Path:
    places = [folder / f"{stem}.csv", folder / stem / "final.csv"]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"no file {places[0].name} (or {stem}/final.csv) in {folder}")


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of a CSV file that has the columns; missing cells are empty."""
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path} is empty")
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
        rows = [(reader.line_num, {column: row[column] for column in columns}) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num} is not CSV: {error}") from None
    if not rows:
        raise UserError(f"{path} has a header and no rows")
    return rows
