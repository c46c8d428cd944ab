"""`progressgym debate centuries`: how judges of different centuries rule on the same dilemmas."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from progressgym.cli.options import listed
from progressgym.cli.shared import Number, option
from progressgym.core.errors import UserError
from progressgym.core.files import check_writable, write_json

if TYPE_CHECKING:
    from progressgym.agents.debate.centuries import Transcripts
    from progressgym.core.debate import Floats
    from progressgym.envs.debate.dilemmas import DilemmaDomain
    from progressgym.histories.history import History
    from progressgym.preferences.lm_judge import LanguageModelJudge

TURNS = 4
EXAMPLES = """
progressgym debate centuries
progressgym debate centuries --models histsmol-v1,runs/hist-seed1 --dilemmas 60 --exact 4
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Compare the rulings of a history's centuries.

    By their measured values: all dilemmas, debates solved exactly, a matrix of regret. With --models also by their
    language models, which read transcripts: the first folder's centuries against each other, the others' (trained with
    another seed) against the first's. Rulings are kept, so that an interrupted run goes on where it stopped.
    """

    history: Annotated[str, option("H", "Whose values judge.")] = "histsmol-v1"
    models: Annotated[str, option("DIR,...")] = ""
    """Histories or builds with adapters; the same centuries trained with other seeds follow the first."""
    centuries: Annotated[str, option("C,...", "Only these of the models, for example C013,C017,C021.")] = ""
    dilemmas: Annotated[int, option("N", "Items that the models read transcripts about.")] = 40
    transcripts: Annotated[int, option("N", "Random transcripts of 4 considerations for each of them.")] = 2
    exact: Number = 0
    """Dilemmas whose debates before the first folder's models are solved exactly: 70 transcripts each."""
    out: Annotated[str, option("DIR", "Folder for centuries.json and regret.png.")] = "runs/debate/centuries"


def run(options: Options) -> int:
    """Measure, print, write."""
    from progressgym.envs.debate.dilemmas import DilemmaDomain
    from progressgym.histories.history import History
    from progressgym.monitor import plots

    history = History.load(options.history)
    domain = DilemmaDomain(history.instrument)
    chosen = _chosen(options, domain)
    out = check_writable(options.out)
    by_values = _by_values(history, domain)
    record: dict[str, Any] = {
        "history": history.name,
        "labels": list(history.labels),
        "dilemmas": len(domain.table),
        "turns": TURNS,
        "value_judges": by_values,
    }
    record["language_models"] = _live(options, domain, chosen) if chosen else None
    write_json(out / "centuries.json", record)
    with plots.extra(out / "regret.png"):
        regret = plots.century_matrix(history.labels, np.array(by_values["regret"]), **REGRET_PLOT)
        plots.save(regret, out / "regret.png")
    _print(record)
    print(f"written to {out}")
    return 0


REGRET_PLOT: dict[str, str] = {
    "title": "Regret of deciding by another century",
    "subtitle": "share of what is at stake that is decided wrongly; exact debates",
    "rows": "trained with the judge of",
    "columns": "judged by",
}


def _chosen(options: Options, domain: DilemmaDomain) -> dict[str, dict[str, Path]]:
    """Adapters of the chosen centuries of every folder of models; all that was asked for is checked here.

    Raises:
        UserError: no models, a century that no folder has, or a number out of range.
    """
    from progressgym.histories.adapters import century_adapters
    from progressgym.models.checkpoint import read_adapter

    bounds = {"dilemmas": (1, len(domain.instrument)), "transcripts": (1, 10_000), "exact": (0, len(domain.table))}
    for name, (least, most) in bounds.items():
        if not least <= getattr(options, name) <= most:
            raise UserError(f"--{name} is {getattr(options, name)}; use a whole number from {least} to {most}")
    adapters_of = {folder: century_adapters(folder) for folder in listed(options.models)}
    labels = list(dict.fromkeys(label for adapters in adapters_of.values() for label in adapters))
    named = listed(options.centuries)
    for label in named if adapters_of else ():
        if label not in labels:
            raise UserError(f"{options.models} has no model of {label}; it has {', '.join(labels)}")
    chosen = {
        folder: {label: adapter for label, adapter in adapters.items() if not named or label in named}
        for folder, adapters in adapters_of.items()
    }
    for adapters in chosen.values():
        for adapter in adapters.values():
            read_adapter(adapter)
    return chosen


