"""Regret against compute: what four ways of choosing among duties lose, and what they look at for it.

    python -m research.tractability [--problems 400]

The table of docs/reports/tractability.md. Every way chooses in the same problems of `progressgym.envs.knapsack`.
"""

from __future__ import annotations

import argparse

import numpy as np

from progressgym.envs.knapsack import WAYS, Knapsack, exact

SIZES = (6, 10, 14, 20, 30)
BUDGET = 0.4


def measure(n: int, problems: int) -> dict[str, tuple[float, float, float]]:
    """Way -> mean share of the optimum, its standard error, mean compute."""
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for seed in range(problems):
        problem = Knapsack.draw(n, BUDGET, np.random.default_rng([n, seed]))
        best = exact(problem).value
        for name, way in WAYS.items():
            choice = way(problem)
            rows[name].append((choice.value / best, choice.compute))
    result = {}
    for name, pairs in rows.items():
        shares, compute = np.array(pairs).T
        result[name] = (float(shares.mean()), float(shares.std(ddof=1) / problems**0.5), float(compute.mean()))
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=400)
    problems = parser.parse_args().problems
    print(f"| duties | enumeration | {' | '.join(WAYS)} |")
    print(f"|---|---|{'---|' * len(WAYS)}")
    for n in SIZES:
        cells = [f"{mean:.3f} ± {error:.3f}, {compute:.0f}" for mean, error, compute in measure(n, problems).values()]
        print(f"| {n} | {2**n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
