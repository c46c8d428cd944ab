"""The coverage study of drift explained, in small: halves, what the learner learns, and that intervals hold the truth."""

from __future__ import annotations

import numpy as np

from tests.research.loading import script

study = script("drift_intervals")


def test_halves_take_the_odd_items_in_turn() -> None:
    main = np.arange(37) % study.DIMS
    rng = np.random.default_rng(0)
    sizes = [int(study.half(main, rng, number).sum()) for number in range(2)]
    assert sum(sizes) == 37 and abs(sizes[0] - sizes[1]) <= study.DIMS
    for number in range(4):
        kept = study.half(main, rng, number)
        for dimension in range(study.DIMS):
            assert abs(int((kept & (main == dimension)).sum()) - int((~kept & (main == dimension)).sum())) <= 1


def test_the_learner_sees_the_other_half_only() -> None:
    """Its answers in a split stay what they are when the changes of that split's scored items are others."""
    regime = study.Regime(items=37, drift=1.0, own=0.3, people=np.inf)
    world = study.draw(regime, np.zeros(study.DIMS), np.ones(study.DIMS), 3, np.random.default_rng(1))
    before = study.learner(world)
    world.measured[1:, world.scored[0]] += 1.0
    after = study.learner(world)
    np.testing.assert_allclose(after[0], before[0])
    assert np.abs(after[1] - before[1]).max() > 0.01


def test_intervals_hold_the_truth() -> None:
    rows = {row.agent: row for row in study.coverage(study.Regime(items=37, drift=1.0, own=0.3, people=1000.0), 40, 8)}
    assert set(rows) == set(study.AGENTS)
    assert rows["learner"].truth > 0.4 and 0.0 > rows["zeros"].truth > rows["random"].truth
    assert all(row.identified == 1.0 and row.holds >= 0.85 and row.paired >= 0.85 for row in rows.values())
    assert rows["half"].width < rows["learner"].width < rows["random"].width
