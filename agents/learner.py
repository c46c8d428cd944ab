"""The learning agents: forecast rule over the preference history x alignment method x stance policy x restart rule.

One class serves lifelong (forecast = order = 0) and extrapolative agents, iterative and independent ones, with MAP,
DPO or RLHF, for one episode or a batch of them. Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from progressgym.agents.agent import Agent, Episodes
from progressgym.agents.align import base_stance, dpo_update, map_update, rlhf_update
from progressgym.agents.devices import choose_device
from progressgym.agents.forecast import TARGETS, check_rule, loss_terms, series_of
from progressgym.agents.policies.stance import StancePolicy
from progressgym.core.errors import UserError, unknown
from progressgym.core.protocols import Observation
from progressgym.instruments.stance import DEFAULT_SCALE

METHODS = ("map", "dpo", "rlhf")
REFERENCES = ("stage", "uniform")
PRIOR = {"probability": 4.0, "sample": 24.0}
"""MAP: precision of a century's move by kind of labels. Chosen on synthetic histories, see docs/agents/map.md."""


@dataclass(kw_only=True, frozen=True)
class LearnerConfig:
    """Everything that decides how a learner learns."""

    method: str
    """`map`, `dpo` or `rlhf`."""
    independent: bool = False
    """Restart from century 0's policy every century instead of continuing from the last one."""
    forecast: int = 0
    """K: for how many centuries ahead preferences are extrapolated."""
    order: int = 0
    """M: degree of the extrapolating polynomial."""
    reference: str = "stage"
    """DPO and RLHF: `stage`, the policy that the century begins with, or `uniform`."""
    targets: str | None = None
    """`soft` or `signed`, see `forecast.loss_terms`; soft for probabilities and signed for samples when None."""
    beta_dpo: float = 1.0
    """DPO: how strongly the policy is held to the reference."""
    beta_kl: float = 1.0
    """RLHF: price of a nat of divergence from the reference."""
    ridge: float = 0.1
    """DPO and RLHF: precision of the weak Gaussian prior of a fit."""
    prior: float | None = None
    """MAP: precision of a century's move; `PRIOR` when None."""
    scale: float = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.method not in METHODS:
            raise unknown("alignment method", self.method, METHODS)
        if self.reference not in REFERENCES:
            raise unknown("reference", self.reference, REFERENCES)
        if self.targets is not None and self.targets not in TARGETS:
            raise unknown("kind of targets", self.targets, TARGETS)
        if not isinstance(self.independent, bool):
            raise UserError(f"independent is {self.independent!r}; use true or false")
        check_rule(self.forecast, self.order)
        for name in ("beta_dpo", "beta_kl", "ridge", "scale", "prior"):
            value = getattr(self, name)
            if name == "prior" and value is None:
                continue
            if isinstance(value, (bool, str)) or not 0 < value < float("inf"):
                raise UserError(f"{name} is {value!r}; a positive number is expected")


class Learner(Agent):
    """Learns a stance from each century's comparisons."""

    def __init__(self, name: str, config: LearnerConfig) -> None:
        """Name and configure the agent."""
        super().__init__(name)
        self.config = config

    @property
    def theta(self) -> NDArray[np.float64]:
        """(B, D) the current stance."""
        stance: NDArray[np.float64] = self._theta.cpu().numpy().copy()
        return stance

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Start from century 0: its answers are the policy, its labels the first entries of the series."""
        config = self.config
        device = choose_device(config.device, len(episodes))
        self._policy = StancePolicy.of(episodes.instrument, episodes.initial_answers, scale=config.scale, device=device)
        self._theta = self._policy.start()
        self._kind = episodes.label_kind
        self._targets = config.targets or ("soft" if self._kind == "probability" else "signed")
        self._features, self._offsets = self._policy.comparisons(torch.tensor(episodes.pairs, device=device))
        self._series = [self._entry(episodes.initial_labels)]
        uniform = config.method == "rlhf" and config.reference == "uniform"
        self._base = base_stance(self._policy.design, self._policy.base.flatten(1)) if uniform else None

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Learn from a century, then answer (B, N, K)."""
        if not np.array_equal(observation["pairs"], self.episodes.pairs):
            raise UserError(f"{self.name} needs the same comparisons every century; these pairs are not the task's")
        self._series.append(self._entry(observation["labels"]))
        series = torch.stack(self._series, -1)
        targets, weights = loss_terms(series, self.config.forecast, self.config.order, self._targets)
        start = self._policy.start() if self.config.independent else self._theta
        self._theta = self._align(targets, weights, start)
        logits: NDArray[np.float64] = self._policy.logits(self._theta).cpu().numpy()
        return logits

    def _entry(self, labels: NDArray[np.float32]) -> Tensor:
        """(B, Q) one century's entries of the series; a label outside of [0, 1] counts as missing."""
        given = torch.tensor(np.asarray(labels, dtype=np.float64), device=self._theta.device)
        known = torch.where((given >= 0) & (given <= 1), given, torch.nan)
        clipped = known.clamp(1e-4, 1 - 1e-4) if self._kind == "probability" else known
        return series_of(clipped, self._kind)

    def _align(self, targets: Tensor, weights: Tensor, start: Tensor) -> Tensor:
        """One stage of the alignment method: a new stance (B, D)."""
        config, features, offsets = self.config, self._features, self._offsets
        if config.method == "map":
            prior = PRIOR[self._kind] if config.prior is None else config.prior
            return map_update(features, offsets, targets, weights, start, prior=prior)
        if config.method == "dpo":
            uniform = config.reference == "uniform"
            return dpo_update(
                features,
                offsets,
                targets,
                weights,
                start,
                beta_dpo=config.beta_dpo,
                ridge=config.ridge,
                uniform=uniform,
            )
        return rlhf_update(
            features, targets, weights, start, beta_kl=config.beta_kl, ridge=config.ridge, unexplained=self._base
        )
