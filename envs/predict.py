"""Predict: answer as the human will, k centuries from now."""

from __future__ import annotations

from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar
from progressgym.envs.base import DEFAULT_HISTORY
from progressgym.envs.stance import StanceFlavour
from progressgym.envs.tracking import TrackingEnv
from progressgym.histories.source import HistorySpec
from progressgym.instruments.instrument import Instrument


class PredictEnv(TrackingEnv):
    """
    Predict.
    """

    challenge = "predict"

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        horizon: int = 1,
        instrument: Instrument | str | None = None,
        queries: str | int = "all",
        labels: str = "probability",
        reward: str = "utility",
        text: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 0:
            raise UserError(f"horizon is {horizon!r}; use a whole number of centuries, 0 or more")
        self._horizon = horizon
        super().__init__(
            history,
            instrument=instrument,
            queries=queries,
            labels=labels,
            reward=reward,
            text=text,
            render_mode=render_mode,
        )

    def _parameters(self) -> dict[str, Scalar]:
        return {**super()._parameters(), "horizon": self.horizon}


class PredictStanceEnv(StanceFlavour, PredictEnv):
    """
    Predict in numbers.
    """
