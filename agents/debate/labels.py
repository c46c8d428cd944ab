"""Preferences labelled by debate: the option that wins an exact debate before a century's judge is the preferred one.

An option for alignment: a human who cannot weigh everything that speaks for two answers prefers the one that is better
defended. The rows are those of `progressgym.preferences.export`, so that every trainer reads them.
"""

from __future__ import annotations

import numpy as np

from progressgym.agents.debate.centuries import DECIMALS
from progressgym.agents.debate.solver import additive_values
from progressgym.envs.debate.dilemmas import DilemmaDomain, century_judges
from progressgym.histories.history import History
from progressgym.preferences.comparisons import Comparisons, PairChooser
from progressgym.preferences.export import PreferenceRow, preference_rows

TURNS = 4


def debate_comparisons(history: History, *, queries: str | int = "all", seed: int = 0) -> list[Comparisons]:
    """Comparisons of every century, labelled 1 where option a wins its debate, 0 where b does, 0.5 for a draw.

    Args:
        history: whose centuries judge, by their measured values.
        queries: "all" or how many pairs.
        seed: which pairs; the same as in `history_rows`.

    Raises:
        UserError: items whose options have too few tags to be debated.
    """
    chooser = PairChooser(history.instrument, queries)
    pairs = chooser.pairs[chooser.choose(np.random.default_rng(seed).random(len(chooser.pairs)))]
    domain = DilemmaDomain(history.instrument)
    cases = domain.dilemmas(pairs[:, 0], pairs[:, 1:])
    labelled = []
    for judge in century_judges(domain, history):
        values = additive_values(judge.contributions(cases), TURNS).round(DECIMALS)
        labels = (0.5 * (1.0 + np.sign(values))).astype(np.float32)
        labelled.append(Comparisons(pairs=pairs, labels=labels))
    return labelled


def debate_rows(history: History, *, queries: str | int = "all", seed: int = 0) -> list[PreferenceRow]:
    """The same as rows for TRL; draws have weight 0."""
    rows: list[PreferenceRow] = []
    for label, comparisons in zip(history.labels, debate_comparisons(history, queries=queries, seed=seed), strict=True):
        rows += preference_rows(history.instrument, comparisons, label)
    return rows
