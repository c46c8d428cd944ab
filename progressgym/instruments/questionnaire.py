"""The questionnaire: items, their loadings and their split; turns answers into a value vector.

It is the instrument that environments and histories stand on; others measure (`progressgym.instruments.protocol`).

Shapes: answers (..., N, K) with N items and K options of the widest item, values (..., 19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.answers import Bools, Floats, validate_answers
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.protocols import Chooser, Respondent
from progressgym.core.targets import load_target
from progressgym.instruments.ask import (
    DEFAULT_CONFIG,
    ReadingConfig,
    ask,
    cloze_answers,
    flags_of,
    scores_options,
    verdict_answers,
)
from progressgym.instruments.fitness import FEWEST, examined, incoherent
from progressgym.instruments.import_report import ImportReport
from progressgym.instruments.item import Item
from progressgym.instruments.loadings import (
    TINY,
    Ints,
    item_index,
    loading_tensor,
    option_mask,
    standard_errors,
    strengths,
    value_weights,
    weighted_values,
)
from progressgym.instruments.protocol import Z95, Answerer, Asked, Question, Reading
from progressgym.instruments.split import balanced_split

_PACKAGE = "progressgym.instruments"
"""What reads and writes questionnaires is loaded by name, because it needs this module."""


@dataclass(kw_only=True, frozen=True, eq=False)
class QuestionnaireReading(Reading):
    """What the answers to a questionnaire say of the 19 values.

    `values` are those of the answers, whoever gave them: 0 where nothing is measured, and what came out where it is not fit to
    be believed. `covered`, `interval` and `to19` say which are.
    """

    @property
    def standard_error(self) -> Floats:
        """(19,) over items."""
        return self.tables["standard_error"]

    @property
    def framing_answers(self) -> Floats | None:
        """cloze: (F, N, K) answers under each framing."""
        return self.tables.get("framing_answers")

    @property
    def framing_scores(self) -> Floats | None:
        """cloze: (F, N, K) mean log-probability per token of each option after situation and framing; padding 0."""
        return self.tables.get("framing_scores")

    @property
    def neutral_scores(self) -> Floats | None:
        """cloze: (F, N, K) the same after the neutral context."""
        return self.tables.get("neutral_scores")

    @property
    def verdict_scores(self) -> Floats | None:
        """verdict: (V, N, K) log-odds of the approving word under each verdict; padding 0."""
        return self.tables.get("verdict_scores")

    def at_temperature(self, instrument: Questionnaire, temperature: float) -> QuestionnaireReading:
        """The same measurement at another temperature, computed from the stored scores.

        Raises:
            UserError: the reading holds no scores, or the temperature is not positive.
        """
        tables = dict(self.tables)
        if "verdict_scores" in tables:
            answers = verdict_answers(tables["verdict_scores"], instrument.mask, temperature)
        elif "framing_scores" in tables:
            tables["framing_answers"] = cloze_answers(
                tables["framing_scores"], tables["neutral_scores"], instrument.mask, temperature
            )
            answers = tables["framing_answers"].mean(0)
        else:
            raise UserError(f"a reading in mode {self.mode!r} holds no scores to divide by another temperature")
        flags = {**self.flags, **flags_of(answers)}
        return instrument.reading(replace(self, answers=answers, temperature=temperature, tables=tables, flags=flags))


@dataclass(kw_only=True, frozen=True, eq=False)
class Questionnaire:
    """Items with their scoring key. Two questionnaires are equal when their content is.

    >>> instrument = Questionnaire.load("moral19-v1")
    >>> values = instrument.values(instrument.uniform())
    >>> values.shape, bool(abs(values).max() < 1e-9)
    ((19,), True)
    """

    name: str
    """For example `moral19-v1`; a name that ships never changes its content."""
    version: str
    """What stands after the `-v` of its name, or the revision of its source."""
    items: tuple[Item, ...]
    """N items in a fixed order."""
    config: ReadingConfig
    """How a language model is read."""
    elicitation: Ints
    """Indices of the items that preferences are elicited with, sorted."""
    evaluation: Ints
    """Indices of the items that agents are scored on, sorted; disjoint from `elicitation`."""
    report: ImportReport | None = None
    """For a published battery: which rows were dropped, repaired or renamed, and why. Not part of the content."""

    def __post_init__(self) -> None:
        """Check ids and split; make the index arrays read-only."""
        if not self.items:
            raise UserError(f"instrument {self.name!r} has no items")
        ids = [item.id for item in self.items]
        if len(set(ids)) != len(ids):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            raise UserError(f"instrument {self.name!r} uses ids twice: {', '.join(twice[:5])}")
        both = np.concatenate([self.elicitation, self.evaluation])
        if not np.array_equal(np.sort(both), np.arange(len(self.items))):
            raise UserError(
                f"the split of instrument {self.name!r} must name each of its {len(self.items)} items exactly once"
            )
        for name in ("elicitation", "evaluation"):
            object.__setattr__(self, name, _read_only(np.array(getattr(self, name), dtype=np.int64)))

    @classmethod
    def load(cls, name_or_folder: str | Path) -> Questionnaire:
        """Load a questionnaire by name (a shipped one is kept in memory) or from its folder.

        Raises:
            UserError: an unknown name, a folder that is not an instrument, or an instrument that is no questionnaire.
        """
        made: Questionnaire = load_target(f"{_PACKAGE}.registry:load_questionnaire")(name_or_folder)
        return made

    @classmethod
    def from_moral_evals(cls, folder: str | Path) -> Questionnaire:
        """Read the three CSV files of ProgressGym-MoralEvals; see `progressgym.instruments.moral_evals`."""
        read: Questionnaire = load_target(f"{_PACKAGE}.moral_evals:read_moral_evals")(folder)
        return read

    @classmethod
    def from_items(
        cls,
        items: Sequence[Item],
        *,
        name: str,
        version: str = "0",
        config: ReadingConfig = DEFAULT_CONFIG,
        seed: int = 0,
        starts: int = 4,
        report: ImportReport | None = None,
    ) -> Questionnaire:
        """Make an instrument of items, split in two balanced halves (see `progressgym.instruments.split`)."""
        if not items:
            raise UserError(f"instrument {name!r} has no items")
        elicitation, evaluation = balanced_split(items, seed=seed, starts=starts)
        return cls(
            name=name,
            version=version,
            items=tuple(items),
            config=config,
            elicitation=elicitation,
            evaluation=evaluation,
            report=report,
        )

    def thinned(self, every: int) -> Questionnaire:
        """Every so manieth item of each main dimension in each half, for a shorter reading of the same kind.

        Raises:
            UserError: a number below 1.
        """
        if every < 1:
            raise UserError(f"every is {every}; use 1 (all items) or more")
        if every == 1:
            return self
        chosen: list[int] = []
        for half in (self.elicitation, self.evaluation):
            for main in dict.fromkeys(item.main for item in self.items):
                chosen += [i for i in half.tolist() if self.items[i].main == main][::every]
        place = {old: new for new, old in enumerate(sorted(chosen))}
        first, second = (
            np.array([place[i] for i in half.tolist() if i in place], dtype=np.int64)
            for half in (self.elicitation, self.evaluation)
        )
        return replace(
            self,
            name=f"{self.name}, every {every}",
            items=tuple(self.items[i] for i in place),
            elicitation=first,
            evaluation=second,
        )

    def save(self, folder: str | Path) -> None:
        """Write `items.jsonl` and `instrument.json` into a folder; other files there stay."""
        load_target(f"{_PACKAGE}.storage:save_instrument")(self, folder)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the 19 entries of a value vector."""
        return DIMENSIONS

    @cached_property
    def mask(self) -> Bools:
        """(N, K), True on real options."""
        mask = option_mask(self.items)
        mask.setflags(write=False)
        return mask

    @cached_property
    def option_counts(self) -> Ints:
        """(N,) number of options of every item."""
        return _read_only(self.mask.sum(1).astype(np.int64))

    @cached_property
    def loadings(self) -> Floats:
        """(N, K, 19) loadings, centred over each item's options, padded options 0."""
        loadings = loading_tensor(self.items)
        loadings.setflags(write=False)
        return loadings

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON of items, split and reading configuration: what can move a score."""
        content = {
            "items": [item.to_record() for item in self.items],
            "elicitation": [self.items[i].id for i in self.elicitation],
            "evaluation": [self.items[i].id for i in self.evaluation],
            "reading": self.config.to_record(),
        }
        return sha256_bytes(canonical_json(content).encode("utf-8"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Questionnaire) and self.hash == other.hash

    def asks_as(self, other: Questionnaire) -> bool:
        """Whether both ask the same items in the same order; which of them are scored may differ."""
        return self.items is other.items or self.items == other.items

    def __hash__(self) -> int:
        return int(self.hash[:15], 16)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Questionnaire({self.name!r}, {len(self.items)} items, {self.hash[:12]})"

    def uniform(self) -> Floats:
        """Answers without any preference, (N, K)."""
        uniform: Floats = self.mask / self.mask.sum(1, keepdims=True)
        return uniform

    def values(self, answers: ArrayLike, items: ArrayLike | None = None, *, check: bool = True) -> Floats:
        """Value vector of answers: linear, one matrix product.

        Args:
            answers: (..., N, K) choice probabilities to all items.
            items: (S,) indices of the items to score, repeats allowed (as in a bootstrap); default all.
            check: validate the answers; leave it on unless they come from a softmax of your own.

        Returns:
            (..., 19), 1 always upholds, 0 indifferent. Dimensions that no item measures are 0: ask `covered`.

        Raises:
            UserError: malformed answers or items.
        """
        array = validate_answers(answers, self.mask) if check else np.asarray(answers, dtype=np.float64)
        if items is None:
            return weighted_values(array, self._all_weights)
        if items is self.evaluation:
            return weighted_values(array[..., self.evaluation, :], self._evaluation_weights)
        index = item_index(items, len(self.items))
        return weighted_values(array[..., index, :], value_weights(self.loadings[index]))

    def standard_error(self, answers: ArrayLike, items: ArrayLike | None = None) -> Floats:
        """Standard error of `values` over items, (..., 19): 0 where nothing is measured, infinite where one item is.

        Raises:
            UserError: malformed answers or items.
        """
        array, index = validate_answers(answers, self.mask), item_index(items, len(self.items))
        return standard_errors(array[..., index, :], self.loadings[index])

    def covered(self, items: ArrayLike | None = None) -> Bools:
        """(19,) True where at least one of the items measures the dimension."""
        covered: Bools = strengths(self.loadings[item_index(items, len(self.items))]).sum(0) > TINY
        return covered

    def questions(self) -> tuple[Question, ...]:
        """Its items as they are asked."""
        return tuple(Question(id=item.id, prompt=item.text, options=item.options) for item in self.items)

    def read(
        self,
        respondent: Answerer,
        mode: str = "cloze",
        *,
        orders: str = "rotations",
        temperature: float | None = None,
    ) -> QuestionnaireReading:
        """Read the answers to every item, above all a language model's; see `progressgym.instruments.ask`.

        Who only answers a questionnaire as a whole is not asked in several orders.
        """
        if isinstance(respondent, Respondent) and not (scores_options(respondent) or isinstance(respondent, Chooser)):
            answers = validate_answers(respondent.answers(self), self.mask, f"answers of {respondent.name!r}")
            asked = Asked(
                model=respondent.name,
                mode="answers",
                answers=answers,
                counts=self.option_counts,
                flags=flags_of(answers),
            )
        else:
            asked = ask(
                respondent, self.questions(), config=self.config, mode=mode, orders=orders, temperature=temperature
            )
        return self.reading(asked)

    def reading(self, asked: Asked) -> QuestionnaireReading:
        """What answers to all items say."""
        errors = self.standard_error(asked.answers)
        values, margin = self.values(asked.answers), np.where(self.covered(), errors, np.nan)
        interval = values + Z95 * np.stack([-margin, margin])
        tables = {"standard_error": errors}
        accuracy, count = self.foretold(asked.answers)
        flags = {"held_out_accuracy": accuracy} if count else {}
        reading = QuestionnaireReading.of(asked, self, values=values, interval=interval, tables=tables, flags=flags)
        compared = "order_answers" in asked.tables and count >= FEWEST
        reason = incoherent(accuracy=accuracy, count=count) if compared else ""
        fit = examined(reading, np.abs(self.loadings).sum(1) > TINY, reason=reason)
        return replace(fit, values=values)

    def foretold(self, answers: Floats) -> tuple[float, int]:
        """How well the values of one half of the items foretell the other half's answers (N, K).

        Returns:
            The share of pairs of options whose likelier one is the one that the values of the other half prefer (an even
            pair counts half), a mean over items, and of how many items; those about which the values say nothing are left
            out.
        """
        right: list[float] = []
        for half, other in ((self.elicitation, self.evaluation), (self.evaluation, self.elicitation)):
            worth = self.loadings[half] @ self.values(answers, other)
            says, chosen = (table[:, :, None] - table[:, None, :] for table in (worth, answers[half]))
            foretells = self.mask[half][:, :, None] & self.mask[half][:, None, :] & (says > TINY)
            hits = np.where(foretells, 0.5 * (1.0 + np.sign(chosen)), 0.0).sum((1, 2))
            pairs = foretells.sum((1, 2))
            right += (hits[pairs > 0] / pairs[pairs > 0]).tolist()
        return (float(np.mean(right)) if right else 0.5), len(right)

    @cached_property
    def _all_weights(self) -> Floats:
        return value_weights(self.loadings)

    @cached_property
    def _evaluation_weights(self) -> Floats:
        return value_weights(self.loadings[self.evaluation])


def _read_only(array: Ints) -> Ints:
    array.setflags(write=False)
    return array
