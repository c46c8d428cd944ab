"""How far the choice of words and leads moves a value: the same answers read in each of them.

Legend of shapes: L leads, W pairs of words, N items, K options, D = 19.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.answers import Floats
from progressgym.instruments.ask import verdict_answers, verdicts_of
from progressgym.instruments.facets import Study, main_scores, study
from progressgym.instruments.panel import PANELS, load_panel
from progressgym.instruments.questionnaire import Questionnaire, QuestionnaireReading


@dataclass(kw_only=True, frozen=True, eq=False)
class Spread:
    """What a reading by a panel says in single words and leads."""

    words: tuple[str, ...]
    """W names, such as `good/bad`."""
    leads: tuple[str, ...]
    by_word: Floats
    """(W, D) values in each pair of words, over all leads."""
    by_lead: Floats
    """(L, D) values after each lead, in all words."""
    study: Study | None
    """How the variance divides; None of too few items."""

    @property
    def between_words(self) -> Floats:
        """(D,) standard deviation between pairs of words."""
        spread: Floats = self.by_word.std(0, ddof=1)
        return spread

    @property
    def between_leads(self) -> Floats:
        """(D,) standard deviation between leads."""
        spread: Floats = self.by_lead.std(0, ddof=1)
        return spread


def panel_scores(instrument: Questionnaire, reading: QuestionnaireReading) -> Floats | None:
    """(L, W, N, K) verdict scores of a reading by a panel; None of one in another mode."""
    if reading.mode not in PANELS or reading.verdict_scores is None:
        return None
    pairs = len(load_panel(reading.mode).words)
    return reading.verdict_scores.reshape(-1, pairs, *reading.verdict_scores.shape[1:])


def spread_of(instrument: Questionnaire, reading: QuestionnaireReading) -> Spread | None:
    """The spread of a reading by a panel; None of one in another mode, or that has a single lead."""
    scores = panel_scores(instrument, reading)
    if scores is None or len(scores) < 2:
        return None
    scored = main_scores(instrument, scores, ("lead", "word"))
    verdicts = verdicts_of(reading.mode, instrument.config)

    def values(table: Floats) -> Floats:
        return instrument.values(verdict_answers(table, instrument.mask, reading.temperature))

    return Spread(
        words=load_panel(reading.mode).pair_names,
        leads=tuple(dict.fromkeys(lead.strip() for lead, _, _ in verdicts)),
        by_word=np.array([values(scores[:, word]) for word in range(scores.shape[1])]),
        by_lead=np.array([values(row) for row in scores]),
        study=None if scored is None else study(scored),
    )
