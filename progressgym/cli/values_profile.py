"""`progressgym values MODEL --instrument all`: one profile over every instrument there is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.cli.values_reading import reported, try_instrument
from progressgym.core.files import write_json
from progressgym.core.streams import print_json


def run_profile(model: Any, out: Path, *, as_json: bool) -> int:
    """Read a model by every instrument, one after the other; what a model answered before is not asked again.

    Returns:
        1 where an instrument failed, which is said in its place.
    """
    from progressgym.instruments.registry import entries

    names = [entry.name for entry in entries()]
    record: dict[str, Any] = {"model": model.name, "fingerprint": model.fingerprint, "instruments": {}}
    pictures, tables = {}, []
    for number, name in enumerate(names, 1):
        print(f"{number}/{len(names)} {name}", file=sys.stderr, flush=True)
        before = getattr(model, "computed", None)
        outcome = try_instrument(name, model)
        if isinstance(outcome, str):
            record["instruments"][name] = {"error": outcome}
            tables.append([f"not read: {outcome}"])
            print(f"  {outcome}", file=sys.stderr, flush=True)
        else:
            instrument, reading = outcome
            from_cache = before is not None and before == model.computed
            record["instruments"][name], lines = reported(instrument, reading, from_cache)
            tables.append(lines)
            pictures[name] = (reading.dimensions, np.where(reading.covered, reading.values, np.nan), reading.interval)
        write_json(out / "values.json", record)
    _draw(model.name, pictures, out / "values.png")
    if as_json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for name, lines in zip(names, tables, strict=True):
            print("\n".join([f"{name}:", *(f"  {line}".rstrip() for line in lines), ""]))
        print(f"written to {out}")
    return int(any("error" in entry for entry in record["instruments"].values()))


def _draw(model: str, readings: dict[str, Any], path: Path) -> None:
    from progressgym.monitor import plots, profiles

    with plots.extra(path):
        subtitle = f"{len(readings)} instruments, each in its own units; lines: 95 % interval"
        plots.save(profiles.profile(readings, title=f"Values of {model}", subtitle=subtitle), path)
