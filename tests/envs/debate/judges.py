"""Scripted domains and judges: numbers small enough for a head, and judges that fail in every way."""

from __future__ import annotations

import numpy as np

from progressgym.core.debate import UNKNOWN, Bools, Cases, CaseText, Floats, Ints
from progressgym.core.errors import UserError


class SumDomain:
    """Two options, N pieces; piece i says a number in [-1, 1]. Positive speaks for option 0."""

    name, features, decisions = "sum", 1, 2

    def __init__(self, pieces: int = 6, texts: tuple[str, ...] | None = None) -> None:
        self.pieces = pieces
        self.draws = pieces + 1
        self.piece_names = tuple(f"piece {i}" for i in range(pieces))
        self.texts = texts

    def cases(self, uniforms: Floats) -> Cases:
        said = 2.0 * uniforms[:, 1:] - 1.0
        seat = (uniforms[:, 0] >= 0.5).astype(np.int64)
        options = np.stack([seat, 1 - seat], axis=1)
        good = (said.sum(1) < 0).astype(np.int64)
        return Cases(
            states=np.zeros(len(seat), dtype=np.int64),
            options=options,
            evidence=said[..., None].astype(np.float32),
            preferred=np.where(options[:, 0] == good, 0, 1),
        )

    def pairs(self, states: Ints, options: Ints, preferred: Ints | None = None) -> Cases:
        zeros = np.zeros((len(states), self.pieces, 1), dtype=np.float32)
        unknown = np.full(len(states), UNKNOWN, dtype=np.int64)
        return Cases(
            states=states, options=options, evidence=zeros, preferred=unknown if preferred is None else preferred
        )

    def text(self, cases: Cases, row: int) -> CaseText:
        pieces = self.texts or tuple(f"{value:+.2f}" for value in cases.evidence[row, :, 0])
        names = ("up", "down")
        first, second = (names[k] for k in cases.options[row].tolist())
        return CaseText(question="Up or down?", options=(first, second), pieces=pieces)


class SumJudge:
    """Adds up what was shown: linear, so that everything about it is known."""

    fingerprint = "sum"

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        total = (cases.evidence[..., 0].astype(np.float64) * revealed).sum(1)
        scores: Floats = np.where(cases.options == 0, total[:, None], -total[:, None])
        return scores


class BrokenJudge:
    """Gives what it was told to, whatever it is asked."""

    fingerprint = "broken"

    def __init__(self, answer: Floats) -> None:
        self.answer = answer

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        return self.answer


class FailsOnce:
    """Raises the first time that it is asked, then rules like another judge."""

    fingerprint = "fails once"

    def __init__(self, after: SumJudge) -> None:
        self.calls, self._after = 0, after

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        self.calls += 1
        if self.calls == 1:
            raise UserError("the judge fell asleep")
        return self._after.score(cases, revealed)
