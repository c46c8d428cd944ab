"""Train the forecaster of `attention` and write its weights and card.

    python -m research.attention --out FOLDER [--steps 2500]

A few minutes on one core. Every batch is drawn anew (`learning.courses`), from the training seeds that `research/predict.json`
names; no measured history and none of the benchmark's families is ever seen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

import progressgym
from progressgym.agents.filters.directions import collect
from progressgym.agents.learned.network import AHEAD, FEATURES, HIDDEN, SEEN, Attention
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.core.files import write_folder, write_json
from progressgym.core.seals import write_sealed
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs
from research.learning.courses import Lesson, lesson

SEED = 1_000_000
"""First of the training seeds."""
CHECK_SEED = 1_900_000
"""Seed of the paths that the loss is reported on; a training seed too, but not used in a step."""
ROWS, STEPS, RATE = 256, 2500, 3e-3
OWN_WEIGHT = 0.02
"""Weight of the own part's variance in the loss."""


def spectrum_of(instrument: Questionnaire) -> tuple[Tensor, float]:
    """Squared strengths (D,) of the directions that a questionnaire asks about, and its residual freedom."""
    policy = StancePolicy.of(instrument, instrument.uniform()[None])
    pairs = torch.tensor(all_pairs(instrument)[None])
    features, offsets = policy.comparisons(pairs)
    share = 2.0 / torch.tensor(instrument.option_counts)[pairs[..., 0]].to(torch.float64)
    evidence = collect(features, offsets[..., None], share, share.sum(-1))
    strengths = evidence.strength[0]
    return strengths[strengths > 0] ** 2, float(evidence.free)


def loss_of(network: Attention, given: Lesson) -> Tensor:
    """Squared error of the forecast, relative to the size of the signals, and that of the own part's log variance."""
    precision = next(network.parameters()).dtype
    mean, own = network(given.evidence.to(precision), given.ahead, given.sampled)
    error = (mean - given.target).pow(2).mean(-1)
    spread = (own - given.own.log()).pow(2)
    loss: Tensor = (error / given.size).mean() + OWN_WEIGHT * spread.mean()
    return loss


def train(steps: int, seed: int = SEED, report: int = 500) -> tuple[Attention, list[dict[str, float]]]:
    """Train from scratch; returns the network and its reported losses."""
    torch.manual_seed(seed)
    spectrum, free = spectrum_of(Questionnaire.load("moral19-v1"))
    network = Attention()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    check = lesson(2048, spectrum, free, torch.Generator().manual_seed(CHECK_SEED))
    log: list[dict[str, float]] = []
    began = time.monotonic()
    for step in range(1, steps + 1):
        loss = loss_of(network, lesson(ROWS, spectrum, free, torch.Generator().manual_seed(seed + step)))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % report == 0 or step == steps:
            with torch.no_grad():
                log.append({"step": step, "loss": round(float(loss_of(network, check)), 4)})
            print(f"step {step} of {steps}: loss {log[-1]['loss']}, {time.monotonic() - began:.0f} s", flush=True)
    return network, log


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for attention.safetensors and card.json")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began = time.monotonic()
    network, log = train(arguments.steps)
    card = {
        "what": "weights of the agent `attention`: signed attention over centuries, shared by all directions of stance",
        "licence": "MIT",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "shape": {"features": FEATURES, "hidden": HIDDEN, "seen": SEEN, "ahead": AHEAD},
        "data": "synthetic paths of research/learning/courses.py; no measured history, none of the benchmark's"
        " families",
        "command": f"python -m research.attention --steps {arguments.steps} --out FOLDER",
        "seeds": {"first": SEED, "last": SEED + arguments.steps, "check": CHECK_SEED},
        "rows_per_step": ROWS,
        "learning_rate": RATE,
        "losses_on_check_paths": log,
        "seconds": round(time.monotonic() - began),
        "version": progressgym.__version__,
    }
    with write_folder(arguments.out) as staged:
        write_sealed(staged / "attention.safetensors", save(network.state_dict()))
        write_json(staged / "card.json", card)


if __name__ == "__main__":
    main()
