"""`progressgym values HISTORY`: what instruments read of every step, as a table and a picture of its course."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from progressgym.cli.values_reading import ALL, DEFAULT, check_mode, try_instrument
from progressgym.core.errors import UserError
from progressgym.core.files import check_writable, write_json
from progressgym.core.ids import safe_name
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.histories.history import History
    from progressgym.histories.series import Series
    from progressgym.histories.validity.check import Check
    from progressgym.instruments.protocol import Question

SIGNS = ("entropy", "modal_share", "correct_answers", "order_flip", "agreement")
"""Flags that are printed below a table."""


def run_history(spec: str, asked: str, mode: str, *, device: str, out: Path, as_json: bool) -> int:
    """Read every step of a history.

    Args:
        spec: of the history, or of a build of century models.
        asked: an instrument, `all`, or "" for the questionnaire that the history stands on.
        mode: of questionnaires; "" takes stored answers where there are some.
        device: where century models run.
        out: folder for values.json and the pictures.
        as_json: print values.json instead of tables.

    Returns:
        1 where an instrument failed.
    """
    from progressgym.histories.validity.convergence import convergence
    from progressgym.instruments.registry import load_instrument

    history = None if (Path(spec) / "recipe.json").is_file() else _load(spec)
    series: dict[str, Series] = {}
    failures: dict[str, str] = {}
    names = _names(asked, history)
    for name in names:
        if history is None or name != history.instrument.name:
            check_mode(load_instrument(name), mode if len(names) == 1 else "")
    check_writable(out)
    for name, outcome in read_all(spec, history, names, mode, device):
        if isinstance(outcome, str):
            failures[name] = outcome
        else:
            series[name] = outcome
    if not series:
        raise UserError("; ".join(failures.values()))
    title = Path(spec).name if history is None else history.name
    records = {name: one.to_record() for name, one in series.items()}
    records |= {name: {"error": why} for name, why in failures.items()}
    agreed = [*convergence(list(series.values()), asked_by(series, history)), *convergence(_halves(history, series))]
    read = {"instruments": records} if asked == ALL else next(iter(records.values()))
    record: dict[str, Any] = {"history": title} | read | {"convergence": [asdict(one) for one in agreed]}
    write_json(out / "values.json", record)
    for name, one in series.items():
        _draw(title, one, out / (f"{safe_name(name)}.png" if asked == ALL else "values.png"))
    if as_json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return int(bool(failures))
    for name, one in series.items():
        print("\n".join([f"{title} on {name}", *series_lines(one), ""]))
    for name, why in failures.items():
        print(f"{name}: not read: {why}")
    if agreed:
        print("do instruments agree on how the steps differ? correlations of a dimension with itself, and with others")
    for pair in agreed:
        print(f"  {pair.line()}")
    print(f"written to {out}")
    return int(bool(failures))


def instruments_check(spec: str, asked: Sequence[str], device: str) -> Check:
    """Whether the instruments asked for agree on how the steps of a history differ; one that fails is said and left out."""
    from progressgym.histories.validity.convergence import overall
    from progressgym.instruments.registry import load_instrument

    history = None if (Path(spec) / "recipe.json").is_file() else _load(spec)
    names = [name for one in asked for name in _names(one, history)]
    for name in names:
        if history is None or name != history.instrument.name:
            load_instrument(name)
    series = {}
    for name, outcome in read_all(spec, history, list(dict.fromkeys(names)), "", device):
        if isinstance(outcome, str):
            print(f"{name}: not read: {outcome}", file=sys.stderr, flush=True)
        else:
            series[name] = outcome
    return overall(list(series.values()), asked_by(series, history))


def series_lines(series: Series) -> list[str]:
    """A line a dimension, a column a step; a dash where nothing is measured, x where it is not fit, and why below."""
    wide = max(*(len(sign) + 2 for sign in SIGNS), *map(len, series.dimensions))
    columns = [max(len(label), 6) for label in series.labels]

    def row(name: str, cells: Sequence[str]) -> str:
        return f"{name:<{wide}} " + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, columns, strict=True))

    lines = [row("", series.labels)]
    for d, name in enumerate(series.dimensions):
        lost = ["x" if name in why else "-" for why in series.unfit]
        values = series.values[:, d]
        if np.isfinite(values).any() or "x" in lost:
            cells = [f"{v:+.3f}" if np.isfinite(v) else gap for v, gap in zip(values, lost, strict=True)]
            lines.append(row(name, cells))
    for sign in SIGNS:
        if series.flags and all(sign in flags for flags in series.flags):
            lines.append(row(f"({sign.replace('_', ' ')})", [f"{flags[sign]:.3g}" for flags in series.flags]))
    reasons: dict[str, list[str]] = {}
    for label, why in zip(series.labels, series.unfit, strict=True):
        for name, reason in why.items():
            reasons.setdefault(f"{label}: {reason}", []).append(name)
    return lines + [f"x {reason} [{', '.join(lost)}]" for reason, lost in reasons.items()]


def _load(spec: str) -> History:
    from progressgym.histories.history import History

    return History.load(spec)


def asked_by(series: Mapping[str, Series], history: History | None) -> dict[str, Sequence[Question]]:
    """What every instrument asks, by the name that its series has."""
    from progressgym.instruments.registry import load_instrument

    own = None if history is None else history.instrument
    return {
        one.instrument: (own if own is not None and name == own.name else load_instrument(name)).questions()
        for name, one in series.items()
    }


def _halves(history: History | None, series: Mapping[str, Series]) -> list[Series]:
    """The halves of a history's own questionnaire, where that is among what was read from its answers."""
    from progressgym.histories.series import half_series

    own = None if history is None else series.get(history.instrument.name)
    return [] if history is None or own is None or own.mode != "answers" else half_series(history)


