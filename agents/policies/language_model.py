"""A language model as a policy: it answers by its own option log-probabilities and is trained on comparisons.

It is read as its history was read, so that its answers and the human's are the same kind of number, and it is trained
on preferences in a form that this reading sees:

* mode `verdict`: a comparison of options a and b of an item becomes two rows, one for each deed,

      (text a lead, " just" over " wicked", y)   and   (text b lead, " just" over " wicked", 1 - y),

  y the probability that a is preferred. Preferences between the texts of the options would move the model's likelihood
  of these texts, which the verdict does not read: measured in docs/model-tier.md;
* every other mode: one row (text + framing, option a over option b, y).

In both, the margin that a row is about is the policy's own log-odds of a over b, see `scale_of`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.config import LanguageModelConfig, same_model
from progressgym.agents.methods.stage import ModelMethod
from progressgym.agents.policies.row_parts import Asked, check_parts, with_parts
from progressgym.core.answers import centred_log
from progressgym.core.seeding import child_seed, generator
from progressgym.instruments.ask import ask, verdicts_of
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model, resolve_base
from progressgym.preferences.pairs import Pairs
from progressgym.tuning.alignment import AlignRecipe
from progressgym.tuning.contrasts import Contrast
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.training import Report
from progressgym.tuning.tunable import TunableModel, Weights

if TYPE_CHECKING:
    from progressgym.envs.task import Task

Floats = NDArray[np.float64]


class LanguageModelPolicy:
    """One language model with its current trainable state."""

    def __init__(self, tunable: TunableModel, instrument: Questionnaire, mode: str, *, from_history: bool) -> None:
        """Wrap a tunable model.

        Args:
            tunable: the model.
            instrument: what it answers.
            mode: how it is read, see `Questionnaire.read`.
            from_history: whether it began as the history's first century.
        """
        self.tunable, self.instrument, self.mode, self.from_history = tunable, instrument, mode, from_history

    @classmethod
    def open(cls, config: LanguageModelConfig, task: Task, device: str = "auto") -> LanguageModelPolicy:
        """Load the policy of a task: with the history's first adapter where the history was built on this model.

        Raises:
            UserError: no such model, or a device that is not there.
        """
        first = task.first_model
        matches = first is not None and same_model(first.base, config.model)
        dtype = "auto" if config.tuning == "lora" else "float32"
        if first is not None and matches and config.start == "history":
            loaded = load_language_model(first.adapter, device=device, dtype=dtype, base=resolve_base(config.model))
        else:
            loaded = load_language_model(config.model, device=device, dtype=dtype)
        lora = LoraRecipe(rank=config.rank, alpha=2.0 * config.rank) if config.tuning == "lora" else None
        mode = task.reading or ("verdict" if task.instrument.config.verdicts else "cloze")
        return cls(
            TunableModel(loaded, lora), task.instrument, mode, from_history=matches and config.start == "history"
        )

    @property
    def weights(self) -> Weights | None:
        """The trainable state; None is the policy as it was opened."""
        return self.tunable.weights

    @weights.setter
    def weights(self, weights: Weights | None) -> None:
        self.tunable.weights = weights

    def logits(self, items: NDArray[np.int64], condition: str = "") -> Floats:
        """Centred log-probabilities (N, K) of the answers to some items; 0 elsewhere.

        Args:
            items: which.
            condition: stands before every item.
        """
        part = subset(self.instrument, items)
        if condition:
            part = replace(part, items=tuple(replace(item, text=condition + item.text) for item in part.items))
        with self.tunable.reading() as model:
            answers = ask(model, part.questions(), config=part.config, mode=self.mode).answers
        logits = np.zeros(self.instrument.mask.shape)
        logits[items, : answers.shape[1]] = centred_log(answers, part.mask)
        return logits

    def rows(
        self,
        pairs: Pairs,
        own: Floats | None,
        beta: float,
        seed: int,
        *,
        parts: Sequence[str] = (),
        fares: Floats | None = None,
        condition: str = "",
    ) -> list[Contrast]:
        """Pairs of options as rows to train on.

        Args:
            pairs: of options of the instrument; each has a target, and a weight in the loss.
            own: for a uniform reference, the policy's own logits (N, K); None compares with the policy at the stage's
                start.
            beta: strength of the reference.
            seed: of the leads.
            parts: what the loss looks at beside margins, see `row_parts`.
            fares: (n, 2) how a, and b, fare against what the policy would answer.
            condition: stands before every prompt.

        Raises:
            UserError: parts that comparisons have not.
        """
        check_parts(parts, fares)
        rows = []
        config = self.instrument.config
        verdicts = verdicts_of(self.mode, config)
        draws = generator(seed, "leads").random((len(pairs), 2))
        labelled = zip(pairs.triples.tolist(), pairs.target.tolist(), pairs.weight.tolist(), draws, strict=True)
        for n, ((i, a, b), y, u, draw) in enumerate(labelled):
            item = self.instrument.items[i]
            offset = 0.0 if own is None else beta * float(own[i, a] - own[i, b])
            fare = None if fares is None else (float(fares[n, 0]), float(fares[n, 1]))
            asked = Asked(item=i, options=(a, b), preferred=int(y < 0.5), draw=float(draw[0]))
            if not verdicts:
                prompt = condition + item.text + config.framings[int(draw[0] * len(config.framings))]
                row = _row(prompt, f" {item.options[a]}", f" {item.options[b]}", y, u, offset, fare)
                rows.append(with_parts(row, asked, self.instrument, parts))
                continue
            for side, (target, shift) in enumerate(((y, offset), (1.0 - y, -offset))):
                lead, good, bad = verdicts[int(draw[side] * len(verdicts))]
                text = f"{condition}{item.text} {item.options[asked.options[side]]}{lead}"
                row = _row(text, good, bad, target, u, shift, None if fare is None else (fare[side], -fare[side]))
                rows.append(with_parts(row, replace(asked, about=side, lead=lead), self.instrument, parts))
        return rows

    def align(
        self,
        method: ModelMethod,
        rows: Sequence[Contrast],
        config: LanguageModelConfig,
        *,
        seed: int,
        report: Report | None = None,
    ) -> None:
        """One stage of a method.

        Args:
            method: DPO, RLHF or another that trains language models.
            rows: see `rows`.
            config: how to train.
            seed: of order, draws and generators.
            report: called after every step.
        """
        recipe = AlignRecipe(
            beta=method.strength * self.scale_of(),
            learning_rate=config.peak,
            batch_size=config.batch_size + config.batch_size % self.rows_each,
            together=self.rows_each,
            epochs=config.epochs,
        )
        method.train(self.tunable, rows, recipe, seed=seed, report=report)

    def scale_of(self) -> float:
        """By how much a nat of a row's own log-odds moves the log-odds of a over b.

        With temperature tau these are (s_a - s_b) / tau. A text row is about s_a - s_b itself: 1 / tau. A verdict row is
        about one deed's s_a, and its fellow moves s_b the other way: 2 / tau.
        """
        return self.rows_each / self.instrument.config.temperature

    @property
    def rows_each(self) -> int:
        """Rows of one comparison."""
        return 2 if verdicts_of(self.mode, self.instrument.config) else 1


def subset(instrument: Questionnaire, items: NDArray[np.int64]) -> Questionnaire:
    """An instrument of some items only, for reading; its split means nothing."""
    if len(items) == len(instrument.items):
        return instrument
    nothing = np.zeros(0, dtype=np.int64)
    chosen = tuple(instrument.items[i] for i in items.tolist())
    return replace(
        instrument, items=chosen, elicitation=np.arange(len(chosen), dtype=np.int64), evaluation=nothing, report=None
    )


def draw_comparisons(weights: Floats, count: int, seed: int, century: int) -> NDArray[np.int64]:
    """Which comparisons a century is trained on: `count` of those with weight, evenly drawn; all for 0."""
    weighty = np.flatnonzero(weights > 0)
    if count == 0 or count >= len(weighty):
        return weighty
    order = generator(child_seed(seed, "comparisons"), str(century)).random(len(weighty)).argsort(kind="stable")
    return np.sort(weighty[order[:count]])


def _row(
    prompt: str,
    first: str,
    second: str,
    target: float,
    weight: float,
    offset: float,
    fares: tuple[float, float] | None = None,
) -> Contrast:
    """The likelier continuation is the chosen one."""
    if math.isfinite(target) and target < 0.5:
        first, second, target, offset = second, first, 1.0 - target, -offset
        fares = None if fares is None else (fares[1], fares[0])
    numbers = {} if fares is None else {"fares": fares}
    return Contrast(
        prompt=prompt, chosen=first, rejected=second, target=target, weight=weight, offset=offset, numbers=numbers
    )
