"""A language model as a rater: what it says of a deed once it is told, as histories are read.

    p(approving) = sigma(mean over verdicts of [log p(approving | text + lead) - log p(disapproving | text + lead)])

The words are those of the shipped questionnaires (" This deed is just" against " wicked"). The rating is the model's, not
people's: how far it is from theirs is for whoever uses it to measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import check_fields
from progressgym.core.protocols import OptionScorer
from progressgym.instruments.ask import DEFAULT_CONFIG, verdict_odds


@dataclass(kw_only=True, frozen=True)
class Verdict:
    """What a language model says of a deed."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes."""
    device: str = "auto"
    """auto, cpu or cuda."""

    merits: tuple[float, ...] = field(default=(1.0, 0.0), init=False)
    """The first word approves."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def scale(self) -> tuple[str, str]:
        """The words, without their space."""
        _, good, bad = DEFAULT_CONFIG.verdicts[0]
        return good.strip(), bad.strip()

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 2)."""
        odds = verdict_odds(self._scorer, texts, DEFAULT_CONFIG.verdicts).mean(0)
        approving = 1.0 / (1.0 + np.exp(-odds))
        return np.stack([approving, 1.0 - approving], axis=-1)

    def reason(self, text: str) -> str:
        """Which words the model finds likelier, and how much."""
        good, bad = (float(share) for share in self.rate([text])[0])
        word, other = self.scale if good >= bad else self.scale[::-1]
        ratio = max(good, bad) / max(min(good, bad), 1e-12)
        return f"{self.model} finds it {ratio:.3g} times as likely to be called {word} as {other}"

    @cached_property
    def _scorer(self) -> OptionScorer:
        from progressgym.models import load_model

        return load_model(self.model, device=self.device)
