"""What `progressgym plan` predicts, beside what training then takes: peak memory and tokens a second, in one run.

    python benchmarks/planner.py                       # SmolLM2-135M: LoRA, LoRA with checkpointing, all weights
    python benchmarks/planner.py --model my-folder --steps 4

Every case trains in a process of its own, so that its peak is its own. One thread unless --threads says otherwise.
Speed is in tokens a second of processor time of each thread, on both sides, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

CASES = ("lora", "lora-all-layers", "lora-checkpointing", "full")


def recipe_of(case: str):
    """The adapter of a case; None for all weights."""
    from progressgym.tuning.lora import LoraRecipe

    if case == "full":
        return None
    return LoraRecipe(top_layers=None) if case == "lora-all-layers" else LoraRecipe()


def train(folder: Path, case: str, length: int, rows: int, steps: int, threads: int) -> dict[str, float]:
    """Train in this process and say what it took."""
    import torch

    from progressgym.models import load_language_model
    from progressgym.tuning.lora import attach
    from progressgym.tuning.training import Example, StageRecipe, train_stage

    torch.set_num_threads(threads)
    recipe = recipe_of(case)
    model = load_language_model(folder, device="cpu", dtype="float32" if recipe is None else "auto").model
    if recipe is not None:
        model = attach(model, recipe, 0)
    else:
        model.requires_grad_(True)
    if case == "lora-checkpointing":
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    ids = torch.randint(5, model.config.vocab_size, (rows * (steps + 1), length)).tolist()
    examples = [Example(row, row) for row in ids]
    stamps: list[float] = []
    train_stage(
        model,
        examples,
        StageRecipe(batch_size=rows, learning_rate=1e-5),
        seed=0,
        progress=lambda *_: stamps.append(time.process_time() / threads),
    )
    seconds = (stamps[-1] - stamps[0]) / (len(stamps) - 1)  # the first step warms up
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return {"peak": peak, "tokens_per_second": rows * length / seconds}


def predict(folder: Path, case: str, length: int, rows: int, threads: int) -> dict[str, float]:
    """What the planner says of it."""
    import torch

    from progressgym.tuning.sizing.architecture import of_config
    from progressgym.tuning.sizing.speed import device_of
    from progressgym.tuning.sizing.workload import Workload, flops, memory

    torch.set_num_threads(threads)
    work = Workload(
        shape=of_config(folder / "config.json"),
        method="sft",
        lora=recipe_of(case),
        length=length,
        rows=rows,
        checkpointing=case == "lora-checkpointing",
    )
    device = device_of("cpu", work.shape, "full" if work.lora is None else "lora")
    return {"peak": memory(work, "cpu")["total"], "tokens_per_second": device.flops / (flops(work) / work.tokens)}


def main() -> None:
    """Print a table; exit with 1 when a prediction is off by more than a factor of two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()

    from progressgym.models import resolve_base

    folder = resolve_base(given.model)
    size = (given.length, given.rows)
    if given.child:
        print(json.dumps(train(folder, given.child, *size, given.steps, given.threads)))
        return
    print(
        f"{given.model}, {given.rows} rows of {given.length} tokens a step, {given.threads} threads; off: predicted / measured"
    )
    print(f"{'case':<20} {'peak GB':>9} {'predicted':>9} {'off':>5}   {'tokens/s':>9} {'predicted':>9} {'off':>5}")
    worst = 1.0
    for case in given.cases.split(","):
        told = predict(folder, case, *size, given.threads)
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--child", case], stdout=subprocess.PIPE, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        off = {name: told[name] / found[name] for name in told}
        worst = max(worst, *off.values(), *(1 / value for value in off.values()))
        print(
            f"{case:<20} {found['peak'] / 1e9:>9.2f} {told['peak'] / 1e9:>9.2f} {off['peak']:>5.2f}   "
            f"{found['tokens_per_second']:>9.0f} {told['tokens_per_second']:>9.0f} {off['tokens_per_second']:>5.2f}",
            flush=True,
        )
    print(f"largest factor: {worst:.2f}")
    sys.exit(1 if worst > 2 else 0)


if __name__ == "__main__":
    main()
