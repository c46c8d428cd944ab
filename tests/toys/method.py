"""A method that learns slowly."""

from dataclasses import dataclass
from typing import Any

from progressgym.agents.methods import Map, Stage
from progressgym.core.arguments import Positive


@dataclass(kw_only=True, frozen=True)
class Halfway(Map):
    """Goes a part of the way that MAP goes."""

    share: Positive = 0.5

    def update(self, stage: Stage) -> Any:
        return stage.start + self.share * (super().update(stage) - stage.start)
