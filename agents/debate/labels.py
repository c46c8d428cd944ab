"""Preferences labelled by debate: the option that wins an exact debate before a century's judge is the preferred one.

An option for alignment: a human who cannot weigh everything that speaks for two answers prefers the one that is better
defended. The rows are those of `progressgym.preferences.export`, so that every trainer reads them.

| | judge | for |
|---|---|---|
| `debate_rows` | the measured values of every century | export: a data set |
| `DebatedLabels` | the values that a century's comparisons show, as far as an agent can know | learning agents, `targets=debate` |

Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.debate.centuries import DECIMALS
from progressgym.agents.debate.solver import additive_values
from progressgym.core.debate import Floats, Ints
from progressgym.envs.comparison_evidence import differences, evidence, evidence_weights
from progressgym.envs.debate.dilemmas import DilemmaDomain, ValueJudge, century_judges
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
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
        labelled.append(Comparisons(pairs=pairs, labels=_winners(judge.contributions(cases))))
    return labelled


class DebatedLabels:
    """Turns the labels of a century's comparisons into those of debates before the human who gave them.

    The judge's values are read off the comparisons themselves (`envs.evidence`), so nothing is used that an agent does
    not know. A label says what the human answered; a debated one says what can be defended before this human.
    """

    def __init__(self, instrument: Questionnaire, pairs: Ints) -> None:
        """Prepare.

        Args:
            instrument: whose items.
            pairs: (B, Q, 3) item, option a, option b.

        Raises:
            UserError: items whose options have too few tags to be debated.
        """
        self._domain = DilemmaDomain(instrument)
        self._cases = [self._domain.dilemmas(row[:, 0], row[:, 1:]) for row in pairs]
        self._weights = evidence_weights(differences(np.asarray(instrument.loadings, dtype=np.float64), pairs))

    def __call__(self, labels: NDArray[np.floating]) -> NDArray[np.float32]:
        """(B, Q) labels -> (B, Q): 1 where option a wins its debate, 0 where b does, 0.5 for a draw; missing stay NaN."""
        given = np.asarray(labels, dtype=np.float64)
        valid = (given >= 0.0) & (given <= 1.0)
        debated = np.empty(given.shape, dtype=np.float32)
        for row, cases in enumerate(self._cases):
            values = evidence(np.where(valid[row], given[row], 0.5), self._weights[row])
            judge = ValueJudge(self._domain, np.asarray(values), "comparisons")
            debated[row] = _winners(judge.contributions(cases))
        return np.where(valid, debated, np.float32(np.nan))


def _winners(contributions: Floats) -> NDArray[np.float32]:
    """(Q,) labels from what every piece (Q, N) adds to the margin of option a."""
    values = additive_values(contributions, TURNS).round(DECIMALS)
    return (0.5 * (1.0 + np.sign(values))).astype(np.float32)


def debate_rows(history: History, *, queries: str | int = "all", seed: int = 0) -> list[PreferenceRow]:
    """The same as rows for TRL; draws have weight 0."""
    rows: list[PreferenceRow] = []
    for label, comparisons in zip(history.labels, debate_comparisons(history, queries=queries, seed=seed), strict=True):
        rows += preference_rows(history.instrument, comparisons, label)
    return rows
