"""How often the 95 % interval of drift explained holds the truth, on questionnaires drawn from an endless population.

    python -m research.drift_intervals [--worlds 200] [--splits 16]

A human's 11 dimensions drift over some steps; every item moves with the dimensions it loads on and by itself. Items are
drawn anew in every world, people's answers too; the truth is 1 - E A / E S over all worlds. As in a benchmark, an agent is
scored on one half of the items in each of many splits. `learner` really learns: ridge regression on the measured changes
of the other half. The table of docs/statistics.md; a few minutes on one core.

Legend of shapes: R splits, n steps, N items, D = 11.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from progressgym.scores.explained import Errors, Truth, drift_explained, squared_errors
from progressgym.scores.resampling import item_contributions

Floats = NDArray[np.float64]
DIMS, STEPS = 11, 8
FLOOR = 1e-4


@dataclass(kw_only=True, frozen=True)
class Regime:
    """One kind of world."""

    items: int
    drift: float
    """Size of the dimensions' drift over the whole path, relative to half a logit each."""
    own: float
    """Standard deviation of every item's own drift, in half-logits."""
    people: float
    """How many are asked; infinite: all."""


@dataclass(kw_only=True, frozen=True, eq=False)
class World:
    """A questionnaire, what the human thinks, and what is measured of it."""

    loads: Floats
    """(N, D) of the first of two options; the second's are its negatives."""
    real: Floats
    """(n + 1, N) half-logits of the human."""
    measured: Floats
    """(n + 1, N) the same from the shares that were counted."""
    shares: Floats
    """(n + 1, N) counted share of the first option."""
    scored: NDArray[np.bool_]
    """(R, N)."""
    rng: np.random.Generator

    @property
    def shape(self) -> tuple[int, int, int]:
        """R, n, N."""
        return (len(self.scored), *self.real[1:].shape)


Agent = Callable[[World], Floats]
"""(R or 1, n, N) half-logits that an agent answers."""


def draw(regime: Regime, base: Floats, drift: Floats, splits: int, rng: np.random.Generator) -> World:
    """Draw a world around a human's start and drift (D,) of values."""
    rows, n = np.arange(regime.items), regime.items
    main = rows % DIMS
    loads = np.zeros((n, DIMS))
    loads[rows, main] = rng.choice([-1.0, 1.0], n)
    loads[rows, (main + rng.integers(1, DIMS, n)) % DIMS] = rng.choice([-0.5, 0.5], n)
    time = np.arange(STEPS + 1)[:, None] / STEPS
    real = (base + time * regime.drift * drift) @ loads.T
    real = real + 0.7 * rng.normal(size=n) + regime.own * time * rng.normal(size=n)
    shares = sigmoid(real)
    if np.isfinite(regime.people):
        shares = rng.binomial(int(regime.people), shares) / regime.people
    kept = np.clip(shares, FLOOR, 1 - FLOOR)
    return World(
        loads=loads,
        real=real,
        measured=np.log(kept / (1 - kept)) / 2,
        shares=shares,
        scored=np.stack([half(main, rng, k) for k in range(splits)]),
        rng=rng,
    )


def sigmoid(half_logits: Floats) -> Floats:
    """Shares of the first option."""
    shares: Floats = 1 / (1 + np.exp(-2 * half_logits))
    return shares


def half(main: NDArray[np.int64], rng: np.random.Generator, number: int) -> NDArray[np.bool_]:
    """(N,) half of the items, alike in their main dimensions; the odd ones in turn."""
    kept = np.zeros(len(main), dtype=bool)
    for dimension in range(DIMS):
        mine = rng.permutation(np.flatnonzero(main == dimension))
        kept[mine[(dimension + number) % 2 :: 2]] = True
    return kept


def learner(world: World) -> Floats:
    """Learns the dimensions' drift from the other half of every split."""
    changes, paths = world.measured[1:] - world.measured[0], []
    for scored in world.scored:
        x = world.loads[~scored]
        theta = np.linalg.solve(x.T @ x + 0.5 * np.eye(DIMS), x.T @ changes[:, ~scored].T)
        paths.append(world.measured[0] + (world.loads @ theta).T)
    return np.stack(paths)


def noisy(world: World) -> Floats:
    """Goes 0.7 of the way, with noise of its own in every split."""
    jitter: Floats = 0.1 * world.rng.normal(size=(*world.shape[:2], DIMS)) @ world.loads.T
    path: Floats = world.measured[0] + 0.7 * (world.real[1:] - world.real[0]) + jitter
    return path


def near(world: World) -> Floats:
    """Knows the truth to a tenth."""
    return world.real[1:] + 0.1 * world.rng.normal(size=(world.shape[0], 1, world.shape[2]))


