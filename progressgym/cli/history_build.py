"""`progressgym history build`: century models from dated text."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from progressgym.cli.options import listed
from progressgym.cli.shared import option
from progressgym.core.errors import UserError, unknown
from progressgym.monitor.progress import Progress

if TYPE_CHECKING:
    from progressgym.histories.build import BuildRecipe

EXAMPLES = """
progressgym history build CORPUS --base smollm2-135m --out runs/hist
progressgym history build CORPUS --out runs/hist --tokens 100000 --centuries C018,C019,C020,C021
progressgym history build CORPUS --base meta-llama/Llama-3.2-1B --out runs/hist --rank 16 --alpha 32 --learning-rate 2e-4
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train one LoRA adapter a century on HistText-format text.

    Finished centuries are kept; an interrupted build goes on where it was.
    """

    corpus: Annotated[Positional[str], option("CORPUS", "HistText file or folder: JSON or JSON Lines, optionally .gz.")]
    out: Annotated[str, option("DIR", "Folder of the build.")]
    base: Annotated[str, option("MODEL", "Base model that all centuries share.")] = "smollm2-135m"
    tokens: Annotated[int, option("N", "Tokens read per century.")] = 80_000
    seed: Annotated[int, option("N", "Of adapters and of the choice of passages.")] = 0
    spelling: Annotated[str, option("LEVEL")] = "positions"
    """Normalisation of spelling from before 1700: positions, letters or none."""
    rank: Annotated[int, option("N", "Of the LoRA adapters.")] = 8
    alpha: Annotated[float, option("X", "Strength of the adapters: their update is scaled by alpha / rank.")] = 16.0
    top_layers: Annotated[int, option("N", "Only the last N layers get an adapter.")] = 16
    learning_rate: Annotated[float, option("X", "Peak while reading; falls linearly to 0.")] = 1e-3
    batch_size: Annotated[int, option("N", "Passages of 256 tokens a step.")] = 2
    compile: bool = False
    """Compile the model first: faster steps on a CPU with a C++ compiler, after one to two minutes."""
    centuries: Annotated[str, option("C013,...", "Which centuries; all that the corpus has by default.")] = ""


class _Bars:
    """A progress bar for each century: where it is and how long it will take."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Progress | None = None
        self._seen = 0

    def __call__(self, done: int, total: int, loss: float) -> None:
        """Some more tokens were read; the first call also tells where a resumed century begins."""
        if self._bar is None:
            self._bar = Progress(total, self._label, every=max(total // 10, 1), done=done)
            self._bar.__enter__()
        else:
            self._bar.advance(f"{self._label}, tokens, loss {loss:.3f}", done - self._seen)
        self._seen = done
        if done >= total:
            self._bar.__exit__(None, None, None)


def run(options: Options) -> int:
    """Build."""
    from progressgym.histories.build import build_history

    recipe = recipe_of(options)
    chosen = listed(options.centuries) or None
    adapters = build_history(
        options.corpus,
        options.base,
        options.out,
        recipe,
        centuries=chosen,
        progress=_Bars,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"{len(adapters)} century models in {options.out}")
    print(f"next: progressgym history measure {options.out} --out {options.out}-measured")
    return 0


def recipe_of(options: Options) -> BuildRecipe:
    """What was asked for, checked.

    Raises:
        UserError: a value out of range.
    """
    from progressgym.histories.build import BuildRecipe
    from progressgym.histories.spelling import LEVELS
    from progressgym.tuning.lora import LoraRecipe

    if options.spelling not in LEVELS:
        raise unknown("level of spelling", options.spelling, LEVELS)
    for name in ("tokens", "rank", "alpha", "top_layers", "learning_rate", "batch_size"):
        if not 0 < getattr(options, name) < math.inf:
            raise UserError(f"--{name.replace('_', '-')} is {getattr(options, name)}; a positive number is expected")
    plain = BuildRecipe(tokens=options.tokens, seed=options.seed, spelling=options.spelling)
    reading = replace(
        plain.reading,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        compile=options.compile,
    )
    lora = LoraRecipe(rank=options.rank, alpha=options.alpha, top_layers=options.top_layers)
    return replace(plain, lora=lora, reading=reading)