def _names(asked: str, history: History | None) -> list[str]:
    from progressgym.instruments.registry import entries

    if asked != ALL:
        return [asked or (DEFAULT if history is None else history.instrument.name)]
    names = [entry.name for entry in entries()]
    return names if history is None or history.instrument.name in names else [history.instrument.name, *names]


def read_all(
    spec: str, history: History | None, names: Sequence[str], mode: str, device: str
) -> Iterator[tuple[str, Series | str]]:
    """The series of every instrument, or why there is none: first what is stored, then models, one in memory at a time."""
    from progressgym.histories.series import stored_series
    from progressgym.histories.validity.run import history_models

    asking = []
    for name in names:
        if history is not None and not mode and _is_own(history, name):
            yield name, stored_series(history)
        else:
            asking.append(name)
    if not asking:
        return
    try:
        models = history_models(spec, device)
    except UserError as error:
        own = "" if history is None else f"; its answers are to {history.instrument.name}"
        for name in asking if len(names) == 1 else ():
            yield name, f"{name!r} asks models, and {error}{own}"
        if len(names) > 1:
            print(f"the other instruments ask models, and {error}", file=sys.stderr, flush=True)
        return
    yield from _ask_models(models, asking, mode)


def _is_own(history: History, name: str) -> bool:
    from progressgym.instruments.questionnaire import Questionnaire
    from progressgym.instruments.registry import load_instrument

    if name == history.instrument.name:
        return True
    instrument = load_instrument(name)
    return isinstance(instrument, Questionnaire) and instrument.hash == history.instrument.hash


def _ask_models(
    models: Mapping[str, Callable[[], Any]], names: Sequence[str], mode: str
) -> Iterator[tuple[str, Series | str]]:
    from progressgym.histories.series import series_of

    readings: dict[str, list[Any]] = {name: [] for name in names}
    for place, (label, load) in enumerate(models.items(), 1):
        model = load()
        for name in names:
            if readings[name] and isinstance(readings[name][-1], str):
                continue
            print(f"{place}/{len(models)} {label} on {name}", file=sys.stderr, flush=True)
            outcome = try_instrument(name, model, mode)
            readings[name].append(outcome if isinstance(outcome, str) else outcome[1])
    for name, row in readings.items():
        yield name, row[-1] if isinstance(row[-1], str) else series_of(tuple(models), row)


def _draw(title: str, series: Series, path: Path) -> None:
    from progressgym.monitor import plots, profiles

    with plots.extra(path):
        subtitle = f"{series.instrument}; bands: 95 % interval; a gap: not measured, or not fit"
        figure = profiles.courses(
            series.labels,
            series.dimensions,
            series.values,
            series.interval,
            title=f"{title} on {series.instrument}",
            subtitle=subtitle,
        )
        plots.save(figure, path)
