"""Errors that a user can act on: one line that says what was wrong and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LONGEST = 2000
_BREAKS = re.compile("\\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\\s*")
_UNPRINTABLE = re.compile("[\x00\x1b\ud800-\udfff]")


class UserError(ValueError):
    """Bad input. Its message is one line; the command line prints it without a traceback and exits with code 2.

    A message often quotes what a stranger wrote, so it is made one printable line here, whatever that was.
    """

    def __init__(self, message: object = "") -> None:
        """Keep the message on one line of at most `LONGEST` signs."""
        line = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", str(message)))
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST]} ...")


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The nearest known names as a phrase, or an empty string.

    >>> did_you_mean("folow", ["follow", "predict"])
    " (did you mean 'follow'?)"
    """
    near = difflib.get_close_matches(name, list(choices), n=2, cutoff=0.5)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def unknown(kind: str, name: str, choices: Iterable[str]) -> UserError:
    """The error for a name that does not exist, with the nearest names and the whole list.

    >>> str(unknown("challenge", "folow", ["follow", "predict"]))
    "unknown challenge 'folow' (did you mean 'follow'?); known: follow, predict"
    """
    names = list(choices)
    return UserError(f"unknown {kind} {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}")
