"""A rater as a reward: texts to numbers from 0 to 1, in the form that trainers of language models call.

reward = sum over steps k of p_k m_k,   m the merits of the rater's scale, from 0 to 1

A rater that gives its steps no merits is refused: which end of its scale is good is not for others to guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import Named, check_fields
from progressgym.core.errors import UserError
from progressgym.raters.protocol import RATERS, Graded, Rater, make_rater, ratings


def graded(rater: Rater) -> Floats:
    """(K,) merits of a rater's scale.

    Raises:
        UserError: none, not K numbers from 0 to 1, or all the same.
    """
    name = type(rater).__name__
    if not isinstance(rater, Graded):
        raise UserError(f"rater {name} does not say how good {', '.join(rater.scale)} are; give it merits, from 0 to 1")
    merits = np.asarray(rater.merits, dtype=np.float64)
    if merits.shape != (len(rater.scale),) or not ((merits >= 0) & (merits <= 1)).all() or not np.ptp(merits):
        raise UserError(
            f"merits of rater {name} are {list(rater.merits)}; {len(rater.scale)} numbers from 0 to 1 are expected"
        )
    return merits


def mean_merit(rater: Rater, texts: Sequence[str]) -> Floats:
    """(B,) how good each text is rated, 0 to 1.

    Raises:
        UserError: as `graded`, or ratings that are none.
    """
    merits = graded(rater)
    mean: Floats = ratings(rater, texts) @ merits
    return mean


@dataclass(kw_only=True, frozen=True)
class RaterReward:
    """Rewards what a model writes by a rater; call it as TRL calls reward functions."""

    rater: Annotated[str, Named(RATERS)] = "delphi"
    whole: bool = True
    """Rate prompt and completion together, or the completion alone."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def __name__(self) -> str:
        """What trainers call it in logs."""
        return f"reward_{self.rater}"

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float]:
        """Rewards of completions: texts, or lists of messages with `content`."""
        if len(prompts) != len(completions):
            raise UserError(f"{len(prompts)} prompts and {len(completions)} completions; one each is expected")
        pairs = zip(map(_text, prompts), map(_text, completions), strict=True)
        texts = [f"{prompt} {said}".strip() if self.whole else said for prompt, said in pairs]
        return mean_merit(self._made, texts).tolist() if texts else []

    @cached_property
    def _made(self) -> Rater:
        return make_rater(self.rater)


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, Sequence) and all(
        isinstance(one, dict) and isinstance(one.get("content"), str) for one in given
    ):
        return " ".join(one["content"] for one in given)
    raise UserError(f"a text, or a list of messages with content, is expected, not a {type(given).__name__}")
