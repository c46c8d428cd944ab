"""Preference models on data sets, each on what it did not learn from, with the naive rules beside them.

    accuracy         share of held-out pairs whose preferred side has a margin above 0; a margin of 0 is half right
    log-likelihood   mean of log sigma(m) of the preferred side, in nats; log 1/2 = -.693 says nothing

Rows are held out in folds. Where there are users, users are: a new one tells a few answers, and the rest is predicted. Models
without users know nothing of these. Intervals are of a bootstrap over users or pairs, 95 %.

| rule | says | where |
|---|---|---|
| majority | what most say, question by question where all are asked the same | everywhere |
| longer wins | the longer side, as surely as it was right on the other folds | texts |
| mean feature | the side with the larger mean, as surely | ratings |
| words alone | Bradley and Terry on counts of 300 words | texts |

Legend of shapes: n pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.preferences.datasets import DataSet
from progressgym.preferences.models.protocol import PREFERENCE_MODELS
from progressgym.preferences.pairs import Pairs

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Rule = Callable[[DataSet, Rows, Rows], Floats]
"""A data set, rows to learn from and rows held out (m,) -> margins (m,)."""
RESAMPLES = 1000
WORDS_RIDGE = 1.0
"""Of words alone: 300 of them would explain anything."""


@dataclass(kw_only=True, frozen=True)
class Compared:
    """A model or rule on a data set."""

    data: str
    model: str
    baseline: bool
    """Whether it is one of the naive rules."""
    pairs: int
    """Held-out ones, over all folds."""
    accuracy: float
    accuracy_interval: tuple[float, float]
    log_likelihood: float
    log_likelihood_interval: tuple[float, float]


def compare(data: DataSet, models: Sequence[str], *, folds: int = 5, answers: int = 4, seed: int = 0) -> list[Compared]:
    """Models and naive rules on one data set, rules first.

    Args:
        data: the data set.
        models: ids of preference models.
        folds: as many parts, each held out once.
        answers: what a new user tells, where there are users.
        seed: of folds, of the order of a user's answers, of the bootstrap.

    Raises:
        UserError: fewer rows or users than folds, no such model, or one that gives no finite margins.
    """
    for model in models:
        PREFERENCE_MODELS.check(model)
    random = np.random.default_rng(seed)
    units = data.pairs.group if data.personal else np.arange(len(data.pairs))
    names, unit = np.unique(units, return_inverse=True)
    if folds < 2 or len(names) < folds:
        raise UserError(
            f"{data.name} has {len(names)} {'users' if data.personal else 'pairs'}; {folds} folds need as many, and at least 2"
        )
    fold = random.permutation(len(names)) % folds
    order = random.permutation(len(units))
    answered = _first(unit, order, answers) if data.personal else np.zeros(len(units), dtype=bool)
    rules: list[tuple[str, bool, Rule]] = [(name, True, rule) for name, rule in baselines(data)]
    rules += [(model, False, _model(model, answered)) for model in models]
    margins = {name: np.full(len(units), np.nan) for name, *_ in rules}
    for part in range(folds):
        away = fold[unit] == part
        learn, held = np.flatnonzero(~away), np.flatnonzero(away & ~answered)
        for name, _, rule in rules:
            margins[name][held] = rule(data, learn, held)
    scored = np.flatnonzero(~answered)
    if not len(scored):
        raise UserError(f"no user of {data.name} has more than the {answers} answers that they tell; ask for fewer")
    return [_result(data, name, naive, margins[name][scored], scored, unit, seed) for name, naive, _ in rules]


def baselines(data: DataSet) -> list[tuple[str, Rule]]:
    """The naive rules that a data set has something for."""
    rules: list[tuple[str, Rule]] = [("majority", _majority)]
    if data.longer is not None:
        longer = data.longer
        rules.append(("longer wins", lambda data, learn, held: _sure(data, np.sign(longer), learn, held)))
    if data.ratings:
        means = np.sign(np.round(data.pairs.difference.mean(1), 9))
        rules.append(("mean feature", lambda data, learn, held: _sure(data, means, learn, held)))
    if data.words is not None:
        rules.append(("words alone", _words))
    return rules


def _first(unit: Rows, order: Rows, count: int) -> NDArray[np.bool_]:
    """The first `count` rows of every unit in an order."""
    answered = np.zeros(len(unit), dtype=bool)
    seen: dict[int, int] = {}
    for row in order.tolist():
        seen[int(unit[row])] = seen.get(int(unit[row]), 0) + 1
        answered[row] = seen[int(unit[row])] <= count
    return answered


def _majority(data: DataSet, learn: Rows, held: Rows) -> Floats:
    about = data.questions if len(data.questions) else np.zeros(len(data.pairs), dtype=np.int64)
    total = np.bincount(about[learn], minlength=about.max() + 1)
    plus = np.bincount(about[learn], weights=data.pairs.target[learn], minlength=about.max() + 1)
    odds: Floats = np.log((plus + 0.5) / (total - plus + 0.5))
    return odds[about[held]]


def _sure(data: DataSet, side: Floats, learn: Rows, held: Rows) -> Floats:
    """A side as log-odds: as surely as it was right where it was not a tie."""
    right = side[learn] * np.where(data.pairs.target[learn] > 0.5, 1.0, -1.0)
    margins: Floats = side[held] * np.log(((right > 0).sum() + 0.5) / ((right < 0).sum() + 0.5))
    # The rule says which side, even where it is mostly wrong; only its sureness is learned.
    return np.abs(margins) * side[held]


def _words(data: DataSet, learn: Rows, held: Rows) -> Floats:
    from progressgym.preferences.models.bradley_terry import BradleyTerry

    assert data.words is not None
    return BradleyTerry(ridge=WORDS_RIDGE).fit(data.words[learn]).margin(data.words[held])


def _model(asked: str, answered: NDArray[np.bool_]) -> Rule:
    def rule(data: DataSet, learn: Rows, held: Rows) -> Floats:
        from progressgym.preferences.models.meta import MetaReward
        from progressgym.preferences.models.personal import PersonalModel
        from progressgym.preferences.models.regret import Regret

        model = PREFERENCE_MODELS.make(asked)
        pairs = data.pairs
        if isinstance(model, Regret) and data.segments is not None and data.successors is not None:
            pairs = data.segments
            model.among(data.successors)
        wanted = pairs[held]
        if isinstance(model, MetaReward):
            model.adapt(np.concatenate([wanted.left, wanted.right]))
        model.fit(pairs[learn])
        if isinstance(model, PersonalModel) and data.personal:
            for user in np.unique(wanted.group):
                model.add_user(int(user), data.pairs[np.flatnonzero(answered & (data.pairs.group == user))])
        margins = np.asarray(model.margin(wanted), dtype=np.float64)
        if margins.shape != (len(held),) or not np.isfinite(margins).all():
            raise UserError(f"preference model {asked!r} gives no {len(held)} finite margins on {data.name}")
        return margins

    return rule


def _result(data: DataSet, name: str, naive: bool, margins: Floats, scored: Rows, unit: Rows, seed: int) -> Compared:
    pairs: Pairs = data.pairs[scored]
    towards = np.where(pairs.target > 0.5, margins, -margins)
    right = np.where(towards > 0, 1.0, np.where(towards == 0, 0.5, 0.0))
    likely = -np.logaddexp(0.0, -towards)
    _, of = np.unique(unit[scored], return_inverse=True)
    sums = np.stack([np.bincount(of, weights=part) for part in (np.ones(len(scored)), right, likely)], 1)
    draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), RESAMPLES) @ sums
    low, high = np.quantile(draws[:, 1:] / draws[:, :1], [0.025, 0.975], axis=0)
    return Compared(
        data=data.name,
        model=name,
        baseline=naive,
        pairs=len(scored),
        accuracy=float(right.mean()),
        accuracy_interval=(float(low[0]), float(high[0])),
        log_likelihood=float(likely.mean()),
        log_likelihood_interval=(float(low[1]), float(high[1])),
    )
