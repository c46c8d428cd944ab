"""A run of a language-model policy survives kill -9, is watched without doubles, and fails alone."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from progressgym.bench.cells import read_cell
from progressgym.bench.plan import Plan, make_plan
from progressgym.bench.runner import run_bench
from progressgym.core.dimensions import DIMENSIONS
from progressgym.histories.history import History
from progressgym.tuning.centuries import CenturyStore
from tests.bench.helpers import bench, cells
from tests.tuning.century_models import save_history

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    save_history(folder)
    return folder


def plan_of(place: Path, agents: str = "lifelong-dpo", challenge: str = "follow", seeds: int = 1) -> Plan:
    return make_plan(
        agents=[f"{name}?comparisons=8&learning_rate=0.01&policy=lm:{place / 'base'}" for name in agents.split(",")],
        challenges=[challenge],
        histories=[str(place / "history")],
        seeds=seeds,
        labels=["probability"],
    )


@pytest.fixture(scope="module")
def straight(place: Path) -> Path:
    """The uninterrupted run."""
    out = place / "straight"
    outcome = bench(plan_of(place), out)
    assert not outcome.failures and outcome.fresh == 1
    return out


def test_the_cell_is_like_any_other(straight: Path, place: Path) -> None:
    done = next(straight.glob("*/follow/*/0"))
    cell = read_cell(done)
    assert cell.actions.shape[0] == 2 and f"policy=lm:{place / 'base'}" in cell.config.agent
    assert "start=model" not in cell.config.agent
    assert not list(done.parent.glob("*.centuries")), "checkpoints go when the cell is finished"
    outcome = bench(plan_of(place), straight)
    assert (outcome.fresh, outcome.reused) == (0, 1)


MOMENTS = ["century-01/answers.npz", "/century-01", "century-02/answers.npz", "/0"]
"""Inside of the first checkpoint, as it gets its name, inside of the second, as the finished cell gets its name."""


def test_kill_and_resume_give_the_same_bits(place: Path, straight: Path, tmp_path: Path) -> None:
    """One run dies at every moment; what it left each time is gone on with."""
    out = tmp_path / "killed"
    for moment in MOMENTS:
        assert run_and_die(plan_of(place), out, moment), f"nothing is renamed to {moment}"
        assert not list(out.glob("*/follow/*/0/DONE.json"))
    outcome = bench(plan_of(place), out)
    assert not outcome.failures and outcome.fresh == 1
    assert cells(out) == cells(straight)


def run_and_die(plan: Plan, out: Path, moment: str) -> bool:
    """Run in a child that kills itself with SIGKILL before its first rename to a path that ends so; whether it did."""
    child = os.fork()
    if child == 0:
        rename = os.replace

        def dying(source: Any, target: Any) -> None:
            if str(target).endswith(moment):
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)

        os.replace = dying  # type: ignore[assignment]
        try:
            bench(plan, out)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_checkpoints_are_taken_up_and_damaged_ones_made_again(
    place: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stop = RuntimeError("stopped before scoring")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr("progressgym.bench.execute._finish", refuse)
        assert "stopped before scoring" in bench(plan_of(place), out).failures[0]
    (kept,) = out.glob("*/follow/*/0.centuries")
    assert sorted(path.name for path in kept.iterdir()) == ["century-01", "century-02"]
    weights = kept / "century-02" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    trained: list[int] = []

    def note(self: CenturyStore, number: int, *args: Any) -> None:
        trained.append(number)

    with monkeypatch.context() as patched:
        patched.setattr(CenturyStore, "put", note)
        assert not bench(plan_of(place), out).failures
    assert trained == [2] and cells(out) == cells(straight)


def test_a_full_disk_or_too_little_memory_fails_one_cell(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = CenturyStore.put
    errors: list[BaseException] = [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ]

    def failing(self: CenturyStore, number: int, *args: Any) -> None:
        if errors:
            raise errors.pop(0)
        put(self, number, *args)

    monkeypatch.setattr(CenturyStore, "put", failing)
    outcome = bench(plan_of(place, seeds=3), tmp_path / "out")
    assert outcome.fresh == 1 and len(outcome.failures) == 2
    assert "No space left" in outcome.failures[0] and "can't allocate memory" in outcome.failures[1]


def test_what_can_be_watched(place: Path, tmp_path: Path) -> None:
    """Curves of a run that was killed and taken up again are whole and have no step twice."""
    out = tmp_path / "out"
    assert run_and_die(plan_of(place), out, MOMENTS[2])
    assert not bench(plan_of(place), out).failures
    (folder,) = out.glob("tensorboard/*/follow/*/live-0")
    centuries, training = (EventAccumulator(str(folder / name)) for name in ("centuries", "training"))
    centuries.Reload()
    training.Reload()
    history = History.load(place / "history")
    covered = history.instrument.covered(history.instrument.evaluation)
    for d in np.flatnonzero(covered):
        assert [e.step for e in centuries.Scalars(f"values/{DIMENSIONS[d]}/human")] == [0, 1, 2]
        once = (np.abs(history.instrument.loadings[history.instrument.evaluation, :, d]).sum(-1) > 0).sum() < 2
        for end in ("",) if once else ("", "_low", "_high"):  # one item has no standard error
            assert [e.step for e in centuries.Scalars(f"values/{DIMENSIONS[d]}/agent{end}")] == [1, 2]
    cell = read_cell(next(out.glob("*/follow/*/0")))
    shown = [(e.step, e.value) for e in centuries.Scalars("alignment/follow/score")]
    assert shown == [(n + 1, pytest.approx(u, abs=1e-6)) for n, u in enumerate(cell.scores.utilities)]
    steps = [e.step for e in training.Scalars("train/rewards/margins")]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) == 4
    assert {"train/loss", "train/grad_norm", "train/learning_rate"} <= set(training.Tags()["scalars"])
    assert [e.step for e in centuries.Images("values/heat_map")] == [1, 2]
    served = plugin_event_accumulator.EventAccumulator(str(folder / "centuries"))  # as TensorBoard itself reads
    served.Reload()
    assert [e.step for e in served.Tensors("answers/text_summary")] == [1, 2]
    assert "hparam/utility" in centuries.Tags()["scalars"]


def test_an_agent_whose_model_is_not_the_historys_is_marked(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(place / "base", other)
    (group,) = make_plan(
        agents=["lifelong-dpo"],
        challenges=["follow"],
        histories=[str(place / "history")],
        seeds=1,
        labels=["probability"],
        policy=f"lm:{other}",
    ).groups
    assert group.agent == f"lifelong-dpo?policy=lm:{other}&reference=uniform&start=model"


@pytest.mark.parametrize(
    ("agent", "challenge"),
    [
        ("lifelong-rlhf", "predict"),
        ("extrapolative-dpo?tuning=full", "coevolve"),
        ("extrapolative-rlhf?comparisons=4", "coevolve"),
    ],
)
def test_every_agent_on_every_challenge(place: Path, tmp_path: Path, agent: str, challenge: str) -> None:
    plan = make_plan(
        agents=[f"{agent}&policy=lm:{place / 'base'}" if "?" in agent else agent],
        challenges=[challenge],
        histories=[str(place / "history")],
        seeds=1,
        labels=["probability"],
        policy=f"lm:{place / 'base'}",
    )
    outcome = run_bench(plan, tmp_path, workers=1, resamples=20, reports=False, progress=False)
    assert not outcome.failures and outcome.fresh == 1
    assert np.isfinite(read_cell(next(tmp_path.glob("*/*/*/0"))).actions).all()
