"""Who wins when people say which value is wiser: the direct vote, the paper's thresholds, and a lower bound.

    python -m research.moral_graph [--runs 200]

The table of docs/reports/moral-graph.md. Eight values in an order of wisdom; 20 % of the users hold the wisest, others one of
the rest with shares drawn anew; three questions each on random ordered pairs, 15 % unsure, noise turns an honest answer. A
bloc holds one unwise value and votes for it alone: `wiser` where it is asked whether that one is wiser, `not` where another is
said to be wiser than it, `unsure` elsewhere.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from progressgym.core.errors import UserError
from progressgym.histories.moral_graph import PAPER, MoralGraph, Thresholds, Vote

VALUES, WISEST = 8, 7
WAYS = {
    "paper's": PAPER,
    "no entropy": Thresholds(z=0.0, least_w=0.33),
    "w > 0": Thresholds(z=0.0),
    "bound (default)": Thresholds(),
    "bound of 95 %": Thresholds(z=1.645),
}


def ask(users: int, noise: float, bloc: float, rng: np.random.Generator) -> tuple[list[Vote], list[int], int]:
    """Votes, the value that everybody holds, and the bloc's."""
    rest = rng.dirichlet(np.ones(VALUES - 1)) * 0.8
    held = rng.choice(VALUES, users, p=[*rest, 0.2])
    strategic = rng.random(users) < bloc
    idol = int(rng.integers(WISEST))
    held[strategic] = idol
    votes = []
    for user in range(users):
        for _ in range(3):
            a, b = (int(x) for x in rng.choice(VALUES, 2, replace=False))
            if strategic[user]:
                vote = "wiser" if b == idol else "not" if a == idol else "unsure"
            elif rng.random() < 0.15:
                vote = "unsure"
            else:
                vote = "wiser" if (b > a) != (rng.random() < noise) else "not"
            votes.append(Vote(user=str(user), start=str(a), end=str(b), vote=vote))
    return votes, held.tolist(), idol


def run(users: int, noise: float, bloc: float, runs: int) -> dict[str, float]:
    """Way -> share of runs that it finds the wisest value, a tie or no edge being a failure; and how often the bloc wins."""
    found: Counter[str] = Counter()
    for seed in range(runs):
        rng = np.random.default_rng([seed, users, round(100 * noise), round(100 * bloc)])
        votes, held, idol = ask(users, noise, bloc, rng)
        counts = np.bincount(held, minlength=VALUES)
        most = np.flatnonzero(counts == counts.max()).tolist()
        found["direct vote"] += most == [WISEST]
        found["bloc wins the vote"] += bloc > 0 and most == [idol]
        for name, limits in WAYS.items():
            try:
                winner = MoralGraph.fit(votes, limits).winner
            except UserError:
                continue
            found[name] += winner == str(WISEST)
            if name == "bound (default)" and bloc:
                found["bloc wins the graph"] += winner == str(idol)
    names = ["direct vote", *WAYS, "bloc wins the vote", "bloc wins the graph"]
    return {name: found[name] / runs for name in names}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    heads = ["direct vote", *WAYS, "bloc wins the vote", "bloc wins the graph"]
    print(f"| users | noise | bloc | {' | '.join(heads)} |\n|---|---|---|{'---|' * len(heads)}")
    cells = [(200, noise, bloc) for noise in (0.05, 0.15, 0.25) for bloc in (0.0, 0.3)]
    for users, noise, bloc in [*cells, *((n, 0.25, 0.0) for n in (50, 100, 400, 800))]:
        row = run(users, noise, bloc, runs)
        shares = " | ".join(f"{row[name]:.3f}" for name in heads)
        print(f"| {users} | {noise} | {bloc:.0%} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
