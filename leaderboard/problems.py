"""Problems: why a submission is refused, each with its place. A refusal is a list of them, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

MOST = 50
"""A refusal lists at most this many problems."""
LONGEST = 300
"""Signs of a message at most."""


class Problem(BaseModel):
    """One reason."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    code: str
    """Short and stable, for programs: `json-duplicate-key`, `cell-missing`."""
    where: str
    """File of the submission, then `#` and a JSON pointer where there is one: `submission.json#/cells/3/seed`."""
    message: str
    """What is wrong and what would be right, in one line."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]"


class Refused(Exception):
    """A submission cannot be read any further."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the reasons."""
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


@dataclass
class Findings:
    """Problems found so far; stops collecting at `MOST`."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, where: str, message: str) -> None:
        """Note one problem."""
        if len(self.problems) < MOST:
            self.problems.append(problem(code, where, message))

    def take(self, problems: Iterable[Problem]) -> None:
        """Note several problems."""
        for one in problems:
            self.add(one.code, one.where, one.message)

    def settle(self) -> None:
        """End here when there are problems.

        Raises:
            Refused: there are.
        """
        if self.problems:
            raise Refused(self.problems)

    def __bool__(self) -> bool:
        return bool(self.problems)


def problem(code: str, where: str, message: str) -> Problem:
    """A problem whose texts are safe to print: one line, plain signs, not too long."""
    return Problem(code=code, where=plain(where, 200), message=plain(message, LONGEST))


def refuse(code: str, where: str, message: str) -> Refused:
    """The exception for a single problem."""
    return Refused([problem(code, where, message)])


def plain(text: str, longest: int = LONGEST) -> str:
    r"""Printable ASCII of any text, cut: what a submitter wrote must not act on the reader's terminal or page.

    >>> plain("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    escaped = "".join(
        sign if " " <= sign <= "~" else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text[: longest + 1]
    )
    return escaped if len(escaped) <= longest else escaped[: longest - 3] + "..."


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901).

    >>> pointer("cells", 3, "a/b")
    '/cells/3/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
