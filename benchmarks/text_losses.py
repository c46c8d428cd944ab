"""What the losses of the registry cost on texts, beside TRL's own DPO on the same rows, model, adapter and order.

    python benchmarks/text_losses.py                     # the shipped model, some minutes
    python benchmarks/text_losses.py --layers 4 --rows 8 --rounds 1

All sides run in one process, in turns, on one thread; what counts is processor time, and of all turns of a side the
fastest, so that a busy machine disturbs little. Printed is ours / TRL: below 1 ours is faster. The upper table is one
loss function for another on the same two texts a row; losses of the lower one have further texts. Beside it: how many tokens
the texts of a row have and how many of them are read, where prompts are read once, both over the tokens of plain DPO; and
ours / TRL for each token that the texts have. For losses that TRL has, the largest difference of a step's loss.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from trl_alone import trl_losses

from progressgym.instruments import Questionnaire
from progressgym.losses import LOSSES, loss_of, parts_of
from progressgym.models import load_language_model
from progressgym.tuning.alignment import AlignRecipe, dpo_stage, ready_tokenizer
from progressgym.tuning.contrasts import TERM_PARTS, Contrast, arrange, collate, tokenise
from progressgym.tuning.lora import LoraRecipe, attach
from progressgym.tuning.preference_file import read_contrasts
from progressgym.tuning.tunable import TunableModel

BETA = 0.1
THEIRS = {
    "sigmoid": ("sigmoid", True, 1.0),
    "hinge": ("hinge", True, 1.0),
    "ipo": ("ipo", False, BETA**2),
    "robust": ("robust", True, 1.0),
    "gpo?paired=false": ("sppo_hard", True, BETA**2),
}
"""Ours -> TRL's name, whether log-likelihoods are sums, and ours over theirs."""


