"""What fifty years of survey answers say about drift and about forecasting it: the figures of docs/gss-v1.md.

    python -m research.people [--data FOLDER]

FOLDER holds `counts.csv.gz` (variable, year, answer, count) and `items.csv` (variable, topic, which answers count as
plus, half and minus) of 74 items of the General Social Survey; by default `$PROGRESSGYM_SHARED/real/gss-moral`. The items that were
asked in every five years from 1972 on are used, with the years of a step pooled.

Legend of shapes: T steps, N items. A value is 2 p - 1 with p = (plus + half / 2) / all of the people who answered.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rule = Callable[[Floats, int], Floats]
"""Values so far (t, N) and how many steps ahead -> values (N,)."""
FIRST_YEAR, LAST_YEAR, WIDTH = 1972, 2024, 5
HORIZONS = (1, 2, 4)
"""Steps ahead: 5, 10 and 20 years."""
SPLITS, RESAMPLES = 1000, 2000
HOLT = (1.0, 0.1, 0.95)
"""Level, slope and damping of the damped trend, chosen on these very data: its row flatters it."""


@dataclass(frozen=True)
class People:
    """Answers of people to the items that were always asked."""

    items: tuple[str, ...]
    topics: tuple[str, ...]
    values: Floats
    """(T, N) in [-1, 1]."""
    errors: Floats
    """(T, N) binomial standard errors of the values."""


def read_people(folder: Path) -> People:
    """Pool the counts into steps of five years.

    Raises:
        FileNotFoundError: the folder lacks a file.
    """
    counts: dict[str, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(folder / "counts.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            counts[row["variable"]][int(row["year"])][row["answer"]] = int(row["count"])
    names, topics, values, errors = [], [], [], []
    with open(folder / "items.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            series = np.array([_pooled(counts[row["variable"]], first, row) for first in _starts()])
            if (series[:, 1] > 0).all():
                p, n = series.T
                names.append(row["variable"])
                topics.append(row["topic"])
                values.append(2 * p - 1)
                errors.append(2 * np.sqrt(p * (1 - p) / n))
    return People(tuple(names), tuple(topics), np.array(values).T, np.array(errors).T)


def drift(people: People) -> dict[str, float]:
    """How far values move, how well that is known, and how much of it there is."""
    v, e = people.values, people.errors
    far = np.abs(v[-1] - v[0]) > 3 * np.hypot(e[0], e[-1])
    return {
        "items": float(v.shape[1]),
        "steps": float(len(v)),
        "rms_change_a_step": _rms(np.diff(v, axis=0)),
        "rms_sampling_error": _rms(e),
        "rms_sampling_error_of_a_change": _rms(np.hypot(e[1:], e[:-1])),
        "share_beyond_three_errors": float(far.mean()),
        "cosine_first_to_last": _cosine(v[0], v[-1]),
    }


def split_half(people: People, *, successive: bool = False, splits: int = SPLITS, seed: int = 0) -> dict[str, float]:
    """Correlation over (step, topic) of the drift of one half of a topic's items with that of the other half.

    Args:
        people: whose drift. Topics of a single item have no halves and are left out.
        successive: drift from the step before instead of from the first.
        splits: how many random halvings.
        seed: of the halvings.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(np.array(people.topics) == topic) for topic in dict.fromkeys(people.topics)]
    found = []
    for _ in range(splits):
        halves: tuple[list[Floats], list[Floats]] = ([], [])
        for group in (group for group in groups if len(group) > 1):
            order = group[np.argsort(rng.random(len(group)))]
            for half, part in zip(halves, (order[: len(group) // 2], order[len(group) // 2 :]), strict=True):
                half.append(people.values[:, part].mean(1))
        one, other = (np.array(half) for half in halves)
        moved = [np.diff(h, axis=1) if successive else h[:, 1:] - h[:, :1] for h in (one, other)]
        found.append(np.corrcoef(moved[0].ravel(), moved[1].ravel())[0, 1])
    low, high = np.quantile(found, [0.025, 0.975])
    return {"mean": float(np.mean(found)), "low": float(low), "high": float(high)}


def flipped(people: People, item: str) -> People:
    """The same people with one item's pole turned round."""
    sign = np.where(np.array(people.items) == item, -1.0, 1.0)
    return People(people.items, people.topics, people.values * sign, people.errors)


def last_value(seen: Floats, ahead: int) -> Floats:
    """Nothing changes any more."""
    newest: Floats = seen[-1]
    return newest


def last_difference(seen: Floats, ahead: int) -> Floats:
    """Every item goes on as in its last step."""
    forecast: Floats = seen[-1] + ahead * (seen[-1] - seen[-2])
    return forecast


def own_trend(seen: Floats, ahead: int) -> Floats:
    """Every item stays on its own least-squares line."""
    time = np.arange(len(seen)) - (len(seen) - 1) / 2
    slope: Floats = time @ seen / (time @ time)
    line: Floats = seen.mean(0) + slope * (time[-1] + ahead)
    return line


def damped_trend(seen: Floats, ahead: int) -> Floats:
    """Holt's filter with a damped trend, every item for itself (Gardner and McKenzie 1985, Management Science 31)."""
    alpha, beta, damping = HOLT
    level, slope = seen[0], np.zeros_like(seen[0])
    for value in seen[1:]:
        before, level = level, alpha * value + (1 - alpha) * (level + damping * slope)
        slope = beta * (level - before) + (1 - beta) * damping * slope
    forecast: Floats = level + slope * sum(damping**step for step in range(1, ahead + 1))
    return forecast


def pooled_drift(seen: Floats, ahead: int) -> Floats:
    """All items move alike: by the mean change a step so far."""
    forecast: Floats = seen[-1] + ahead * float((seen[-1] - seen[0]).mean()) / (len(seen) - 1)
    return forecast


RULES: dict[str, Rule] = {
    "last value": last_value,
    "last difference": last_difference,
    "own trend": own_trend,
    "damped trend": damped_trend,
    "one drift pooled over all items": pooled_drift,
}


def skill(values: Floats, rule: Rule, ahead: int) -> float:
    """(U - U_static) / (U_truth - U_static), U the summed cosine over items of forecasts made from two steps on."""
    gain = lead = 0.0
    for t in range(2, len(values) - ahead + 1):
        target = values[t - 1 + ahead]
        static = _cosine(values[0], target)
        gain += _cosine(rule(values[:t], ahead), target) - static
        lead += 1.0 - static
    return gain / lead


def forecasts(people: People) -> dict[str, list[float]]:
    """Skill of every rule 5, 10 and 20 years ahead."""
    return {name: [skill(people.values, rule, ahead) for ahead in HORIZONS] for name, rule in RULES.items()}


def advantage(people: People, rule: Rule, over: Rule, resamples: int = RESAMPLES, seed: int = 0) -> list[list[float]]:
    """95 % interval over items of how much more skill a rule has than another, one for each horizon."""
    rng = np.random.default_rng(seed)
    count = people.values.shape[1]
    draws = []
    for _ in range(resamples):
        values = people.values[:, (rng.random(count) * count).astype(int)]
        draws.append([skill(values, rule, ahead) - skill(values, over, ahead) for ahead in HORIZONS])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    intervals: list[list[float]] = np.stack([low, high], 1).tolist()
    return intervals


def _starts() -> range:
    return range(FIRST_YEAR, LAST_YEAR + 1, WIDTH)


def _pooled(years: dict[int, dict[str, int]], first: int, row: dict[str, str]) -> tuple[float, float]:
    """Share that counts as plus in a step, and how many answered."""
    plus, half, minus = (
        sum(
            answers.get(answer, 0)
            for year, answers in years.items()
            if first <= year < first + WIDTH
            for answer in named
        )
        for named in (row[pole].split("|") for pole in ("plus", "half", "minus"))
    )
    everybody = plus + half + minus
    return ((plus + half / 2) / everybody if everybody else 0.5), float(everybody)


def _rms(array: Floats) -> float:
    return float(np.sqrt((array**2).mean()))


def _cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as a JSON object."""
    shared = os.environ.get("PROGRESSGYM_SHARED", "")
    parser = argparse.ArgumentParser(description="Drift and forecasts on fifty years of survey answers.")
    parser.add_argument("--data", type=Path, default=Path(shared) / "real" / "gss-moral" if shared else None)
    data = parser.parse_args(arguments).data
    if data is None or not (data / "counts.csv.gz").is_file():
        print("people.py: error: no data; give --data FOLDER with counts.csv.gz and items.csv", file=sys.stderr)
        return 2
    people = read_people(data)
    figures = {
        "drift": drift(people),
        "split_half": {
            "from_the_start": split_half(people),
            "step_by_step": split_half(people, successive=True),
            "from_the_start_with_prayer_flipped": split_half(flipped(people, "prayer")),
        },
        "skill_at_5_10_20_years": forecasts(people),
        "pooled_drift_above_last_value": advantage(people, pooled_drift, last_value),
    }
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
