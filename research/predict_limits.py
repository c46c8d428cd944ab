"""What any predictor could reach in the prediction benchmark, and how narrow its intervals can become.

    python -m research.predict_limits              # a few minutes
    python -m research.predict_limits --seeds 64

Two limits, on training seeds, for each condition of the aim:

* the skill of a filter that is told the family's own time course, where `kalman` has to find it out. The labels are
  Gaussian in log-odds to good approximation, so this is about the best that they allow;
* the half-width of a 95 % interval of endlessly many seeds. Drawing items again moves all seeds together, by a variance
  that more seeds do not reduce: the variance over resamples of the mean over seeds, less what items and seeds have
  together, divided by the number of seeds.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.agent import Episodes
from progressgym.agents.config import FilterConfig
from progressgym.agents.filters.kalman import Kalman
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import environments, replay, run_batch
from progressgym.bench.scoring import baseline, contributions, draw_panel
from progressgym.histories.families import FAMILIES, SHARED, family_of
from progressgym.histories.source import resolve_history
from progressgym.scores.intervals import NORMAL_QUANTILE, estimate_skill
from progressgym.scores.resampling import Panel
from research.predict import SETUP, conditions
from research.predict_confirm import CHUNK, joined, play

Floats = NDArray[np.float64]
NAMES = ("kalman", "kalman-level", "extrapolative-dpo?reference=uniform", "extrapolative-dpo?order=2&reference=uniform")
GRID = np.linspace(0.01, 0.99, 25)
"""Values of the uniform number that all coordinates of a family share, such as a cycle's period."""


class Told(Kalman):
    """A filter that knows the family."""

    def __init__(self, family: str) -> None:
        """Knowing this one."""
        super().__init__("told", FilterConfig(models="average"))
        self._family = family

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Put the family's own covariances in the place of the bank's."""
        super().begin(episodes, seeds)
        known = course_covariances(self._family, episodes.first.centuries)
        self._covariances = torch.tensor(known, device=self._mask.device)
        self._prior = torch.zeros(len(known), dtype=torch.float64, device=self._mask.device)


def course_covariances(name: str, centuries: int) -> Floats:
    """(M, T, T) covariances of a family's courses, one for every value of what its coordinates share."""
    family = family_of(name)
    each = np.eye(family.draws(centuries))  # one normal number at a time: courses are linear in them
    courses = np.array([family.courses(each, np.full(SHARED, u), centuries) for u in GRID])
    tables = np.unique(np.round(courses @ courses.swapaxes(1, 2), 12), axis=0)
    most: Floats = tables / tables.diagonal(axis1=1, axis2=2).max(1)[:, None, None]
    return most


def told(family: str, history: str, horizon: int, seeds: list[int]) -> float:
    """Skill of the filter that knows the family, on a chunk of seeds."""
    challenge = parse_challenge(f"predict?horizon={horizon}")
    envs = environments(challenge, resolve_history(history), history, len(seeds))
    panel = draw_panel(challenge, [baseline(env, seed) for env, seed in zip(envs, seeds, strict=True)], 100)
    actions = run_batch(Told(family), envs, seeds)
    traces = [replay(env, seed, taken) for env, seed, taken in zip(envs, seeds, actions, strict=True)]
    found = estimate_skill(panel, panel.utilities(contributions(challenge, traces))).skill
    assert found is not None
    return found.mid


def endless(panel: Panel, utilities: Floats) -> float:
    """Half-width that is left with endlessly many seeds."""
    lead, gain = panel.reference - panel.static, utilities - panel.static
    skill = gain[0].mean() / lead[0].mean()
    moved = (gain - skill * lead)[1:] / lead[0].mean()
    moved = moved - moved.mean(0)
    together = moved.mean(1)
    apart = (moved - together[:, None]).var(0).mean()
    return float(NORMAL_QUANTILE * np.sqrt(max(together.var() - apart / moved.shape[1], 0.0)))


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=128)
    count = parser.parse_args().seeds
    torch.set_num_threads(1)
    setup = json.loads(SETUP.read_text(encoding="utf-8"))
    first = setup["training_seeds"]["first"]
    chunks = [list(range(first + s, first + min(s + CHUNK, count))) for s in range(0, count, CHUNK)]
    for condition in conditions(setup):
        family = condition.history.removeprefix("synthetic:").partition("?")[0]
        if not condition.compared or family not in FAMILIES:
            continue
        panel, utilities = joined([play(condition, chunk, NAMES) for chunk in chunks], count)
        parts = [told(family, condition.history, condition.horizon, chunk) for chunk in chunks]
        best = np.average(parts, weights=[len(chunk) for chunk in chunks])
        print(f"{family}, Predict({condition.horizon}), {count} seeds: told the family {best:.3f}")
        for name, used in utilities.items():
            found = estimate_skill(panel, used).skill
            assert found is not None
            print(f"  {name:<44} {found.mid:.3f}, half-width of endless seeds {endless(panel, used):.4f}", flush=True)


if __name__ == "__main__":
    main()
