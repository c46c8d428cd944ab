"""Fit Coevolve's two coefficients to a human who is really fine-tuned.

The live human of `ProgressGym/CoevolveLive-v0` goes through the centuries beside an assistant. Each lesson is a pair of
readings: z before, z' after. On the items that no row of the lesson was about and on those that were, together,

    z' - z = pull (z_real - z)        one epoch on the next century's answers
    z'' - z' = influence (z_agent - z')   two epochs on the assistant's

are fitted by least squares through the origin over all options and centuries. R2 is 1 - residual / total, both without
a mean, because the formula has no intercept. The interval is that of the mean over centuries, by Student's t.

    python -m research.calibrate_coevolve --centuries 4 --out runs/calibration
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from progressgym.agents.policies.language_model import subset
from progressgym.core.answers import centred_log
from progressgym.core.files import write_json
from progressgym.histories.history import History
from progressgym.histories.live import HumanRecipe, LiveHuman

Floats = NDArray[np.float64]


def fit(wanted: Floats, moved: Floats) -> tuple[float, float]:
    """Slope through the origin and R2.

    >>> fit(np.array([1.0, 2.0]), np.array([0.5, 1.0]))
    (0.5, 1.0)
    """
    slope = float(wanted @ moved / (wanted @ wanted))
    residual = moved - slope * wanted
    return slope, 1.0 - float(residual @ residual) / float(moved @ moved)


def thinned(history: History, every: int) -> History:
    """The history on every n-th item."""
    items = np.arange(0, len(history.instrument.items), every)
    return replace(history, answers=history.answers[:, items], instrument=subset(history.instrument, items))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--history", default="histsmol-v1")
    parser.add_argument("--centuries", type=int, default=8, help="how many steps")
    parser.add_argument("--rows", type=int, default=64, help="rows of an epoch")
    parser.add_argument("--every", type=int, default=1, help="use every n-th item only: quicker, less exact")
    parser.add_argument("--tuning", default="lora")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--assistant", type=int, default=-1, help="index of the century whose answers it always gives")
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    given = parser.parse_args()
    history = thinned(History.load(given.history), given.every)
    mask = history.instrument.mask
    recipe = HumanRecipe(tuning=given.tuning, rows=given.rows, learning_rate=given.learning_rate)
    human = LiveHuman(history, recipe, checkpoints=given.out / "lessons")
    assistant = history.answers[given.assistant].astype(np.float64)
    pairs: dict[str, list[tuple[Floats, Floats]]] = {"pull": [], "influence": []}
    started = time.monotonic()
    for n in range(min(given.centuries, len(history) - 1)):
        for name, taught, epochs in (
            ("pull", history.answers[n + 1].astype(np.float64), 1),
            ("influence", assistant, 2),
        ):
            before = human.logits[mask]
            human.learn(taught, epochs=epochs)
            wanted = centred_log(taught, mask)[mask] - before
            pairs[name].append((wanted, human.logits[mask] - before))
            slope, share = fit(*pairs[name][-1])
            print(
                f"{history.labels[n + 1]} {name}: {slope:.3f}, R2 {share:.3f}, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    record = {}
    for name, found in pairs.items():
        wanted, moved = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
        slope, share = fit(wanted, moved)
        slopes = [fit(*pair)[0] for pair in found]
        low, high = stats.t.interval(0.95, len(slopes) - 1, np.mean(slopes), stats.sem(slopes))
        record[name] = {"coefficient": slope, "r2": share, "by_century": slopes, "interval": [low, high]}
        print(f"{name} {slope:.4f}  R2 {share:.4f}  mean over centuries {np.mean(slopes):.3f} [{low:.3f}, {high:.3f}]")
    write_json(given.out / "calibration.json", record)


if __name__ == "__main__":
    main()
