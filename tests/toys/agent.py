"""An agent that trusts the last century a little."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.arguments import Positive


@dataclass(kw_only=True)
class Doubter:
    """Answers as century 0, only less surely."""

    doubt: Positive = 2.0

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.logits = np.log(np.maximum(task.initial_answers, 1e-30)) / self.doubt

    def act(self, observation: Any, info: Any) -> Any:
        return self.logits
