"""`progressgym history show`: what is in a history and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from tyro.conf import Positional

from progressgym.cli.shared import Json, option
from progressgym.core.streams import print_json
from progressgym.instruments.loadings import strengths

if TYPE_CHECKING:
    from progressgym.histories.history import History

EXAMPLES = """
progressgym history show 'synthetic:linear?seed=3'
progressgym history show gss-v1
progressgym history show histsmol-v1
progressgym history show runs/hist-measured --json
progressgym history show 'synthetic:cyclic?seed=1' --plot runs/cyclic.png
"""
WIDTH = 100


@dataclass(kw_only=True, frozen=True)
class Options:
    """Describe a history: its centuries, its drift, its card."""

    history: Annotated[Positional[str], option("HISTORY")]
    """Shipped name, folder, npz file, or synthetic id with a seed."""
    plot: Annotated[str, option("FILE.png", "Draw its values as a heat map.")] = ""
    json: Json = False


def run(options: Options) -> int:
    """Print it."""
    from progressgym.histories.history import History

    history = History.load(options.history)
    values = history.values()
    failures: list[str] = []
    if options.plot:
        from progressgym.monitor import plots

        drift = np.where(history.instrument.covered(), history.drift(), np.nan)
        with plots.extra(options.plot, failures):
            figure = plots.heat_map(history.labels, {history.name: drift}, title="Change of values")
            plots.save(figure, options.plot)
    if options.json:
        print_json(json.dumps(_record(history), indent=2, ensure_ascii=False))
        return 1 if failures else 0
    items, choices = history.instrument.mask.shape
    print(f"{history.name}: {history.labels[0]} to {history.labels[-1]}, {len(history)} steps")
    print(f"instrument {history.instrument.name}, {items} items of up to {choices} options, hash {history.hash[:12]}")
    if not history.complete:
        print(f"{int(history.asked.sum())} of {history.asked.size} answers: not every item was asked in every step")
    covered = history.instrument.covered()
    for line in _table("value", history, values, covered, "{:+.3f}"):
        print(line)
    if history.people is not None:
        for line in _table("sampling", history, history.sampling_error(), covered, "{:.3f}"):
            print(line)
    for line in _card_lines(history.card):
        print(line)
    if options.plot and not failures:
        print(f"\ndrawn to {options.plot}")
    return 1 if failures else 0


def _table(title: str, history: History, rows: NDArray[np.float64], covered: NDArray[np.bool_], form: str) -> list[str]:
    """A line a dimension that is measured, a column a step; a dash where nothing was asked."""
    asked = history.asked @ strengths(history.instrument.loadings) > 0
    cells = [
        [form.format(x) if there else "-" for x, there in zip(*pair, strict=True)]
        for pair in zip(rows, asked, strict=True)
    ]
    widths = [max(len(label), 6) for label in history.labels]
    lines = ["", f"{title:<12} " + " ".join(f"{label:>{w}}" for label, w in zip(history.labels, widths, strict=True))]
    for d in np.flatnonzero(covered):
        row = " ".join(f"{step[d]:>{w}}" for step, w in zip(cells, widths, strict=True))
        lines.append(f"{history.instrument.dimensions[d]:<12} {row}")
    return lines


def _record(history: History) -> dict[str, Any]:
    sampling = {} if history.people is None else {"sampling_error": history.sampling_error().tolist()}
    return {
        "name": history.name,
        "labels": list(history.labels),
        "instrument": {"name": history.instrument.name, "hash": history.instrument.hash},
        "hash": history.hash,
        "values": history.values().tolist(),
        "asked": history.asked.sum(1).tolist(),
        **sampling,
        "card": dict(history.card),
    }


def _card_lines(card: Mapping[str, Any]) -> list[str]:
    """The card's entries, one a line, long ones cut."""
    lines = ["", "card"] if card else []
    for key, value in card.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {key}: {text if len(text) <= WIDTH else text[: WIDTH - 3] + '...'}")
    return lines
