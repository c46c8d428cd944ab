"""A board finds what the benchmark scored, to the bit, and refuses answers that are the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from progressgym.bench.aggregate import aggregate
from progressgym.bench.cells import read_cell
from progressgym.bench.plan import make_plan
from progressgym.bench.runner import run_bench
from progressgym.core.files import write_json
from progressgym.leaderboard.board import CellKey, GroupKey, load_board
from progressgym.leaderboard.packaging import About, package
from progressgym.leaderboard.recompute import follow_path, follow_paths, score_cell, score_group
from progressgym.leaderboard.refusals import blended_steps, fingerprint
from progressgym.leaderboard.submission import validate
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.verify import recompute
from tests.leaderboard.helpers import base_files, nudged

ABOUT = About(
    agent="lifelong-map", authors=("Ada",), licence="MIT", code_url="https://example.org/x", code_commit="0123456"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of the whole grid by a real agent."""
    out = tmp_path_factory.mktemp("bench")
    board = load_board()
    plan = make_plan(
        agents=["lifelong-map"],
        challenges=[f"{challenge.id}?labels=probability" for challenge in board.challenges],
        histories=list(board.histories),
        seeds=list(board.seeds),
        splits="shipped",
    )
    outcome = run_bench(plan, out, workers=1, resamples=50, reports=False, progress=False)
    assert not outcome.failures
    return out


def test_a_packaged_run_is_recomputed_bit_for_bit(run: Path) -> None:
    """Every number of every cell is the same; that both are those of stepped environments: `tests/envs/test_challenge.py`."""
    submission = validate(package(run, ABOUT))
    board, paths = submission.board, follow_paths(submission.board, submission.actions)
    for key in board.cells:
        cell = read_cell(run / key.folder.removeprefix("cells/").rpartition("/")[0] / "lifelong-map" / str(key.seed))
        # Justifiability is a diagnostic that the board does not rank: it holds no debates.
        assert score_cell(board, key, paths[key]) == cell.scores.model_copy(update={"justifiability": []})
    recompute(submission, resamples=20)


def test_rows_are_those_of_the_benchmark(run: Path) -> None:
    board = load_board()
    actions = validate(package(run, ABOUT)).actions
    paths = follow_paths(board, actions)
    for name in ("follow", "coevolve"):
        group = GroupKey("synthetic:linear?coherence=0.5", name)
        score, _ = score_group(board, group, paths, resamples=50)
        plan = make_plan(
            agents=["lifelong-map"],
            challenges=[f"{name}?labels=probability"],
            histories=["synthetic:linear?coherence=0.5"],
            seeds=10,
        )
        row = aggregate(plan.groups[0], run, resamples=50)
        assert row is not None and row.skill is not None and score.skill is not None
        assert score.skill.mid == pytest.approx(row.skill.mid, abs=1e-9)
        assert score.utility.mid == pytest.approx(row.utility.mid, abs=1e-12)


def test_folders_of_the_machine_are_not_packaged(run: Path) -> None:
    record = validate(package(run, ABOUT)).record
    assert record.command[0] == "progressgym"
    assert not any(part.startswith("/") for part in record.command)


def test_a_run_that_lacks_a_cell_is_not_packaged(run: Path) -> None:
    from progressgym.core.errors import UserError

    with pytest.raises(UserError, match="not a finished cell"):
        package(run, About(**{**ABOUT.__dict__, "agent": "static"}))


@pytest.mark.parametrize("challenge", ["follow", "predict", "coevolve"])
@pytest.mark.parametrize("history", ["histsmol-v1", "synthetic:linear?coherence=0.5"])
def test_truth_and_blends_are_seen_and_honest_answers_are_not(history: str, challenge: str) -> None:
    board = load_board()
    key = CellKey(history, challenge, 3)
    truth = episode_truth(board, key)
    logs = np.log(np.maximum(truth.history.answers.astype(np.float64), 1e-12))

    def seen(actions: np.ndarray) -> list[int]:
        return blended_steps(truth, follow_path(truth, np.asarray(actions, dtype=np.float32)))

    every = list(range(truth.steps))
    assert seen(truth.reference_actions()) == every
    assert seen(logs[1 : 1 + truth.steps]) == every
    assert seen(0.3 * logs[:1] + 0.7 * logs[1 : 1 + truth.steps] + 2.0) == every
    assert seen(2 * logs[1 : 1 + truth.steps] - logs[: truth.steps]) == every, "a line through two true tables"
    assert seen(0.8 * logs[1 : 1 + truth.steps]) == every, "the truth, levelled"
    assert seen(truth.static_actions()) == [] == seen(0.8 * truth.static_actions())
    assert seen(nudged(truth, key)) == []
    noise = np.random.default_rng(0).normal(0, 0.05, logs[1 : 1 + truth.steps].shape)
    assert seen(logs[1 : 1 + truth.steps] + noise) == [], "truth plus noise passes: why open rows are not ranked"


def test_a_fingerprint_does_not_see_how_answers_are_written() -> None:
    board = load_board()
    truth = episode_truth(board, board.cells[0])
    actions = nudged(truth, board.cells[0])
    plain = fingerprint(truth, follow_path(truth, actions))
    assert fingerprint(truth, follow_path(truth, actions + np.float32(0.25))) == plain
    assert fingerprint(truth, follow_path(truth, nudged(truth, board.cells[0], 0.2))) != plain


def test_samples_are_drawn_alike(run: Path) -> None:
    """A group's samples are the same for the same answers, whoever asks and whenever."""
    board = load_board()
    group = board.groups[0]
    paths = follow_paths(board, validate(base_files()).actions)
    assert score_group(board, group, paths, 20)[0] == score_group(board, group, paths, 20)[0]


def test_samples_are_of_what_ranks(run: Path) -> None:
    """Where a pair ranks, the smaller of skill and restraint is resampled; its middle is what ranks, and it varies."""
    board = load_board()
    paths, pairs = follow_paths(board, validate(base_files()).actions), 0
    for group in board.groups:
        score, _ = score_group(board, group, paths, 20)
        pair = score.restraint is not None
        if score.skill is None:
            assert not score.samples and score.sampled == "skill"
            continue
        pairs += pair
        assert score.sampled == ("merit" if pair else "skill") and score.samples
        merit = min(score.skill.mid, score.restraint) if score.restraint is not None else score.skill.mid
        assert min(score.samples) <= merit + 0.05 and np.std(score.samples) > 0
    assert pairs


def test_results_json_of_another_kind_does_not_stop_packaging(run: Path, tmp_path: Path) -> None:
    """Only optional facts are taken from it."""
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    write_json(copy / "results.json", {"device": 3, "packages": None, "command": "x"})
    assert validate(package(copy, ABOUT)).record.hardware
