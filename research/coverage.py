"""How often the 95 % intervals of skill hold the truth, on synthetic questionnaires whose truth is known.

Every repetition draws a questionnaire of 216 items (as many as `moral19-v1` evaluates on) from an endless population, a
history on it, and ten seeds of an agent, and computes intervals in three ways:

    ours        `progressgym.scores.estimate_skill`
    percentile  2.5 % and 97.5 % quantiles of the resampled skill
    BC          bias-corrected percentiles (Efron 1981; BCa without acceleration)

Two truths: skill expected from a questionnaire of this length (ratio of means over all repetitions; what is promised), and
skill on an endless questionnaire (8,000 items; what the first becomes as a questionnaire grows). Then: how often the lead of
the reference counts as identified, without any drift (false alarms) and with some (power).

    python -m research.coverage [--repetitions 200] [--resamples 400]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from progressgym.scores import Panel, coevolve_utilities, estimate_skill, follow_utilities

Floats = NDArray[np.float64]
D, T, SEEDS, ITEMS = 19, 9, 10, 216
STEPS = T - 1
ENDLESS = 8_000
PULL, INFLUENCE = 0.3, 0.51
UTILITIES: dict[str, Callable[..., Floats]] = {"follow": follow_utilities, "coevolve": coevolve_utilities}
AGENTS = ("good", "near", "overshoots", "random", "deterministic")
NORMAL = NormalDist()


class World:
    """A population of items and a drift; draws questionnaires with a history and an agent's answers."""

    def __init__(self, drift: float, *, wander: float = 0.0) -> None:
        rng = np.random.default_rng(7)
        self.base = rng.normal(size=D) * 0.5
        self.drift = rng.normal(size=D) * 0.5 * drift
        self.wander = wander
        """Standard deviation of a random walk that every item takes by itself, in logits a century."""

    def questionnaire(self, rng: np.random.Generator, items: int) -> tuple[Floats, Floats]:
        """(N, D) loadings of a two-option item's first option (one main and one half side dimension), (T, N) logits."""
        loadings = np.zeros((items, D))
        rows, main = np.arange(items), np.arange(items) % D
        loadings[rows, main] = np.where(rng.random(items) < 0.5, 1.0, -1.0)
        side = (main + 1 + (rng.random(items) * (D - 1)).astype(int)) % D
        loadings[rows, side] = np.where(rng.random(items) < 0.5, 0.5, -0.5)
        time = np.arange(T)[:, None]
        own = rng.normal(size=items) + 0.075 * time * rng.normal(size=items) * (self.wander == 0.0)
        walk = np.cumsum(np.vstack([np.zeros(items), self.wander * rng.normal(size=(STEPS, items))]), 0)
        return loadings, (self.base + time / STEPS * self.drift) @ loadings.T + own + walk

    @staticmethod
    def answer(kind: str, z: Floats, loadings: Floats, shifts: Floats, rng: np.random.Generator) -> Floats:
        """(S, n, N) logits of an agent; `shifts` (S, n, D) are what a seed does to whole dimensions."""
        shape, moved = (SEEDS, STEPS, z.shape[1]), z[1:] - z[0]
        noise: Floats = np.einsum("snd,id->sni", 0.1 * shifts, loadings) + 0.3 * rng.normal(size=shape)
        if kind == "good":
            good: Floats = z[0] + 0.7 * moved + noise
            return good
        if kind == "near":
            near: Floats = z[1:] + 0.15 * rng.normal(size=(SEEDS, 1, shape[2]))
            return near
        if kind == "overshoots":
            overshot: Floats = z[0] + 2.5 * moved + noise
            return overshot
        if kind == "random":
            return rng.normal(size=shape)
        return np.broadcast_to(z[0] + 0.5 * moved, shape)

    def panel(
        self, challenge: str, kind: str, rng: np.random.Generator, items: int, resamples: int
    ) -> tuple[Panel, Floats]:
        """A resampled questionnaire and the agent's utilities on it (1 + B, S)."""
        loadings, z = self.questionnaire(rng, items)
        agent = self.answer(kind, z, loadings, rng.normal(size=(SEEDS, STEPS, D)), rng)
        paths = [agent, np.repeat(z[None, :1], STEPS, 1), z[None, 1:]]
        if challenge == "coevolve":
            paths = [_loop(z, path) for path in paths]
        own, static, reference, human = (_contributions(path, loadings) for path in (*paths, z[None]))
        panel = Panel.draw(
            static=static,
            reference=reference,
            human=human,
            masses=np.abs(loadings),
            utility=UTILITIES[challenge],
            seeds=SEEDS,
            resamples=resamples,
        )
        return panel, panel.utilities(own)


