"""Everything that can go wrong, as a status and a list of reasons with JSON pointers. Never a traceback."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from progressgym.leaderboard.problems import Problem, problem


class Refusal(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, problems: Iterable[Problem], *, retry_after: float | None = None) -> None:
        """Keep the reasons."""
        self.status, self.problems, self.retry_after = status, tuple(problems), retry_after
        super().__init__("; ".join(map(str, self.problems)))


class Problems(BaseModel):
    """Body of every answer that is not a success."""

    problems: list[Problem]


def because(status: int, code: str, where: str, message: str, *, retry_after: float | None = None) -> Refusal:
    """A refusal for one reason."""
    return Refusal(status, [problem(code, where, message)], retry_after=retry_after)


TITLES = {
    400: "This cannot be meant",
    401: "No valid token",
    404: "There is nothing here",
    405: "This cannot be done here",
    408: "It took too long",
    413: "Too large",
    415: "Not a zip",
    422: "Refused",
    429: "Too often",
    431: "Too many headers",
    500: "The board made a mistake",
    503: "Too busy",
}
