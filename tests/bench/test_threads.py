"""Torch computes on one thread whenever it comes, and is not brought by those who limit it."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from progressgym.bench.threads import limited_threads, one_thread

CODE = """
import importlib.util, sys
from progressgym.bench.threads import limited_threads, one_thread
with one_thread():
    assert importlib.util.find_spec("torch") is not None and "torch" not in sys.modules, "many ask and never load it"
    with limited_threads(2):
        import torch
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 1
assert torch.get_num_threads() == int(sys.argv[1]), "as it came"
"""


def test_torch_that_comes_later_is_limited() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    plain = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    own = subprocess.run(plain, env=environment, check=True, timeout=300, capture_output=True, text=True).stdout.strip()
    subprocess.run([sys.executable, "-c", CODE, own], env=environment, check=True, timeout=300)


def test_torch_that_is_there_is_limited_and_left_as_it_was() -> None:
    before = torch.get_num_threads()
    with limited_threads(3):
        assert torch.get_num_threads() == 3
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before
