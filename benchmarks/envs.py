"""How fast the environments are, side by side with Gymnasium's own CartPole-v1, in one run.

    python benchmarks/envs.py                # about a minute on two quiet cores
    python benchmarks/envs.py --quick        # fewer turns
    python benchmarks/envs.py --cpu          # processor time of one thread instead of elapsed time: for busy machines

All sides take random actions in 1,024 environments, resets included; they are measured in turns of an episode, side
after side, several times over, and the fastest turn of each counts, so that a busy machine disturbs little. CartPole has its own vector entry point. FollowStance is measured

* written plainly: a stance model's answers to all items, the instrument's values, evidence from labels, cosines, each
  on the arrays of all environments, with a profile of where the time goes;
* natively vectorised on numpy (float64 and float32) and on torch (float32, and on a GPU where there is one);
* in Gymnasium's loop (`vectorization_mode="sync"`), and alone;
* natively with sampled labels, in both schemes of random numbers, and with a history drawn for every environment and episode,
  on numpy and, where numba is installed, compiled (`array_backend="numba"`; kernels are compiled before anything is measured).

So is CoevolveStance, whose humans move with every answer. Bars of these conditions are for the faster of numpy and numba. The other
ids follow, and the exponents of the cost of a step in the number of environments and in that of items. The
bars are this project's own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CPU = "--cpu" in sys.argv
CLOCK = time.process_time if CPU else time.perf_counter
THREADS = 1 if CPU else 2
"""Of torch, which is also measured with one. Products as small as numpy's here gain nothing from a second thread, and lose much on a busy machine."""
os.environ["OMP_NUM_THREADS"] = str(THREADS)  # the environments' own
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported, so before that
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `research` stands beside this folder

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

import progressgym  # noqa: F401  (registers the environments)
from progressgym.envs.comparison_evidence import differences, evidence, evidence_weights
from progressgym.envs.stance_flavour import THETA_SCALE, D
from progressgym.histories.history import History, shipped_names
from progressgym.instruments.stance_model import StanceModel
from progressgym.preferences.comparisons import RNG_SCHEME, SHORT_SCHEME, all_pairs, probabilities
from progressgym.scores import cosine, dimension_error, drift_cosine
from research.questionnaires import longer

ENVS = 1024
FOLLOW = "ProgressGym/FollowStance-v0"
COEVOLVE = "ProgressGym/CoevolveStance-v0"
OTHERS = ("PredictStance", "Follow", "Predict", "Coevolve", "PredictStream")
SAMPLED_BAR, DRAWN_BAR, COEVOLVE_BAR = 1 / 12, 1 / 60, 1 / 100
NUMPY_BAR, TORCH_BAR, SYNC_BAR, SINGLE_BAR, GPU_BAR, EXPONENT_BAR = 1 / 15, 1 / 5, 50.0, 8.0, 20.0, 1.1
BACK_ENDS = ("numpy", "numba") if importlib.util.find_spec("numba") else ("numpy",)
"""Those that work on numpy's arrays."""
SHARE = 0.1
SIZES = (256, 512, 1024, 2048, 4096)
COPIES = (1, 2, 4, 8)
"""How often the items of the instrument are repeated to make longer ones."""
Step = Callable[[], object]


@dataclass(kw_only=True)
class Side:
    """One contestant."""

    name: str
    step: Step
    """One step of all its environments; resets itself."""
    envs: int = ENVS
    steps: int = 9
    """Steps of a turn: whole episodes with their resets."""
    threads: int = THREADS
    """Of torch."""
    seconds: list[float] = field(default_factory=list)
    """Seconds a step, one a turn."""

    def turn(self) -> None:
        """Measure once."""
        torch.set_num_threads(self.threads)
        start = CLOCK()
        for _ in range(self.steps):
            self.step()
        self.seconds.append((CLOCK() - start) / self.steps)

    @property
    def rate(self) -> float:
        """Environment steps a second in the fastest turn."""
        return self.envs / min(self.seconds)

    @property
    def median(self) -> float:
        """Seconds a step of one environment in the middle turn: on a busy machine less a matter of luck."""
        return statistics.median(self.seconds) / self.envs


def measure(sides: list[Side], rounds: int) -> None:
    """Side after side, several times over: each time as many turns as fit in `SHARE` seconds, one at least."""
    for side in sides:
        side.step()
    for _ in range(rounds):
        for side in sides:
            until = time.perf_counter() + SHARE
            side.turn()
            while time.perf_counter() < until:
                side.turn()


def vector(name: str, envs: int = ENVS, **arguments: Any) -> Step:
    """A native vector environment as a step, with actions that were drawn beforehand."""
    env = gym.make_vec(name, num_envs=envs, vectorization_mode="vector_entry_point", **arguments)
    env.reset(seed=0)
    actions: Any = env.action_space.sample()
    if arguments.get("array_backend") == "torch":
        actions = torch.as_tensor(actions, device=arguments.get("device", "cpu"))
    if arguments.get("device") != "cuda":
        return lambda: env.step(actions)

    def on_device() -> None:
        env.step(actions)
        torch.cuda.synchronize()

    return on_device


