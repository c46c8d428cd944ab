"""Train the forecaster of `attention-v2` and write its weights and card.

    python -m research.attention_v2 --out FOLDER [--steps 4000]

Some ten minutes on one quiet core. Every batch is drawn anew from the seeds of its step, and a run that was cut off goes on
from FOLDER/state.safetensors to the same weights.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

import progressgym
from progressgym.agents.learned.transfer.network import AHEAD, HIDDEN, INPUTS, SEEN, TransferAttention
from progressgym.core.files import write_bytes, write_json
from progressgym.core.seals import write_sealed
from research.learning.lessons import TransferLesson, draw_lesson
from research.learning.questionnaires import draw_questionnaires

SEED = 1_100_000
"""First of the training seeds: that of the questionnaires; those of the steps follow."""
CHECK_SEED = 1_900_001
"""Seed of the lessons that the loss is reported on."""
POOL, ROWS, STEPS, RATE = 4096, 256, 4000, 3e-3
OWN_WEIGHT = 0.02
"""Weight of the own part's variance in the loss."""
STATE = "state.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def loss_of(network: TransferAttention, given: TransferLesson) -> Tensor:
    """Squared error of the forecast, relative to the size of the signals, and that of the own part's log variance."""
    precision = next(network.parameters()).dtype
    mean, own = network(given.evidence.to(precision), given.ahead, given.before, given.sampled)
    asked = (given.evidence.strength > 0).sum(-1)
    error = (mean - given.target).pow(2).sum(-1) / asked
    loss: Tensor = (error / given.size).mean() + OWN_WEIGHT * (own - given.own.log()).pow(2).mean()
    return loss


def train(
    steps: int,
    *,
    state: Path | None = None,
    until: int | None = None,
    pool: int = POOL,
    report: int = 250,
    checked: int = 2048,
) -> tuple[TransferAttention, list[dict[str, float]]]:
    """Train; returns the network and its reported losses.

    Args:
        steps: how many.
        state: file that progress is kept in and taken up from.
        until: step to stop after, the last one by default.
        pool: how many questionnaires.
        report: steps between two reports; progress is kept with each.
        checked: lessons that reported losses are the mean of.
    """
    torch.manual_seed(SEED)
    questionnaires = draw_questionnaires(pool, SEED)
    network = TransferAttention()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    done = _resume(network, optimiser, state) if state is not None and state.is_file() else 0
    check = draw_lesson(checked, draw_questionnaires(min(pool, 512), CHECK_SEED), _generator(CHECK_SEED))
    log: list[dict[str, float]] = []
    began = time.monotonic()
    for step in range(done + 1, (until or steps) + 1):
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1.0 + float(torch.cos(torch.tensor(torch.pi * (step - 1) / steps))))
        loss = loss_of(network, draw_lesson(ROWS, questionnaires, _generator(SEED + step)))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % report == 0 or step == steps:
            with torch.no_grad():
                log.append({"step": step, "loss": round(float(loss_of(network, check)), 4)})
            print(f"step {step} of {steps}: loss {log[-1]['loss']}, {time.monotonic() - began:.0f} s", flush=True)
            if state is not None:
                _keep(network, optimiser, step, state)
    return network, log


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _keep(network: TransferAttention, optimiser: torch.optim.Adam, step: int, path: Path) -> None:
    """Write weights, moments and the step."""
    moments = optimiser.state_dict()["state"]
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"{kind}.{index}": values[kind] for index, values in moments.items() for kind in MOMENTS}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, save({**tensors, "done": torch.tensor(step)}))


def _resume(network: TransferAttention, optimiser: torch.optim.Adam, path: Path) -> int:
    """Take up weights and moments; returns the steps done."""
    tensors = load(path.read_bytes())
    network.load_state_dict({name: tensors[f"network.{name}"] for name in network.state_dict()})
    whole = optimiser.state_dict()
    count = len(list(network.parameters()))
    whole["state"] = {index: {kind: tensors[f"{kind}.{index}"] for kind in MOMENTS} for index in range(count)}
    optimiser.load_state_dict(whole)
    return int(tensors["done"])


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for attention.safetensors and card.json")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, log = train(arguments.steps, state=arguments.out / STATE)
    card = {
        "what": "weights of the agent `attention-v2`: signed attention over steps, shared by all directions of stance",
        "licence": "MIT",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "shape": {"inputs": INPUTS, "hidden": HIDDEN, "seen": SEEN, "ahead": AHEAD},
        "data": "random paths on random questionnaires, research/learning/lessons.py; no measured history, no "
        "shipped questionnaire, none of the benchmark's families",
        "command": f"python -m research.attention_v2 --steps {arguments.steps} --out FOLDER",
        "seeds": {"first": SEED, "last": SEED + arguments.steps, "check": CHECK_SEED},
        "questionnaires": POOL,
        "rows_per_step": ROWS,
        "learning_rate": RATE,
        "losses_on_check_lessons": log,
        "version": progressgym.__version__,
    }
    write_sealed(arguments.out / "attention.safetensors", save(network.state_dict()))
    write_json(arguments.out / "card.json", card)


if __name__ == "__main__":
    main()
