"""What each loss makes of a real language model: SmolLM2-135M on the scenarios of MoralChoice, the same steps for all.

    python -m research.losses_on_texts run OUT.json [--seeds 2] [--rows 80]     goes on with what OUT.json holds
    python -m research.losses_on_texts report docs/data/losses-on-texts.json

A row is a scenario with the action that keeps the rules (chosen) and the one that breaks some (rejected), as `progressgym train
dpo` reads it: LoRA, sums over tokens, beta 0.1; 3e-4, as agents have it. Of the 300 shortest scenarios a seed draws 80 to train on,
once, two a step, and 80 others to judge by; all losses of a seed share both. Every column comes from the data: the reason is which rules the other
action breaks, the attribute how many of ten an action keeps, the lag its words; the other prompt asks what not to do. Answers fare
1/2 and -1/2 (SPPO). `permuted` has the reasons of other rows.

Judged is the preferred action against the other one after the plain prompt, `steerlm` after that of ten rules kept, as it would be
asked: by sums over tokens, which is what was trained, and by means, which do not know how long an answer is. Intervals are 95 % of
a bootstrap over held-out rows and seeds, of paired differences. Data in $PROGRESSGYM_SHARED/real.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.core.files import read_json, write_json
from progressgym.core.rows import packed_text
from progressgym.core.scratch import scratch
from progressgym.losses import loss_of, parts_of
from progressgym.models import load_language_model
from progressgym.tuning.alignment import AlignRecipe, dpo_stage, fitting, ready_tokenizer
from progressgym.tuning.contrasts import Contrast
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.preference_file import read_contrasts
from progressgym.tuning.shared_prompts import shared_logps, stack_shared
from progressgym.tuning.tunable import TunableModel

Floats = NDArray[np.float64]
BROKEN = {
    "death": "kill",
    "pain": "cause pain",
    "disable": "disable someone",
    "freedom": "deprive someone of freedom",
    "pleasure": "deprive someone of pleasure",
    "deceive": "deceive",
    "cheat": "cheat",
    "break_promise": "break a promise",
    "break_law": "break the law",
    "duty": "neglect a duty",
}
ARMS = (
    "sigmoid",
    "hinge",
    "robust",
    "ipo",
    "gpo?paired=false",
    "rdpo",
    "rdpo permuted",
    "rdpo?gamma=0.01",
    "spo",
    "mapl",
    "latency",
    "length-controlled?alpha=1",
    "steerlm",
)
BEFORE, STEERED, BEST = "before", "steerlm", "[kept 10] "
RECIPE = AlignRecipe(beta=0.1, learning_rate=3e-4, batch_size=2, total=True)
SHORTEST, HELD, RESAMPLES = 300, 80, 4000


def lines_of(path: Path, seed: int) -> list[dict[str, Any]]:
    """Rows with every column that a loss looks at, in an order of the seed; what breaks no rule is left out."""
    given = [
        row
        for row in csv.DictReader(io.StringIO(packed_text(path), newline=""))
        if any(row[f"a2_{rule}"] == "Yes" for rule in BROKEN)
    ]
    given = sorted(given, key=lambda row: sum(len(row[part]) for part in ("context", "action1", "action2")))[:SHORTEST]
    lines = []
    for n in np.random.default_rng(seed).permutation(len(given)).tolist():
        row = given[n]
        breaks = [phrase for rule, phrase in BROKEN.items() if row[f"a2_{rule}"] == "Yes"]
        lines.append(
            {
                "prompt": f"{row['context']} What should I do?",
                "other_prompt": f"{row['context']} What should I not do?",
                "chosen": f" {row['action1']}",
                "rejected": f" {row['action2']}",
                "rationale": f"because the other would {' and '.join(breaks)}.",
                "chosen_lag": len(row["action1"].split()),
                "rejected_lag": len(row["action2"].split()),
                "chosen_fares": 0.5,
                "rejected_fares": -0.5,
                "chosen_attributes": {"kept": 10 - sum(row[f"a1_{rule}"] == "Yes" for rule in BROKEN)},
                "rejected_attributes": {"kept": 10 - len(breaks)},
            }
        )
    return lines


def rows_of(lines: Sequence[Mapping[str, Any]], arm: str, seed: int) -> list[Contrast]:
    """What an arm is trained on."""
    reasons = [line["rationale"] for line in lines]
    if arm.endswith(" permuted"):
        reasons = [reasons[n] for n in np.random.default_rng(seed).permutation(len(reasons))]
    with scratch("texts") as folder:
        path = Path(folder) / "rows.jsonl"
        written = [{**line, "rationale": reason} for line, reason in zip(lines, reasons, strict=True)]
        path.write_text("".join(json.dumps(line) + "\n" for line in written), encoding="utf-8")
        return read_contrasts(path, parts_of(loss_in(arm)), seed=seed)


def loss_in(arm: str) -> str:
    """The id of an arm's loss."""
    return arm.split()[0]


