"""Threads: results in order, errors not lost, scratch memory of each thread its own; the number asked for is obeyed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from progressgym.core.threads import each, scratch


def test_each_keeps_order_and_raises() -> None:
    assert each(lambda n: n * n, range(20)) == [n * n for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        each(lambda n: 1 // n, [1, 0, 2])


def test_scratch_is_one_array_a_thread_and_shape() -> None:
    mine = scratch("test", (3, 2))
    assert scratch("test", (3, 2)) is mine
    assert scratch("other", (3, 2)) is not mine and scratch("test", (3, 2), np.float32).dtype == np.float32
    others: list[object] = []
    thread = threading.Thread(target=lambda: others.append(scratch("test", (3, 2), np.float32)))
    thread.start()
    thread.join()
    assert others[0] is not scratch("test", (3, 2), np.float32)


CODE = """
import hashlib, os, threading, numpy as np, gymnasium as gym, progressgym
from progressgym.core.threads import cores, each
assert cores() == {threads}
seen = hashlib.sha256()
for name in ("FollowStance", "CoevolveStance"):
    for history, scheme in (("synthetic:linear?seed=0", "uniforms-v2"), ("synthetic:linear", "uniforms-v1")):
        envs = gym.make_vec(
            f"ProgressGym/{{name}}-v0", num_envs=150, history=history, labels="sample", rng_scheme=scheme
        )
        envs.action_space.seed(0)
        seen.update(np.ascontiguousarray(envs.reset(seed=0)[0]).tobytes())
        for _ in range(10):
            observation, reward, *_ = envs.step(envs.action_space.sample())
            seen.update(np.ascontiguousarray(observation).tobytes() + np.ascontiguousarray(reward).tobytes())
if hasattr(os, "fork") and {threads} > 1:
    child = os.fork()  # the parent's threads are not there, so the child must start its own
    if child == 0:
        os._exit(0 if each(abs, [-1, 2, -3]) == [1, 2, 3] else 1)
    assert os.waitpid(child, 0)[1] == 0
print(seen.hexdigest())
"""


def test_threads_change_no_number() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE.format(threads=threads)],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for threads in (1, 3)
    ]
    assert found[0] == found[1] != ""
