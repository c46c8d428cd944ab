"""`progressgym history measure`: from century models to a history that environments can use."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.options import listed
from progressgym.cli.shared import Questionnaire, option
from progressgym.core.files import check_writable, write_text
from progressgym.core.reading import read_object

EXAMPLES = """
progressgym history measure runs/hist --out runs/hist-measured
progressgym history measure runs/hist --seeds runs/hist-seed1 --corpus CORPUS --adapters --out runs/hist-measured
progressgym bench --history runs/hist-measured
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the century models of a build on a questionnaire, and gather the evidence for them.

    Finished centuries are not measured again. The evidence (split-half correlations of the drift; with --seeds distances
    against training seeds; with --corpus held-out losses) goes into the history's card and into evidence.md.
    """

    build: Annotated[Positional[str], option("BUILD", "Folder made by `progressgym history build`.")]
    out: Annotated[str, option("DIR", "Folder of the history.")]
    instrument: Questionnaire = "moral19-v1"
    seeds: Annotated[str, option("BUILD,...", "Builds of the same recipe with other training seeds.")] = ""
    corpus: Annotated[str, option("CORPUS", "The HistText that was read.")] = ""
    card: Annotated[str, option("FILE")] = ""
    """JSON object with further entries of the card: title, licence, rights, limits."""
    adapters: Annotated[bool, option(text="Put the century adapters into the history's folder.")] = False


def run(options: Options) -> int:
    """Measure and save."""
    from progressgym.histories.evidence_page import evidence_page
    from progressgym.histories.publishing import publish
    from progressgym.instruments.questionnaire import Questionnaire

    instrument = Questionnaire.load(options.instrument)
    check_writable(Path(options.out).resolve().parent)
    history = publish(
        options.build,
        options.out,
        instrument,
        seeds=listed(options.seeds),
        corpus=options.corpus or None,
        card=read_object(options.card, "a card's entries") if options.card else None,
        adapters=options.adapters,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    write_text(Path(options.out) / "evidence.md", evidence_page(history.name, history.card))
    print(f"{len(history)} centuries on {instrument.name}, written to {options.out}")
    return 0
