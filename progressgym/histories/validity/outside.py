"""Checks against something outside of the models: people's judgement, a survey, the direction of practices, known deeds.

Legend of shapes: M models in order of time, A actions, P practices, N items, K options, T steps of the survey.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats, softmax_options
from progressgym.histories.history import History
from progressgym.histories.validity.asked import TEMPLATES, Asked, Asking
from progressgym.histories.validity.check import Check, bootstrap, correlation, drawn, examined, skipped, spearman
from progressgym.instruments.practices import Practice, century_number
from progressgym.scores.intervals import tails

Indices = NDArray[np.int64]
SURVEY = "gss-v1"
ONE_MODEL = "one model has no time"
FEWEST_MODELS = 4
"""Fewer than these cannot be ranked in time: of three, chance ranks one order in six."""


def judgements(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> list[Check]:
    """Agreement with people, and whether it rises with time."""
    who = f"does {labels[-1]} praise what people find fine?"
    rising = "does the agreement with people rise with time?"
    if asking.judgements is None:
        reason = "no table of people's judgements (--people FILE, or PROGRESSGYM_SHARED)"
        return [skipped("judgements", who, reason), skipped("judgements in time", rising, reason)]
    shares = asking.judgements.shares
    readings = _readings(asked, asking)
    panel = readings["panel"]
    newest = panel[-1]
    first = examined(
        "judgements",
        who,
        lambda rows: correlation(newest[rows], shares[rows]),
        len(shares),
        lambda order: correlation(newest[order], shares),
        detail={"actions": len(shares), "people": asking.judgements.people, "readings": _in_time(readings, shares)},
    )
    if len(asked) < FEWEST_MODELS:
        return [first, skipped("judgements in time", rising, _too_few(len(asked)))]
    return [first, _rising(panel, shares, rising)]


def _too_few(count: int) -> str:
    return ONE_MODEL if count == 1 else f"{count} models are too few to be ranked in time"


def _readings(asked: Sequence[Asked], asking: Asking) -> dict[str, Floats]:
    """Name -> log-odds (M, A): the panel, each of its pairs, the templates and their mean."""
    tables = np.array([one.actions for one in asked])
    templates = np.array([one.templates for one in asked])
    words = {f"panel, {name}": tables[:, :, w].mean(1) for w, name in enumerate(asking.panel.pair_names)}
    singles = {name: templates[:, place] for place, (name, _, _) in enumerate(TEMPLATES)}
    return {"panel": tables.mean((1, 2)), **words, **singles, "mean of the three": templates.mean(1)}


def _in_time(readings: dict[str, Floats], shares: Floats) -> dict[str, dict[str, object]]:
    """Agreement of every reading in every model, and its rank correlation with time."""
    table: dict[str, dict[str, object]] = {}
    for name, rows in readings.items():
        agreement = correlation(rows, shares)
        ordered = len(agreement) >= FEWEST_MODELS
        table[name] = {
            "agreement": agreement.round(4).tolist(),
            "spearman": round(float(spearman(agreement, np.arange(float(len(agreement))))), 4) if ordered else None,
        }
    return table


def _rising(panel: Floats, shares: Floats, question: str) -> Check:
    """Spearman of agreement with time; actions drawn anew for the interval, models permuted for p."""
    time = np.arange(float(len(panel)))
    agreement = correlation(panel, shares)

    def agreements(rows: Indices) -> Floats:
        """(B, M)."""
        return np.stack([correlation(model[rows], shares[rows]) for model in panel], -1)

    def gained(rows: Indices) -> Floats:
        return correlation(panel[-1][rows], shares[rows]) - correlation(panel[0][rows], shares[rows])

    last = [float(agreement[-1] - agreement[0]), *bootstrap(len(shares), gained, "judgements gained")]
    return examined(
        "judgements in time",
        question,
        lambda rows: spearman(agreements(rows), time),
        len(shares),
        lambda order: spearman(agreement[order], time),
        permutable=len(panel),
        detail={"last minus first": last},
    )


def survey(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> Check:
    """Agreement with what people answered, over items; which step of the survey the models are nearest to."""
    question = f"does {labels[-1]} answer {asking.survey.name} as people of {SURVEY} did, on average over its years?"
    people = History.load(SURVEY)
    place = {item.id: i for i, item in enumerate(asking.survey.items)}
    index = np.array([place[item.id] for item in people.instrument.items])
    truth = _positions(people.answers.astype(np.float64), people)
    scores = np.array([one.survey.mean((0, 1)) for one in asked])[:, index]
    temperature = asking.survey.config.temperature
    models = _positions(softmax_options(scores / temperature, people.instrument.mask), people)
    average = truth.mean(0)
    newest = models[-1]
    return examined(
        "survey",
        question,
        lambda rows: correlation(newest[rows], average[rows]),
        len(index),
        lambda order: correlation(newest[order], average),
        detail={
            "items": len(index),
            "steps": list(people.labels),
            "agreement": correlation(models[:, None], truth).round(4).tolist(),
            "nearest": [_nearest(row, truth, people.labels) for row in models],
        },
    )


def _positions(answers: Floats, people: History) -> Floats:
    """(..., N) how far the answers uphold each item's main dimension."""
    instrument = people.instrument
    main = np.array([instrument.dimensions.index(item.main) for item in instrument.items])
    weights = instrument.loadings[np.arange(len(main)), :, main]
    positions: Floats = (answers * weights).sum(-1)
    return positions


