"""Benchmarks go on where they were, whatever stopped them, and their numbers do not depend on how they were run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.bench.cells import read_cell
from progressgym.bench.runner import run_bench
from progressgym.core.errors import UserError
from progressgym.scores.records import Aggregate, Results, load_record
from tests.bench.helpers import LINEAR, bench, cells, small_plan, stamps

torch.set_num_threads(1)
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "bench.json"
CELL = "synthetic_linear+coherence=0.5/follow/lifelong-map/0"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small benchmark; tests copy it or only read it."""
    out = tmp_path_factory.mktemp("bench")
    outcome = bench(small_plan(), out)
    assert not outcome.failures and (outcome.fresh, outcome.reused) == (4, 0)
    return out


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same benchmark with a folder for every cell."""
    out = tmp_path_factory.mktemp("folders")
    assert not bench(small_plan(), out, folders=True).failures
    return out


def test_a_cell_is_one_file(done: Path) -> None:
    with zipfile.ZipFile(done / f"{CELL}.zip") as archive:
        assert archive.namelist() == ["config.json", "steps.npz", "scores.json", "DONE.json"]
    cell = read_cell(done / CELL)
    assert cell.actions.shape == (8, 432, 4) and cell.actions.dtype == np.float32
    assert cell.config.environment == "ProgressGym/Follow-v0" and cell.config.seed == 0
    assert len([path for path in done.rglob("*") if path.is_file() and path.name != ".lock"]) == 4 + 2 + 1


def test_a_cell_as_a_folder_has_a_readable_log(done: Path, opened: Path) -> None:
    names = {path.name for path in (opened / CELL).iterdir()}
    assert names == {"config.json", "steps.npz", "steps.jsonl", "scores.json", "DONE.json"}
    cell, same = read_cell(opened / CELL), read_cell(done / CELL)
    assert cell.scores == same.scores and cell.files["steps.npz"] == same.files["steps.npz"]
    rows = [json.loads(line) for line in (opened / CELL / "steps.jsonl").read_text().splitlines()]
    assert [row["compared_with"] for row in rows] == [f"C{n:03d}" for n in range(14, 22)]
    assert sum(row["utility"] for row in rows) == pytest.approx(cell.scores.utility)


def test_folders_and_files_go_on_with_each_other(done: Path, opened: Path, tmp_path: Path) -> None:
    """Runs of older versions are folders; nothing of them is run again, and a cell that is damaged becomes one file."""
    out = copy(opened, tmp_path)
    before = stamps(out)
    assert bench(small_plan(), out).reused == 4 and stamps(out) == before
    (out / CELL / "scores.json").write_text("{}")
    outcome = bench(small_plan(), out)
    assert (outcome.fresh, outcome.reused) == (1, 3) and not (out / CELL).exists()
    other = copy(done, tmp_path / "other")
    assert bench(small_plan(), other, folders=True).reused == 4
    one, two = (load_record(where / "results.json", Results) for where in (out, other))
    assert timeless(one) == timeless(two)


def test_a_cell_beside_its_damaged_folder_is_whole(done: Path, opened: Path, tmp_path: Path) -> None:
    """Killed after the file was written and before the old folder was gone."""
    out = copy(done, tmp_path)
    shutil.copytree(opened / CELL, out / CELL)
    (out / CELL / "steps.npz").write_bytes(b"half")
    assert bench(small_plan(), out).reused == 4


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_an_archive_that_is_none_is_redone(content: bytes, done: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    (out / f"{CELL}.zip").write_bytes(content)
    with pytest.raises(UserError):
        read_cell(out / CELL)
    assert bench(small_plan(), out).fresh == 1 and cells(out) == cells(done)


def test_results_hold_every_cell(done: Path) -> None:
    results = load_record(done / "results.json", Results)
    assert len(results.cells) == 4 and len(results.aggregates) == 2
    assert results.warnings == ["intervals rest on 2 seeds; use 5 or more (default 10)"]
    assert {row.agent: row.skill.mid for row in results.aggregates if row.skill}["static"] == 0.0


def test_running_again_runs_nothing(done: Path) -> None:
    before = stamps(done)
    outcome = bench(small_plan(), done)
    assert (outcome.fresh, outcome.reused) == (0, 4) and stamps(done) == before


def test_more_seeds_and_agents_leave_finished_cells_alone(done: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    before = stamps(out)
    outcome = bench(small_plan("static,lifelong-map,random", seeds=3), out)
    assert (outcome.fresh, outcome.reused) == (5, 4)
    after = stamps(out)
    assert {name: after[name] for name in before} == before
    straight = tmp_path / "straight"
    bench(small_plan("static,lifelong-map,random", seeds=3), straight)
    assert cells(out) == cells(straight)


@pytest.mark.parametrize("name", ["", "config.json", "steps.npz", "steps.jsonl", "scores.json", "DONE.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_a_damaged_cell_is_redone(done: Path, opened: Path, tmp_path: Path, name: str, damage: str) -> None:
    whole = opened if name else done
    out = copy(whole, tmp_path)
    path = out / CELL / name if name else out / f"{CELL}.zip"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    outcome = bench(small_plan(), out, folders=bool(name))
    assert (outcome.fresh, outcome.reused) == (1, 3)
    assert cells(out) == cells(whole)


def test_a_cell_of_another_question_is_redone(done: Path, tmp_path: Path) -> None:
    """A seed's file that holds another seed's whole and valid cell."""
    out = copy(done, tmp_path)
    shutil.copy(out / f"{CELL.replace('/0', '/1')}.zip", out / f"{CELL}.zip")
    assert bench(small_plan(), out).fresh == 1
    assert cells(out) == cells(done)


def test_workers_change_nothing(done: Path, tmp_path: Path) -> None:
    outcome = bench(small_plan(), tmp_path / "two", workers=2)
    assert not outcome.failures and cells(tmp_path / "two") == cells(done)
    one, two = (load_record(out / "results.json", Results) for out in (done, tmp_path / "two"))
    assert timeless(one) == timeless(two)


def test_a_killed_run_goes_on_to_the_same_bits(done: Path, tmp_path: Path) -> None:
    """SIGKILL after the first finished cell, with half-written rubbish left behind as well."""
    out = tmp_path / "killed"
    options = "bench --agents static,lifelong-map --challenges follow --labels probability"
    options += f" --history {LINEAR} --seeds 2 --workers 1 --quiet"
    process = subprocess.Popen(
        [sys.executable, "-m", "progressgym.cli.main", *options.split(), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not stamps(out) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    survived = stamps(out)
    assert 0 < len(survived) < 4
    stale = out / "synthetic_linear+coherence=0.5" / "follow" / "lifelong-map" / ".tmp-1-0"
    stale.mkdir(parents=True, exist_ok=True)
    (stale / "steps.npz").write_bytes(b"half")
    outcome = bench(small_plan(), out)
    assert outcome.reused == len(survived) and not outcome.failures
    assert cells(out) == cells(done) and not list(out.rglob(".tmp-*"))


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_fails_cells_and_keeps_the_others(
    call: str, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up at the n-th write, for several n; then there is room again and nothing is lost."""
    for n in (1, 3, 6):
        out = tmp_path / f"{call}-{n}"
        count = iter(range(10**6))
        real = getattr(os, call)

        def full(*arguments: object, count=count, n=n, real=real) -> object:  # type: ignore[no-untyped-def]
            if next(count) + 1 >= n:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            outcome = bench(small_plan(), out)
        assert outcome.failures and all("No space left" in line for line in outcome.failures)
        kept = stamps(out)
        again = bench(small_plan(), out)
        assert not again.failures and again.reused == len(kept)
        assert cells(out) == cells(done)


