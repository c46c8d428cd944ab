"""`progressgym history measure`: from century models to a history that environments can use."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

EXAMPLES = """
progressgym history measure runs/hist --out runs/hist-measured
progressgym bench --history runs/hist-measured
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the century models of a build on a questionnaire; finished centuries are not measured again."""

    build: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="BUILD")]
    """Folder made by `progressgym history build`."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Folder of the history."""
    instrument: Annotated[str, tyro.conf.arg(metavar="I")] = "moral19-v1"
    """Name or folder of the questionnaire."""


def run(options: Options) -> int:
    """Measure and save."""
    from progressgym.histories.measuring import adapters_of, measure_build
    from progressgym.instruments.instrument import Instrument
    from progressgym.monitor.progress import Progress

    instrument = Instrument.load(options.instrument)
    with Progress(len(adapters_of(options.build)), "measuring") as bar:
        history = measure_build(options.build, instrument, progress=lambda label: bar.advance(f"reading {label}"))
    history.save(options.out)
    print(f"{len(history)} centuries on {instrument.name}, written to {options.out}", file=sys.stdout)
    return 0