def odds(tunable: TunableModel, rows: Sequence[Contrast]) -> tuple[list[float], list[float]]:
    """Log-odds of what is preferred, by sums over tokens and by means, in the order of the rows."""
    ready = fitting(rows, tunable)
    order = sorted(range(len(ready)), key=lambda n: len(ready[n]["prompt_ids"]) + len(ready[n]["chosen_ids"]))
    pad = ready_tokenizer(tunable).pad_token_id
    sums, means = np.zeros(len(ready)), np.zeros(len(ready))
    with tunable.reading() as loaded, torch.inference_mode():
        loaded.model.eval()
        for start in range(0, len(order), 16):
            part = order[start : start + 16]
            pairs = [(ready[n]["prompt_ids"], ready[n][side]) for side in ("chosen_ids", "rejected_ids") for n in part]
            own, mask = shared_logps(loaded.model, stack_shared(pairs, pad))
            for into, values in ((sums, own.sum(-1)), (means, own.sum(-1) / mask.sum(-1))):
                chosen, rejected = values.chunk(2)
                into[part] = (chosen - rejected).numpy()
    return np.round(sums, 4).tolist(), np.round(means, 4).tolist()


def measured(loaded: Any, lines: Sequence[Mapping[str, Any]], arm: str, seed: int, count: int) -> dict[str, Any]:
    """Train an arm, if it is one, and judge it."""
    held = rows_of(lines[-HELD:], "sigmoid", seed)
    if arm.endswith(STEERED):
        held = [replace(row, prompt=BEST + row.prompt) for row in held]
    tunable, began = TunableModel(loaded, LoraRecipe(), seed=seed), time.process_time()
    record: dict[str, Any] = {}
    if not arm.startswith(BEFORE):
        rows, loss = rows_of(lines[:count], arm, seed), loss_in(arm)
        result = dpo_stage(tunable, rows, RECIPE, seed=seed, loss=loss_of(loss), parts=parts_of(loss))
        record = {"steps": result.steps, "losses": [round(value, 4) for value in result.losses]}
    record["sum"], record["mean"] = odds(tunable, held)
    return {**record, "seconds": round(time.process_time() - began, 1)}


def run(out: Path, model: str, seeds: int, count: int, arms: Sequence[str]) -> None:
    """Every arm and seed that the file has not; it is written after each."""
    data = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real" / "moralchoice-low" / "low_ambiguity.csv.gz"
    results: dict[str, Any] = read_json(out) if out.exists() else {"model": model, "rows": count, "cells": {}}
    loaded = load_language_model(model, device="cpu", dtype="float32")
    for seed in range(seeds):
        lines = lines_of(data, seed)
        for arm in (BEFORE, f"{BEFORE} {STEERED}", *arms):
            if (name := f"{seed} {arm}") not in results["cells"]:
                results["cells"][name] = measured(loaded, lines, arm, seed, count)
                write_json(out, results)
                print(f"{name}: {results['cells'][name]['seconds']} s", file=sys.stderr, flush=True)


def report(results: Mapping[str, Any]) -> str:
    """A table: held-out accuracy by sums and means, the gain over the untrained model, the difference to plain DPO."""
    cells = {tuple(name.split(" ", 1)): cell for name, cell in results["cells"].items()}
    lines = [
        f"{results['model']}, {results['rows']} rows, {HELD} held out a seed",
        "",
        "| loss | seeds | right, sums | gain | less DPO | right, means | gain | less DPO | log-odds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm in dict.fromkeys(arm for _, arm in cells):
        start = f"{BEFORE} {STEERED}" if arm.endswith(STEERED) else BEFORE
        seeds = [seed for seed, other in cells if other == arm]
        columns = [str(len(seeds))]
        for by in ("sum", "mean"):
            columns.append(f"{np.mean([np.greater(cells[seed, arm][by], 0.0).mean() for seed in seeds]):.3f}")
            columns += [_apart(cells, arm, other, by) if other != arm else "" for other in (start, "sigmoid")]
        gain = np.mean([np.mean(cells[seed, arm]["sum"]) for seed in seeds])
        lines.append(f"| `{arm}` | {' | '.join(columns)} | {gain:+.2f} |")
    return "\n".join(lines)


def _apart(cells: Mapping[tuple[str, ...], Mapping[str, Any]], arm: str, other: str, by: str) -> str:
    """Share right of an arm less another's on the same rows, with its interval; empty without a seed that has both."""
    seeds = [seed for seed, name in cells if name == arm and (seed, other) in cells]
    if not seeds:
        return ""
    right = [[np.greater(cells[seed, name][by], 0.0) for seed in seeds] for name in (arm, other)]
    apart = np.array(right[0], dtype=np.float64) - np.array(right[1], dtype=np.float64)
    random = np.random.default_rng(0)
    which = (
        random.integers(0, len(seeds), (RESAMPLES, len(seeds), 1)),
        random.integers(0, HELD, (RESAMPLES, len(seeds), HELD)),
    )
    low, high = np.quantile(apart[which].mean((1, 2)), [0.025, 0.975])
    return f"{apart.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or report."""
    parser = argparse.ArgumentParser(description="What each loss makes of a real language model.")
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=80)
    parser.add_argument("--arms", help="separated by commas; all by default")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.what == "run":
        arms = options.arms.split(",") if options.arms else ARMS
        run(options.path, options.model, options.seeds, options.rows, arms)
    print(report(read_json(options.path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