def rows_of(folder: Path, count: int) -> Path:
    """Situations of the shipped questionnaire with both options as answers, and every column that a loss needs."""
    items = Questionnaire.load("moral19-v1").items[:count]
    lines = [
        {
            "prompt": item.text,
            "chosen": f" {item.options[0]}",
            "rejected": f" {item.options[1]}",
            "rationale": "because it spares others what they would not choose for themselves.",
            "other_prompt": items[n - 1].text,
            "chosen_lag": 1.0,
            "rejected_lag": 2.0,
            "chosen_fares": 0.5,
            "rejected_fares": -0.5,
            "chosen_attributes": {"good": 4},
            "rejected_attributes": {"good": 0},
        }
        for n, item in enumerate(items)
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def ours(loaded: Any, rows: list[Contrast], loss: str, recipe: AlignRecipe) -> tuple[float, list[float]]:
    """Processor seconds and losses of our stage."""
    tunable = TunableModel(loaded, LoraRecipe())
    began = time.process_time()
    result = dpo_stage(tunable, rows, recipe, seed=0, loss=loss_of(loss), parts=parts_of(loss))
    return time.process_time() - began, result.losses


def trl(loaded: Any, rows: list[Contrast], loss: str, recipe: AlignRecipe) -> tuple[float, list[float]]:
    """The same by TRL alone."""
    lora = TunableModel(loaded, LoraRecipe()).lora
    assert lora is not None
    ready = tokenise(rows, loaded.tokenizer)
    number = {json.dumps(row): n for n, row in enumerate(ready)}
    order = [rows[number[json.dumps(row)]] for row in arrange(ready, recipe.batch_size, 0)]
    began = time.process_time()
    model: Any = attach(loaded.model, lora, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        texts = [vars(row) for row in order]
        smoothing = 0.1 if loss == "robust" else 0.0
        losses = trl_losses(model, loaded.tokenizer, texts, recipe, folder, loss=loss, label_smoothing=smoothing)
    spent = time.process_time() - began
    model.unload()
    loaded.model.__dict__.pop("forward", None)
    return spent, losses


def lengthened(loaded: Any, rows: list[Contrast], recipe: AlignRecipe, tokens: int) -> list[Contrast]:
    """Rows without further texts whose prompts go on, in their own words, until the texts have so many tokens."""
    words = [row.prompt.split() for row in rows]
    more = 0
    while True:
        longer = [
            replace(row, prompt=" ".join((own * 9)[: len(own) + more]), terms=())
            for row, own in zip(rows, words, strict=True)
        ]
        if tokens_of(loaded, longer, recipe, share=False) >= tokens:
            return longer
        more += 1


def tokens_of(loaded: Any, rows: list[Contrast], recipe: AlignRecipe, *, share: bool) -> int:
    """Tokens of a pass over rows, equal texts of a step once: of whole texts, or of what is read where prompts are shared."""
    pad = loaded.tokenizer.pad_token_id
    ready = arrange(tokenise(rows, loaded.tokenizer), recipe.batch_size, 0)
    batches = [ready[n : n + recipe.batch_size] for n in range(0, len(ready), recipe.batch_size)]
    masks = ("attention_mask", "prompt_mask", "answer_mask")
    return sum(
        int(batch[key].sum())
        for one in batches
        for batch in [collate(one, pad, share=share)]
        for key in masks
        if key in batch
    )


def main() -> None:
    """Run all sides in turns and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--layers", type=int, help="only the model's first so many")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--losses", help="separated by commas; all by default")
    given = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(1)
    loaded = load_language_model(given.model, device="cpu", dtype="float32")
    if given.layers:
        loaded.model.model.layers = loaded.model.model.layers[: given.layers]
        loaded.model.config.num_hidden_layers = given.layers
    ready_tokenizer(TunableModel(loaded, None) if given.layers else TunableModel(loaded, LoraRecipe()))
    losses = given.losses.split(",") if given.losses else [*LOSSES.names(), "gpo?paired=false"]
    with tempfile.TemporaryDirectory() as folder:
        path = rows_of(Path(folder), given.rows)
        rows = {loss: read_contrasts(path, parts_of(loss)) for loss in losses}
    seconds: dict[str, list[float]] = {}
    steps: dict[str, list[float]] = {}
    first = AlignRecipe(beta=BETA, learning_rate=1e-4, batch_size=8)
    trl(loaded, rows[losses[0]][:1], "sigmoid", first)  # what libraries load once is loaded before anything counts
    for turn in range(given.rounds):
        for loss in ("sigmoid", *(other for other in losses if other in THEIRS and other != "sigmoid")):
            name, total, square = THEIRS[loss]
            if turn and loss != "sigmoid":
                continue  # it is not timed against
            recipe = AlignRecipe(beta=BETA, learning_rate=1e-4, batch_size=8, total=total)
            spent, values = trl(loaded, rows.get(loss, rows[losses[0]]), name, recipe)
            seconds.setdefault(f"TRL {name}", []).append(spent)
            steps[f"TRL {name}"] = [square * value for value in values]
            print(f"{spent:7.2f} s  TRL {name}", file=sys.stderr, flush=True)
        for loss in losses:
            recipe = AlignRecipe(beta=BETA, learning_rate=1e-4, batch_size=8, total=THEIRS.get(loss, ("", True))[1])
            spent, steps[loss] = ours(loaded, rows[loss], loss, recipe)
            seconds.setdefault(loss, []).append(spent)
            print(f"{spent:7.2f} s  {loss}", file=sys.stderr, flush=True)
    if "rdpo" in losses:
        as_long = lengthened(loaded, rows["rdpo"], first, tokens_of(loaded, rows["rdpo"], first, share=False))
        seconds["as long"] = [trl(loaded, as_long, "sigmoid", first)[0]]
    report(loaded, rows, seconds, steps)


def report(
    loaded: Any, rows: dict[str, list[Contrast]], seconds: dict[str, list[float]], steps: dict[str, list[float]]
) -> None:
    """Print both tables."""
    recipe = AlignRecipe(batch_size=8)
    peer = min(seconds["TRL sigmoid"])
    one, plain = next(iter(rows.values())), [replace(row, terms=()) for row in next(iter(rows.values()))]
    base = tokens_of(loaded, plain, recipe, share=False)
    print(f"TRL's DPO   {peer:7.2f} s of a processor, {len(one)} rows")
    if "as long" in seconds:
        print(f"on rows with as many tokens as rdpo's {seconds['as long'][0]:7.2f} s")
    for further in (False, True):
        print("\nfurther texts" if further else "two texts a row")
        for loss, own in rows.items():
            if any(part in TERM_PARTS for part in parts_of(loss)) != further:
                continue
            ratio = min(seconds[loss]) / peer
            line = f"{loss:<18} {min(seconds[loss]):7.2f} s   ours / TRL's DPO {ratio:5.2f}"
            if further:
                whole, read = (tokens_of(loaded, own, recipe, share=share) / base for share in (False, True))
                line += f"   tokens {whole:4.2f}, read {read:4.2f}   a token {ratio / whole:4.2f}"
            if loss in THEIRS:
                difference = np.abs(np.subtract(steps[loss], steps[f"TRL {THEIRS[loss][0]}"])).max()
                line += f"   largest difference of a step's loss {difference:.1e}"
            print(line)


if __name__ == "__main__":
    main()
