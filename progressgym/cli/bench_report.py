"""`progressgym bench report`: how far a benchmark's metrics agree, and what each of them stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from progressgym.cli.shared import Json, option
from progressgym.core.streams import print_json
from progressgym.scores.similarity import optional

if TYPE_CHECKING:
    from progressgym.bench.suite import Consistency

EXAMPLES = """
progressgym bench report
progressgym bench report runs/bench/results.json --sheets
progressgym bench report runs/bench --json
"""
WIDTH = 9


@dataclass(kw_only=True, frozen=True)
class Options:
    """Say how far the metrics of a finished benchmark agree: who wins under every weighting of them, and who under some.

    For every history and challenge: the metrics of each ranked agent with its time a run and the places that it can take,
    Kendall's tau between the rankings, the winners, and the agents about whom two metrics contradict each other.
    """

    results: Annotated[Positional[str], option("RESULTS", "results.json of a benchmark, or its folder.")] = "runs/bench"
    sheets: Annotated[bool, option(text="Print what each metric stands for as well.")] = False
    json: Json = False


def run(options: Options) -> int:
    """Report."""
    from progressgym.bench.suite import METRICS, consistency
    from progressgym.scores.records import Results, load_record

    path = Path(options.results)
    results = load_record(path / "results.json" if path.is_dir() else path, Results)
    reports = consistency(results.aggregates)
    sheets = [
        {key: value for key, value in vars(metric).items() if key != "read"} for metric in METRICS if options.sheets
    ]
    if options.json:
        record = {"reports": [_record(report) for report in reports], "sheets": sheets}
        print_json(json.dumps(record, indent=2, allow_nan=False))
        return 0
    print("\n\n".join(_text(report) for report in reports) if reports else "nothing to compare: no rows")
    for sheet in sheets:
        print("\n" + "\n".join(f"{key:<13}{value}" for key, value in sheet.items()))
    return 0


def _text(report: Consistency) -> str:
    width = max(map(len, (*report.agents, *report.metrics)))
    heads = [_short(name) for name in report.metrics]
    lines = [f"{report.challenge} on {report.history}", _line("", [*heads, "places", "s a run"], width)]
    for place, agent in enumerate(report.agents):
        numbers = [f"{x:.3f}" for x in report.table[place]]
        span = f"{report.ranks.best_place[place]} to {report.ranks.worst_place[place]}"
        seconds = report.seconds[place]
        lines.append(_line(agent, [*numbers, span, "–" if seconds is None else f"{seconds:.3g}"], width))
    lines += ["", _line("Kendall's tau", heads, width)]
    for name, row in zip(report.metrics, report.tau.tolist(), strict=True):
        lines.append(_line(name, ["–" if math.isnan(x) else f"{x:.2f}" for x in row], width))
    always = report.ranks.always
    lines.append("")
    if always is not None:
        lines.append(f"{report.agents[always]} wins under every weighting")
    else:
        lines.append(f"! {report.warning}")
        for place, weights in report.ranks.winners.items():
            mix = " + ".join(f"{w:.2f} {name}" for w, name in zip(weights, report.metrics, strict=True) if w > 0.005)
            lines.append(f"  {report.agents[place]} leads by most under {mix} (each from 0 to 1 over these agents)")
    return "\n".join([*lines, *(f"! {flag}" for flag in report.flags)])


def _short(name: str) -> str:
    """A metric's name in a column's width."""
    return name.split()[0][:WIDTH] if name != "drift cosine" else "drift cos"


def _line(name: str, cells: Sequence[str], width: int) -> str:
    return f"{name:<{width}}" + "".join(f"  {cell:>{WIDTH}}" for cell in cells)


def _record(report: Consistency) -> dict[str, Any]:
    return {
        "history": report.history,
        "challenge": report.challenge,
        "metrics": list(report.metrics),
        "agents": [
            {
                "agent": agent,
                "values": dict(zip(report.metrics, report.table[place].tolist(), strict=True)),
                "seconds": report.seconds[place],
                "best_place": int(report.ranks.best_place[place]),
                "worst_place": int(report.ranks.worst_place[place]),
                "wins_under": None
                if place not in report.ranks.winners
                else dict(zip(report.metrics, report.ranks.winners[place].tolist(), strict=True)),
            }
            for place, agent in enumerate(report.agents)
        ],
        "tau": [[optional(x) for x in row] for row in report.tau.tolist()],
        "always": None if report.ranks.always is None else report.agents[report.ranks.always],
        "warning": report.warning,
        "flags": list(report.flags),
    }