def _nearest(model: Floats, truth: Floats, steps: Sequence[str]) -> dict[str, object]:
    """The step with the highest agreement, and how often it stays the nearest when items are drawn anew."""
    best = int(correlation(model, truth).argmax())
    rows = drawn(len(model), "nearest")
    nearest = np.stack([correlation(model[rows], step[rows]) for step in truth], -1).argmax(-1)
    low, high = tails(nearest)
    return {
        "step": steps[best],
        "low": steps[int(low)],
        "high": steps[int(high)],
        "share": round(float((nearest == best).mean()), 3),
    }


def controls(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> Check:
    """Whether every model tells deeds that every age praised from those that every age blamed."""
    unturned = [place for place, practice in enumerate(asking.practices) if practice.control]
    signs = np.array([float(asking.practices[place].sign) for place in unturned])
    table = np.array([one.practices.mean((0, 1)) for one in asked])[:, unturned]

    def least(rows: Indices, fitting: Indices) -> Floats:
        smallest: Floats = correlation(table[:, rows], signs[fitting]).min(0)
        return smallest

    return examined(
        "controls",
        "does every model praise what every age praised, and blame what every age blamed? (the least of them)",
        lambda rows: least(rows, rows),
        len(signs),
        lambda order: least(order, np.arange(len(signs))),
        detail={
            "deeds": len(signs),
            "by model": dict(zip(labels, correlation(table, signs).round(4).tolist(), strict=True)),
        },
    )


def practices(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> Check:
    """Whether praise rose where it is known to have risen, against where it is known to have fallen."""
    question = "did the verdict on practices move as history did? (rose minus fell, beyond controls, in their spreads)"
    numbers = {century_number(label): place for place, label in enumerate(labels)}
    if len(asked) == 1:
        return skipped("practices", question, ONE_MODEL)
    turned = [p for p in asking.practices if not p.control and {p.since, p.until} <= set(numbers)]
    signs = np.array([float(practice.sign) for practice in turned])
    if min(int((signs > 0).sum()), int((signs < 0).sum())) < 5:
        return skipped("practices", question, "the models' labels name no centuries that the practices turned between")
    standard = _standardised(asked, asking.practices)
    unturned = np.array([practice.control for practice in asking.practices])
    place = {practice.id: number for number, practice in enumerate(asking.practices)}
    plain, drift = np.array(
        [
            _moved(standard[numbers[practice.since]], standard[numbers[practice.until]], unturned, place[practice.id])
            for practice in turned
        ]
    ).T

    def contrast(moved: Floats, direction: Floats) -> Floats:
        up, down = direction > 0, direction < 0
        one, other = (np.maximum(side.sum(-1), 1) for side in (up, down))
        gap: Floats = (moved * up).sum(-1) / one - (moved * down).sum(-1) / other
        return gap

    return examined(
        "practices",
        question,
        lambda rows: contrast(drift[rows], signs[rows]),
        len(turned),
        lambda order: contrast(drift[order], signs),
        detail={
            "practices": len(turned),
            "right way": int((drift * signs > 0).sum()),
            "rose": _side(drift[signs > 0], "rose"),
            "fell": _side(drift[signs < 0], "fell"),
            "before the controls are taken out": round(float(contrast(plain, signs)), 4),
            "controls, standard deviation of their change": round(
                float((standard[-1] - standard[0])[unturned].std()), 4
            ),
            "drift": {p.id: [p.sign, round(float(d), 4)] for p, d in zip(turned, drift, strict=True)},
        },
    )


def _side(drift: Floats, name: str) -> list[float]:
    """Mean change of the practices on one side, with its interval."""
    ends = bootstrap(len(drift), lambda rows: drift[rows].mean(-1), name)
    return [round(float(x), 4) for x in (drift.mean(), *ends)]


def _moved(since: Floats, until: Floats, unturned: NDArray[np.bool_], place: int) -> tuple[float, float]:
    """How far a practice moved, plainly and beyond what a control of the same verdict would have.

    Later models may tell good from bad more sharply, and every reading falls back towards its mean: both move harsh
    deeds one way and mild ones the other. The line of the controls' later verdicts on their earlier ones takes that out.
    """
    slope, start = np.polyfit(since[unturned], until[unturned], 1)
    change = float(until[place] - since[place])
    return change, float(until[place] - (start + slope * since[place]))


def _standardised(asked: Sequence[Asked], listed: Sequence[Practice]) -> Floats:
    """(M, P) verdicts in each model's own mean and spread over the controls: a model that speaks louder says no more."""
    table = np.array([one.practices.mean((0, 1)) for one in asked])
    unturned = table[:, [place for place, practice in enumerate(listed) if practice.control]]
    standard: Floats = (table - unturned.mean(1, keepdims=True)) / np.maximum(unturned.std(1, keepdims=True), 1e-9)
    return standard
