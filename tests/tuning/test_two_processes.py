"""Two processes under torchrun are one training: TRL and accelerate divide the batch and average the gradients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.tiny import lively_llama
from tests.tuning.two_processes import stage

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.heavy
def test_torchrun_divides_the_work_and_learns_the_same(tmp_path: Path) -> None:
    """Every step sees all pairs, in one process or in halves in two, so losses and weights are the same."""
    folder = lively_llama(tmp_path / "base")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["-m", "tests.tuning.two_processes", str(folder), str(tmp_path)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = stage(folder)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert (alone["world"], first["world"], second["world"]) == (1, 2, 2)
    assert first["weights"] == second["weights"]
    assert len(alone["losses"]) == 4 and alone["losses"][-1] < alone["losses"][0] - 0.01
    np.testing.assert_allclose(first["losses"], alone["losses"], atol=1e-4)
    assert first["weights"].keys() == alone["weights"].keys()
    for name, weights in alone["weights"].items():
        np.testing.assert_allclose(first["weights"][name], weights, atol=2e-3, err_msg=name)
