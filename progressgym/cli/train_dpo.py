"""`progressgym train dpo`: a language model on your own preferences, by any loss of the registry."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from progressgym.cli.shared import Device, Json, Quiet, option
from progressgym.core.bounds import LARGEST_SEED, whole

EXAMPLES = """
progressgym train dpo --data my-preferences.jsonl
progressgym train dpo --data my-preferences.jsonl --loss 'rdpo?gamma=0.1' --model ./my-model --out runs/reasons
progressgym train dpo --data my-preferences.jsonl --loss ipo --user annotator --held-out 0.2
"""
KINDS_IN_HELP = ("losses",)


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train a language model on a file of preferences in TRL's format, and judge it on held-out prompts.

    A line of FILE is an object with prompt, chosen and rejected, and what the loss looks at beside them: rationale (rdpo),
    other_prompt (mapl), chosen_lag and rejected_lag (latency), chosen_fares and rejected_fares (gpo), chosen_attributes and
    rejected_attributes (steerlm). OUT gets the model and results.json. Needs the extra lm.
    """

    data: Annotated[str, option("FILE.jsonl", "One JSON object a line.")]
    model: Annotated[str, option("M", "smollm2-135m, a folder or a hub id.")] = "smollm2-135m"
    loss: Annotated[str, option("L", "By name or query string.")] = "sigmoid"
    user: Annotated[
        str | None, option("COLUMN", "Who prefers so: prompts of several users begin with their names.")
    ] = None
    beta: Annotated[float, option("B", "Strength of the reference, the model itself.")] = 0.1
    tokens: Annotated[str, option("T", "sum or mean: log-likelihoods of answers over their tokens.")] = "sum"
    end: Annotated[bool, option(text="Learn where an answer ends.")] = True
    tuning: Annotated[str, option("T", "lora or full.")] = "lora"
    learning_rate: Annotated[float | None, option("R", "Peak; 1e-4 with LoRA, 5e-6 for all weights by default.")] = None
    epochs: Annotated[int, option("N", "Passes over the rows.")] = 1
    batch_size: Annotated[int, option("N", "Rows a step.")] = 8
    held_out: Annotated[float, option("SHARE", "Of the prompts, not trained on.")] = 0.1
    seed: Annotated[int, option("N", "Of order, split and adapter.")] = 0
    device: Device = "auto"
    out: Annotated[str, option("DIR", "Folder of the run.")] = "runs/dpo"
    json: Json = False
    quiet: Quiet = False


def run(options: Options) -> int:
    """Train and judge."""
    from progressgym.losses import LOSSES
    from progressgym.tuning.preference_run import PreferenceRecipe, train_file

    whole("--seed", options.seed, 0, LARGEST_SEED)
    settings = {one.name: getattr(options, one.name) for one in fields(PreferenceRecipe)}
    recipe = PreferenceRecipe(**{**settings, "loss": LOSSES.check(options.loss)})
    results = train_file(recipe, Path(options.out), options.device, None if options.quiet else _tell)
    if options.json:
        print(json.dumps(results))
        return 0
    print(
        f"{results['rows']} rows, {results['steps']} steps, loss {results['losses'][0]:.4f} to {results['losses'][-1]:.4f}"
    )
    for name in ("before", "after"):
        if judged := results[name]:
            print(
                f"{name:<7} {judged['right']} of {judged['rows']} held-out rows right, log-odds {judged['log_odds']:+.3f}"
            )
    print(f"model   {Path(options.out) / 'model'}")
    return 0


def _tell(logged: dict[str, float]) -> None:
    print(f"step {logged['step']:.0f}  loss {logged.get('loss', float('nan')):.4f}", file=sys.stderr, flush=True)
