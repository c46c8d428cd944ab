"""What adapting to the next century costs the last one, and which method repairs it (A11: arXiv 2402.10884, without its images).

    python -m research.repair                                   every step of gss-v1, eight splits; synthetic histories

A policy holds a century exactly. It is aligned with the next one (`lifelong-dpo?reference=uniform`, exact labels). Items whose
answers the two centuries share (the half that moved least) say what that has damaged; the other half says what it has learned:

    damage = error to the old century on what did not change          lesson = error to the new century on what did
    recovered = 1 - damage after repair / damage before               tax = (lesson after repair - before) / lesson of never learning

Errors are root mean squares of answers on items that no comparison was about. Repair is a stage with N comparisons of the old
century about unchanged items, the same for every method: of each, LEVELS people vote, and only those are taken whose votes differ
by half or more (the paper's granular pairs: scores from 0 to 4, two apart). Of the votes a share is flipped. Half flipped says
nothing: what a method recovers from that, it recovers by moving at all. Beside them stands what exact probabilities would do.

| method | stage |
|---|---|
| supervised | likelihood of the votes: DPO against the uniform policy |
| rejection | the same on the better answer alone, where the policy drew it in two tries |
| map | supervised, doubting |
| dpo, ipo, rdpo | against the policy that is repaired |
| steerlm | learned with scores, asked for the best, or for a little above the middle |

Recovered share and tax are sums over a history's steps; intervals are 95 % of a bootstrap over seeds. The same with a language
model: `research.repair_model`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.methods import Dpo, Map, Method, Stage, SteerLm
from progressgym.agents.policies import StancePolicy
from progressgym.core.answers import softmax_options
from progressgym.histories.history import History
from progressgym.histories.splits import split_id
from progressgym.preferences.comparisons import all_pairs, probabilities

Floats = NDArray[np.float64]
LEVELS, APART, RESAMPLES = 4, 0.5, 2000
EXACT = -1.0
"""In the place of a share of flipped votes: probabilities themselves."""
FLIPS = (EXACT, 0.0, 0.25, 0.5)
ADAPT = Dpo(reference="uniform")
METHODS: dict[str, Method] = {
    "supervised": Dpo(reference="uniform"),
    "supervised?ridge=10": Dpo(reference="uniform", ridge=10.0),
    "rejection": Dpo(reference="uniform"),
    "map": Map(),
    "dpo": Dpo(),
    "dpo?beta_dpo=10": Dpo(beta_dpo=10.0),
    "dpo?beta_dpo=100": Dpo(beta_dpo=100.0),
    "ipo?beta_dpo=10": Dpo(loss="ipo", beta_dpo=10.0),
    "rdpo?beta_dpo=10": Dpo(loss="rdpo", beta_dpo=10.0),
    "steerlm": SteerLm(),
    "steerlm?ask=0.55": SteerLm(ask=0.55),
}


@dataclass(kw_only=True, frozen=True, eq=False)
class Step:
    """Two neighbouring centuries."""

    history: History
    old: Floats
    """(N, K) answers; what was not asked is even."""
    new: Floats
    same: NDArray[np.bool_]
    """(N,) whether an item's answers moved less than the median item's."""
    asked: NDArray[np.bool_]
    """(N,) whether both centuries were asked."""
    held: NDArray[np.bool_]
    """(N,) whether an item is judged: asked, and no comparison is about it."""

    @classmethod
    def of(cls, history: History, century: int, items: int | None = None) -> Step:
        """The step after a century, judged by so many of the evaluation items, evenly spread, or by all."""
        mask = history.instrument.mask
        both = history.answers[century : century + 2]
        asked: NDArray[np.bool_] = np.asarray(np.isfinite(np.where(mask, both, 0.0)).all((0, 2)))
        even = np.where(mask, 1.0 / mask.sum(1, keepdims=True), 0.0)
        old, new = np.where(asked[:, None], np.where(mask, both, 0.0), even)
        moved = np.abs(new - old).max(1)
        judged = history.instrument.evaluation
        if items is not None:
            judged = judged[np.linspace(0, len(judged), min(items, len(judged)), endpoint=False).astype(np.int64)]
        return cls(
            history=history,
            old=old,
            new=new,
            asked=asked,
            same=asked & (moved <= np.median(moved[asked])),
            held=np.isin(np.arange(len(asked)), judged) & asked,
        )

    def errors(self, answers: Floats) -> tuple[float, float]:
        """Damage and lesson of answers (N, K)."""
        damage, lesson = (np.sqrt(squares.mean()) for squares in self.squares(answers))
        return float(damage), float(lesson)

    def squares(self, answers: Floats) -> tuple[Floats, Floats]:
        """Squared errors (items, K): to the old century on what did not change, to the new one on what did."""
        same, moved = self.held & self.same, self.held & ~self.same
        return (answers - self.old)[same] ** 2, (answers - self.new)[moved] ** 2

    def lesson(self) -> tuple[NDArray[np.int64], Floats]:
        """Comparisons of the new century with exact labels."""
        pairs = all_pairs(self.history.instrument)
        pairs = pairs[self.asked[pairs[:, 0]]]
        return pairs, probabilities(self.new, pairs)

    def repair(self, count: int, flips: float, seed: int) -> tuple[NDArray[np.int64], Floats]:
        """Votes of the old century about what did not change."""
        random = np.random.default_rng(seed)
        pairs = all_pairs(self.history.instrument)
        pairs = pairs[self.same[pairs[:, 0]]]
        if flips == EXACT:
            drawn = random.permutation(len(pairs))[:count]
            return pairs[drawn], probabilities(self.old, pairs[drawn])
        chance = np.broadcast_to(probabilities(self.old, pairs), (LEVELS, len(pairs)))
        votes = (random.random(chance.shape) < chance) ^ (random.random(chance.shape) < flips)
        share = votes.mean(0)
        decided = np.flatnonzero(np.abs(2.0 * share - 1.0) >= APART)
        drawn = random.permutation(decided)[:count]
        return pairs[drawn], (LEVELS * share[drawn] + 0.5) / (LEVELS + 1.0)


class Stance:
    """A policy of 19 numbers around a century."""

    def __init__(self, step: Step) -> None:
        """Hold the old century."""
        self.step = step
        self.policy = StancePolicy.of(step.history.instrument, step.old[None])
        self.theta = self.policy.start()

    def answers(self) -> Floats:
        """(N, K)."""
        return softmax_options(self.policy.logits(self.theta)[0].numpy(), self.step.history.instrument.mask)

    def train(self, method: Method, pairs: NDArray[np.int64], targets: Floats, seed: int) -> None:
        """One stage."""
        triples = torch.tensor(pairs)[None]
        features, offsets = self.policy.comparisons(triples)
        y = torch.tensor(targets)[None]
        stage = Stage(
            features=features,
            offsets=offsets,
            targets=y,
            weights=torch.ones_like(y),
            start=self.theta,
            policy=self.policy,
            pairs=triples,
            mask=torch.tensor(self.step.history.instrument.mask),
        )
        self.theta = method.update(stage)

    def reset(self, state: Any = None) -> Any:
        """Stand somewhere; returns where it stood."""
        before = self.theta
        if state is not None:
            self.theta = state
        return before


def own_drafts(chance: Floats, pairs: NDArray[np.int64], votes: Floats, seed: int) -> tuple[NDArray[np.int64], Floats]:
    """Comparisons of which the policy drew the better answer itself, in two tries: what rejection sampling keeps.

    Args:
        chance: (n,) with which it draws the better one in a try.
        pairs: (n, 3) comparisons.
        votes: (n,) for their first options.
        seed: of the draws.
    """
    there = (np.random.default_rng(seed).random((len(pairs), 2)) < chance[:, None]).any(1)
    return pairs[there], (votes[there] > 0.5).astype(np.float64)


def of_better(answers: Floats, pairs: NDArray[np.int64], votes: Floats) -> Floats:
    """(n,) how often a policy with these answers (N, K) gives the better option of each pair, of the two."""
    better = np.where(votes > 0.5, pairs[:, 1], pairs[:, 2])
    chances: Floats = answers[pairs[:, 0], better] / answers[pairs[:, :1], pairs[:, 1:]].sum(1)
    return chances


def measured(step: Step, policy: Stance, count: int, seed: int) -> Floats:
    """(methods, labels, 4): damage after repair and before, tax, lesson of never learning."""
    nothing = step.errors(policy.answers())[1]
    pairs, targets = step.lesson()
    policy.train(ADAPT, pairs, targets, seed)
    adapted = policy.reset()
    damage, lesson = step.errors(policy.answers())
    table = np.zeros((len(METHODS), len(FLIPS), 4))
    for f, flips in enumerate(FLIPS):
        pairs, votes = step.repair(count, flips, seed)
        for m, (name, method) in enumerate(METHODS.items()):
            policy.reset(adapted)
            drafts = pairs, votes
            if name == "rejection":
                drafts = own_drafts(of_better(policy.answers(), pairs, votes), pairs, votes, seed)
            policy.train(method, *drafts, seed)
            after, learned = step.errors(policy.answers())
            table[m, f] = after, damage, learned - lesson, nothing
    return table


def report(tables: Floats) -> None:
    """Print recovered share and tax with 95 % over seeds.

    Args:
        tables: (seeds, methods, labels, 4), sums over steps.
    """
    draws = np.random.default_rng(0).integers(0, len(tables), (RESAMPLES, len(tables)))
    print(f"{'method':<20}{'flipped':>9}   {'recovered':<26}{'tax':<26}")
    for m, name in enumerate(METHODS):
        for f, flips in enumerate(FLIPS):
            rows = tables[:, m, f]
            cells = []
            for top, bottom, sign in ((0, 1, -1.0), (2, 3, 1.0)):
                ratio = (sign < 0) + sign * rows[:, top].sum() / rows[:, bottom].sum()
                sums = rows[draws].sum(1)
                spread = (sign < 0) + sign * sums[:, top] / sums[:, bottom]
                low, high = np.quantile(spread, [0.025, 0.975])
                cells.append(f"{ratio:+.2f} [{low:+.2f}, {high:+.2f}]")
            print(
                f"{name:<20}{label_of(flips):>9}   {cells[0]:<26}{cells[1]:<26}",
                flush=True,
            )


def label_of(flips: float) -> str:
    """What a share of flipped votes is called."""
    return "exact" if flips == EXACT else f"{flips:.0%}"


def histories(history: str, seeds: int) -> list[History]:
    """One a seed: splits of a fixed history, draws of a synthetic family."""
    if history.startswith("synthetic:"):
        return [History.load(f"{history}{'&' if '?' in history else '?'}seed={seed}") for seed in range(seeds)]
    return [History.load(split_id(history, seed)) for seed in range(seeds)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What does adapting to the next century cost the last one?")
    parser.add_argument("--history", default="gss-v1,synthetic:linear?coherence=0.5")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--votes", type=int, default=100)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for history in options.history.split(","):
        tables = []
        for seed, one in enumerate(histories(history, options.seeds)):
            steps = [Step.of(one, century) for century in range(len(one) - 1)]
            tables.append(np.sum([measured(step, Stance(step), options.votes, seed) for step in steps], 0))
        sums = cast(Floats, np.array(tables))
        damage, never = sums[:, 0, 0, 1], sums[:, 0, 0, 3]
        print(
            f"\n{history}, {options.seeds} seeds, {options.votes} votes; damage {damage.mean() / len(steps):.4f}, ",
            end="",
        )
        print(f"lesson of never learning {never.mean() / len(steps):.4f} a step")
        report(sums)
    return 0


if __name__ == "__main__":
    sys.exit(main())
