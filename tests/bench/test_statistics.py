"""What a benchmark says about its numbers: steering in words, agents across histories, wall time, missing cells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from progressgym.bench.across import across_histories
from progressgym.bench.aggregate import aggregate, run_draws
from progressgym.bench.plan import make_plan
from progressgym.bench.runner import run_bench
from progressgym.core.files import read_npz, write_npz
from progressgym.scores import interquartile_mean, probability_of_improvement
from progressgym.scores.cells import read_cell
from progressgym.scores.records import Results, load_record
from tests.bench.helpers import bench, small_plan

torch.set_num_threads(1)
HISTORIES = ("synthetic:linear?coherence=0.5&seed=1", "synthetic:cyclic?coherence=0.5&seed=2")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two histories, two challenges, pictures included."""
    folder = tmp_path_factory.mktemp("statistics")
    plan = make_plan(
        agents=["static", "random", "oracle", "last-century", "lifelong-map"],
        challenges=["follow", "coevolve"],
        histories=list(HISTORIES),
        seeds=3,
        labels=["probability"],
    )
    outcome = run_bench(plan, folder, workers=1, resamples=200, progress=False)
    assert not outcome.failures
    return folder


@pytest.fixture(scope="module")
def results(out: Path) -> Results:
    return load_record(out / "results.json", Results)


def test_steering_scores_above_the_reference_and_the_report_says_so(results: Results) -> None:
    """Always answering the last century takes the human there faster than telling it the next one: above 1, with its
    whole interval, at more displacement. On Follow the same answers are no better than the truth."""
    rows = {(row.history, row.challenge, row.agent): row for row in results.aggregates}
    history = HISTORIES[0]
    steering, reference = rows[history, "coevolve", "last-century"], rows[history, "coevolve", "oracle"]
    assert steering.skill is not None and steering.skill.low > 1.0
    assert steering.utility.mid > reference.utility.mid
    assert steering.lock_in["displacement"].mid > reference.lock_in["displacement"].mid
    said = [line for line in results.findings if line.startswith(f"coevolve on {history}: last-century steers")]
    assert len(said) == 1 and "above the reference's 1" in said[0] and "not for keeping up" in said[0]
    follow = rows[history, "follow", "last-century"].skill
    assert follow is not None and follow.high < 1.0
    assert not any("follow" in line for line in results.findings)


def test_coevolve_rows_are_pareto_pairs(results: Results) -> None:
    for history in HISTORIES:
        mine = [row for row in results.aggregates if (row.history, row.challenge) == (history, "coevolve")]
        ranked = [row for row in mine if not row.privileged]
        assert {row.agent for row in mine if row.front is None} == {"oracle", "last-century"}
        best = [row for row in ranked if row.front == 1]
        for row in ranked:
            beaten = [
                other
                for other in best
                if other.utility.mid >= row.utility.mid
                and other.lock_in["displacement"].mid <= row.lock_in["displacement"].mid
            ]
            assert beaten, "every agent is on the first front or behind it"
        assert all(set(row.lock_in) == {"entropy", "displacement", "against_history"} for row in mine)
    assert all(row.front is None for row in results.aggregates if row.challenge == "follow")


def test_the_pareto_picture_is_drawn(out: Path) -> None:
    pictures = sorted((out / "plots").glob("*-coevolve-pareto.png"))
    assert len(pictures) == 2
    with Image.open(pictures[0]) as picture:
        assert picture.width > 900 and np.asarray(picture).min() < 60


def test_agents_across_histories_are_computed_from_runs(results: Results) -> None:
    """Interquartile mean and chance of improvement, again, from the runs in the rows."""
    runs = {(row.agent, row.history): row.runs for row in results.aggregates if row.challenge == "follow"}
    across = {one.agent: one for one in results.across}
    assert {one.challenge for one in results.across} == {"follow"}, "Coevolve has no mean of its two numbers"
    assert list(across)[-2:] == ["oracle", "last-century"], "references last"
    for agent, one in across.items():
        assert one.histories == list(HISTORIES) and one.runs == 6
        pooled = [x for history in HISTORIES for x in runs[agent, history]]
        assert one.interquartile_mean.mid == pytest.approx(interquartile_mean(pooled), abs=1e-5)
        for other, found in one.improvement.items():
            chances = [probability_of_improvement(runs[agent, h], runs[other, h]) for h in HISTORIES]
            assert found.mid == pytest.approx(np.mean([c for c in chances if c is not None]))
            back = across[other].improvement[agent]
            assert found.mid + back.mid == pytest.approx(1.0) and found.low + back.high == pytest.approx(1.0)
    assert set(across["static"].improvement) == set(across) - {"static"}


