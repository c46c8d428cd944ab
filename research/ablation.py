"""What matters most: data, loss, reward model or the number of pairs? A factorial on ETHICS with paired seeds (row of Ivison et al. 2024).

    python -m research.ablation [--seeds 8]

Every combination of the factors below learns from the same pairs and flips of a seed and is scored on the same 1,000 held-out
pairs with their true labels. A main effect is the mean, over everything else, of a level less the factor's first; its interval
is 95 % of a bootstrap over seeds. Data: utilitarianism pairs of ETHICS in $PROGRESSGYM_SHARED/real, counts of 300 words.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from progressgym.preferences.datasets import load
from progressgym.preferences.models import PREFERENCE_MODELS
from progressgym.preferences.pairs import Pairs

FACTORS = {
    "labels": ("clean", "25 % flipped"),
    "loss": ("sigmoid", "ipo"),
    "reward model": ("feature?hidden=0", "feature?hidden=4", "denoised?policy=soft", "denoised?policy=flip"),
    "pairs": (500, 2000),
}
RIDGE, HELD, FLIPPED, RESAMPLES = 3.0, 1000, 0.25, 2000


def cell(data: Pairs, seed: int, labels: str, loss: str, model: str, count: int) -> float:
    """Accuracy on held-out pairs."""
    random = np.random.default_rng(seed)
    order, flips = random.permutation(len(data)), random.random(len(data)) < FLIPPED
    held, learn = data[order[:HELD]], order[HELD : HELD + count]
    target = np.where(flips & (labels != "clean"), 1.0 - data.target, data.target)[learn]
    fitted = PREFERENCE_MODELS.make(f"{model}&loss={loss}&ridge={RIDGE}")
    margins = fitted.fit(Pairs.of(data.left[learn], data.right[learn], target)).margin(held)
    return float(((margins > 0) == (held.target > 0.5)).mean())


def effects(table: np.ndarray, factors: Mapping[str, Sequence[object]]) -> list[tuple[str, str, float, float, float]]:
    """Main effects of a table (levels of every factor ..., seeds): factor, level, effect and its interval."""
    draws = np.random.default_rng(0).integers(0, table.shape[-1], (RESAMPLES, table.shape[-1]))
    rows = []
    for axis, (name, levels) in enumerate(factors.items()):
        others = tuple(a for a in range(table.ndim - 1) if a != axis)
        means = table.mean(others)  # (levels, seeds)
        for number in range(1, len(levels)):
            paired = means[number] - means[0]
            low, high = np.quantile(paired[draws].mean(1), [0.025, 0.975])
            rows.append((name, f"{levels[number]} less {levels[0]}", float(paired.mean()), float(low), float(high)))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print main effects, and the best combination on clean and on flipped labels."""
    parser = argparse.ArgumentParser(description="What matters most?")
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    words = load("ethics", Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real").words
    assert words is not None
    shape = [len(levels) for levels in FACTORS.values()]
    table = np.full((*shape, options.seeds), np.nan)
    for place in itertools.product(*map(range, shape)):
        chosen = [levels[n] for n, levels in zip(place, FACTORS.values(), strict=True)]
        for seed in range(options.seeds):
            table[(*place, seed)] = cell(words, seed, *chosen)  # type: ignore[arg-type]
        print(f"{table[place].mean():.3f}  {chosen}", flush=True)
    print(f"\nmain effects on accuracy, {options.seeds} seeds, all {int(np.prod(shape))} combinations")
    for factor, level, effect, low, high in effects(table, FACTORS):
        print(f"{factor:<13} {level:<45} {effect:+.4f} [{low:+.4f}, {high:+.4f}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
