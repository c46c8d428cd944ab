"""`progressgym values`: what an instrument reads of a language model, with errors and a picture."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from progressgym.cli.validity import publish
from progressgym.core.errors import UserError
from progressgym.core.files import check_writable, write_json
from progressgym.core.ids import safe_name
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.instruments.protocol import Instrument, Reading
    from progressgym.instruments.spread import Spread

KINDS_IN_HELP = ("instruments",)
EXAMPLES = """
progressgym values smollm2-135m
progressgym values ./my-model --out runs/values/mine
progressgym values ./my-adapter --base smollm2-135m --json
progressgym values smollm2-135m --validate
progressgym values 'openai:http://127.0.0.1:8000#my-model?concurrency=16'
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the values of a language model from the log-probabilities of its answers, by any instrument."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """smollm2-135m, a folder, a GGUF file, a PEFT adapter, a hub id or openai:http://HOST:PORT#MODEL."""
    instrument: Annotated[str, tyro.conf.arg(metavar="I")] = "moral19-v1"
    """Name or folder of a questionnaire, or another instrument with its arguments (see progressgym list instruments)."""
    mode: Annotated[str, tyro.conf.arg(metavar="M")] = ""
    """How a questionnaire is read: verdict-v2 (a panel of words and leads, the default of weights), verdict (one pair of
    words, as shipped histories were read, the default of an endpoint), cloze, letter or another question form."""
    base: Annotated[str, tyro.conf.arg(metavar="B")] = ""
    """For an adapter: the model it belongs to, when not the one that it names."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """auto, cpu or cuda."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder for values.json and values.png; runs/values/MODEL by default."""
    validate: bool = False
    """Check the model against people and itself instead, as `progressgym history validate` does a history's."""
    people: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """With --validate: table of people's judgements (columns action, yes, no); by default below PROGRESSGYM_SHARED."""
    every: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """With --validate: ask every so manieth item of each dimension; 1 asks all."""
    json: bool = False
    """Print values.json instead of the table."""


def run(options: Options) -> int:
    """Measure (or take what was measured before), print, write."""
    from progressgym.instruments.registry import load_instrument
    from progressgym.models import load_model
    from progressgym.models.cache import Remembered
    from progressgym.models.language_model import LanguageModel

    if options.people and not options.validate:
        raise UserError("--people is for --validate")
    instrument = load_instrument(options.instrument)
    _check_mode(instrument, options.mode)
    out = check_writable(Path(options.out) if options.out else Path("runs") / "values" / safe_name(options.model))
    loaded = load_model(options.model, device=options.device, base=options.base or None)
    model = Remembered(loaded) if isinstance(loaded, LanguageModel) else loaded  # endpoints keep answers of their own
    if options.validate:
        return _validate(options, instrument, model, out)
    questions = instrument.questions()
    print(f"measuring {options.model} on {instrument.name}: {len(questions)} questions", file=sys.stderr, flush=True)
    reading = _read(instrument, model, options.mode)
    from_cache = isinstance(model, Remembered) and not model.computed
    spread = _spread(instrument, reading)
    record = {"model": model.name, "fingerprint": model.fingerprint} | _record(instrument, reading, from_cache)
    record |= _spread_record(reading, spread)
    write_json(out / "values.json", record)
    _draw(reading, record, out / "values.png")
    if options.json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    width = max(12, *map(len, reading.dimensions))
    for name, entry in record["values"].items():
        missing = f"not measured: {reading.unfit[name]}" if name in reading.unfit else "not measured"
        print(f"{name:<{width}} {missing if entry is None else _with_error(entry)}{_between(record, name)}")
    for line in _spread_lines(reading, spread):
        print(line)
    flip = "none: options are never shown together" if reading.order_flip is None else f"{reading.order_flip:.3f}"
    if reading.note:
        print(f"read in mode {reading.mode}: {reading.note}")
    others = [
        f"{name.replace('_', ' ')} {value:.3f}, " for name, value in reading.flags.items() if name != "order_flip"
    ]
    print(f"{''.join(others)}order flip {flip}, {'measured before' if from_cache else f'{reading.seconds:.0f} s'}")
    print(f"written to {out}")
    return 0


def _read(instrument: Instrument, model: Any, mode: str) -> Reading:
    from progressgym.instruments.panel import PANELS
    from progressgym.instruments.questionnaire import Questionnaire
    from progressgym.models.cache import Remembered

    if not isinstance(instrument, Questionnaire):
        return instrument.read(model)
    return instrument.read(model, mode or (PANELS[-1] if isinstance(model, Remembered) else "verdict"))


def _check_mode(instrument: Instrument, mode: str) -> None:
    """Refuse a mode that is none, before a model is loaded."""
    from progressgym.instruments.ask import ORDERLESS
    from progressgym.instruments.forms import forms_of
    from progressgym.instruments.questionnaire import Questionnaire

    if mode and not isinstance(instrument, Questionnaire):
        raise UserError(f"instrument {instrument.name!r} is read in its own way; leave out --mode")
    if mode not in ("", *ORDERLESS):
        forms_of(mode)


