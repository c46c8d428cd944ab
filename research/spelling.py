"""What does normalising early spelling change? Century models of C013 to C016 with and without it, side by side.

    python -m research.spelling CORPUS --out runs/spelling --tokens 30000

Two things are compared, on works that no model has read:

* held-out loss in bits a character of the text as it was printed. (Nats a token cannot be compared: normalised words
  are cut into fewer tokens, so the same text has another number of them.)
* the century signal: distances between neighbouring centuries, and the split-half correlation of the drift.

Builds are resumable; finished centuries are kept. Prints a Markdown table and writes `spelling.json`.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.files import write_json
from progressgym.histories.build import BuildRecipe, build_history, prepare, read_corpus
from progressgym.histories.evidence import distances, split_half
from progressgym.histories.measuring import adapters_of, held_out_sequences, measure_build
from progressgym.histories.selection import CenturyText
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_model, resolve_base
from progressgym.tuning.perplexity import mean_loss

CENTURIES = ("C013", "C014", "C015", "C016")


def say(what: str) -> None:
    """One line of progress."""
    print(what, file=sys.stderr, flush=True)


def bits_per_character(model: Any, text: CenturyText, spelling: str, tokens: int, block: int = 256) -> float:
    """Held-out loss per character of the printed text.

    A window of `block` tokens covers another stretch of the printed text at another level, so each level is divided by
    the printed characters of its own windows: the share of the prepared passage's characters that the window spells.
    """
    sequences = held_out_sequences(text, model.tokenizer, spelling, tokens, block)
    nats = mean_loss(model.model, sequences) * sum(len(sequence) - 1 for sequence in sequences)
    spelled = sum(len(model.tokenizer.decode(sequence[1:])) for sequence in sequences)
    prepared = sum(len(prepare(passage, spelling)) for passage in text.held_out)
    printed = sum(len(passage.text) for passage in text.held_out)
    return nats / math.log(2) / (spelled * printed / prepared)


def measure(level: str, corpus: str, out: Path, base: str, tokens: int, seed: int) -> dict[str, Any]:
    """Build and measure the early centuries at one level of normalisation."""
    build = out / level
    plain = BuildRecipe(tokens=tokens, seed=seed, spelling=level)
    build_history(corpus, base, build, plain, centuries=CENTURIES, progress=lambda label: _steps(level, label))
    instrument = Questionnaire.load("moral19-v1")
    history = measure_build(build, instrument, progress=lambda label: say(f"{level}: reading {label}"))
    texts, _ = read_corpus(corpus)
    folder = resolve_base(base)
    bits = {
        label: bits_per_character(load_model(adapter, base=folder), texts[label], level, 4096)
        for label, adapter in adapters_of(build).items()
    }
    answers = history.answers.astype(np.float64)
    between = distances(answers, instrument.mask)
    return {
        "bits_per_character": {label: round(number, 4) for label, number in bits.items()},
        "neighbour_distance": float(np.mean([between[t, t + 1] for t in range(len(between) - 1)])),
        "ends_distance": float(between[0, -1]),
        "split_half_drift": vars(split_half(answers[None], instrument)),
    }


def _steps(level: str, label: str) -> Any:
    def step(done: int, total: int, loss: float) -> None:
        if done >= total or done % 5120 < 512:
            say(f"{level}: {label} {done}/{total}, loss {loss:.3f}")

    return step


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| spelling | "
        + " | ".join(f"bits a character, {label}" for label in CENTURIES)
        + " | neighbours' distance | C013 to C016 | split-half drift (95 % of splits) |",
        "|---" * (len(CENTURIES) + 4) + "|",
    ]
    for level, row in results.items():
        bits = " | ".join(f"{row['bits_per_character'][label]:.3f}" for label in CENTURIES)
        drift = row["split_half_drift"]
        lines.append(
            f"| {level} | {bits} | {row['neighbour_distance']:.4f} | {row['ends_distance']:.4f} "
            f"| {drift['mean']:.2f} ({drift['low']:.2f} to {drift['high']:.2f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="HistText file or folder")
    parser.add_argument("--out", type=Path, default=Path("runs/spelling"))
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--tokens", type=int, default=30_000, help="tokens read per century")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--levels", default="none,positions")
    given = parser.parse_args()
    results = {
        level: measure(level, given.corpus, given.out, given.base, given.tokens, given.seed)
        for level in given.levels.split(",")
    }
    write_json(given.out / "spelling.json", {"tokens": given.tokens, "seed": given.seed, "levels": results})
    print(table(results))


if __name__ == "__main__":
    main()