def _contributions(z: Floats, loadings: Floats) -> Floats:
    return np.tanh(z)[..., None] * loadings


def _loop(z: Floats, agent: Floats) -> Floats:
    """Logits of the simulated human beside an agent, (S, n, N)."""
    human = np.broadcast_to(z[0], (len(agent), z.shape[1]))
    path = []
    for n in range(STEPS):
        human = human + PULL * (z[n + 1] - human)
        human = human + INFLUENCE * (agent[:, n] - human)
        path.append(human)
    return np.stack(path, 1)


def others(panel: Panel, utilities: Floats) -> dict[str, tuple[float, float]]:
    """Percentile and BC intervals of skill."""
    (u, us), (a, static), (b, reference) = (panel.mean(x) for x in (utilities, panel.static, panel.reference))
    draws, plain = (us - static) / (reference - static), (u - a) / (b - a)
    below = np.clip((draws < plain).mean(), 0.5 / len(draws), 1 - 0.5 / len(draws))
    shift = NORMAL.inv_cdf(float(below))
    levels = [NORMAL.cdf(2 * shift + z) for z in (-1.96, 1.96)]
    return {
        "percentile": tuple(np.quantile(draws, [0.025, 0.975])),
        "BC": tuple(np.quantile(draws, levels)),
    }


def coverage(drift: float, challenge: str, kind: str, repetitions: int, resamples: int) -> str:
    """One row of the table."""
    world, rng = World(drift), np.random.default_rng(1)
    panel, u = world.panel(challenge, kind, rng, ENDLESS, 1)
    gain, lead = u[0].mean() - panel.static[0].mean(), panel.reference[0].mean() - panel.static[0].mean()
    endless = gain / lead
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "percentile": [], "BC": []}
    gains, leads, plain = [], [], []
    for _ in range(repetitions):
        panel, u = world.panel(challenge, kind, rng, ITEMS, resamples)
        estimate = estimate_skill(panel, u)
        gains.append(estimate.utility.mid - estimate.static)
        leads.append(estimate.lead.mid)
        if estimate.skill is None:
            continue
        plain.append(estimate.skill.mid)
        found["ours"].append((estimate.skill.low, estimate.skill.high))
        for name, bounds in others(panel, u).items():
            found[name].append(bounds)
    truth = float(np.mean(gains) / np.mean(leads))
    cells = [f"{drift:g}", challenge, kind, f"{len(plain) / repetitions:.2f}", f"{truth:.2f}", f"{endless:.2f}"]
    middle = np.array(plain)
    for name in ("ours", "percentile", "BC"):
        low, high = np.array(found[name]).T
        hits = [float(((low <= t) & (t <= high)).mean()) for t in (truth, endless)]
        own = float(((low <= middle) & (middle <= high)).mean())
        cells.append(f"{hits[0]:.2f} / {hits[1]:.2f} / {own:.2f}")
    return "| " + " | ".join(cells) + " |"


def identified(drift: float, wander: float, repetitions: int, resamples: int) -> str:
    """One row of the second table."""
    world, rng = World(drift, wander=wander), np.random.default_rng(3)
    count = percentiles = 0
    for _ in range(repetitions):
        panel, u = world.panel("follow", "deterministic", rng, ITEMS, resamples)
        count += estimate_skill(panel, u).skill is not None
        percentiles += bool(np.quantile(panel.mean(panel.reference)[1] - panel.mean(panel.static)[1], 0.025) > 1e-6)
    return f"| {drift:g} | {wander:g} | {count / repetitions:.2f} | {percentiles / repetitions:.2f} |"


def main() -> None:
    """Print both tables as they stand in docs/statistics.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=400)
    options = parser.parse_args()
    sizes = (options.repetitions, options.resamples)
    print("| drift | challenge | agent | identified | truth at this length | endless | ours | percentile | BC |")
    print("|---|---|---|---|---|---|---|---|---|")
    for drift in (1.0, 0.35):
        for challenge in UTILITIES:
            for kind in AGENTS:
                print(coverage(drift, challenge, kind, *sizes), flush=True)
    print(
        "\n| drift | random walk of items | identified, ours | identified, percentile of the lead |\n|---|---|---|---|"
    )
    for drift in (0.0, 0.15, 0.35, 0.6):
        for wander in (0.15, 0.4):
            print(identified(drift, wander, *sizes), flush=True)


if __name__ == "__main__":
    main()
