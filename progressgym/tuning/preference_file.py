"""A file of preferences in TRL's format, one JSON object a line, as rows that a language model is trained on.

| column | what it is |
|---|---|
| `chosen`, `rejected` | texts; that they differ is all that a row says |
| `prompt` | text before them, in all lines or in none; in none, it is what the two begin with alike |
| `weight` | how certain the preference is, in [0, 1], as `progressgym preferences export` writes it; 1 by default |
| any, named as user | who prefers so; of several users, each prompt begins with `[user]` |
| of the loss, `NEEDED` | its reasons, other prompts, lags, fares or attributes |

Legend of parts: `progressgym.losses.Margins`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from progressgym.core.errors import UserError
from progressgym.core.rows import json_rows
from progressgym.core.seeding import generator
from progressgym.tuning.contrasts import Contrast, Term
from progressgym.tuning.parts import degree_terms, prompt_terms, reason_terms, steer_terms

NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "rationale": (("rationale",), ("rationale_chosen", "rationale_rejected")),
    "intra": (("other_prompt",),),
    "inter": (("other_prompt",),),
    "lag": (("chosen_lag", "rejected_lag"),),
    "fares": (("chosen_fares", "rejected_fares"),),
    "steer": (("chosen_attributes", "rejected_attributes"),),
}
"""Columns that a part of the loss is made of, or one of several sets of them; degrees and lengths are the answers' own."""
_KINDS: dict[type, str] = {str: "text", list: "list", dict: "object", bool: "boolean", int: "number", float: "number"}


def read_contrasts(
    path: Path, parts: Sequence[str] = (), *, user: str | None = None, end: bool = True, seed: int = 0
) -> list[Contrast]:
    """The rows of a file, in its order.

    Args:
        path: ends in .jsonl, or .jsonl.gz.
        parts: what the loss looks at beside margins, see `losses.parts_of`.
        user: column that says who prefers so.
        end: whether the model learns where an answer ends, as with TRL.
        seed: of which answer a question about a reason has first.

    Raises:
        UserError: the first mistake, with its line: a column that is missing or in some lines only, a text that is none, a
            tie (`chosen` and `rejected` are the same), a number that is not finite or out of its range.
    """
    rows: list[tuple[str, dict[str, Any]]] = []
    for where, given in json_rows(path, "chosen and rejected"):
        _check_columns(given, rows[0][1] if rows else given, where)
        rows.append((where, given))
    columns = _columns(rows[0][1], parts, user, rows[0][0])
    users = set() if user is None else {str(row[user]) for _, row in rows}
    draws = generator(seed, "questions").random(len(rows))
    contrasts = []
    for (where, row), draw in zip(rows, draws.tolist(), strict=True):
        plain = _plain(row, where, end)
        if user is not None and not isinstance(row[user], str | int):
            raise UserError(f"{where}: {user} is {_kind(row[user])}; a name or a whole number is expected")
        if user is not None and len(users) > 1:
            plain = replace(plain, prompt=f"[{row[user]}] {plain.prompt}")  # one user is nobody in particular
        contrasts.append(_with_parts(plain, row, parts, columns, where, chosen_above=draw < 0.5))
    return contrasts


def _check_columns(given: Mapping[str, Any], first: Mapping[str, Any], where: str) -> None:
    """A line has what the first one has."""
    for column in ("chosen", "rejected"):
        if column not in given:
            raise UserError(f"{where}: there is no column {column!r}; it has {', '.join(sorted(given)) or 'none'}")
    for column in sorted({*given, *first}):
        if (column in given) != (column in first):
            raise UserError(f"{where}: column {column!r} stands in some lines only")


def _columns(row: Mapping[str, Any], parts: Sequence[str], user: str | None, where: str) -> tuple[str, ...]:
    """Columns that the parts are made of."""
    columns: list[str] = []
    for part in parts:
        sets = NEEDED.get(part, ((),))
        at_hand = next((names for names in sets if all(name in row for name in names)), None)
        if at_hand is None:
            wanted = " or ".join(" and ".join(names) for names in sets)
            raise UserError(
                f"{where}: the loss needs the column{'s' * (len(sets[0]) > 1)} {wanted}; it has {', '.join(sorted(row))}"
            )
        columns += at_hand
    if user is not None and user not in row:
        raise UserError(f"{where}: there is no column {user!r} of users; it has {', '.join(sorted(row))}")
    return tuple(dict.fromkeys(columns))


