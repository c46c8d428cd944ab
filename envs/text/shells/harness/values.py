"""The questionnaires as tasks of lm-evaluation-harness: P(letter) of every item, and the 19 values that follow.

The numbers are those of `Instrument.read(model, "letter", orders="own")`. A dimension that no item of a questionnaire measures is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from progressgym.core.answers import softmax_options
from progressgym.core.dimensions import DIMENSIONS
from progressgym.instruments.forms import FORMS, LETTERS
from progressgym.instruments.loadings import strengths
from progressgym.instruments.questionnaire import Questionnaire


def moral19(**_: Any) -> dict[str, Any]:
    """Dataset of `moral19-v1`."""
    return {"test": _documents("moral19-v1")}


def people(**_: Any) -> dict[str, Any]:
    """Dataset of `people-v1`."""
    return {"test": _documents("people-v1")}


def _documents(name: str) -> Any:
    from datasets import Dataset

    form = FORMS["letter"]
    rows = [
        {
            "instrument": name,
            "index": i,
            "prompt": form.prompt(item.text, item.options),
            "letters": list(LETTERS[: len(item.options)]),
        }
        for i, item in enumerate(Questionnaire.load(name).items)
    ]
    return Dataset.from_list(rows)


def contributions(document: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, tuple[float, float]]:
    """What an item's answer adds to every dimension that it measures, and the most that it could."""
    instrument = Questionnaire.load(document["instrument"])
    loadings = instrument.loadings[document["index"]][: len(results)]
    scores = np.array([[logprob for logprob, _ in results]])
    answers = softmax_options(scores, np.ones_like(scores, dtype=bool))[0]
    added, most = answers @ loadings, strengths(loadings[None])[0]
    return {DIMENSIONS[d]: (float(added[d]), float(most[d])) for d in np.flatnonzero(instrument.covered())}


def value(items: Sequence[tuple[float, float]]) -> float:
    """A value: what all items add as a share of the most they could."""
    added, most = np.array(items).sum(0)
    return float(added / most)
