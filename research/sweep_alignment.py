"""The sweep behind the defaults of a language-model policy: one stage each, on the second training seed's models.

The policy begins as the model of C013 and is given one stage with C017's preferences, the largest change of values in
five centuries. Nothing here touches `histsmol-v1` itself, on which results are reported: answers and adapters are those
of its second training seed. Read on every third evaluation item:

    moved         root mean square change of the policy's log-probabilities
    with drift    correlation of that change with the human's from C013 to C017
    cosine        of the policy's values with C017's (first line: of a policy that stays)
    drift cosine  of the change of values with the human's

    python -m research.sweep_alignment --out runs/sweep.json

Finished settings are kept in the file; the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.config import LanguageModelConfig
from progressgym.agents.methods import Dpo, Rlhf
from progressgym.agents.policies.language_model import LanguageModelPolicy, draw_comparisons
from progressgym.core.answers import centred_log, softmax_options
from progressgym.core.errors import UserError
from progressgym.core.files import read_json, write_json
from progressgym.histories.history import History
from progressgym.histories.publishing import other_seeds
from progressgym.models import load_language_model, resolve_base
from progressgym.preferences.comparisons import all_pairs, probabilities
from progressgym.preferences.pairs import Pairs
from progressgym.scores import cosine
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.tunable import TunableModel

Floats = NDArray[np.float64]
MODELS = Path(__file__).resolve().parents[1] / "docs" / "data" / "histsmol-v1-seed1"
FIRST, TAUGHT = 0, 4
"""C013 and C017."""


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    method: str
    reference: str = "stage"
    tuning: str = "lora"
    learning_rate: float = 1e-3
    comparisons: int = 48
    beta: float = 1.0
    rows: str = "verdicts"
    """`verdicts`, or `texts`: preferences between the texts of the options."""

    @property
    def name(self) -> str:
        """Key in the file of results, and first column of the table."""
        return (
            f"{self.method} {self.reference} {self.tuning} {self.learning_rate:g} beta {self.beta:g} "
            f"{self.comparisons} {self.rows}"
        )


SETTINGS = (
    Setting("dpo", "uniform", learning_rate=3e-4),
    Setting("dpo", "uniform"),
    Setting("dpo", "uniform", learning_rate=3e-3),
    Setting("dpo", learning_rate=3e-4),
    Setting("dpo"),
    Setting("dpo", "uniform", rows="texts"),
    Setting("dpo", "uniform", "full", 1e-5),
    Setting("dpo", "uniform", "full", 1e-4),
    Setting("rlhf", "uniform", learning_rate=3e-4),
    Setting("rlhf", "uniform"),
)


def values(answers: Floats, history: History, items: NDArray[np.int64]) -> Floats:
    """(D,) values on these items, of the dimensions that are measured."""
    instrument = history.instrument
    found = instrument.values(answers, items, check=False)
    return found[instrument.covered(items)]


def run(setting: Setting, history: History, loaded: Any, seed: int) -> dict[str, float]:
    """One stage, read before and after."""
    instrument, started = history.instrument, time.perf_counter()
    items = instrument.evaluation[::3]
    lora = LoraRecipe() if setting.tuning == "lora" else None
    tunable = TunableModel(loaded, lora)
    policy = LanguageModelPolicy(tunable, instrument, "verdict", from_history=True)
    trained = policy if setting.rows == "verdicts" else replace_mode(policy, "cloze")
    pairs = all_pairs(instrument)
    chosen = draw_comparisons(np.ones(len(pairs)), setting.comparisons, seed, 1)
    triples = pairs[chosen]
    targets = probabilities(history.answers[TAUGHT].astype(np.float64), triples)
    own = policy.logits(np.unique(triples[:, 0])) if setting.reference == "uniform" else None
    before = policy.logits(items)[items]
    rows = trained.rows(Pairs.of_options(instrument, triples, targets), own, setting.beta, seed)
    config = LanguageModelConfig(policy="lm:smollm2-135m", tuning=setting.tuning, learning_rate=setting.learning_rate)
    method = Dpo(beta_dpo=setting.beta) if setting.method == "dpo" else Rlhf(beta_kl=setting.beta)
    trained.align(method, rows, config, seed=seed)
    after = policy.logits(items)[items]
    mask = instrument.mask[items]
    human = [centred_log(history.answers[t, items].astype(np.float64), mask)[mask] for t in (FIRST, TAUGHT)]
    full = history.answers[FIRST].astype(np.float64).copy()
    full[items] = softmax_options(before, mask)
    start = values(full, history, items)
    full[items] = softmax_options(after, mask)
    end, taught = values(full, history, items), values(history.answers[TAUGHT].astype(np.float64), history, items)
    change = (after - before)[mask]
    return {
        "moved": float(np.sqrt(np.mean(change**2))),
        "with_drift": float(np.corrcoef(change, human[1] - human[0])[0, 1]),
        "cosine": float(cosine(end, taught)),
        "stays": float(cosine(start, taught)),
        "drift_cosine": float(cosine(end - start, taught - start)),
        "seconds": time.perf_counter() - started,
    }


def replace_mode(policy: LanguageModelPolicy, mode: str) -> LanguageModelPolicy:
    """The same model, trained on rows of another mode."""
    return LanguageModelPolicy(policy.tunable, policy.instrument, mode, from_history=True)


def second_seed() -> History:
    """The history that the second training seed's models answered."""
    history, others = History.load("histsmol-v1"), other_seeds("histsmol-v1")
    if others is None:
        raise UserError("histsmol-v1 comes without the answers of its second training seed")
    return replace(history, answers=others[0], folder=MODELS, name="histsmol-v1-seed1")


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/sweep.json"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    history = second_seed()
    found: dict[str, dict[str, float]] = read_json(given.out) if given.out.exists() else {}
    for setting in SETTINGS:
        if setting.name not in found:
            dtype = "auto" if setting.tuning == "lora" else "float32"
            loaded = load_language_model(
                MODELS / "adapters" / history.labels[FIRST], "cpu", dtype, base=resolve_base("smollm2-135m")
            )
            found[setting.name] = run(setting, history, loaded, given.seed)
            given.out.parent.mkdir(parents=True, exist_ok=True)
            write_json(given.out, found)
            print(setting.name, json.dumps(found[setting.name]), flush=True)
    print("| setting | moved | with drift | cosine | stays | drift cosine | seconds |\n|---|---|---|---|---|---|---|")
    for name, row in found.items():
        numbers = [f"{row[key]:.4f}" for key in ("cosine", "stays")]
        print(
            f"| {name} | {row['moved']:.3f} | {row['with_drift']:.2f} | {numbers[0]} | {numbers[1]} | "
            f"{row['drift_cosine']:.2f} | {row['seconds']:.0f} |"
        )


if __name__ == "__main__":
    main()