def test_own_agents_run_and_are_known_by_their_source(done: Path, tmp_path: Path) -> None:
    outcome = bench(small_plan("tests.bench.own:Steady"), tmp_path)
    assert not outcome.failures
    (row,) = outcome.results.aggregates
    assert row.skill is not None and row.skill.mid == pytest.approx(0, abs=1e-5)
    folder = tmp_path / "synthetic_linear+coherence=0.5" / "follow" / "tests.bench.own_Steady" / "0"
    assert read_cell(folder).source is not None
    assert bench(small_plan("tests.bench.own:Steady"), tmp_path).reused == 2


def test_a_changed_own_agent_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import numpy as np\nclass Mine:\n    def reset(self, task, seed=None):\n        self.shape = task.action_shape\n"
    source += "    def act(self, observation, info):\n        return np.zeros(self.shape)\n"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine_for_test.py").write_text(source)
    assert bench(small_plan("mine_for_test:Mine"), tmp_path / "out").fresh == 2
    (tmp_path / "mine_for_test.py").write_text(source + "# better now\n")
    assert bench(small_plan("mine_for_test:Mine"), tmp_path / "out").fresh == 2


def test_a_failing_seed_leaves_the_others(tmp_path: Path) -> None:
    outcome = bench(small_plan("tests.bench.own:Broken,static", seeds=3), tmp_path)
    (line,) = outcome.failures
    assert "seed 1: RuntimeError: an odd seed (own.py:" in line
    assert {row.agent: row.seeds for row in outcome.results.aggregates} == {"tests.bench.own:Broken": 2, "static": 3}
    assert any(warning.startswith("not run:") for warning in outcome.results.warnings)


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("WrongShape", "has shape (431, 4), expected (432, 4)"),
        ("NotANumber", "the action holds NaN"),
        ("Words", "the action is a str"),
    ],
)
def test_bad_actions_are_told(agent: str, message: str, tmp_path: Path) -> None:
    outcome = bench(small_plan(f"tests.bench.own:{agent}", seeds=1), tmp_path)
    assert len(outcome.failures) == 1 and message in outcome.failures[0]
    assert outcome.results.aggregates == []


