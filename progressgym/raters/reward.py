"""A rater as a reward: texts to numbers from 0 to 1, in the form that trainers of language models call.

reward = sum over steps k of p_k s_k,   s from 0 at the scale's worst end to 1 at its best, in equal steps
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
from progressgym.raters.protocol import RATERS, Rater, make_rater, ratings


def mean_step(rater: Rater, texts: Sequence[str]) -> Floats:
    """(B,) mean step of the scale, 0 to 1. A scale whose first step is its best says so: `best_first = True`."""
    shares = ratings(rater, texts)
    if shares.shape[1] < 2:
        raise UserError(f"{type(rater).__name__} has one step, which rewards nothing; two or more are needed")
    steps = np.linspace(0.0, 1.0, shares.shape[1])
    mean: Floats = shares @ (steps[::-1] if getattr(rater, "best_first", False) else steps)
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
        return mean_step(self._made, texts).tolist() if texts else []

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
