"""A crowd rater: which share of people would call it right, and a reason in a language model's words.

    p(right | text) by a linear head over a language model's vector of the text, fitted to shares of people (soft labels)
    reason          of n continuations of `{text}. This is {verdict} because`, the one that speaks most for the verdict by itself

Source: Alhassan, Zhang and Schlegel, "Am I the Bad One"? (AITA; arXiv 2204.04555) and the generator of verdicts with reasons
that followed: seq2seq models on posts whose two top comments agree. Different here: contested cases are kept, with their shares; nothing is
read from Reddit; the language model is not fine-tuned, so its reasons are chosen and not learned.

Legend of shapes: B texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import Floats
from progressgym.core.arguments import Count, Whole, check_fields
from progressgym.core.errors import UserError
from progressgym.core.rows import csv_rows, finite_number
from progressgym.raters.acts import shipped_acts
from progressgym.raters.head import LinearHead, best_ridge

if TYPE_CHECKING:
    from progressgym.models.cache import Remembered

LEAD = " Is this okay?"
"""Follows the text, so that its vector is about whether it is."""
BECAUSE = "{text}. This is {verdict} because"
FOLDS = 5


@dataclass(kw_only=True, frozen=True)
class Crowd:
    """What share of people would call it right, and why."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes and that gives vectors and writes; a century's, for its crowd."""
    labels: str = ""
    """A comma-separated file with columns text (or action), yes and no: how many people said each. Acts of our own when empty: 0, 1/2
    and 1 for bad, discretionary and good."""
    tries: Count = 4
    """Continuations among which a reason is chosen."""
    tokens: Count = 16
    """Of a reason, at most."""
    seed: Whole = 0
    device: str = "auto"
    """auto, cpu or cuda."""
    scale: tuple[str, ...] = field(default=("wrong", "right"), init=False)
    merits: tuple[float, ...] = field(default=(0.0, 1.0), init=False)

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 2) shares of people."""
        return self._head.probabilities(self.vectors(texts)) if len(texts) else np.zeros((0, 2))

    def reason(self, text: str) -> str:
        """The verdict, and the continuation that speaks most for it."""
        return self.reasons([text])[0]

    def reasons(self, texts: Sequence[str]) -> list[str]:
        """A reason for every text; `verdict: no reason` where the model writes nothing."""
        verdicts = [self.scale[int(p > 0.5)] for p in self.rate(texts)[:, 1]]
        chosen = []
        for verdict, several in zip(verdicts, self.continuations(texts, verdicts), strict=True):
            texts_of = [one for one in several if one]
            speaks = self.rate(texts_of)[:, self.scale.index(verdict)] if texts_of else np.zeros(0)
            chosen.append(f"{verdict}: {texts_of[int(speaks.argmax())]}" if texts_of else f"{verdict}: no reason")
        return chosen

    def continuations(self, texts: Sequence[str], verdicts: Sequence[str]) -> list[list[str]]:
        """What the model writes after `because`, its first sentence, `tries` times each."""
        prompts = [
            BECAUSE.format(text=text.rstrip(" ."), verdict=verdict)
            for text, verdict in zip(texts, verdicts, strict=True)
        ]
        written = self._model.sample(prompts, self.tries, seed=self.seed, temperature=0.7, max_tokens=self.tokens)
        return [[_sentence(one) for one in several] for several in written]

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(B, d)."""
        return np.asarray(self._model.embed([text + LEAD for text in texts]), dtype=np.float64)

    @cached_property
    def _model(self) -> Remembered:
        from progressgym.models import load_language_model
        from progressgym.models.cache import Remembered

        return Remembered(load_language_model(self.model, device=self.device))

    @cached_property
    def _head(self) -> LinearHead:
        texts, shares = read_shares(Path(self.labels)) if self.labels else _shipped()
        targets = np.stack([1.0 - shares, shares], axis=1)
        vectors = self.vectors(texts)
        ridge, _ = best_ridge(vectors, targets, [n % FOLDS for n in range(len(texts))])
        return LinearHead.fit(vectors, targets, ridge)


def read_shares(path: Path) -> tuple[list[str], Floats]:
    """Texts and the share of people who say yes of each.

    Raises:
        UserError: the first mistake, with its line; fewer texts than are needed to hold some out.
    """
    rows = list(csv_rows(path, ("yes", "no")))
    column = next((name for name in ("text", "action") if name in rows[0][1]), None)
    if column is None:
        raise UserError(f"{path.name} has no column 'text' or 'action'")
    texts, shares = [], []
    for line, row in rows:
        yes, no = (finite_number(row[name], f"{path.name}, line {line}, {name}") for name in ("yes", "no"))
        if yes < 0 or no < 0 or yes + no == 0:
            raise UserError(
                f"{path.name}, line {line}: {row['yes']} yes and {row['no']} no; counts of people are expected"
            )
        if not row[column].strip():
            raise UserError(f"{path.name}, line {line}: {column} is empty")
        texts.append(row[column])
        shares.append(yes / (yes + no))
    if len(texts) < 2 * FOLDS:
        raise UserError(f"{path.name} has {len(texts)} texts; {2 * FOLDS} or more are needed")
    return texts, np.array(shares)


def half_floor(yes: ArrayLike, no: ArrayLike, draws: int = 200, seed: int = 0) -> Floats:
    """(n,) mean total variation between the shares of two random halves of the same people: as near as people are to people.

    Args:
        yes: (n,) how many said yes.
        no: (n,).
        draws: divisions into halves.
        seed: of the draws.
    """
    a, b = (np.asarray(side, dtype=np.int64) for side in (yes, no))
    size = (a + b) // 2
    if (size < 1).any():
        raise UserError("two halves need two people a text")
    first = np.random.default_rng(seed).hypergeometric(a, b, size, (draws, len(a)))
    apart: Floats = np.abs(first / size - (a - first) / (a + b - size)).mean(0)
    return apart


def consistency(stated: Sequence[str], inferred: NDArray[np.bool_]) -> float:
    """Share of reasons from which alone the stated verdict is inferred.

    Args:
        stated: verdicts, `right` or `wrong`.
        inferred: (B,) whether a reader of the reason alone says `right`.
    """
    return float(
        np.mean([(verdict == "right") == bool(right) for verdict, right in zip(stated, inferred, strict=True)])
    )


def _shipped() -> tuple[list[str], Floats]:
    acts = shipped_acts()
    return [act.text for act in acts], np.array([(act.label + 1) / 2 for act in acts])


def _sentence(text: str) -> str:
    """Its first sentence, without what a model goes on with."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    for mark in ".!?":
        line = line.partition(mark)[0]
    return line.strip()