def _plain(row: Mapping[str, Any], where: str, end: bool) -> Contrast:
    """The preference alone."""
    chosen, rejected = _text(row, "chosen", where), _text(row, "rejected", where)
    if chosen == rejected:
        raise UserError(f"{where}: chosen and rejected are the same; a tie, or a thing beside itself, says nothing")
    if "prompt" in row:
        prompt = _text(row, "prompt", where, empty=True)
    else:
        prompt = _beginning(chosen, rejected)
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
    weight = _number(row["weight"], f"{where}, weight") if "weight" in row else 1.0
    if not 0.0 <= weight <= 1.0:
        raise UserError(f"{where}: weight is {weight}; a number from 0 (a tie) to 1 (certain) is expected")
    target = (1.0 + weight) / 2.0
    return Contrast(prompt=prompt, chosen=chosen, rejected=rejected, target=target, end=end, group=prompt)


def _beginning(one: str, other: str) -> str:
    """The whole words that two texts begin with alike."""
    alike = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return re.sub(r"\s*(\S*)$", "", one[:alike])


def _with_parts(
    plain: Contrast,
    row: Mapping[str, Any],
    parts: Sequence[str],
    columns: Sequence[str],
    where: str,
    *,
    chosen_above: bool,
) -> Contrast:
    """A row with everything that its loss looks at."""
    terms: list[Term] = []
    numbers: dict[str, tuple[float, ...]] = {}
    prompt, chosen, rejected = plain.prompt, plain.chosen, plain.rejected
    if "rationale" in parts:
        kinds = {"rationale": "more", "rationale_chosen": "more", "rationale_rejected": "less"}
        reasons = {kinds[column]: _text(row, column, where) for column in columns if column in kinds}
        terms += reason_terms(prompt, chosen, rejected, reasons, chosen_above=chosen_above)
    if "degrees" in parts:
        terms += degree_terms(prompt, (chosen, rejected))
    if "intra" in parts or "inter" in parts:
        other = _text(row, "other_prompt", where)
        if other == row.get("prompt"):
            raise UserError(
                f"{where}: other_prompt is the prompt itself; one that asks for the rejected answer is expected"
            )
        terms += prompt_terms(prompt, other, chosen, rejected, parts)
    if "steer" in parts:
        good, bad = (_attributes(row[f"{side}_attributes"], f"{where}, {side}_attributes") for side in _SIDES)
        terms += steer_terms(good + prompt, bad + prompt, chosen, rejected, certain=plain.target == 1.0)
    for part in ("lag", "fares"):
        if part in parts:
            pair = [_number(row[f"{side}_{part}"], f"{where}, {side}_{part}") for side in _SIDES]
            numbers[part] = (pair[0] - pair[1],) if part == "lag" else (pair[0], pair[1])
    if "length" in parts:
        counts = [math.log(max(len(text.split()), 1)) for text in (chosen, rejected)]
        numbers["length"] = (counts[0] - counts[1],)
    return replace(plain, terms=tuple(terms), numbers=numbers)


_SIDES = ("chosen", "rejected")


def _text(row: Mapping[str, Any], column: str, where: str, *, empty: bool = False) -> str:
    given = row[column]
    if isinstance(given, list):
        raise UserError(
            f"{where}: {column} is a list, as of a conversation; write its messages as one text, by the model's chat template"
        )
    if not isinstance(given, str):
        raise UserError(f"{where}: {column} is {_kind(given)}; a text is expected")
    if not empty and not given.strip():
        raise UserError(f"{where}: {column} is empty")
    return given


def _number(given: Any, where: str) -> float:
    if type(given) not in (int, float) or not abs(given) < 1e12:
        raise UserError(
            f"{where} is {given if type(given) in (int, float) else _kind(given)}; a finite number is expected"
        )
    return float(given)


def _attributes(given: Any, where: str) -> str:
    """`[helpful 4, verbose 1] `, what stands before a prompt."""
    if not isinstance(given, dict) or not given:
        raise UserError(f"{where} is {_kind(given)}; an object of names and numbers is expected")
    named = [f"{name} {_number(given[name], f'{where}, {name}'):g}" for name in sorted(given)]
    return f"[{', '.join(named)}] "


def _kind(given: Any) -> str:
    return "null" if given is None else f"a {_KINDS.get(type(given), 'value')}"
