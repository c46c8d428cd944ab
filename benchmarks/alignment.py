"""One DPO stage through our policy against a plain script with TRL, on the same model, adapter, pairs and order.

The plain side is what a careful user would write with TRL alone: tokenizer without an end token (TRL adds one to every
continuation else), LoRA, `DPOTrainer` with its own frozen copy of the adapter as reference. Both sides run in float32,
so that losses can be compared to 1e-4, in processes of their own, in turns, and print seconds, peak memory and losses.

    python benchmarks/alignment.py --rows 64 --rounds 2
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from trl_alone import trl_losses

from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model, resolve_base
from progressgym.preferences.comparisons import all_pairs, probabilities
from progressgym.tuning.alignment import AlignRecipe, dpo_stage
from progressgym.tuning.contrasts import Contrast, arrange, tokenise
from progressgym.tuning.lora import LoraRecipe, attach
from progressgym.tuning.tunable import TunableModel

RECIPE = AlignRecipe(beta=4.0, learning_rate=1e-3, batch_size=8)
LORA = LoraRecipe()
SIDES = ("ours", "plain")


def pairs(count: int) -> list[Contrast]:
    """The verdicts that C017 passes on the first deeds of the questionnaire, as plain pairs."""
    instrument = Questionnaire.load("moral19-v1")
    compared = all_pairs(instrument)[: count // 2]
    answers = History.load("histsmol-v1").answers[4]
    lead, good, bad = instrument.config.verdicts[0]
    rows = []
    for (i, a, b), label in zip(compared.tolist(), probabilities(answers, compared), strict=True):
        item = instrument.items[i]
        better, worse = (a, b) if label >= 0.5 else (b, a)
        rows.append(Contrast(prompt=f"{item.text} {item.options[better]}{lead}", chosen=good, rejected=bad))
        rows.append(Contrast(prompt=f"{item.text} {item.options[worse]}{lead}", chosen=bad, rejected=good))
    return rows


def ours(rows: list[Contrast], loaded: Any) -> tuple[float, list[float]]:
    """Seconds and losses of our stage."""
    tunable = TunableModel(loaded, LORA)
    started = time.perf_counter()
    result = dpo_stage(tunable, rows, RECIPE, seed=0)
    return time.perf_counter() - started, result.losses


def plain(rows: list[Contrast], loaded: Any) -> tuple[float, list[float]]:
    """Seconds and losses of TRL alone."""
    order = arrange(tokenise(rows, loaded.tokenizer), RECIPE.batch_size, 0)
    texts = [{k: loaded.tokenizer.decode(row[f"{k}_ids"]) for k in ("prompt", "chosen", "rejected")} for row in order]
    started = time.perf_counter()
    model = attach(loaded.model, LORA, seed=0)
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = ""
    with tempfile.TemporaryDirectory() as folder:
        losses = trl_losses(model, tokenizer, texts, RECIPE, folder)
    return time.perf_counter() - started, losses


def measure(side: str, count: int) -> dict[str, Any]:
    """Run one side in this process."""
    import trl

    loaded = load_language_model(resolve_base("smollm2-135m"), device="cpu", dtype="float32")
    _ = trl.DPOTrainer  # imported before the clock starts
    seconds, losses = (ours if side == "ours" else plain)(pairs(count), loaded)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "peak_gib": peak, "losses": losses}


def main() -> None:
    """Run both sides in turns and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--side", choices=SIDES)
    given = parser.parse_args()
    if given.side:
        print("RESULT " + json.dumps(measure(given.side, given.rows)))
        return
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(given.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--side", side, "--rows", str(given.rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
            found[side].append(json.loads(line.removeprefix("RESULT ")))
    seconds = {side: min(run["seconds"] for run in runs) for side, runs in found.items()}
    for side, runs in found.items():
        print(f"{side:<6} {seconds[side]:7.1f} s   peak {max(run['peak_gib'] for run in runs):.2f} GiB")
    difference = np.abs(np.subtract(found["ours"][0]["losses"], found["plain"][0]["losses"])).max()
    print(f"wall time ours / plain  {seconds['ours'] / seconds['plain']:.2f}")
    print(f"largest difference of a step's loss  {difference:.1e} over {len(found['ours'][0]['losses'])} steps")


if __name__ == "__main__":
    main()
