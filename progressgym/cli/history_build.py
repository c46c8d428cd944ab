"""`progressgym history build`: century models from dated text."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import tyro

from progressgym.cli.options import listed
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

    corpus: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CORPUS")]
    """HistText file or folder: JSON or JSON Lines, optionally .gz."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Folder of the build."""
    base: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "smollm2-135m"
    """Base model that all centuries share."""
    tokens: Annotated[int, tyro.conf.arg(metavar="N")] = 80_000
    """Tokens read per century."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Of adapters and of the choice of passages."""
    spelling: Annotated[str, tyro.conf.arg(metavar="LEVEL")] = "positions"
    """Normalisation of spelling from before 1700: positions, letters or none."""
    rank: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    """Of the LoRA adapters."""
    alpha: Annotated[float, tyro.conf.arg(metavar="X")] = 16.0
    """Strength of the adapters: their update is scaled by alpha / rank."""
    top_layers: Annotated[int, tyro.conf.arg(metavar="N")] = 16
    """Only the last N layers get an adapter."""
    learning_rate: Annotated[float, tyro.conf.arg(metavar="X")] = 1e-3
    """Peak while reading; falls linearly to 0."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Passages of 256 tokens a step."""
    compile: bool = False
    """Compile the model first: faster steps on a CPU with a C++ compiler, after one to two minutes."""
    centuries: Annotated[str, tyro.conf.arg(metavar="C013,...")] = ""
    """Which centuries; all that the corpus has by default."""


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
    print("reading and cleaning the corpus", file=sys.stderr, flush=True)
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
