"""`progressgym values`: the 19-dimensional value vector of a language model, with errors and a picture."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from progressgym.core.files import write_text
from progressgym.core.ids import safe_name

if TYPE_CHECKING:
    from progressgym.instruments.instrument import Instrument
    from progressgym.instruments.reading import Reading

EXAMPLES = """
progressgym values smollm2-135m
progressgym values ./my-model --out runs/values/mine
progressgym values ./my-adapter --base smollm2-135m --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the 19 values of a language model from the log-probabilities of its answers."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """smollm2-135m, a folder, a GGUF file, a PEFT adapter or a hub id."""
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
    """Measure, print, write."""
    from progressgym.instruments.instrument import Instrument
    from progressgym.models import load_model
    from progressgym.monitor import plots

    instrument = Instrument.load(options.instrument)
    model = load_model(options.model, device=options.device, base=options.base or None)
    print(f"measuring {options.model} on {instrument.name}: {len(instrument)} items", file=sys.stderr, flush=True)
    reading = instrument.read(model, options.mode)
    record = json.dumps(_record(reading, instrument), indent=2, allow_nan=False) + "\n"
    out = Path(options.out) if options.out else Path("runs") / "values" / safe_name(options.model)
    write_text(out / "values.json", record)
    subtitle = f"{instrument.name}, {len(instrument)} items, {reading.mode}"
    plots.save(
        plots.value_bars(reading.values, reading.standard_error, title=f"Values of {options.model}", subtitle=subtitle),
        out / "values.png",
    )
    if options.json:
        sys.stdout.write(record)
        return 0
    covered = instrument.covered()
    for name, value, error, measured in zip(
        instrument.dimensions, reading.values, reading.standard_error, covered, strict=True
    ):
        print(f"{name:<12} {value:+.3f} \u00b1 {error:.3f}" if measured else f"{name:<12} not measured")
    flip = "none: options are never shown together" if reading.order_flip is None else f"{reading.order_flip:.3f}"
    print(f"modal share {reading.modal_share:.3f}, order flip {flip}, {reading.seconds:.0f} s")
    print(f"written to {out}")
    return 0


def _record(reading: Reading, instrument: Instrument) -> dict[str, Any]:
    """A JSON object; None on dimensions that are not measured."""
    covered = instrument.covered()
    numbers = zip(instrument.dimensions, reading.values.tolist(), reading.standard_error.tolist(), covered, strict=True)
    return {
        "model": reading.model,
        "instrument": {"name": instrument.name, "hash": instrument.hash},
        "mode": reading.mode,
        "values": {
            name: {"value": value, "standard_error": error} if measured else None
            for name, value, error, measured in numbers
        },
        "modal_share": reading.modal_share,
        "order_flip": reading.order_flip,
        "temperature": reading.temperature,
        "tokens": reading.tokens,
        "seconds": round(reading.seconds, 3),
    }