def _live(options: Options, domain: DilemmaDomain, chosen: dict[str, dict[str, Path]]) -> dict[str, Any]:
    """Rulings of language models on the same transcripts."""
    from progressgym.agents.debate.centuries import (
        all_dilemmas,
        compare_judges,
        debate_values,
        flip_matrix,
        regret_matrix,
        sample_transcripts,
    )

    transcripts = sample_transcripts(domain, options.dilemmas, options.transcripts, TURNS)
    spread = np.linspace(0, len(domain.table) - 1, options.exact).round().astype(np.int64)
    cases = all_dilemmas(domain)[spread]
    read: list[dict[str, Floats]] = []
    order: dict[str, float] = {}
    exact: dict[str, Floats] = {}
    for number, (folder, adapters) in enumerate(chosen.items()):
        rows: dict[str, Floats] = {}
        for label, adapter in adapters.items():
            judge = _judge(adapter, domain)
            rows[label], flips = _rulings(judge, transcripts, f"{folder} {label}")
            if number == 0:
                order[label] = round(flips, 4)
                if options.exact:
                    exact[label] = debate_values([judge], cases, TURNS)[0]
        read.append(rows)
    labels = list(read[0])
    between = flip_matrix(np.array([read[0][label] for label in labels]))
    return {
        "labels": labels,
        "transcripts": len(transcripts.cases),
        "flips_between_centuries": between.round(4).tolist(),
        "compared": asdict(compare_judges(read, transcripts.cases.states)),
        "order_flips": order,
        "exact": {
            "dilemmas": options.exact,
            "values": {label: row.round(4).tolist() for label, row in exact.items()},
            "flips": flip_matrix(np.array(list(exact.values()))).round(4).tolist(),
            "regret": regret_matrix(np.array(list(exact.values()))).round(4).tolist(),
        }
        if exact
        else None,
    }


def _by_values(history: History, domain: DilemmaDomain) -> dict[str, Any]:
    """Value judges: regret and flips of exact debates, and how far training seeds are apart where there are others."""
    from progressgym.agents.debate.centuries import (
        all_dilemmas,
        compare_judges,
        debate_values,
        flip_matrix,
        regret_matrix,
        ruling_margins,
        sample_transcripts,
    )
    from progressgym.envs.debate.dilemmas import ValueJudge, century_judges
    from progressgym.histories.publishing import other_seeds

    dilemmas = all_dilemmas(domain)
    seeds = [century_judges(domain, history)]
    values = debate_values(seeds[0], dilemmas, TURNS)
    record: dict[str, Any] = {
        "regret": regret_matrix(values).round(4).tolist(),
        "flips": flip_matrix(values).round(4).tolist(),
        "compared": None,
    }
    others = other_seeds(history.name)
    if others is None:
        return record
    for number, answers in enumerate(others, start=1):
        rows = zip(history.labels, history.instrument.values(answers), strict=True)
        seeds.append(tuple(ValueJudge(domain, row, f"{history.name} {label} seed {number}") for label, row in rows))
    transcripts = sample_transcripts(domain, len(domain.instrument), 4, TURNS)
    finals = [values, *(debate_values(judges, dilemmas, TURNS) for judges in seeds[1:])]
    record["compared"] = {
        "debates": asdict(
            compare_judges([dict(zip(history.labels, rows, strict=True)) for rows in finals], dilemmas.states)
        ),
        "transcripts": asdict(
            compare_judges(
                [
                    {
                        label: ruling_margins(judge, transcripts)
                        for label, judge in zip(history.labels, judges, strict=True)
                    }
                    for judges in seeds
                ],
                transcripts.cases.states,
            )
        ),
    }
    return record


def _judge(adapter: Path, domain: DilemmaDomain) -> LanguageModelJudge:
    from progressgym.models import load_model
    from progressgym.models.cache import AnswerCache
    from progressgym.preferences.lm_judge import LanguageModelJudge

    return LanguageModelJudge(load_model(adapter), domain, cache=AnswerCache())


def _rulings(judge: LanguageModelJudge, transcripts: Transcripts, name: str) -> tuple[Floats, float]:
    """(B,) margins, and the share that hangs on the order of the options."""
    from progressgym.agents.debate.centuries import ruling_margins

    start = time.perf_counter()
    margin = ruling_margins(judge, transcripts)
    flips = judge.order_flips(transcripts.cases, transcripts.revealed)
    print(f"{name}: {len(margin)} transcripts in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return margin, flips


def _print(record: dict[str, Any]) -> None:
    labels = record["labels"]
    print(
        f"regret of a policy trained with one century's judge (rows), judged by another; {record['dilemmas']} dilemmas"
    )
    print("      " + " ".join(f"{label:>6}" for label in labels))
    for label, row in zip(labels, record["value_judges"]["regret"], strict=True):
        print(f"{label:<6}" + " ".join(f"{value:6.3f}" for value in row))
    if record["value_judges"]["compared"]:
        for kind, comparison in record["value_judges"]["compared"].items():
            _print_comparison(f"value judges, {kind}: rule differently", comparison)
    live = record["language_models"]
    if live is None:
        return
    _print_comparison(f"language models, {live['transcripts']} transcripts each: rule differently", live["compared"])
    flips = list(live["order_flips"].values())
    print(f"  {'the two orders of options':<26} {np.mean(flips):.3f}")


def _print_comparison(title: str, compared: dict[str, Any]) -> None:
    print(title)
    for kind, name in (("centuries", "two centuries"), ("seeds", "two seeds of one century")):
        share = compared[kind]
        words = (
            "not measured"
            if share is None
            else f"{share['flips']:.3f} [{share['low']:.3f}, {share['high']:.3f}], margins differ by {share['distance']:.3f}"
        )
        print(f"  {name:<26} {words}")
    if compared["excess"]:
        low, mid, high = compared["excess"]
        print(f"  {'difference':<26} {mid:.3f} [{low:.3f}, {high:.3f}]")
