"""Options of a command: a dataclass parsed by tyro, with help that ends in examples and errors of one line."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import TypeVar

from progressgym.core.errors import UserError

Parsed = TypeVar("Parsed")
_FRAME = re.compile(r"[│╭╮╰╯├┤|]")
_RULE = re.compile(r"^[─\-\s]+$")


class Mistake(UserError):
    """What was typed cannot be understood."""


def parse(
    kind: type[Parsed], program: str, given: Sequence[str], examples: str, kinds: Sequence[str] = ()
) -> Parsed | None:
    """Parse options.

    Args:
        kind: a dataclass; its docstrings are the help.
        program: name in the help, for example `progressgym bench`.
        given: what was typed after the command.
        examples: lines that end the help.
        kinds: names of these kinds stand before them, see `progressgym list`.

    Returns:
        The options, or None when help was asked for and has been printed.

    Raises:
        Mistake: one line that says what was wrong.
    """
    import tyro

    _refuse_empty(given)
    complaint, help_text = _paper(), _paper()
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    try:
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(help_text):
            return tyro.cli(kind, prog=program, args=list(given), config=config)
    except SystemExit as ended:
        if ended.code in (0, None):
            sys.stdout.write(_written(help_text))
            for names in kinds:
                from progressgym.cli.list import sentence

                print(f"\n{textwrap.fill(sentence(names), 100, subsequent_indent='  ', break_on_hyphens=False)}")
            print(f"\nexamples:\n{indent(examples)}")
            return None
        raise Mistake(f"{one_line(_written(complaint))}; see {program} --help") from None


def _refuse_empty(given: Sequence[str]) -> None:
    """What is left empty, as by a variable of the shell that is not set, would be taken for the default.

    Raises:
        Mistake: names the option.
    """
    for place, word in enumerate(given):
        name, mark, value = word.partition("=")
        if not word.strip():
            before = given[place - 1] if place else ""
            name = before if before.startswith("--") else "an argument"
        elif not (mark and name.startswith("--") and not value.strip()):
            continue
        raise Mistake(f"{name} is empty; give it a value, or leave it out")


def _paper() -> io.TextIOWrapper:
    """A stream in memory that takes any sign, so that what is written does not depend on where it will be shown."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _written(paper: io.TextIOWrapper) -> str:
    paper.seek(0)
    return paper.read()


def indent(text: str) -> str:
    """Lines set in by two spaces."""
    return "\n".join(f"  {line}" for line in text.strip().splitlines())


def one_line(report: str) -> str:
    """What a framed, many-line complaint says, on one line.

    >>> one_line("╭─ Unrecognized ─╮\\n│ Unrecognized options: --sedes │\\n│ ──── │\\n│ For full help │\\n╰──╯")
    'unrecognized options: --sedes'
    """
    sections: list[list[str]] = [[]]
    for raw in report.splitlines():
        if raw.lstrip().startswith(("╭", "╰")):
            continue
        line = _FRAME.sub("", raw).strip()
        if _RULE.match(line):
            sections.append([])
        elif line:
            sections[-1].append(line)
    sentence = " ".join(sections[0]) or "bad options"
    near = [line for section in sections[1:] if section[:1] == ["Perhaps you meant:"] for line in section[1:]]
    hint = next((line.split(",")[0].split()[0] for line in near if line.startswith("--")), None)
    sentence = sentence.rstrip(".")
    return sentence[:1].lower() + sentence[1:] + (f" (did you mean {hint}?)" if hint else "")


def listed(text: str) -> list[str]:
    """A comma-separated list; empty for an empty text.

    Raises:
        Mistake: nothing but commas.

    >>> listed("static, lifelong-map")
    ['static', 'lifelong-map']
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if text and not parts:
        raise Mistake(f"{text!r} lists nothing; give names with commas between them")
    return parts
