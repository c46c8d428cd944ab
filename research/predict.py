"""The prediction benchmark: predictors against level-only and extrapolative baselines, on frozen seeds.

    python -m research.predict                 measure what is missing, then write the table
    python -m research.predict --conditions 3  only the first three conditions that are missing
    python -m research.predict --table         only write the table
    python -m research.predict --ceiling       print what knowing the stance would score, on the tuning seeds

Conditions and seeds stand in `research/predict.json`, which was committed before any predictor was tuned. Every row
is written to `research/predict_results.json` as soon as it is measured; the table goes to `docs/agents/prediction.md`.
Intervals are those of `progressgym.scores`: items and seeds resampled jointly. The column "from ..." is the same
estimate with another agent in the place of `static`: which part of the way from that agent to the truth `kalman` goes,
paired, item by item and seed by seed. Above 0 it is better.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from progressgym.agents import make, spec_of
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import Trace, environments, replay, run_batch
from progressgym.bench.scoring import Baseline, baseline, estimate
from progressgym.core.answers import centred_log
from progressgym.core.files import write_json
from progressgym.histories.source import resolve_history
from progressgym.scores.intervals import Interval

HERE = Path(__file__).resolve().parent
SETUP, RESULTS = HERE / "predict.json", HERE / "predict_results.json"
PAGE = HERE.parent / "docs" / "agents" / "prediction.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
RESAMPLES = 400
OURS = ("kalman", "attention", "kalman-trend", "kalman-level")
BASELINES = (
    "lifelong-map",
    "lifelong-map?order=1",
    "extrapolative-dpo",
    "extrapolative-dpo?order=2",
    "extrapolative-dpo?independent=true",
    "extrapolative-dpo?reference=uniform",
    "extrapolative-dpo?order=2&reference=uniform",
)
"""`extrapolative-rlhf` is left out: at its defaults it is `extrapolative-dpo` to the bit (docs/agents/rlhf.md).
`lifelong-map?order=1` looks as far ahead as the challenge."""
REFERENCES = ("last-human",)
PAIRED = (
    "kalman-level",
    "lifelong-map?order=1",
    "extrapolative-dpo?reference=uniform",
    "extrapolative-dpo?order=2&reference=uniform",
)
"""The strongest of the others, with which `kalman` is compared in pairs."""
REAL = "histsmol-v1"


@dataclass(kw_only=True, frozen=True)
class Condition:
    """One block of the table."""

    history: str
    horizon: int
    labels: str
    compared: bool
    """Whether `kalman` is compared with the strongest of the others in pairs."""

    @property
    def key(self) -> str:
        """Name of the block."""
        return f"{self.history} predict?horizon={self.horizon}&labels={self.labels}"


def conditions(setup: dict[str, Any]) -> Iterator[Condition]:
    """All blocks, the most important ones first."""
    families, coherence = setup["families"], setup["coherence"]
    quiet, *noises = setup["noise"]
    assert quiet == 0.0

    def block(group: str, labels: str, suffix: str = "", compared: bool = False) -> Iterator[Condition]:
        for family in families[group]:
            for horizon in setup["horizons"]:
                history = f"synthetic:{family}?coherence={coherence}{suffix}"
                yield Condition(history=history, horizon=horizon, labels=labels, compared=compared)

    for horizon in setup["horizons"]:
        yield Condition(history=REAL, horizon=horizon, labels="probability", compared=True)
    yield from block("bar", "probability", compared=True)
    yield from block("reported", "probability")
    yield from block("bar", "sample")
    for horizon in setup["horizons"]:
        yield Condition(history=REAL, horizon=horizon, labels="sample", compared=False)
    for noise in noises:
        yield from block("bar", "probability", f"&noise={noise}")


def measure(condition: Condition, seeds: list[int], names: Sequence[str]) -> dict[str, Any]:
    """Run some agents on all seeds of a condition: rows by name."""
    challenge = parse_challenge(f"predict?horizon={condition.horizon}&labels={condition.labels}")
    envs = environments(challenge, resolve_history(condition.history), condition.history, len(seeds))
    bases = [baseline(env, seed) for env, seed in zip(envs, seeds, strict=True)]
    rows: dict[str, Any] = {}
    best: list[Trace] = []
    paired = condition.compared and any(name in PAIRED for name in names)
    for name in (*([OURS[0]] if paired and OURS[0] not in names else []), *names):
        began = time.monotonic()
        forecast = condition.horizon if spec_of(name).extrapolative or "order=1" in name else None
        actions = run_batch(make(name, forecast=forecast), envs, seeds)
        seconds = time.monotonic() - began
        traces = [replay(env, seed, taken) for env, seed, taken in zip(envs, seeds, actions, strict=True)]
        if name == OURS[0]:
            best = traces
        if name not in names:
            continue
        rows[name] = {
            "skill": to_record(estimate(challenge, traces, bases, RESAMPLES).skill),
            "seconds": round(seconds, 2),
        }
        if condition.compared and name in PAIRED:
            floor = [
                Baseline(static=trace, reference=base.reference) for trace, base in zip(traces, bases, strict=True)
            ]
            rows[name]["from"] = to_record(estimate(challenge, best, floor, RESAMPLES).skill)
    return rows


def ceiling(family: str, coherence: float, seeds: list[int]) -> float:
    """Skill on Predict(1) of knowing the stance's true path and nothing of what the items do by themselves.

    The same seed at coherence 1 is the same path without the items' own part, times 1 / sqrt(coherence).
    """
    challenge = parse_challenge("predict")
    pairs = [
        environments(challenge, resolve_history(spec), spec, len(seeds))
        for spec in (f"synthetic:{family}?coherence={coherence}", f"synthetic:{family}?coherence=1.0")
    ]
    traces, bases = [], []
    for seed, env, twin in zip(seeds, *pairs, strict=True):
        bases.append(baseline(env, seed))
        twin.reset(seed=seed)
        mask = env.history.instrument.mask
        logits, whole = (centred_log(one.history.answers, mask, floor=1e-9) for one in (env, twin))
        common = logits[0] + math.sqrt(coherence) * (whole - whole[0])
        # Twice the items' own mean variance an option is that of a difference of two.
        own = 2.0 * ((logits - common) ** 2).sum((1, 2)) / (mask.sum(1) - 1).sum()
        expected = common / np.sqrt(1.0 + math.pi / 8.0 * own)[:, None, None]
        traces.append(replay(env, seed, expected[2:].astype(np.float32)))
    found = estimate(challenge, traces, bases, RESAMPLES).skill
    assert found is not None
    return found.mid


def table(results: dict[str, Any], setup: dict[str, Any]) -> str:
    """Markdown of everything measured so far."""
    parts = []
    for condition in conditions(setup):
        if not results.get(condition.key, {}).get("rows"):
            parts.append(f"`{condition.key}`: not measured yet.")
            continue
        block = results[condition.key]
        plural = "" if block["seeds"] == 1 else "s"
        head = f"**{condition.history}, Predict({condition.horizon}), {condition.labels} labels**, {block['seeds']} seed{plural}"
        columns = "| agent | skill [95 %] |" + (" from it to `kalman` |" if condition.compared else "")
        lines = [head, "", columns, "|---" * columns.count(" |") + "|"]
        for name, row in sorted(block["rows"].items(), key=lambda item: -(item[1]["skill"] or [0, -9, 0])[1]):
            mark = " †" if name in REFERENCES else ""
            line = f"| `{name}`{mark} | {to_cell(row['skill'])} |"
            lines.append(line + (f" {to_cell(row.get('from'))} |" if condition.compared else ""))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def write_table(results: dict[str, Any], setup: dict[str, Any]) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(results, setup)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conditions", type=int, default=-1, help="measure at most so many")
    parser.add_argument("--agents", help="only these, with commas between them")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--ceiling", action="store_true", help="print the ceilings and do nothing else")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    setup = json.loads(SETUP.read_text(encoding="utf-8"))
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if arguments.ceiling:
        tuning = setup["tuning_seeds"]
        for family in setup["families"]["bar"]:
            seeds = list(range(tuning["first"], tuning["first"] + tuning["count"]))
            print(f"{family}: {ceiling(family, setup['coherence'], seeds):.3f}", flush=True)
        return
    first, count = setup["evaluation_seeds"]["first"], setup["evaluation_seeds"]["count"]
    seeds = list(range(first, first + count))
    asked = arguments.agents.split(",") if arguments.agents else [*OURS, *BASELINES, *REFERENCES]
    left = 0 if arguments.table else arguments.conditions
    for condition in conditions(setup):
        block = results.setdefault(condition.key, {"seeds": 0, "rows": {}})
        missing = [name for name in asked if name not in block["rows"]]
        if not missing or left == 0:
            continue
        began = time.monotonic()
        # A fixed history with probabilities as labels has no randomness at all: one seed says everything.
        chosen = seeds[:1] if condition.history == REAL and condition.labels == "probability" else seeds
        rows = measure(condition, chosen, missing)
        # Another process may have measured other agents meanwhile.
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else results
        block = results.setdefault(condition.key, {"seeds": 0, "rows": {}})
        block["seeds"] = len(chosen)
        block["rows"] |= rows
        write_json(RESULTS, results)
        print(f"{condition.key}: {time.monotonic() - began:.0f} s", flush=True)
        left -= 1
    write_table(results, setup)


def to_record(interval: Interval | None) -> list[float] | None:
    """Low, mid and high of an interval, as the result files keep it."""
    return None if interval is None else [round(x, 4) for x in (interval.low, interval.mid, interval.high)]


def to_cell(interval: list[float] | None) -> str:
    """The same in a table."""
    return "\N{EN DASH}" if interval is None else f"{interval[1]:.3f} [{interval[0]:.3f}, {interval[2]:.3f}]"


if __name__ == "__main__":
    main()
