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
from tests.tuning.century_models import save_history

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]


def train(place: Path, out: Path, processes: int) -> None:
    """Run the command."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    agent = "lifelong-dpo?comparisons=8&learning_rate=0.01"
    command += ["-m", "progressgym.cli.main", "train", agent, "--policy", f"lm:{place / 'base'}"]
    command += ["--history", str(place / "history"), "--out", str(out), "--device", "cpu"]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("cells run") == 1, "one process speaks"


def actions(out: Path) -> NDArray[np.float32]:
    (folder,) = (path for path in out.glob("*/follow/*/0") if "lifelong" in str(path))
    return read_cell(folder).actions


@pytest.mark.heavy
def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    save_history(tmp_path)
    train(tmp_path, tmp_path / "alone", 1)
    train(tmp_path, tmp_path / "two", 2)
    alone, two = actions(tmp_path / "alone"), actions(tmp_path / "two")
    # Sums in another order, and Adam divides by tiny numbers: by the second century the two have parted.
    np.testing.assert_allclose(two[0], alone[0], atol=0.1)
    assert np.corrcoef(two[0].ravel(), alone[0].ravel())[0, 1] > 0.99
    assert np.isfinite(two).all()
    assert np.abs(alone[-1] - alone[0]).max() > 0.05, "something was learned"
