"""`progressgym train` under torchrun: one training in two processes, one of which writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from progressgym.bench.cells import read_cell
from progressgym.cli.main import dispatch
from tests.tuning.century_models import save_history

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]


def words(place: Path, out: Path) -> list[str]:
    """The command."""
    agent = "lifelong-dpo?comparisons=8&learning_rate=0.01"
    options = ["--history", str(place / "history"), "--out", str(out), "--device", "cpu"]
    return ["train", agent, "--policy", f"lm:{place / 'base'}", *options]


def together(*command: str) -> None:
    """Run a command in two processes."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    line += ["-m", "progressgym.cli.main", *command]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("cells run") == 1, "one process speaks"


def actions(out: Path) -> NDArray[np.float32]:
    (folder,) = (path for path in out.glob("*/follow/*/0") if "lifelong" in str(path))
    return read_cell(folder).actions


@pytest.mark.heavy
def test_two_processes_train_what_one_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_history(tmp_path)
    assert dispatch(words(tmp_path, tmp_path / "alone")) == 0 and capsys.readouterr().out.count("cells run") == 1
    together(*words(tmp_path, tmp_path / "two"))
    alone, two = actions(tmp_path / "alone"), actions(tmp_path / "two")
    # Sums in another order, and Adam divides by tiny numbers: by the second century the two have parted.
    np.testing.assert_allclose(two[0], alone[0], atol=0.1)
    assert np.corrcoef(two[0].ravel(), alone[0].ravel())[0, 1] > 0.99
    assert np.isfinite(two).all()
    assert np.abs(alone[-1] - alone[0]).max() > 0.05, "something was learned"