def test_what_an_agent_does_to_its_observations_stays_with_it(tmp_path: Path) -> None:
    rows = bench(small_plan("tests.bench.own:Thief,tests.bench.own:Steady"), tmp_path).results.aggregates
    assert rows[0].utility == rows[1].utility


def test_two_benchmarks_do_not_share_a_folder(tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"), pytest.raises(UserError, match="another benchmark is running"):
        bench(small_plan(), tmp_path)


def test_out_must_be_usable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot use"):
        run_bench(small_plan(), tmp_path / "file" / "below")
    with pytest.raises(UserError, match="use 1 or more"):
        run_bench(small_plan(), tmp_path / "out", workers=0)


def test_golden_benchmark(tmp_path: Path) -> None:
    """Numbers of a small benchmark, kept. They may change only with a new version of what produces them.

    Write anew with PROGRESSGYM_GOLDEN=1 pytest tests/bench/test_runner.py -k golden.
    """
    plan = small_plan("static,random,lifelong-map,lifelong-dpo,extrapolative-rlhf", 2, "follow,predict,coevolve")
    outcome = bench(plan, tmp_path)
    assert not outcome.failures
    found = {
        f"{row.challenge} {row.agent}": [
            row.skill.mid if row.skill else None,
            row.utility.mid,
            row.drift_cosine,
            row.dimension_error,
            *row.published.values(),
            *(one.mid for one in row.lock_in.values()),
        ]
        for row in outcome.results.aggregates
    }
    if os.environ.get("PROGRESSGYM_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    expected = json.loads(GOLDEN.read_text())
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, rel=1e-6, abs=1e-7), name


def timeless(results: Results) -> list[Aggregate]:
    return [row.model_copy(update={"seconds": None}) for row in results.aggregates]


def copy(done: Path, tmp_path: Path) -> Path:
    shutil.copytree(done, tmp_path / "copy")
    return tmp_path / "copy"