def test_an_agent_without_a_history_is_compared_on_the_others(out: Path, results: Results) -> None:
    plan = make_plan(
        agents=["static"], challenges=["follow"], histories=list(HISTORIES), seeds=3, labels=["probability"]
    )
    groups = {group.history.id: group for group in plan.groups}
    rows = [row for row in results.aggregates if row.challenge == "follow" and row.agent in ("static", "random")]
    short = [row for row in rows if (row.agent, row.history) != ("random", HISTORIES[1])]

    def draws(row):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return run_draws(replace(groups[row.history], agent=row.agent), out)

    found = {one.agent: one for one in across_histories(short, draws)}
    assert found["random"].histories == [HISTORIES[0]] and found["static"].histories == list(HISTORIES)
    assert found["static"].improvement["random"].mid == 1.0
    assert across_histories([row.model_copy(update={"skill": None}) for row in rows], draws) == []


def test_rows_know_their_wall_time_and_cells_do_not(out: Path, results: Results) -> None:
    assert all(row.seconds is not None and row.seconds > 0 for row in results.aggregates)
    cell = read_cell(next(out.glob("*/follow/static/0.zip")).with_suffix(""))
    assert len(cell.files) == 4 and not any(b"seconds" in data for data in cell.files.values())


def test_wall_time_is_kept_when_a_benchmark_goes_on(tmp_path: Path) -> None:
    """Another seed adds its own time; a lost or damaged row costs nothing but the times."""
    bench(small_plan("static", seeds=1), tmp_path)
    first = bench(small_plan("static", seeds=1), tmp_path).results.aggregates[0].seconds
    assert first is not None and bench(small_plan("static", seeds=2), tmp_path).results.aggregates[0].seconds
    path = tmp_path / "synthetic_linear+coherence=0.5" / "follow" / "static" / "aggregate.npz"
    arrays = read_npz(path)
    record = json.loads(arrays["record"].tobytes())
    assert set(record["seconds"]) == {"0", "1"} and min(record["seconds"].values()) > 0
    write_npz(path, scores=arrays["scores"], record=np.frombuffer(b"[1]", np.uint8))
    outcome = bench(small_plan("static", seeds=3), tmp_path)
    assert not outcome.failures and (outcome.fresh, outcome.reused) == (1, 2)


def test_missing_cells_leave_a_row_of_those_that_are_there(out: Path, tmp_path: Path) -> None:
    """Seed 1 is gone and not run again: the row rests on seeds 0 and 2; without any cell there is no row."""
    plan = make_plan(
        agents=["random"],
        challenges=["follow"],
        histories=[HISTORIES[0]],
        seeds=3,
        labels=["probability"],
    )
    (group,) = plan.groups
    shutil.copytree(out, tmp_path / "copy")
    folder = next((tmp_path / "copy").glob("*linear*/follow/random"))
    whole = aggregate(group, tmp_path / "copy", 200)
    (folder / "1.zip").unlink()
    row = aggregate(group, tmp_path / "copy", 200)
    assert whole is not None and row is not None and (whole.seeds, row.seeds) == (3, 2)
    assert row.skill is not None  # runs are shares of the lead, which is that of the two splits now
    assert row.runs[0] / row.runs[1] == pytest.approx(whole.runs[0] / whole.runs[2])
    shutil.rmtree(folder)
    assert aggregate(group, tmp_path / "copy", 200) is None


def test_damaged_draws_are_computed_again(out: Path, tmp_path: Path) -> None:
    plan = make_plan(
        agents=["random"],
        challenges=["follow"],
        histories=[HISTORIES[0]],
        seeds=3,
        labels=["probability"],
    )
    (group,) = plan.groups
    shutil.copytree(out, tmp_path / "copy")
    before = run_draws(group, tmp_path / "copy").scores
    path = next((tmp_path / "copy").glob("*linear*/follow/random/aggregate.npz"))
    path.write_bytes(path.read_bytes()[:100])
    assert aggregate(group, tmp_path / "copy", 200) is not None
    np.testing.assert_array_equal(run_draws(group, tmp_path / "copy").scores, before)
