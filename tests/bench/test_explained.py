"""Drift explained in a benchmark: loudness counts, splits are averaged, differences are paired, nothing unasked is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from progressgym.bench.cells import read_cell
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import replay
from progressgym.bench.plan import Plan, make_plan
from progressgym.bench.runner import BenchOutcome, run_bench
from progressgym.bench.scoring import baseline, contributions, draw_panel, truth_of
from progressgym.core.answers import centred_log
from progressgym.histories.history import History
from progressgym.scores.explained import drift_explained, squared_errors
from progressgym.scores.records import Results, load_record
from progressgym.scores.resampling import item_contributions
from tests.bench.helpers import cells

torch.set_num_threads(1)
HISTORIES = ("gss-v1", "histsmol-v1", "synthetic:linear?coherence=0.5", "gss-annual-v1")


def plan(
    history: str = "gss-v1", agents: str = "static,kalman,random", seeds: int | list[int] = 4, **more: str
) -> Plan:
    return make_plan(
        agents=agents.split(","),
        challenges=["follow"],
        histories=[history],
        seeds=seeds,
        labels=["probability"],
        measures=["none"],
        **more,
    )


def bench(chosen: Plan, out: Path) -> BenchOutcome:
    outcome = run_bench(chosen, out, workers=1, resamples=50, reports=False, progress=False)
    assert not outcome.failures
    return outcome


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("challenge", ["follow", "predict?horizon=2"])
def test_who_says_nothing_explains_far_less_than_nothing(history: str, challenge: str) -> None:
    """The truth's log-odds times 0.001 have its cosines, and are near 0. Zeros have no direction either."""
    chosen, seeds = parse_challenge(challenge), range(3)
    env = chosen.make(history)
    bases = [baseline(env, seed) for seed in seeds]
    truth = truth_of(bases)
    static = squared_errors(contributions(chosen, [base.static for base in bases]), truth)

    def run(scale: float) -> tuple[float, float]:
        traces = []
        for base in bases:
            answers = base.reference.history.last_known[chosen.first :]
            logits = centred_log(answers, base.reference.history.instrument.mask)
            traces.append(replay(env, base.reference.seed, (scale * logits).astype(np.float32)))
        found = drift_explained(squared_errors(contributions(chosen, traces), truth), static).interval
        panel = draw_panel(chosen, bases, 1)
        assert found is not None and found.low <= found.mid <= found.high <= 1.0
        return found.mid, float(panel.utilities(contributions(chosen, traces))[0].mean()) / panel.steps

    assert run(1.0) == pytest.approx((1.0, 1.0))
    whisper, cosine = run(0.001)
    assert whisper < -0.5 and cosine > 0.85, "cosine is blind to it"
    assert run(0.0)[0] < -0.5
    assert whisper == pytest.approx(run(0.0)[0], rel=0.02)


def test_a_seed_is_a_split_and_the_same_alone_as_among_others(tmp_path: Path) -> None:
    outcome = bench(plan(), tmp_path / "all")
    names = [cell.config.history.name for cell in outcome.results.cells if cell.config.agent == "kalman"]
    assert names == ["gss-v1", "gss-v1?split=1", "gss-v1?split=2", "gss-v1?split=3"]
    assert {row.history for row in outcome.results.aggregates} == {"gss-v1"}
    assert all(row.splits for row in outcome.results.aggregates)
    record = read_cell(tmp_path / "all" / "gss-v1" / "follow" / "kalman" / "3").config
    assert record.arguments["history"] == "gss-v1?split=3"
    assert record.instrument.hash == History.load("gss-v1?split=3").instrument.hash
    bench(plan(seeds=[3]), tmp_path / "one")
    one, every = cells(tmp_path / "one"), cells(tmp_path / "all")
    assert one.items() <= every.items()
    again = bench(plan(), tmp_path / "all")
    assert again.fresh == 0 and again.results.aggregates == outcome.results.aggregates


def test_the_shipped_split_is_asked_for(tmp_path: Path) -> None:
    """Seed 0 of both is one cell; without a split of its own a deterministic agent does the same every time."""
    bench(plan(agents="kalman", seeds=1), tmp_path / "each")
    outcome = bench(plan(agents="kalman", seeds=3, splits="shipped"), tmp_path / "each")
    assert (outcome.fresh, outcome.reused) == (2, 1)
    (row,) = outcome.results.aggregates
    assert not row.splits and row.explained is not None
    assert row.explained.spread == pytest.approx(0.0, abs=1e-9) and row.explained.shares["runs"] < 1e-9