def loop(name: str, envs: int, **arguments: Any) -> Step:
    """Gymnasium's loop over single environments as a step."""
    env = gym.make_vec(name, num_envs=envs, vectorization_mode="sync", **arguments)
    env.reset(seed=0)
    actions = env.action_space.sample()
    return lambda: env.step(actions)


def alone(name: str, **arguments: Any) -> Step:
    """One single environment as a step; resets itself."""
    env: gym.Env[Any, Any] = gym.make(name, **arguments)
    env.reset(seed=0)
    action = env.action_space.sample()

    def step() -> None:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()

    return step


class Plain:
    """FollowStance on arrays, written as the definitions read; no resets, no infos beyond the scores."""

    def __init__(self, history: History) -> None:
        """Prepare an episode that all environments share."""
        self.instrument, self.history = history.instrument, history
        self.model = StanceModel.of(self.instrument, history.answers[0])
        pairs = all_pairs(self.instrument)
        self.human = history.values(self.instrument.evaluation)
        self.labels = probabilities(history.answers, pairs)
        self.weights = evidence_weights(differences(self.instrument.loadings, pairs))
        self.actions = np.random.default_rng(0).uniform(-1, 1, (ENVS, D))
        self.parts: dict[str, float] = {}
        self.t = 0

    def step(self) -> None:
        """One step of all environments, each part timed."""
        self.t = self.t % (len(self.history) - 1) + 1
        theta = self._timed("stance, clipped", lambda: THETA_SCALE * np.clip(self.actions, -1, 1))
        logits = self._timed("logits of all items (product with the loadings)", lambda: self.model.logits(theta))
        answers = self._timed("answers (softmax over each item's options)", lambda: self._answers(logits))
        values = self._timed(
            "values of the scored items (product)",
            lambda: self.instrument.values(answers, self.instrument.evaluation, check=False),
        )
        start, target = self.human[0], self.human[self.t]
        self._timed("utility (cosine)", lambda: cosine(values, target))
        self._timed("drift cosine", lambda: drift_cosine(values, start, target))
        self._timed("dimension error", lambda: dimension_error(values, target))
        labels = np.broadcast_to(self.labels[self.t], (ENVS, self.labels.shape[1]))
        self._timed("evidence of the labels (product)", lambda: evidence(labels, self.weights))

    def _answers(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.where(self.instrument.mask, np.exp(logits - logits.max(-1, keepdims=True)), 0.0)
        answers: NDArray[np.float64] = weights / weights.sum(-1, keepdims=True)
        return answers

    def _timed(self, name: str, part: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        start = CLOCK()
        result = part()
        self.parts[name] = self.parts.get(name, 0.0) + CLOCK() - start
        return result


def repeated(history: History, copies: int) -> History:
    """A history whose humans answer the items of a longer instrument, each copy alike."""
    long, places = longer(history.instrument, copies, copies), np.arange(len(history.instrument))
    halves = [
        half for half in (history.instrument.elicitation, history.instrument.evaluation) for _ in range(copies - 1)
    ]
    asked = np.concatenate([places, *halves])
    return History(
        name=f"{history.name}x{copies}",
        labels=history.labels,
        answers=history.answers[:, asked],
        instrument=long,
    )


@dataclass(kw_only=True)
class Condition:
    """A working condition with a bar of its own."""

    name: str
    bar: float
    """Steps a second, CartPole's = 1."""
    sides: list[Side]
    """On numpy and, where it is installed, numba."""

    def judge(self, base: Side) -> None:
        """The faster side against the bar, and both."""
        best = max(self.sides, key=lambda side: side.rate)
        each = ", ".join(
            f"{name} {side.rate / base.rate:.4f}" for name, side in zip(BACK_ENDS, self.sides, strict=True)
        )
        verdict(
            f"{self.name} ({each}; median turns 1/{best.median / base.median:.0f})", best.rate / base.rate, self.bar
        )


def on_both(title: str, name: str, **arguments: Any) -> list[Side]:
    """A native vector environment on numpy and on numba."""
    return [Side(name=title.format(b), step=vector(name, array_backend=b, **arguments)) for b in BACK_ENDS]


def exponent(sizes: list[int], sides: list[Side]) -> float:
    """Slope of log seconds a step over log size."""
    seconds = [min(side.seconds) for side in sides]
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def verdict(name: str, value: float, bar: float, *, most: bool = False) -> None:
    """One line: a figure, its bar and whether it is met."""
    met = value <= bar if most else value >= bar
    print(
        f"  {name:<80} {value:9.4f}   bar: {'at most' if most else 'at least'} {bar:.4f}   {'met' if met else 'MISSED'}"
    )


def show(side: Side, base: Side) -> None:
    """One row of the table."""
    print(f"  {side.name:<66} {side.rate / 1e6:9.3f}   {side.rate / base.rate:9.4f}   {1e6 * min(side.seconds):11.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--cpu", action="store_true", help="processor time of one thread instead of elapsed time")
    rounds = 3 if parser.parse_args().quick else 12
    name = "histsmol-v1" if "histsmol-v1" in shipped_names() else "synthetic:linear?seed=0"
    history = History.load(name)
    print(f"history {name}, {len(history.instrument)} items, {ENVS} environments, {THREADS} threads, load {os.getloadavg()[0]:.1f}\n")  # fmt: skip

    plain = Plain(history)
    cart = Side(name="CartPole-v1, Gymnasium's vector entry point", step=vector("CartPole-v1"), steps=90)
    written = Side(name="FollowStance, written plainly", step=plain.step, steps=2)
    follow = on_both("FollowStance, {}, float64", FOLLOW, history=history)
    on_numpy = follow[0]
    on_numpy32 = Side(name="FollowStance, numpy, float32", step=vector(FOLLOW, history=history, dtype="float32"))
    by_torch = vector(FOLLOW, history=history, array_backend="torch")
    on_torch = Side(name=f"FollowStance, torch, float32, {THREADS} threads", step=by_torch)
    on_torch1 = Side(name="FollowStance, torch, float32, 1 thread", step=by_torch, threads=1)
    synced = Side(name='FollowStance, vectorization_mode="sync"', step=loop(FOLLOW, ENVS, history=history))
    short = {"history": history, "labels": "sample", "rng_scheme": SHORT_SCHEME}
    older = on_both(f"FollowStance, {{}}, sampled labels, {RNG_SCHEME}", FOLLOW, history=history, labels="sample")
    conditions = [
        Condition(name=f"sampled labels, {SHORT_SCHEME}", bar=SAMPLED_BAR, sides=on_both(f"FollowStance, {{}}, sampled labels, {SHORT_SCHEME}", FOLLOW, **short)),
        Condition(name="a new history each episode", bar=DRAWN_BAR, sides=on_both("FollowStance, {}, a new synthetic history each episode", FOLLOW, history="synthetic:linear")),
        Condition(name="Coevolve", bar=COEVOLVE_BAR, sides=on_both("CoevolveStance, {}, float64", COEVOLVE, history=history)),
    ]  # fmt: skip
    bound = [side for condition in conditions for side in condition.sides]
    on_torches = [on_torch] if THREADS == 1 else [on_torch, on_torch1]
    sides = [cart, *follow, on_numpy32, *on_torches, synced, *bound, *older, written]
    one_cart = Side(name="CartPole-v1, alone", step=alone("CartPole-v1"), envs=1, steps=1000)
    one = Side(name="FollowStance, alone", step=alone(FOLLOW, history=history), envs=1, steps=80)
    measure([*sides, one_cart, one], rounds)

    print("the plainest array version: where a step's time goes")
    total = sum(plain.parts.values())
    for part, seconds in sorted(plain.parts.items(), key=lambda entry: -entry[1]):
        print(f"  {part:<66} {100 * seconds / total:8.1f} %")

    gpu = None
    if torch.cuda.is_available():
        gpu = Side(name="FollowStance, torch, float32, GPU, 65,536 environments", envs=65536,
                   step=vector(FOLLOW, 65536, history=history, array_backend="torch", device="cuda"))  # fmt: skip
        measure([gpu], rounds)
    print(f"\n  {'resets included':<66} {'million/s':>9}   {'CartPole=1':>9}   {'us per step':>11}")
    for side in [cart, written, *sides[1:-1], *([gpu] if gpu else [])]:
        show(side, cart)
    for other in OTHERS:
        side = Side(name=f"{other}, numpy, float64", step=vector(f"ProgressGym/{other}-v0", history=history))
        measure([side], 1)
        show(side, cart)
    for side in (one_cart, one):
        show(side, one_cart)

    environments = [Side(name=str(n), step=vector(FOLLOW, n, history=history), envs=n) for n in SIZES]
    items = [Side(name=str(n), step=vector(FOLLOW, history=repeated(history, n))) for n in COPIES]
    measure([*environments, *items], rounds)

    print("\nbars")
    verdict("numpy float64 against CartPole, steps a second", on_numpy.rate / cart.rate, NUMPY_BAR)
    for condition in conditions:
        condition.judge(cart)
    torch_rate = max(side.rate for side in on_torches)
    verdict("torch float32 against CartPole, steps a second", torch_rate / cart.rate, TORCH_BAR)
    verdict('numpy float64 against our own "sync"', on_numpy.rate / synced.rate, SYNC_BAR)
    verdict("a single FollowStance step in CartPole steps", one_cart.rate / one.rate, SINGLE_BAR, most=True)
    verdict("cost ~ environments ** x", exponent(list(SIZES), environments), EXPONENT_BAR, most=True)
    verdict(f"cost ~ items ** x ({', '.join(str(n * len(history.instrument)) for n in COPIES)} items)", exponent(list(COPIES), items), EXPONENT_BAR, most=True)  # fmt: skip
    if gpu is not None:
        verdict("GPU against numpy float64 on two cores", gpu.rate / on_numpy.rate, GPU_BAR)
    else:
        print("  no GPU here: the bar of 20 times two cores was not measured")


if __name__ == "__main__":
    main()
