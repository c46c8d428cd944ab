"""Answers as somebody does who gave these few answers, by a model of how people differ (PAL, PPD; `preferences.models`).

    model     learned from the known people of a panel, their first wave: who chose option k of item i over option j
    person    placed by the answers told so far: the mean of known people, each as likely as it makes these answers
    logits    of option k of item i   the person's margin of k over the item's first option

An option is a feature of its own here (the first of each item is the origin), not 19 loadings: what goes with what is learned
from people. Without users (`model=bradley-terry`) everybody alike is meant, and answers say nothing. Known people are
never those whose histories are played (`progressgym.histories.panel`), so nothing is known of a person but what they told.

Legend of shapes: P people, N items, K options, F = sum of (K_i - 1) features, n pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Named, Whole, check_fields
from progressgym.core.errors import UserError
from progressgym.envs.task import Task
from progressgym.histories.panel import Panel, panel_of
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs
from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel
from progressgym.preferences.pairs import Pairs

Ints = NDArray[np.int64]
SOMEBODY = -1
"""The number of whoever is spoken to; known people have theirs from 0 on."""


@dataclass(kw_only=True)
class Personal:
    """Knows how people of a panel differ, and places a new one by a few answers."""

    panel: str = "planted"
    """`planted`, or the folder of a panel."""
    model: Annotated[str, Named(PREFERENCE_MODELS)] = "pal?k=6"
    """How people differ."""
    seed: Whole = 0
    """Of the planted panel."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)

    def reset(self, task: Task, seed: int | None = None) -> None:
        """Meet somebody.

        Raises:
            UserError: the panel was asked other questions.
        """
        panel = panel_of(self.panel, self.seed)
        if not task.instrument.asks_as(panel.instrument):
            raise UserError(
                f"panel {self.panel!r} was asked other questions than {task.instrument.name!r}; "
                "name the history's own, personal?panel=..."
            )
        self._instrument, self._model = task.instrument, fitted(panel, self.model)
        self._told: dict[tuple[int, ...], float] = {}

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> NDArray[np.float64]:
        """(N, K) logits, after what was told now and before; a newer answer stands for an older one."""
        for pair, label in zip(observation["pairs"].tolist(), observation["labels"].tolist(), strict=True):
            if label >= 0.0 and label != 0.5:  # asked, and one of the two was chosen
                self._told[tuple(pair)] = label
        mask = self._instrument.mask
        item, option = np.nonzero(mask)
        wanted = _pairs(self._instrument, np.column_stack([item, option, np.zeros_like(item)]), 0.5, SOMEBODY)
        logits = np.zeros(mask.shape)
        logits[item, option] = _margins(self._model, self._answers(), wanted)
        return logits

    def _answers(self) -> Pairs:
        triples = np.array(list(self._told), dtype=np.int64).reshape(-1, 3)
        return _pairs(self._instrument, triples, np.array(list(self._told.values())), SOMEBODY)


@lru_cache(maxsize=8)
def fitted(panel: Panel, model: str) -> PreferenceModel:
    """The model of an id, learned from the known people's first wave."""
    made: PreferenceModel = PREFERENCE_MODELS.make(model)
    triples, choices = all_pairs(panel.instrument, np.arange(len(panel.instrument))), panel.reference
    chosen = choices[:, triples[:, 0]]  # (P, n)
    left, right = chosen == triples[:, 1], chosen == triples[:, 2]
    person, pair = np.nonzero(left | right)
    return made.fit(_pairs(panel.instrument, triples[pair], left[person, pair], person))


def _margins(model: PreferenceModel, answers: Pairs, wanted: Pairs) -> NDArray[np.float64]:
    """Log-odds (n,) by whoever gave these answers."""
    from progressgym.preferences.models.personal import PersonalModel

    if isinstance(model, PersonalModel):
        model.add_user(SOMEBODY, answers)
    return np.asarray(model.margin(wanted), dtype=np.float64)


def _pairs(instrument: Questionnaire, triples: Ints, target: Any, group: Any) -> Pairs:
    """Pairs of options (n, 3) with a feature for every option but the first of each item."""
    places = np.cumsum(instrument.mask[:, 1:]).reshape(instrument.mask[:, 1:].shape) - 1
    sides: list[NDArray[np.float64]] = []
    for option in triples[:, 1:].T:
        side = np.zeros((len(triples), int(places[-1, -1]) + 1))
        rows = np.flatnonzero(option > 0)
        side[rows, places[triples[rows, 0], option[rows] - 1]] = 1.0
        sides.append(side)
    return Pairs.of(sides[0], sides[1], target, group=group)
