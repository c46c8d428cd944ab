"""A human proxy that is really fine-tuned: toward the next real century's answers, and toward an assistant's.

Answers are taught in the form in which they are read (docs/model-tier.md). With z the human's own centred
log-probabilities before a lesson and z* those of the answers taught, a row is about one option in mode `verdict`,

    (situation, option, lead | approving word over disapproving word, y = sigma(2 (z* - z)))

and about two options in every other mode, y = sigma((z*_a - z*_b) - (z_a - z_b)). The loss is the logistic one with the
human before the lesson as reference, so a lesson that teaches what the human thinks already has no gradient. An epoch
is one pass over `rows` rows, those of whole items that are drawn anew for every lesson.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log, softmax_options
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.seeding import child_seed, generator
from progressgym.histories.history import History
from progressgym.instruments.ask import ask, deed_text, verdicts_of
from progressgym.tuning.alignment import AlignRecipe, dpo_stage
from progressgym.tuning.centuries import Century, CenturyStore, plain
from progressgym.tuning.contrasts import Contrast
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.tunable import TunableModel

Floats = NDArray[np.float64]
TUNINGS = ("lora", "full")


@dataclass(kw_only=True, frozen=True)
class HumanRecipe:
    """How a live human learns."""

    tuning: str = "lora"
    """`lora` or `full`."""
    rank: int = 8
    """Of the adapter."""
    rows: int = 64
    """Rows of an epoch, about items drawn anew for every lesson; 0 takes every item."""
    learning_rate: float | None = None
    """Peak; by default 1e-3 with LoRA, 1e-5 for all weights."""
    batch_size: int = 8

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.tuning not in TUNINGS:
            raise unknown("tuning", str(self.tuning), TUNINGS)
        for name, least in (("rank", 1), ("rows", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name} is {value!r}; use a whole number from {least} on")

    @property
    def peak(self) -> float:
        """The learning rate."""
        default = 1e-3 if self.tuning == "lora" else 1e-5
        return default if self.learning_rate is None else self.learning_rate


class LiveHuman:
    """A language model that begins as a history's first century and is taught from there on."""

    def __init__(
        self, history: History, recipe: HumanRecipe, *, device: str = "auto", checkpoints: Path | None = None
    ) -> None:
        """Load the first century's model.

        Args:
            history: it must come with the adapter of its first century.
            recipe: how the human learns.
            device: of the model.
            checkpoints: finished lessons are kept there, and taken from there.

        Raises:
            UserError: a history without adapters, or a model that cannot be loaded.
        """
        from progressgym.models import load_language_model, resolve_base

        adapter = history.adapter(0)
        if adapter is None:
            raise UserError(f"history {history.name!r} comes without its models; a live human needs the first one's")
        base = resolve_base(str(history.card.get("base_model")))
        loaded = load_language_model(adapter, device, "auto" if recipe.tuning == "lora" else "float32", base=base)
        lora = LoraRecipe(rank=recipe.rank, alpha=2.0 * recipe.rank) if recipe.tuning == "lora" else None
        self.history, self.recipe = history, recipe
        self._tunable = TunableModel(loaded, lora)
        self._store = None if checkpoints is None else CenturyStore(checkpoints)
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Become the first century again."""
        self._tunable.weights = None
        self._lessons, self._seed = 0, seed
        self._logits: Floats | None = None
        described = {
            "recipe": asdict(self.recipe),
            "model": self._tunable.loaded.fingerprint,
            "instrument": self.history.instrument.hash,
            "seed": seed,
        }
        self._seen = sha256_bytes(canonical_json(described).encode())

    @property
    def logits(self) -> Floats:
        """(N, K) centred log-probabilities of the human's answers now."""
        if self._logits is None:
            self._logits = self._read()
        return self._logits

    @property
    def answers(self) -> Floats:
        """(N, K) the human's answers now."""
        return softmax_options(self.logits, self.history.instrument.mask)

    def learn(self, answers: Floats, *, epochs: int) -> list[Mapping[str, float]]:
        """One lesson.

        Args:
            answers: (N, K) what is taught.
            epochs: passes over the rows of the lesson.

        Returns:
            What the trainer logged.

        Raises:
            UserError: training diverged.
        """
        taught = centred_log(answers, self.history.instrument.mask)
        before = self.logits
        self._lessons += 1
        self._seen = sha256_bytes(self._seen.encode() + taught.tobytes() + bytes([epochs]))
        adapter = None if self._store is None else self._store.get(self._lessons, self._seen)
        if adapter is not None and self._store is not None:
            self._tunable.weights = self._store.weights(self._lessons) or self._tunable.weights
            self._logits = adapter.logits
            return list(adapter.logs)
        logs: list[dict[str, float]] = []
        recipe = AlignRecipe(
            beta=self._scale(),
            learning_rate=self.recipe.peak,
            batch_size=self.recipe.batch_size,
            together=2 if self._verdicts() else 1,
            epochs=epochs,
        )
        seed = child_seed(self._seed, "lesson", str(self._lessons))
        dpo_stage(self._tunable, self._rows(taught - before, seed), recipe, seed=seed, report=logs.append)
        self._logits = self._read()
        if self._store is not None:
            lesson = Century(logits=self._logits, logs=plain(logs))
            self._store.put(self._lessons, self._seen, lesson, self._tunable.weights or {})
        return list(logs)

    def _read(self) -> Floats:
        instrument = self.history.instrument
        with self._tunable.reading() as model:
            asked = ask(model, instrument.questions(), config=instrument.config, mode=self._mode())
            return centred_log(asked.answers, instrument.mask)

    def _mode(self) -> str:
        return self.history.reading or "verdict"

    def _verdicts(self) -> tuple[tuple[str, str, str], ...]:
        return verdicts_of(self._mode(), self.history.instrument.config)

    def _scale(self) -> float:
        """As `LanguageModelPolicy.scale_of`: a nat of a row in units of the log-odds between two options."""
        return (2.0 if self._verdicts() else 1.0) / self.history.instrument.config.temperature

    def _rows(self, change: Floats, seed: int) -> list[Contrast]:
        """Rows that ask for a change (N, K) of the centred log-probabilities, whole items at a time."""
        instrument = self.history.instrument
        random = generator(seed, "rows")
        order, uniform = (
            random.random(len(instrument.items)).argsort(kind="stable"),
            random.random(len(instrument.items)),
        )
        rows: list[Contrast] = []
        for i in order.tolist():
            if self.recipe.rows and len(rows) >= self.recipe.rows:
                break
            rows += self._item_rows(i, change[i], float(uniform[i]))
        return rows

    def _item_rows(self, i: int, change: Floats, uniform: float) -> list[Contrast]:
        item, config = self.history.instrument.items[i], self.history.instrument.config
        count = len(item.options)
        if self._verdicts():
            return [self._verdict_row(i, k, 2.0 * float(change[k]), uniform) for k in range(count)]
        prompt = item.text + config.framings[int(uniform * len(config.framings))]
        return [
            _contrast(prompt, f" {item.options[a]}", f" {item.options[b]}", float(change[a] - change[b]))
            for a, b in combinations(range(count), 2)
        ]

    def _verdict_row(self, i: int, k: int, margin: float, uniform: float) -> Contrast:
        item, verdicts = self.history.instrument.items[i], self._verdicts()
        lead, good, bad = verdicts[int(uniform * len(verdicts))]
        return _contrast(f"{deed_text(item.text, item.options[k])}{lead}", good, bad, margin)


def _contrast(prompt: str, first: str, second: str, margin: float) -> Contrast:
    """A row whose loss is least where the log-odds of `first` have grown by `margin`."""
    target = 1.0 / (1.0 + float(np.exp(-abs(margin))))
    chosen, rejected = (first, second) if margin >= 0 else (second, first)
    return Contrast(prompt=prompt, chosen=chosen, rejected=rejected, target=target)
