"""Resampled histories: the same human, another questionnaire of the same kind."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.bench.challenges import parse_challenge
from progressgym.bench.plan import make_plan
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.histories.resampled import resampled_history

SOURCE = History.load("histsmol-v1")


def test_items_stay_in_their_half_and_dimension() -> None:
    history = History.load("resampled:histsmol-v1?seed=3")
    drawn = history.instrument
    ids = [item.id.partition("#")[0] for item in drawn.items]
    place = {item.id: i for i, item in enumerate(SOURCE.instrument.items)}
    at = np.array([place[name] for name in ids])
    for half in ("elicitation", "evaluation"):
        np.testing.assert_array_equal(getattr(drawn, half), getattr(SOURCE.instrument, half))
        assert set(at[getattr(drawn, half)]) <= set(getattr(SOURCE.instrument, half).tolist())
    assert [item.main for item in drawn.items] == [item.main for item in SOURCE.instrument.items]
    np.testing.assert_array_equal(history.answers, SOURCE.answers[:, at])
    np.testing.assert_array_equal(drawn.loadings, SOURCE.instrument.loadings[at])
    assert 0.55 < len(set(ids)) / len(ids) < 0.72, "a bootstrap keeps about 63 % of the items"


def test_a_seed_names_one_and_others_differ() -> None:
    first, again, other = (History.load(f"resampled:histsmol-v1?seed={seed}") for seed in (0, 0, 1))
    assert first.hash == again.hash != other.hash
    assert first.card["source_hash"] == SOURCE.hash


def test_environments_and_plans_take_it() -> None:
    env = parse_challenge("predict").make("resampled:histsmol-v1?seed=1")
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    plan = make_plan(agents=["static"], challenges=["predict"], histories=["resampled:histsmol-v1?seed=1"], seeds=1)
    assert plan.groups[0].history.id == "resampled:histsmol-v1?seed=1"


def test_spread_over_resamplings_is_the_standard_error_over_items() -> None:
    """The bootstrap's standard deviation of a value against the instrument's own standard error."""
    paths = [History.load(f"resampled:histsmol-v1?seed={seed}") for seed in range(40)]
    spread = np.std([path.values()[-1] for path in paths], axis=0)
    error = SOURCE.instrument.standard_error(SOURCE.answers[-1])
    assert 0.75 < float(np.mean(spread / error)) < 1.15


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resampled:histsmol-v1", "needs a seed"),
        ("resampled:histsmol-v1?seed=-1", "needs a seed"),
        ("resampled:histsmol-v1?sede=1", "did you mean 'seed'"),
        ("resampled:?seed=1", "not a resampled history"),
        ("resampled:synthetic:linear?seed=1", "not a resampled history"),
        ("resampled:histsmal-v1?seed=1", "did you mean 'histsmol-v1'"),
        ("histsmol-v1?seed=1", "not a resampled history"),
    ],
)
def test_bad_ids_are_named(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resampled_history(text)
