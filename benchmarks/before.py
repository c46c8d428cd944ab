"""Whether this version is slower than another one: both in one run, turn by turn.

    git worktree add --detach /tmp/other REVISION
    python benchmarks/before.py /tmp/other          # two minutes on a quiet core
    python benchmarks/before.py /tmp/other --rounds 9

A task runs in a process of its own, now with the other version's code, now with this one's; what counts is its processor
time, and of all turns of a version the fastest, so that a busy machine disturbs little. Printed is now / then: below 1 this
version is faster.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ENVS, EPISODES = 1024, 6
LINEAR = "synthetic:linear?coherence=0.5&seed=0"


def vector(environment: str) -> float:
    """Processor seconds of an episode in `ENVS` environments, the fastest of a few; drawing of actions not counted."""
    import gymnasium as gym

    import progressgym  # noqa: F401  (registers the environments)

    env = gym.make_vec(f"ProgressGym/{environment}", num_envs=ENVS, history=LINEAR)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(8)]
    times = []
    for seed in range(EPISODES):
        began = time.process_time()
        env.reset(seed=seed)
        for action in actions:
            env.step(action)
        times.append(time.process_time() - began)
    return min(times[1:])


def scoring() -> float:
    """Processor seconds of skill with its interval, over ten seeds and 216 items."""
    import numpy as np

    from progressgym.histories.source import resolve_history
    from progressgym.scores import bootstrap_skill, follow_utilities, item_contributions, item_masses

    history = resolve_history(LINEAR).fixed
    assert history is not None
    items = history.instrument.evaluation
    loadings = history.instrument.loadings[items]
    human = item_contributions(history.answers[:, items].astype(np.float64), loadings)
    agent = np.repeat(human[None, 1:], 10, 0) * np.linspace(0.5, 1.0, 10)[:, None, None, None]
    times = []
    for _ in range(EPISODES):
        began = time.process_time()
        bootstrap_skill(
            agent=agent,
            static=np.repeat(human[None, :1], len(human) - 1, 1),
            reference=human[None, 1:],
            human=human[None],
            masses=item_masses(loadings),
            utility=follow_utilities,
        )
        times.append(time.process_time() - began)
    return min(times)


def bench() -> float:
    """Processor seconds of a small benchmark with one process, its imports counted too."""
    from progressgym.bench.plan import make_plan
    from progressgym.bench.runner import run_bench

    began = sum(os.times()[:4])  # those of children too
    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan(
            agents=["random", "lifelong-map", "lifelong-dpo"],
            challenges=["follow", "predict", "coevolve"],
            histories=["synthetic:linear?coherence=0.5"],
            seeds=3,
            labels=["probability"],
        )
        run_bench(plan, Path(folder), workers=1, progress=False, reports=False)
    return sum(os.times()[:4]) - began


TASKS: dict[str, Callable[[], float]] = {
    **{
        name: lambda name=name: vector(name)  # type: ignore[misc]
        for name in ("FollowStance-v0", "Follow-v0", "PredictStance-v0", "CoevolveStance-v0", "Coevolve-v0")
    },
    "scoring": scoring,
    "bench": bench,
}


def measure(tree: Path, task: str) -> float:
    """One turn of a task with the code of a tree."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", __file__, str(tree), "--task", task]
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{task} with {tree}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="a checkout of the other version")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        print(TASKS[arguments.task]())
        return
    print(f"{'task':<20} {'then':>9} {'now':>9}  now / then")
    for task in TASKS:
        times: dict[Path, list[float]] = {arguments.other.resolve(): [], HERE: []}
        for _ in range(arguments.rounds):
            for tree, spent in times.items():
                spent.append(measure(tree, task))
        then, now = (min(spent) for spent in times.values())
        print(f"{task:<20} {then:>8.4f}s {now:>8.4f}s  {now / then:.2f}", flush=True)


if __name__ == "__main__":
    main()