AGENTS: dict[str, Agent] = {
    "learner": learner,
    "noisy": noisy,
    "near": near,
    "half": lambda world: (world.measured[0] + 0.5 * (world.real[1:] - world.real[0]))[None],
    "overshoots": lambda world: (world.measured[0] + 2.5 * (world.real[1:] - world.real[0]))[None],
    "random": lambda world: world.rng.normal(size=world.shape),
    "zeros": lambda world: np.zeros((1, *world.shape[1:])),
}


def errors_of(world: World, people: float) -> dict[str, Errors]:
    """Errors of every agent and of `static` in one world."""
    table = np.stack([world.loads, -world.loads], 1)
    answers = both(world.shares[None, 1:])
    truth = Truth(
        contributions=item_contributions(answers, table),
        scored=world.scored[:, None],
        masses=table.max(1),
        answers=answers,
        loadings=table,
        respondents=np.full(answers.shape[:-1], people) if np.isfinite(people) else None,
    )
    paths = {name: both(sigmoid(agent(world))) for name, agent in AGENTS.items()}
    paths["static"] = both(np.repeat(world.shares[None, :1], STEPS, 1))
    return {name: squared_errors(item_contributions(path, table), truth) for name, path in paths.items()}


def both(first: Floats) -> Floats:
    """Shares of both options from that of the first."""
    return np.stack([first, 1 - first], -1)


@dataclass(kw_only=True, frozen=True)
class Covered:
    """What became of one agent's intervals in one regime."""

    agent: str
    truth: float
    identified: float
    holds: float
    below: float
    """Share of intervals that lie above the truth: claims that are too good."""
    width: float
    paired: float
    """How often the interval of the difference to `half` holds the true one."""


def coverage(regime: Regime, worlds: int, splits: int, seed: int = 7) -> list[Covered]:
    """Draw worlds and count."""
    fixed = np.random.default_rng(seed)
    base, drift = 0.5 * fixed.normal(size=DIMS), 0.5 * fixed.normal(size=DIMS)
    rng = np.random.default_rng(seed + 1)
    found = [errors_of(draw(regime, base, drift, splits, rng), regime.people) for _ in range(worlds)]
    still = float(np.mean([one["static"].mean for one in found]))
    truths = {name: 1 - float(np.mean([one[name].mean for one in found])) / still for name in AGENTS}
    return [_covered(name, found, truths) for name in AGENTS]


def _covered(name: str, found: list[dict[str, Errors]], truths: dict[str, float]) -> Covered:
    alone = [drift_explained(one[name], one["static"]).interval for one in found]
    pairs = [drift_explained(one[name], one["static"], other=one["half"]).interval for one in found]
    known = [interval for interval in alone if interval is not None]
    truth, gap = truths[name], truths[name] - truths["half"]
    paired = [i.low - 1e-12 <= gap <= i.high + 1e-12 for i in pairs if i is not None]
    held = [interval.low <= truth <= interval.high for interval in known]
    return Covered(
        agent=name,
        truth=truth,
        identified=len(known) / len(found),
        holds=float(np.mean(held)) if held else float("nan"),
        below=float(np.mean([truth < interval.low for interval in known])) if known else float("nan"),
        width=float(np.median([interval.high - interval.low for interval in known])) if known else float("nan"),
        paired=float(np.mean(paired)) if paired else float("nan"),
    )


def regimes() -> Iterator[Regime]:
    """Drift x noise x items."""
    for items, (drift, own), people in product((37, 216), ((1.0, 0.3), (0.35, 0.3), (0.35, 0.05)), (np.inf, 1000.0)):
        yield Regime(items=items, drift=drift, own=own, people=people)


def main() -> None:
    """Print the table: a line a regime; truth, how often it is held, and the same for the difference to `half`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=200, help="worlds a regime of 37 items; 0.3 of it for 216")
    parser.add_argument("--splits", type=int, default=16)
    chosen = parser.parse_args()
    print("| items | drift | own | people | " + " | ".join(AGENTS) + " |")
    print("|" + "---|" * (4 + len(AGENTS)))
    for regime in regimes():
        worlds = chosen.worlds if regime.items < 100 else max(2, int(0.3 * chosen.worlds))
        people = f"{regime.people:g}" if np.isfinite(regime.people) else "all"
        cells = [_cell(one) for one in coverage(regime, worlds, chosen.splits)]
        head = f"| {regime.items} | {regime.drift:g} | {regime.own:g} | {people} | "
        print(head + " | ".join(cells) + " |", flush=True)


def _cell(one: Covered) -> str:
    """For example `0.71: .93 / .94`."""
    held = [f"{share:.2f}".removeprefix("0") for share in (one.holds, one.paired)]
    return f"{one.truth:.2f}: {held[0] if one.agent == 'half' else ' / '.join(held)}"


if __name__ == "__main__":
    main()
