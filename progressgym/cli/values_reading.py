"""One reading for `progressgym values`: how a model is read, what is printed, written and drawn of it."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.text import one_line

if TYPE_CHECKING:
    from progressgym.instruments.protocol import Instrument, Reading
    from progressgym.instruments.spread import Spread


DEFAULT, ALL = "moral19-v1", "all"
"""What a model is read by when nothing is said, and the word for every instrument."""


def check_mode(instrument: Instrument, mode: str) -> None:
    """Refuse a mode that is none, before a model is loaded."""
    from progressgym.instruments.ask import ORDERLESS
    from progressgym.instruments.forms import forms_of
    from progressgym.instruments.questionnaire import Questionnaire

    if mode and not isinstance(instrument, Questionnaire):
        raise UserError(f"instrument {instrument.name!r} is read in its own way; leave out --mode")
    if mode not in ("", *ORDERLESS):
        forms_of(mode)


def read_instrument(instrument: Instrument, model: Any, mode: str) -> Reading:
    """Read a model; weights by the panel of words, an endpoint by one pair, unless a mode is asked for."""
    from progressgym.instruments.panel import PANELS
    from progressgym.instruments.questionnaire import Questionnaire
    from progressgym.models.cache import Remembered

    if not isinstance(instrument, Questionnaire):
        return instrument.read(model)
    return instrument.read(model, mode or (PANELS[-1] if isinstance(model, Remembered) else "verdict"))


def try_instrument(name: str, model: Any, mode: str = "") -> tuple[Instrument, Reading] | str:
    """A reading among several: what fails is said, and costs the others nothing.

    Args:
        name: of the instrument.
        model: who is asked.
        mode: of questionnaires.

    Returns:
        The instrument and its reading, or what went wrong.
    """
    from progressgym.instruments.registry import load_instrument

    try:
        instrument = load_instrument(name)
        return instrument, read_instrument(instrument, model, mode)
    except UserError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  an instrument of somebody else's may raise anything
        return f"{type(error).__name__}: {one_line(str(error))[:200]}"


def reported(instrument: Instrument, reading: Reading, from_cache: bool) -> tuple[dict[str, Any], list[str]]:
    """A reading as a JSON object, with the spread over words and leads, and as lines."""
    spread = _spread(instrument, reading)
    record = _record(instrument, reading, from_cache) | _spread_record(reading, spread)
    return record, _lines(reading, record, spread)


def _lines(reading: Reading, record: dict[str, Any], spread: Spread | None) -> list[str]:
    """The table of a reading, how it was got, and signs of bad answers."""
    from progressgym.instruments.sensitivity import sensitivity_line

    width = max(12, *map(len, reading.dimensions))
    lines = []
    for name, entry in record["values"].items():
        missing = f"not measured: {reading.unfit[name]}" if name in reading.unfit else "not measured"
        lines.append(f"{name:<{width}} {missing if entry is None else _with_error(entry)}{_between(record, name)}")
    lines += _spread_lines(reading, spread)
    flip = "none: options are never shown together" if reading.order_flip is None else f"{reading.order_flip:.3f}"
    if record["variance"]:
        lines.append(sensitivity_line(record["variance"]))
    if reading.note:
        lines.append(f"read in mode {reading.mode}: {reading.note}")
    others = [
        f"{name.replace('_', ' ')} {value:.3f}, " for name, value in record["flags"].items() if name != "order_flip"
    ]
    seconds = "measured before" if record["seconds"] is None else f"{reading.seconds:.0f} s"
    return [*lines, f"{''.join(others)}order flip {flip}, {seconds}"]


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
    from progressgym.instruments.fitness import signs
    from progressgym.instruments.protocol import question_hash
    from progressgym.instruments.sensitivity import sensitivity

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
        "flags": signs(reading),
        "variance": sensitivity(reading),
        "tokens": None if from_cache else reading.tokens,
        "seconds": None if from_cache else round(reading.seconds, 3),
    }


def draw_reading(reading: Reading, record: dict[str, Any], path: Path) -> None:
    """The picture of a reading."""
    from progressgym.monitor import plots

    values = np.where(reading.covered, reading.values, np.nan)
    subtitle = f"{reading.instrument}, {record['instrument']['items']} items, {record['mode']}"
    title = f"Values of {record['model']}"
    with plots.extra(path):
        names = reading.dimensions
        plots.save(plots.value_bars(values, reading.interval, title=title, subtitle=subtitle, names=names), path)
