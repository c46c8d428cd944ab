"""The prediction benchmark once more, on seeds that nobody has seen, against rivals named beforehand.

    python -m research.predict_confirm --scratch FOLDER         # goes on where it stopped, then writes the tables
    python -m research.predict_confirm --scratch FOLDER --long  # on the longer questionnaire
    python -m research.predict_confirm --table                  # only writes the tables

The candidate, the seeds and their number stand in `research/predict.json` under "confirmation" and "confirmation_long";
rivals are the level-only filter and every extrapolative baseline of `research/predict.py`. Nothing is tuned here. All
conditions are measured on the seeds of the first stage, then on those of the second, which hold the first; nothing is
decided in between. Each gives

* skill with the project's interval: items and seeds resampled together. It says what another questionnaire of this
  length would give, and however many seeds there are, it does not become narrower than its items allow;
* skill with an interval for this questionnaire: the same resamples of seeds, the items as they are;
* the candidate's skill minus the rival's, in pairs, items and seeds resampled together.

Chunks of seeds go to the scratch folder, finished conditions to `research/predict_confirm_results.json` (`..._long_...`),
tables to `docs/agents/prediction.md`. Legend of shapes: S seeds, R = 1 + resamples, row 0 the data as they are.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents import make, spec_of
from progressgym.bench.challenges import Challenge, parse_challenge
from progressgym.bench.episodes import replay, run_batch
from progressgym.bench.scoring import baseline, contributions, draw_panel
from progressgym.core.files import write_json
from progressgym.histories.synthetic import DEFAULT_INSTRUMENT
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.scores.intervals import Interval, estimate_skill, ratio_interval
from progressgym.scores.resampling import RESAMPLES, Panel, draw_shares
from progressgym.scores.utilities import utility_of
from research.predict import BASELINES, PAGE, REAL, SETUP, Condition, conditions, to_cell, to_record
from research.questionnaires import longer

Floats = NDArray[np.float64]
HERE = Path(__file__).resolve().parent
LEVEL = "kalman-level"
RIVALS = (LEVEL, *BASELINES)
CHUNK = 64
"""Seeds that are run together."""


@dataclass(frozen=True)
class Plan:
    """One of the two comparisons, as `research/predict.json` has it."""

    name: str
    """`confirmation`, or `confirmation_long`."""
    candidate: str
    first_seed: int
    stages: dict[str, list[int]]
    """Seeds a stage, of the conditions of the bar and of those that are only reported."""
    copies: int = 1
    """How often the scored items of the shipped instrument are there; more than once only for synthetic histories."""

    @classmethod
    def read(cls, long: bool) -> Plan:
        """The one that is asked for."""
        name = "confirmation_long" if long else "confirmation"
        told = json.loads(SETUP.read_text(encoding="utf-8"))[name]
        return cls(name, **{key: value for key, value in told.items() if key != "what"})

    @property
    def instrument(self) -> Questionnaire | None:
        """What synthetic histories answer; None: the shipped one."""
        return longer(Questionnaire.load(DEFAULT_INSTRUMENT), evaluation=self.copies) if self.copies > 1 else None

    @property
    def file(self) -> Path:
        """Where its results are kept."""
        return HERE / f"{self.name.replace('confirmation', 'predict_confirm')}_results.json"

    @property
    def marks(self) -> tuple[str, str]:
        """Between these its tables stand."""
        title = self.name.replace("_", " ")
        return f"<!-- {title}: begin -->", f"<!-- {title}: end -->"


def chosen(plan: Plan) -> list[tuple[Condition, list[int]]]:
    """Conditions with probability labels and without item noise, and the seeds of each, stage after stage."""
    first, stages = plan.first_seed, plan.stages
    every = list(conditions(json.loads(SETUP.read_text(encoding="utf-8"))))
    found = []
    for compared, reported in zip(stages["compared"], stages["reported"], strict=True):
        for condition in every:
            real = condition.history == REAL
            if condition.labels != "probability" or "noise" in condition.history or (real and plan.copies > 1):
                continue
            size = 1 if real else compared if condition.compared else reported
            found.append((condition, list(range(first, first + size))))
    return found


def play(
    condition: Condition, seeds: list[int], names: tuple[str, ...], instrument: Questionnaire | None = None
) -> tuple[Panel, dict[str, Floats]]:
    """Run all agents on some seeds: what they are compared with, and their utilities (R, S)."""
    challenge: Challenge = parse_challenge(f"predict?horizon={condition.horizon}&labels={condition.labels}")
    envs = [challenge.make(condition.history, instrument) for _ in seeds]
    panel = draw_panel(challenge, [baseline(env, seed) for env, seed in zip(envs, seeds, strict=True)], RESAMPLES)
    utilities = {}
    for name in names:
        forecast = condition.horizon if spec_of(name).extrapolative or "order=1" in name else None
        actions = run_batch(make(name, forecast=forecast), envs, seeds)
        traces = [replay(env, seed, taken) for env, seed, taken in zip(envs, seeds, actions, strict=True)]
        utilities[name] = panel.utilities(contributions(challenge, traces))
    return panel, utilities


def joined(parts: list[tuple[Panel, dict[str, Floats]]], seeds: int) -> tuple[Panel, dict[str, Floats]]:
    """Chunks of seeds as one. Their items were drawn alike, because `Panel.draw` draws items first."""
    panels = [panel for panel, _ in parts]
    lines = {name: np.concatenate([used[name] for _, used in parts], 1) for name in parts[0][1]}
    whole = replace(
        panels[0],
        static=np.concatenate([panel.static for panel in panels], 1),
        reference=np.concatenate([panel.reference for panel in panels], 1),
        seed_weights=draw_shares(np.random.default_rng(0), RESAMPLES, seeds),
    )
    return whole, lines


def stored(
    plan: Plan, condition: Condition, seeds: list[int], names: tuple[str, ...], scratch: Path
) -> tuple[Panel, dict[str, Floats]]:
    """As `play`, chunk by chunk; chunks that are there already are read."""
    parts, instrument = [], plan.instrument
    for start in range(0, len(seeds), CHUNK):
        part = seeds[start : start + CHUNK]
        file = scratch / f"{_slug(condition.key)}-{part[0]}-{len(part)}.npz"
        if not file.is_file():
            began = time.process_time()
            panel, utilities = play(condition, part, names, instrument)
            unfinished = file.with_suffix(".part.npz")
            used = np.stack([utilities[name] for name in names])
            np.savez(unfinished, static=panel.static, reference=panel.reference, steps=panel.steps, used=used)
            unfinished.rename(file)
            print(f"{condition.key}: seeds from {part[0]}, {time.process_time() - began:.0f} s", flush=True)
        with np.load(file) as kept:
            utilities = dict(zip(names, kept["used"], strict=True))
            nothing = np.empty(0)
            panel = Panel(
                utility=utility_of(condition.horizon),
                masses=nothing,
                item_weights=nothing,
                seed_weights=nothing,
                human=nothing,
                static=kept["static"],
                reference=kept["reference"],
                steps=int(kept["steps"]),
            )
            parts.append((panel, utilities))
    return joined(parts, len(seeds))


def row(panel: Panel, mine: Floats, other: Floats) -> dict[str, Any]:
    """What is told of a rival (or of the candidate itself)."""
    given = replace(panel, static=_still(panel.static), reference=_still(panel.reference))
    return {
        "skill": to_record(estimate_skill(panel, other).skill),
        "given": to_record(estimate_skill(given, _still(other)).skill) if panel.seeds > 1 else None,
        "ahead": to_record(difference(panel, mine, other)),
    }


def difference(panel: Panel, mine: Floats, other: Floats) -> Interval:
    """Skill of one agent minus that of another, in pairs."""
    gap, gaps = panel.mean(mine - other)
    lead, leads = panel.mean(panel.reference - panel.static)
    return ratio_interval(gap, gaps, lead, leads)


def table(results: Mapping[str, Any], plan: Plan) -> str:
    """Markdown: the verdicts on the bar, then every condition."""
    candidate, parts = plan.candidate, []
    for condition in dict.fromkeys(condition for condition, _ in chosen(plan)):
        block = results.get(condition.key)
        head = f"**{condition.history}, Predict({condition.horizon})**"
        if block is None:
            parts.append(f"{head}: not measured yet.")
            continue
        lines = [f"{head}, {block['seeds']} seed{'s' if block['seeds'] > 1 else ''}", ""]
        lines += [
            f"| agent | skill, items and seeds | skill, seeds | `{candidate}` ahead by, in pairs |",
            "|---|---|---|---|",
        ]
        own, rows = block["rows"][candidate], block["rows"]
        for name in sorted(rows, key=lambda name: -rows[name]["skill"][1]):
            told = rows[name]
            cells = [
                to_cell(told["skill"]),
                to_cell(told["given"]),
                "\N{EN DASH}" if name == candidate else to_cell(told["ahead"]),
            ]
            for place, kind in enumerate(("skill", "given")):
                if name != candidate and told[kind] is not None and own[kind][0] > told[kind][2]:
                    cells[place] += " apart"
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def main() -> None:
    """Measure what is missing and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, help="folder for unfinished conditions")
    parser.add_argument("--long", action="store_true", help="the longer questionnaire")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if not arguments.table and arguments.scratch is None:
        parser.error("give --scratch FOLDER, or --table")
    torch.set_num_threads(1)
    plan = Plan.read(arguments.long)
    results = json.loads(plan.file.read_text(encoding="utf-8")) if plan.file.is_file() else {}
    for condition, seeds in [] if arguments.table else chosen(plan):
        if results.get(condition.key, {"seeds": 0})["seeds"] >= len(seeds):
            continue
        arguments.scratch.mkdir(parents=True, exist_ok=True)
        panel, utilities = stored(plan, condition, seeds, (plan.candidate, *RIVALS), arguments.scratch)
        rows = {name: row(panel, utilities[plan.candidate], used) for name, used in utilities.items()}
        results[condition.key] = {"seeds": len(seeds), "first": seeds[0], "rows": rows}
        write_json(plan.file, results)
    begin, end = plan.marks
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n{table(results, plan)}\n{end}{after}", encoding="utf-8")


def _still(utilities: Floats) -> Floats:
    """(R, S) with the items as they are in every resample."""
    return np.repeat(utilities[:1], len(utilities), 0)


def _slug(key: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in key)


if __name__ == "__main__":
    main()