def test_differences_are_paired_turned_and_written(tmp_path: Path) -> None:
    bench(plan(agents="static,kalman,kalman-level,random"), tmp_path)
    rows = {row.agent: row.explained for row in load_record(tmp_path / "results.json", Results).aggregates}
    kalman, level, static, random = (rows[name] for name in ("kalman", "kalman-level", "static", "random"))
    assert kalman is not None and level is not None and static is not None and random is not None
    assert set(kalman.ahead) == {"static", "kalman-level", "random"}
    assert kalman.ahead["static"] == kalman.interval, "against never learning it is the figure itself"
    one, other = kalman.ahead["kalman-level"], level.ahead["kalman"]
    assert (one.low, one.mid, one.high) == pytest.approx((-other.high, -other.mid, -other.low), abs=1e-9)
    assert kalman.interval is not None and level.interval is not None and random.interval is not None
    assert one.mid == pytest.approx(kalman.interval.mid - level.interval.mid)
    assert one.high - one.low < 0.5 * (kalman.interval.high - kalman.interval.low), "common noise cancels"
    assert static.interval is not None and (static.interval.low, static.interval.high) == (0.0, 0.0)
    assert random.interval.high < 0 and kalman.ahead["random"].low > 0


def test_peoples_sampling_error_is_the_historys() -> None:
    """Variances of the truth's values are the squares of `History.sampling_error` on the scored items."""
    chosen = parse_challenge("follow")
    for name in ("gss-v1", "gss-v1?split=3"):
        base = baseline(chosen.make(name), 0)
        truth = truth_of([base])
        history = base.reference.history
        found = np.where(truth.covered, truth.variances.sum(2) / np.where(truth.covered, truth.mass, 1) ** 2, 0.0)
        expected = history.sampling_error(history.instrument.evaluation)[1:] ** 2
        np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-12)
    assert truth_of([baseline(chosen.make("histsmol-v1"), 0)]).respondents is None


def test_runs_on_splits_share_one_human() -> None:
    chosen = parse_challenge("follow")
    bases = [baseline(chosen.make(f"gss-v1?split={split}"), split) for split in range(3)]
    truth = truth_of(bases)
    assert truth.contributions.shape[0] == 1 and truth.scored.shape == (3, 10, 37)
    for scored, base in zip(truth.scored, bases, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(scored[0]), base.static.history.instrument.evaluation)
    alone = [squared_errors(contributions(chosen, [base.static]), truth_of([base])).mean for base in bases]
    together = squared_errors(contributions(chosen, [base.static for base in bases]), truth)
    np.testing.assert_allclose(together.runs, alone, rtol=1e-9)


def test_skill_of_runs_on_splits_is_that_of_each_alone() -> None:
    """The panel scores every run on its own half: utilities without resampling are those of the split by itself."""
    chosen = parse_challenge("predict")
    bases = [baseline(chosen.make(f"gss-v1?split={split}"), split) for split in range(3)]
    panel = draw_panel(chosen, bases, 5)
    alone = [draw_panel(chosen, [base], 5) for base in bases]
    for name in ("static", "reference"):
        together: NDArray[np.float64] = getattr(panel, name)[0]
        np.testing.assert_allclose(together, [float(getattr(one, name)[0, 0]) for one in alone], rtol=1e-12)


def test_what_was_not_asked_is_never_scored() -> None:
    """Answers to items that a step did not ask may be anything."""
    env = parse_challenge("follow").make("gss-annual-v1")
    base = baseline(env, 0)
    truth, history = truth_of([base]), base.static.history
    answers = base.static.answers.copy()
    unasked = ~history.scored[1:]
    assert unasked[:, history.instrument.evaluation].any()
    answers[unasked] = np.roll(answers[unasked], 1, axis=-1)
    items = history.instrument.evaluation
    added = item_contributions(answers[:, items], history.instrument.loadings[items])[None]
    still = item_contributions(base.static.answers[:, items], history.instrument.loadings[items])[None]
    assert np.abs(added - still).max() > 0.1
    assert squared_errors(added, truth).mean == squared_errors(still, truth).mean > 0


def test_agents_with_other_seeds_are_not_compared(tmp_path: Path) -> None:
    """An agent fails on odd seeds: its row stands alone."""
    chosen = plan(agents="static,kalman,tests.bench.own:Broken")
    outcome = run_bench(chosen, tmp_path, workers=1, resamples=50, reports=False, progress=False)
    assert len(outcome.failures) == 2
    rows = {row.agent: row for row in outcome.results.aggregates}
    broken = rows["tests.bench.own:Broken"]
    assert broken.seeds == 2 and broken.explained is not None and broken.explained.ahead == {}
    assert rows["kalman"].explained is not None and set(rows["kalman"].explained.ahead) == {"static"}
