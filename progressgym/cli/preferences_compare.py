"""`progressgym preferences compare`: which preference model predicts what, beside the naive rules."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from progressgym.cli.shared import Folder, Json, Number, option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.core.protocols import Embedder
    from progressgym.preferences.compare import Compared

KINDS_IN_HELP = ("preference-models",)
WORDS = "words"
EXAMPLES = """
progressgym preferences compare
progressgym preferences compare --models bradley-terry,'hrc?k=2' --data planted-ring
progressgym preferences compare --models pal?k=6,user --data panel --folder my-data --answers 20
progressgym preferences compare --data my-preferences.jsonl --json
progressgym preferences compare --data hh-harmless --features smollm2-135m --models bradley-terry,hrc
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Fit preference models to data sets and predict what was held out: accuracy, log-likelihood and their intervals.

    Named data sets are planted or read from where you keep them; one that is not there is skipped, with the reason.
    """

    models: Annotated[str, option("M,M")] = "bradley-terry,feature?hidden=4,hrc,gpm,pal?k=6,user,denoised,meta"
    """Ids of preference models (see progressgym list preference-models)."""
    data: Annotated[str, option("D,D")] = "planted-chain,planted-ring,planted-tastes,panel,opinpref,ethics,hh-harmless"
    """Names of data sets, or files of TRL's preference format (.jsonl with chosen and rejected)."""
    folder: Folder = ""
    """Where gss-panel, opinpref, ethics and hh-harmless lie; $PROGRESSGYM_SHARED/real by default."""
    features: Annotated[str, option("words|MODEL")] = WORDS
    """Of texts: counts of words, or a language model's vectors. These are kept, so a stopped run goes on where it was."""
    folds: Number = 5
    """Parts that are held out in turn."""
    answers: Number = 4
    """Answers that a new user tells, where there are users."""
    seed: Number = 0
    """Of what is drawn."""
    json: Json = False


def run(options: Options) -> int:
    """Compare."""
    from progressgym.core.bounds import whole
    from progressgym.preferences.compare import compare
    from progressgym.preferences.datasets import Absent, load
    from progressgym.preferences.embedded import embedded
    from progressgym.preferences.models.protocol import PREFERENCE_MODELS

    for name, value, least, most in (
        ("folds", options.folds, 2, 100),
        ("answers", options.answers, 0, 1000),
        ("seed", options.seed, 0, 10**9),
    ):
        whole(name, value, least, most)
    models = [part for part in options.models.split(",") if part]
    for model in models:
        PREFERENCE_MODELS.check(model)
    shared = os.environ.get("PROGRESSGYM_SHARED")
    folder = Path(options.folder) if options.folder else Path(shared) / "real" if shared else None
    if options.folder and not Path(options.folder).is_dir():
        raise UserError(f"no such folder: {options.folder}")
    embedder = _embedder(options.features)
    records: list[dict[str, object]] = []
    for name in dict.fromkeys(part for part in options.data.split(",") if part):
        try:
            data = load(name, folder, options.seed)
        except Absent as reason:
            records.append({"data": name, "skipped": str(reason)})
            if not options.json:
                print(f"\nskipped: {reason}")
            continue
        print(f"{name}: {len(data.pairs)} pairs", file=sys.stderr, flush=True)
        if embedder is not None:
            data = embedded(data, embedder, options.features)
        rows = compare(data, models, folds=options.folds, answers=options.answers, seed=options.seed)
        records += [asdict(row) for row in rows]
        if not options.json:
            print("\n" + table(rows))
    if options.json:
        print_json(json.dumps(records, indent=2, allow_nan=False))
    return 0


def _embedder(features: str) -> Embedder | None:
    """The language model whose vectors are asked for, asked nothing twice; None for words."""
    if features == WORDS:
        return None
    from progressgym.models import load_language_model
    from progressgym.models.cache import Remembered

    return Remembered(load_language_model(features))


def table(rows: list[Compared]) -> str:
    """One data set's rows as text."""
    width = max(len(row.model) for row in rows)
    lines = [
        f"{rows[0].data}, {rows[0].pairs} pairs held out",
        f"{'':<{width}}    accuracy              log-likelihood",
    ]
    for row in rows:
        mark = "*" if row.baseline else " "
        lines.append(
            f"{row.model:<{width}} {mark}  {row.accuracy:.3f} [{row.accuracy_interval[0]:.3f}, {row.accuracy_interval[1]:.3f}]"
            f"  {row.log_likelihood:+.3f} [{row.log_likelihood_interval[0]:+.3f}, {row.log_likelihood_interval[1]:+.3f}]"
        )
    return "\n".join([*lines, "* a naive rule"])
