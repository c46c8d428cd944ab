"""A replicate of century models by another recipe: all weights are trained, not an adapter, on the same text.

    python -m research.full_replicate CORPUS FOLDER C013 C021 ... [--base smollm2-135m] [--learning-rate 1e-4]
    python -m research.recipes SCORES

The text, its windows and their order are those of `progressgym history build --tokens 100000 --seed 0`, the recipe of
`histsmol-v1`; the instruction tuning, too, at a tenth of the reading's rate. What is kept of a model of 135 million weights
is what it says of `deeds19-v1` (`scores-full-C0xx.npz`, see `research/deeds_reading.py`) and its losses
(`full-C0xx.json`). A century whose scores are there is not trained again; an interrupted one goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from progressgym.core.files import discard, write_json
from progressgym.histories.build import BuildRecipe, blocks, instruction_examples, load_instructions, read_corpus
from progressgym.models import load_language_model, resolve_base
from progressgym.models.checkpoint import load_tokenizer
from progressgym.tuning.training import Example, StageRecipe, train_stage
from progressgym.tuning.tunable import TunableModel
from research.deeds_reading import SCORES, keep

RECIPE = BuildRecipe(tokens=100_000)
LAST = 50
"""Steps whose losses are averaged."""


def replicate(reading: Sequence[Example], base: Path, folder: Path, label: str, rate: float) -> None:
    """Train one century by all weights, and keep what it says."""
    import torch

    tunable = TunableModel(load_language_model(base, dtype="float32"), None)
    torch.manual_seed(RECIPE.seed)
    pairs = instruction_examples(load_instructions("timeless-v1"), load_tokenizer(base))
    stages = (
        (reading, StageRecipe(learning_rate=rate, batch_size=2, checkpoint_steps=50)),
        (pairs, StageRecipe(learning_rate=rate / 10, batch_size=8)),
    )
    losses, work = [], folder / f".work-{label}"
    with tunable.training() as model:
        for number, (examples, recipe) in enumerate(stages):
            place = None if number else work
            result = train_stage(
                model,
                examples,
                recipe,
                seed=RECIPE.seed,
                checkpoints=place,
                progress=lambda done, total, loss: print(
                    f"{label} {done}/{total} {loss:.3f}", file=sys.stderr, flush=True
                ),
            )
            losses.append(float(np.mean(result.losses[-LAST:])))
    with tunable.reading() as scorer:
        keep(folder, f"full:{label}", lambda: scorer)
    record = {"century": label, "learning_rate": rate, "loss": losses[0], "instruction_loss": losses[1]}
    write_json(folder / f"full-{label}.json", record)
    discard(work)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and read the centuries named."""
    parser = argparse.ArgumentParser(description="Century models by full-parameter training, read on deeds19-v1.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("centuries", nargs="+")
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    given = parser.parse_args(arguments)
    base = resolve_base(given.base)
    texts, _ = read_corpus(given.corpus)
    for label in given.centuries:
        if not (given.folder / SCORES.format(f"full-{label}")).exists():
            reading = blocks(texts[label].training, load_tokenizer(base), RECIPE)
            replicate(reading, base, given.folder, label, given.learning_rate)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
