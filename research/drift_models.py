"""Which preference model and method explains the drift ahead, with votes only? Every model under every method, on many histories.

    python -m research.drift_models --out runs/drift-models [--panel DIR] [--histories H,H] [--seeds 32]
    python -m research.drift_models --table

One vote a question and step (`labels=sample`), Predict one, two and four steps ahead: 5, 10 and 20 years on `gss-v1` and the
planted family `people-v1`, centuries on the others; with --panel, a folder of `progressgym history survey --panel`, also three
communities of its new people and the groups of a trait, one and two waves ahead. Every method has an own setting, the one of
`SETTINGS` that explains most of 8 other histories of `people-v1`, two steps ahead; nothing is chosen on what is reported.
Whether that holds is asked again two steps ahead: on either half of the seeds, and with settings chosen on 8 more histories and,
for the century models, on the other one's questionnaire.

Drift explained with 95 % intervals over items, runs and people, and the paired differences to `RIVALS`, go to
`research/drift_models.json` as soon as a table is measured, and from there to `docs/drift-models.md` (`research.drift_page`).
What is finished, cells in --out and tables in the file, is not run again: a run that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from progressgym.bench import make_plan, run_bench
from progressgym.core.files import write_text
from progressgym.core.ids import safe_name
from progressgym.core.reading import read_json
from progressgym.histories.panel import panel_of
from research.drift_page import write_page

RESULTS = Path(__file__).resolve().parent / "drift_models.json"
MODELS = ("bradley-terry", "feature?hidden=4", "hrc", "gpm", "pal?k=3", "user", "denoised", "meta")
LOSSES = ("sigmoid", "ipo", "rdpo", "spo", "mapl", "length-controlled")
SETTINGS = (
    ("stage", 1, 100),
    ("stage", 10, 100),
    ("stage", 100, 0.1),
    ("uniform", 1, 10),
    ("uniform", 1, 30),
    ("uniform", 1, 100),
)
"""Reference, strength and ridge."""
STRENGTHS = {"dpo": "beta_dpo", "rlhf": "beta_kl", "gpo": "beta", "conditional-dpo": "beta_dpo"}
KNOWN = ("static", "lifelong-map", "kalman", "kalman-pooled", "attention-v2")
"""No preference model."""
PERSONAL = ("bradley-terry", "hrc", "pal&k=6", "user&ridge=1", "denoised")
"""Models of who answers, on a panel: they know other people's first wave."""
PLANTED, CENTURIES = "synthetic:people-v1", ("histsmol-v1", "histsmol-v2")
HISTORIES = ("gss-v1", PLANTED, "synthetic:linear?coherence=0.5", *CENTURIES)
AHEAD, WAVES, MIDDLE = (1, 2, 4), (1, 2), 2
RIVALS = ("lifelong-map", "kalman-pooled", "conditional-dpo")
CHOICES = {"first": 1000, "again": 2000}
"""First of the seeds that settings are chosen on."""
COMMUNITIES = 3
RESAMPLES = 20
"""Of skill's interval, which is not used here; that of drift explained is not drawn."""


def methods() -> dict[str, list[str]]:
    """Every lifelong method with every model or loss: its id without a setting -> the ids with each setting."""
    parts = [("lifelong-dpo", "loss", loss) for loss in LOSSES]
    parts += [("lifelong-rlhf", "reward", model) for model in MODELS]
    parts += [("lifelong-gpo", "model", model) for model in MODELS if model != "bradley-terry"]
    parts += [("conditional-dpo", "", "")]
    found = {}
    for name, key, value in parts:
        own = [f"{key}={value.replace('?', '&')}"] if key else []
        strength = STRENGTHS[name.rpartition("-")[2] if key else name]
        found["?".join([name, *own])] = [
            f"{name}?" + "&".join([*own, f"reference={reference}", f"{strength}={size:g}", f"ridge={ridge:g}"])
            for reference, size, ridge in SETTINGS
        ]
    return found


EXTRAPOLATED = (
    "lifelong-dpo?loss=sigmoid",
    "lifelong-dpo?loss=rdpo",
    "lifelong-rlhf?reward=hrc",
    "lifelong-rlhf?reward=pal&k=3",
    "lifelong-rlhf?reward=user",
    "lifelong-gpo?model=hrc",
    "conditional-dpo",
)
"""Methods that are run on forecast preferences, too."""


def extrapolative(agent: str) -> str:
    """The same method on forecast preferences."""
    return f"extrapolative-{agent.removeprefix('lifelong-')}"


@dataclass(kw_only=True, frozen=True)
class Table:
    """What is measured at once: all agents on one history and horizon."""

    history: str
    ahead: int
    first: int
    """Of the seeds."""
    count: int
    choice: str = "first"
    """Where settings come from: a key of `CHOICES`, or a history."""
    personal: str = ""
    """Panel whose known people models of who answers learn from."""

    @property
    def key(self) -> str:
        """Its name among the results."""
        return f"{self.history}, {self.ahead} ahead, seeds {self.first} to {self.first + self.count - 1}, settings {self.choice}"


