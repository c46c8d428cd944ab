"""`progressgym history collect`: from models that are there already to a history, with its validity report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.shared import Device, Questionnaire, option
from progressgym.core.files import check_writable

EXAMPLES = """
progressgym history collect PKU-Alignment/ProgressGym-HistLlama3-8B-C0{13..21}-instruct-v0.2 --out runs/hist8b
progressgym history collect 1930=./talkie-1930 2024=smollm2-135m --out runs/two --measure-only
progressgym bench --history runs/hist8b
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure models of your own, of the hub or behind endpoints, one a century, check them, and pack a history of them.

    One model is in memory at a time (`progressgym plan` says how much it takes). What models with weights answered is
    kept, so an interrupted collection goes on.
    """

    models: Annotated[
        Positional[tuple[str, ...]],
        option("[LABEL=]MODEL", "Oldest first; without a label the name must hold a century, such as C018."),
    ]
    out: Annotated[str, option("DIR", "Folder of the history; its validity report goes into DIR-validity.")]
    instrument: Questionnaire = "moral19-v1"
    mode: Annotated[str, option("M", "How models are read, see `progressgym values`.")] = "verdict-v2"
    people: Annotated[str, option("FILE", "As in `progressgym history validate`.")] = ""
    every: Annotated[int, option("N", "The report asks every so manieth item of each dimension; 1 asks all.")] = 3
    device: Device = "auto"
    measure_only: Annotated[bool, option(text="Make no validity report.")] = False


def run(options: Options) -> int:
    """Ask, save, check."""
    from progressgym.cli.validity import publish
    from progressgym.histories.collecting import collect, labelled, loader
    from progressgym.histories.validity.run import make_asking, validate_models
    from progressgym.instruments.registry import load_questionnaire

    models, out = labelled(options.models), Path(options.out)
    instrument = load_questionnaire(options.instrument)
    asking = None if options.measure_only else make_asking(instrument, options.people, every=options.every)
    check_writable(out.resolve().parent)

    def say(what: str) -> None:
        print(what, file=sys.stderr, flush=True)

    history = collect(out.name, models, instrument, mode=options.mode, device=options.device, progress=say)
    history.save(out)
    print(f"{len(history)} models on {instrument.name}, written to {out}", flush=True)
    if asking is None:
        return 0
    loaders = {label: loader(model, options.device) for label, model in models.items()}
    report = validate_models(history.name, loaders, asking, progress=say)
    return publish(report, check_writable(out.with_name(f"{out.name}-validity")), as_json=False)
