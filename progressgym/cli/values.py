"""`progressgym values`: the 19-dimensional value vector of a language model, with errors and a picture."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from progressgym.core.files import check_writable, write_json
from progressgym.core.ids import safe_name
from progressgym.core.protocols import OptionScorer
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.instruments.instrument import Instrument

EXAMPLES = """
progressgym values smollm2-135m
progressgym values ./my-model --out runs/values/mine
progressgym values ./my-adapter --base smollm2-135m --json
progressgym values 'openai:http://127.0.0.1:8000#my-model?concurrency=16'
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the 19 values of a language model from the log-probabilities of its answers."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """smollm2-135m, a folder, a GGUF file, a PEFT adapter, a hub id or openai:http://HOST:PORT#MODEL."""
    instrument: Annotated[str, tyro.conf.arg(metavar="I")] = "moral19-v1"
    """Name or folder of the questionnaire."""
    mode: Annotated[str, tyro.conf.arg(metavar="M")] = "verdict"
    """How it is read: verdict (as histories are), cloze, letter or another question form."""
    base: Annotated[str, tyro.conf.arg(metavar="B")] = ""
    """For an adapter: the model it belongs to, when not the one that it names."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """auto, cpu or cuda."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder for values.json and values.png; runs/values/MODEL by default."""
    json: bool = False
    """Print values.json instead of the table."""


def run(options: Options) -> int:
    """Measure (or take what was measured before), print, write."""
    from progressgym.instruments.instrument import Instrument
    from progressgym.models import load_model

    instrument = Instrument.load(options.instrument)
    out = check_writable(Path(options.out) if options.out else Path("runs") / "values" / safe_name(options.model))
    model = load_model(options.model, device=options.device, base=options.base or None)
    print(f"measuring {options.model} on {instrument.name}: {len(instrument)} items", file=sys.stderr, flush=True)
    record = _measure(model, instrument, options.mode)
    write_json(out / "values.json", record)
    _draw(record, out / "values.png")
    if options.json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    for name, entry in record["values"].items():
        print(f"{name:<12} {'not measured' if entry is None else _with_error(**entry)}")
    flip = "none: options are never shown together" if record["order_flip"] is None else f"{record['order_flip']:.3f}"
    took = "measured before" if record["seconds"] is None else f"{record['seconds']:.0f} s"
    if record["note"] is not None:
        print(f"read in mode {record['mode']}: {record['note']}")
    print(f"modal share {record['modal_share']:.3f}, order flip {flip}, {took}")
    print(f"written to {out}")
    return 0


def _with_error(value: float, standard_error: float | None) -> str:
    return f"{value:+.3f} \u00b1 {'?' if standard_error is None else format(standard_error, '.3f')}"


def _measure(model: OptionScorer, instrument: Instrument, mode: str) -> dict[str, Any]:
    """Values with errors as a JSON object; None on dimensions that are not measured.

    Answers in modes without an order of options are kept in the answer cache, so that a model is never asked twice.
    """
    from progressgym.instruments.reading import ORDERLESS, SaysHow, settled_mode
    from progressgym.models.cache import AnswerCache

    mode = settled_mode(model, mode)
    cache = AnswerCache() if mode in ORDERLESS else None
    answers = None if cache is None else cache.get(model.fingerprint, instrument.hash, mode)
    extras: dict[str, Any] = {"order_flip": None, "tokens": None, "seconds": None}
    if answers is None:
        reading = instrument.read(model, mode)
        answers = reading.answers
        extras = {
            "order_flip": reading.order_flip,
            "tokens": reading.tokens,
            "seconds": round(reading.seconds, 3),
        }
        if cache is not None:
            cache.put(model.fingerprint, instrument.hash, mode, answers)
    values, errors = instrument.values(answers).tolist(), instrument.standard_error(answers).tolist()
    numbers = zip(instrument.dimensions, values, errors, instrument.covered(), strict=True)
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "instrument": {"name": instrument.name, "hash": instrument.hash, "items": len(instrument)},
        "mode": mode,
        "note": model.note if isinstance(model, SaysHow) else None,
        "values": {
            name: {"value": value, "standard_error": error if isfinite(error) else None} if measured else None
            for name, value, error, measured in numbers
        },
        "modal_share": float(answers.max(1).mean()),
        **extras,
    }


def _draw(record: dict[str, Any], path: Path) -> None:
    from progressgym.monitor import plots

    rows = [entry or {"value": None, "standard_error": None} for entry in record["values"].values()]
    values, errors = ([nan if row[key] is None else row[key] for row in rows] for key in ("value", "standard_error"))
    subtitle = f"{record['instrument']['name']}, {record['instrument']['items']} items, {record['mode']}"
    with plots.extra(path):
        plots.save(plots.value_bars(values, errors, title=f"Values of {record['model']}", subtitle=subtitle), path)