def explained(agents: Sequence[str], table: Table, out: Path, rivals: Sequence[str] = ()) -> dict[str, Any]:
    """Drift explained by each agent, in their order: low, mid, high, and those of what it leads every rival by.

    None where there is no drift to explain.
    """
    plan = make_plan(
        agents=list(agents), challenges=[f"predict?horizon={table.ahead}&labels=sample"], histories=[table.history],
        seeds=range(table.first, table.first + table.count), measures=["none"],
    )  # fmt: skip
    folder = out / safe_name(f"{table.history}-{table.ahead}")
    outcome = run_bench(plan, folder, workers=1, reports=False, progress=False, resamples=RESAMPLES)
    if outcome.failures:
        raise SystemExit("\n".join(outcome.failures))
    own = {row.agent: row.explained for row in outcome.results.aggregates}
    ids = {agent: group.agent for agent, group in zip(agents, plan.groups, strict=True)}

    def row(agent: str) -> dict[str, Any] | None:
        found = own[ids[agent]]
        if found is None or found.interval is None:
            return None
        leads = {rival: _numbers(found.ahead[ids[rival]]) for rival in rivals if ids[rival] in found.ahead}
        return {"explained": _numbers(found.interval), "leads": leads}

    return {agent: row(agent) for agent in agents}


def _numbers(interval: Any) -> list[float]:
    return [round(float(x), 4) for x in (interval.low, interval.mid, interval.high)]


def chosen(out: Path, choice: str, count: int) -> dict[str, str]:
    """The setting of every method."""
    ids = methods()
    flat = [one for each in ids.values() for one in each]
    place = PLANTED if choice in CHOICES else choice
    table = Table(history=place, ahead=MIDDLE, first=CHOICES.get(choice, CHOICES["first"]), count=count)
    rows = explained(flat, table, out / f"choose-{safe_name(choice)}")
    mids = {one: -float("inf") if (row := rows[one]) is None else row["explained"][1] for one in flat}
    return {name: max(each, key=mids.__getitem__) for name, each in ids.items()}


def agents_of(settings: dict[str, str], panel: str = "") -> dict[str, str]:
    """Short name -> id of everybody who is compared."""
    named = {name: name for name in KNOWN} | settings
    named |= {extrapolative(name): extrapolative(settings[name]) for name in EXTRAPOLATED}
    if panel:
        named |= {f"personal?model={model}": f"personal?panel={panel}&model={model}" for model in PERSONAL}
    return named


def tables(histories: Sequence[str], ahead: Sequence[int], seeds: int, panel: str) -> Iterator[Table]:
    """Everything to measure, what the page is about first."""
    whole: dict[str, Any] = {"first": 0, "count": seeds}
    for history in histories:
        yield from (Table(history=history, ahead=n, **whole) for n in ahead)
    for place in people_of(panel) if panel else ():
        yield from (Table(history=place, ahead=n, personal=panel, **whole) for n in WAVES)
    half = seeds // 2
    for history in histories:
        yield Table(history=history, ahead=MIDDLE, first=0, count=half)
        yield Table(history=history, ahead=MIDDLE, first=half, count=seeds - half)
        yield Table(history=history, ahead=MIDDLE, choice="again", **whole)
    for history, other in (CENTURIES, CENTURIES[::-1]):
        if history in histories:
            yield Table(history=history, ahead=MIDDLE, choice=other, **whole)


def people_of(panel: str) -> list[str]:
    """Communities of a panel's new people, and the groups of each trait."""
    places = [f"people?panel={panel}&community={n}&k={COMMUNITIES}" for n in range(COMMUNITIES)]
    traits = panel_of(panel).traits
    return places + [
        f"people?panel={panel}&group={trait}:{value}" for trait in traits for value in sorted({*traits[trait]} - {""})
    ]


def measure(table: Table, out: Path, choose: int, results: dict[str, Any]) -> None:
    """Add a table to the results, if it is not among them."""
    settings = results.setdefault("settings", {})
    if table.choice not in settings:
        settings[table.choice] = chosen(out, table.choice, choose)
        save(results)
    named = agents_of(settings[table.choice], table.personal)
    done = results.setdefault("tables", {}).get(table.key)
    if done is not None and set(done["rows"]) == set(named):
        return
    began = time.process_time()
    rivals = [named[name] for name in RIVALS]
    rows = explained(list(named.values()), table, out, rivals)
    back = {one: name for name, one in named.items()}
    for row in filter(None, rows.values()):
        row["leads"] = {back[rival]: numbers for rival, numbers in row["leads"].items()}
    results["tables"][table.key] = {
        "history": table.history, "ahead": table.ahead, "seeds": [table.first, table.count], "settings": table.choice,
        "rows": {name: rows[one] for name, one in named.items()},
    }  # fmt: skip
    save(results)
    print(f"{time.process_time() - began:5.0f} s  {table.key}", flush=True)


def save(results: dict[str, Any]) -> None:
    """Write the results, a table a line."""
    parts = [
        f"{json.dumps(part)}: {{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in inside.items())
        + "\n}"
        for part, inside in results.items()
    ]
    write_text(RESULTS, "{\n" + ",\n".join(parts) + "\n}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description="Which preference model explains the drift ahead?")
    parser.add_argument("--out", type=Path, help="folder of the cells")
    parser.add_argument("--histories", default=",".join(HISTORIES))
    parser.add_argument("--ahead", default=",".join(map(str, AHEAD)), help="steps ahead")
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--choose", type=int, default=8, help="histories that settings are chosen on")
    parser.add_argument("--panel", default="", help="folder of a panel, or planted")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the page")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    results: dict[str, Any] = read_json(RESULTS) if RESULTS.is_file() else {}
    if not options.table:
        if options.out is None:
            parser.error("--out names the folder of the cells")
        ahead = tuple(map(int, options.ahead.split(",")))
        places = [history for history in options.histories.split(",") if history]
        for table in tables(places, ahead, options.seeds, options.panel):
            measure(table, options.out, options.choose, results)
    write_page(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
