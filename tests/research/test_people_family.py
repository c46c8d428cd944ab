"""The family of synthetic people: its numbers are those that are estimated from people, and its draws have them."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.histories.families import PEOPLE
from progressgym.histories.history import History
from progressgym.histories.source import resolve_history
from progressgym.histories.synthetic import SyntheticSpec
from progressgym.histories.synthetic_batch import batches
from progressgym.instruments.questionnaire import Questionnaire
from research.people_family import Regime, estimate, sampling_variances


def test_the_familys_numbers_are_those_of_people() -> None:
    found = estimate(History.load("gss-v1"))
    assert (found.steps, found.items, found.dimensions) == (11, 37, 11)
    assert PEOPLE.defaults["centuries"] == found.steps
    assert PEOPLE.defaults["amplitude"] == pytest.approx(found.amplitude, abs=0.005)
    assert PEOPLE.defaults["coherence"] == pytest.approx(found.coherence, abs=0.005)
    assert PEOPLE.defaults["noise"] == pytest.approx(found.sampling, abs=0.001) and found.level == 0.0
    assert PEOPLE.base == pytest.approx((found.base_mean, found.base_spread, found.base_items), abs=0.005)
    assert PEOPLE.own is not None
    z = np.eye(11)  # one normal number each: what the first, which is the speed, leaves at the end
    for courses, trend in ((PEOPLE.courses, found.common_trend), (PEOPLE.own, found.own_trend)):
        last = courses(z, np.zeros(2), 11)[-1]
        assert last[0] ** 2 == pytest.approx(trend, abs=0.005) and (last**2).sum() == pytest.approx(1.0)


def test_drawn_histories_have_the_regime() -> None:
    """Means over 24 draws, within four of their standard errors or so; a family of another kind is found to be one."""
    drawn = [asdict(estimate(History.load(f"synthetic:people-v1?seed={seed}"))) for seed in range(24)]
    mean = Regime(**{name: np.mean([one[name] for one in drawn]) for name in drawn[0]})
    assert mean.amplitude == pytest.approx(0.5, abs=0.03) and mean.coherence == pytest.approx(0.45, abs=0.08)
    assert mean.common_trend == pytest.approx(0.81, abs=0.15) and mean.own_trend == pytest.approx(0.39, abs=0.12)
    assert mean.base_items == pytest.approx(0.98, abs=0.1)
    people = Questionnaire.load("people-core-v1")
    straight = estimate(History.load("synthetic:linear?seed=1&centuries=11&coherence=0.5", people))
    assert straight.own_trend > 0.95 and straight.common_trend > 0.95


def test_sampling_errors_of_logits_are_those_of_drawn_people() -> None:
    history, rng = History.load("gss-v1"), np.random.default_rng(0)
    mask, p = history.instrument.mask, history.answers[0].astype(np.float64)
    assert history.people is not None
    told = sampling_variances(history)[0]
    for item in (0, 1, 5):
        kept, people = mask[item], int(history.people[0, item])
        share = p[item, kept] / p[item, kept].sum()
        logs = np.log(rng.multinomial(people, share, size=4000) / people)
        drawn = (logs - logs.mean(1, keepdims=True)).var(0)
        np.testing.assert_allclose(told[item, kept], drawn, rtol=0.12)


def test_ids_of_a_family_with_defaults_of_its_own() -> None:
    spec = SyntheticSpec.parse("synthetic:people-v1?seed=3")
    assert spec.id == "synthetic:people-v1?seed=3" and spec.centuries == 11 and spec.coherence == 0.45
    assert SyntheticSpec.parse("synthetic:people-v1?noise=0.036").id == "synthetic:people-v1"
    assert SyntheticSpec.parse("synthetic:people-v1?coherence=0.05&centuries=9").id == (
        "synthetic:people-v1?centuries=9&coherence=0.05"
    )
    history = History.load("synthetic:people-v1?seed=3")
    assert history.instrument.name == "people-core-v1" and len(history) == 11
    assert not batches(SyntheticSpec.parse("synthetic:people-v1?noise=0"), history.instrument), "a batch has one course"
    with pytest.raises(UserError, match="these families answer moral19-v1 and people-core-v1"):
        resolve_history(["synthetic:people-v1?centuries=9", "synthetic:linear"])
