"""Questionnaires of any length, of the same kinds of items as a shipped one. Not a benchmark itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from progressgym.instruments.questionnaire import Questionnaire


def longer(instrument: Questionnaire, elicitation: int = 1, evaluation: int = 1) -> Questionnaire:
    """An instrument that repeats the items of another.

    What a copy asks and what its options stand for is the original's; a synthetic history answers it on its own.

    Args:
        instrument: whose items.
        elicitation: how often the items are there that comparisons are about.
        evaluation: how often those that are scored.
    """
    items = list(instrument.items)
    halves = []
    for half, copies in ((instrument.elicitation, elicitation), (instrument.evaluation, evaluation)):
        places = [half]
        for copy in range(1, copies):
            places.append(np.arange(len(items), len(items) + len(half)))
            items += [replace(instrument.items[place], id=f"{instrument.items[place].id}-{copy}") for place in half]
        halves.append(np.concatenate(places))
    return Questionnaire(
        name=f"{instrument.name}x{elicitation}x{evaluation}",
        version=instrument.version,
        items=tuple(items),
        config=instrument.config,
        elicitation=halves[0],
        evaluation=halves[1],
    )