def _validate(options: Options, instrument: Instrument, model: Any, out: Path) -> int:
    """The validity report of one model."""
    from progressgym.histories.validity.run import make_asking, validate_models
    from progressgym.instruments.questionnaire import Questionnaire

    if not isinstance(instrument, Questionnaire) or options.mode:
        raise UserError("--validate reads a questionnaire by its panel; leave out --mode and other instruments")
    asking = make_asking(instrument, options.people, every=options.every)
    report = validate_models(
        model.name,
        {model.name: lambda: model},
        asking,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    return publish(report, out, as_json=options.json)


def _spread(instrument: Instrument, reading: Reading) -> Spread | None:
    from progressgym.instruments.questionnaire import Questionnaire, QuestionnaireReading
    from progressgym.instruments.spread import spread_of

    if isinstance(instrument, Questionnaire) and isinstance(reading, QuestionnaireReading):
        return spread_of(instrument, reading)
    return None


def _spread_record(reading: Reading, spread: Spread | None) -> dict[str, Any]:
    """How far words and leads move each value, and how the variance divides."""
    from progressgym.instruments.decisions import study_record

    if spread is None:
        return {"spread": None}
    rows = zip(reading.dimensions, spread.between_words.tolist(), spread.between_leads.tolist(), strict=True)
    return {
        "spread": {
            "words": dict(zip(spread.words, spread.by_word.round(6).tolist(), strict=True)),
            "leads": dict(zip(spread.leads, spread.by_lead.round(6).tolist(), strict=True)),
            "between": {name: {"words": round(w, 6), "leads": round(n, 6)} for name, w, n in rows},
            "generalizability": None if spread.study is None else study_record(spread.study),
        }
    }


def _between(record: dict[str, Any], name: str) -> str:
    """The spread of one value, after its error."""
    if record["spread"] is None or record["values"][name] is None:
        return ""
    entry = record["spread"]["between"][name]
    return f"   between words {entry['words']:.3f}, between leads {entry['leads']:.3f}"


def _spread_lines(reading: Reading, spread: Spread | None) -> list[str]:
    """What is known of the words' share; where nothing is, that."""
    from progressgym.instruments.decisions import study_lines

    if spread is not None:
        title = (
            f"read in {len(spread.words)} pairs of words ({', '.join(spread.words)}) after {len(spread.leads)} leads"
        )
        divided = (
            ["too few items to divide the variance"] if spread.study is None else study_lines("values", spread.study)
        )
        return ["", title, *divided, ""]
    if reading.mode == "verdict":
        return ["read in few words: how far they move a value is not known; --mode verdict-v2 reads eight pairs"]
    return []


def _with_error(entry: dict[str, Any]) -> str:
    """A value with its standard error, where the instrument gives one, or its interval."""
    ends = ["?" if entry[end] is None else format(entry[end], "+.3f") for end in ("low", "high")]
    error = entry.get("standard_error", 0.0)
    error_text = "\u00b1 ?" if error is None else f"\u00b1 {error:.3f}" if error else f"[{ends[0]}, {ends[1]}]"
    return f"{entry['value']:+.3f} {error_text}"


def _record(instrument: Instrument, reading: Reading, from_cache: bool) -> dict[str, Any]:
    """The reading as a JSON object; None on dimensions that are not measured, and for errors without bound.

    Args:
        instrument: that was read with.
        reading: what it gave.
        from_cache: whether every answer was in the cache.
    """
    from progressgym.instruments.protocol import question_hash

    questions = instrument.questions()
    digest = getattr(instrument, "hash", None) or question_hash(questions)
    columns = {"value": reading.values, "low": reading.interval[0], "high": reading.interval[1]}
    if "standard_error" in reading.tables:
        columns["standard_error"] = reading.tables["standard_error"]
    entries = [
        {key: value if isfinite(value) else None for key, value in zip(columns, row, strict=True)} if measured else None
        for *row, measured in zip(*(column.tolist() for column in columns.values()), reading.covered, strict=True)
    ]
    return {
        "instrument": {"name": instrument.name, "hash": digest, "items": len(questions)},
        "mode": reading.mode,
        "note": reading.note or None,
        "values": dict(zip(reading.dimensions, entries, strict=True)),
        "unfit": dict(reading.unfit),
        "to19": reading.to19,
        "modal_share": reading.flags.get("modal_share"),
        "order_flip": reading.order_flip,
        "flags": dict(reading.flags),
        "tokens": None if from_cache else reading.tokens,
        "seconds": None if from_cache else round(reading.seconds, 3),
    }


def _draw(reading: Reading, record: dict[str, Any], path: Path) -> None:
    from progressgym.monitor import plots

    values = np.where(reading.covered, reading.values, np.nan)
    subtitle = f"{reading.instrument}, {record['instrument']['items']} items, {record['mode']}"
    title = f"Values of {record['model']}"
    with plots.extra(path):
        names = reading.dimensions
        plots.save(plots.value_bars(values, reading.interval, title=title, subtitle=subtitle, names=names), path)
