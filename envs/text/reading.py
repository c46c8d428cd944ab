"""Reads completions strictly. Whatever is written has one defined outcome, and nothing that is written is ever repeated.

A completion is one line for every question, `1. A`, in any order; the number may be left out where one question was asked.
What follows the number is

    letter          A    A.    (A)    A. the option's text
    option          the text of one option
    probabilities   A 70 B 20 C 10    A: 0.7, B: 0.2, C: 0.1    of every option once, which sum to 100 or to 1

and everything else is not read:

    missing      no line has the question's number
    twice        two lines have it
    unreadable   its line is none of the three
    foreign      a line that answers no question: then nothing of the completion is read
    too long     more signs than its questions could need: nothing of it is read

What is not read states nothing: it counts as the uniform answer and is paid the least, see `progressgym.envs.text.reward`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.instruments.forms import LETTERS

Floats = NDArray[np.float64]
READ = ("letter", "option", "probabilities")
NOT_READ = ("missing", "twice", "unreadable", "foreign", "too long")
TOLERANCE = 0.02
"""How far stated probabilities may sum from 1, relative; they are then divided by their sum."""
EXACT = 1e-9
"""Sums nearer to 1 than this are rounding and left alone, so that exactly written numbers stay as they are."""
_NUMBERED = re.compile(r"([0-9]{1,4}) ?[.):] ?(.*)")
_LETTER = re.compile(r"[(\[]?([A-D])[)\]]?[.:)]?(?: (.+))?")
_PART = r"([A-D]) ?[:=]? ?([0-9]{1,3}(?:\.[0-9]{1,24})?(?:e-[0-9]{1,3})?) ?%? ?[,;]? ?"
_PARTS, _STATED = re.compile(_PART), re.compile(f"(?:{_PART}){{2,4}}")


@dataclass(kw_only=True, frozen=True, eq=False)
class Reply:
    """What a completion said of B questions."""

    answers: Floats
    """(B, K) stated probabilities, padding 0; a row of 0 where nothing was read."""
    outcomes: tuple[str, ...]
    """B of `READ` or `NOT_READ`."""

    @property
    def read(self) -> NDArray[np.bool_]:
        """(B,) True where something was read."""
        return np.array([outcome in READ for outcome in self.outcomes], dtype=bool)


def longest(questions: int) -> int:
    """Signs of the longest completion that is read."""
    return 1000 + 500 * questions


def text_of(completion: Any) -> str:
    """The text of a completion as a framework hands it over: a text, None, or messages of which the last one counts.

    >>> text_of([{"role": "assistant", "content": [{"type": "text", "text": "1. A"}]}])
    '1. A'
    """
    if isinstance(completion, str):
        return completion
    last = completion[-1].get("content") if completion else None
    if isinstance(last, str):
        return last
    return "".join(str(part.get("text") or "") for part in last or () if isinstance(part, Mapping))


def read_completion(completion: str, options: Sequence[Sequence[str]], width: int) -> Reply:
    """Read a completion.

    Args:
        completion: what was written, whatever it is.
        options: texts of the options of B questions.
        width: K of the answers.

    >>> reply = read_completion("2. A 25 B 75\\n1. B", [["I go.", "I stay."]] * 2, 2)
    >>> reply.outcomes, reply.answers.tolist()
    (('letter', 'probabilities'), [[0.0, 1.0], [0.25, 0.75]])
    """
    answers = np.zeros((len(options), width))
    if len(completion) > longest(len(options)):
        return Reply(answers=answers, outcomes=("too long",) * len(options))
    lines = [" ".join(line.split()) for line in completion.split("\n")]
    bodies: dict[int, list[str]] = {}
    for line in filter(None, lines):
        number, body = _numbered(line, len(options))
        if not 1 <= number <= len(options):
            return Reply(answers=answers, outcomes=("foreign",) * len(options))
        bodies.setdefault(number - 1, []).append(body)
    outcomes = ["missing"] * len(options)
    for b, texts in bodies.items():
        outcomes[b] = "twice"
        if len(texts) == 1:
            outcomes[b], answers[b, : len(options[b])] = _read(texts[0], options[b])
    return Reply(answers=answers, outcomes=tuple(outcomes))


def written(answers: Floats, options: Sequence[Sequence[str]]) -> str:
    """The completion that states exactly these probabilities (B, K): it is read to the same bits.

    >>> written(np.array([[0.25, 0.75]]), [["I go.", "I stay."]])
    '1. A 0.25 B 0.75'
    """
    rows = (zip(LETTERS, row[: len(texts)].tolist(), strict=False) for row, texts in zip(answers, options, strict=True))
    return "\n".join(
        f"{b}. " + " ".join(f"{letter} {share!r}" for letter, share in row) for b, row in enumerate(rows, 1)
    )


def in_hundred(shares: Floats) -> list[int]:
    """Probabilities as whole numbers that sum to 100: the largest remainders are rounded up.

    >>> in_hundred(np.array([1 / 3, 1 / 3, 1 / 3]))
    [34, 33, 33]
    """
    exact = 100.0 * shares
    whole = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: 100 - int(whole.sum())]] += 1
    return [int(share) for share in whole]


def _numbered(line: str, count: int) -> tuple[int, str]:
    """Number of the question that a line answers, 0 for none, and the answer."""
    match = _NUMBERED.fullmatch(line)
    if match:
        return int(match[1]), match[2]
    return (1, line) if count == 1 else (0, "")


def _read(body: str, options: Sequence[str]) -> tuple[str, Floats]:
    """Outcome and probabilities (k,) of one answer; 0 where it is not read."""
    stated = np.zeros(len(options))
    letter = _LETTER.fullmatch(body)
    if letter and LETTERS.index(letter[1]) < len(options):
        chosen = LETTERS.index(letter[1])
        if letter[2] is None or plain(letter[2]) == plain(options[chosen]):
            stated[chosen] = 1.0
            return "letter", stated
    same = [k for k, option in enumerate(options) if plain(option) == plain(body)]
    if len(same) == 1:
        stated[same[0]] = 1.0
        return "option", stated
    if _STATED.fullmatch(body):
        parts = _PARTS.findall(body)
        if sorted(name for name, _ in parts) == list(LETTERS[: len(options)]):
            stated[[LETTERS.index(name) for name, _ in parts]] = [float(number) for _, number in parts]
            total = float(stated.sum())
            whole = 1.0 if total < 2.0 else 100.0
            if abs(total / whole - 1.0) <= TOLERANCE:
                return "probabilities", stated if abs(total - 1.0) <= EXACT else stated / total
    return "unreadable", np.zeros(len(options))


def plain(text: str) -> str:
    """A text without what does not matter when it is repeated."""
    return " ".join(text.split()).strip("\"'").removesuffix(".").casefold()
