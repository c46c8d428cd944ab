"""A panel with known sorts of people, made from a seed: for tests, examples and whoever has no panel.

    logits of person p in wave w   L . (theta_camp + w delta_camp) + item_camp + own_p,     L the options' loadings
    answer                         the option with the largest logit + Gumbel noise

So a person chooses as the softmax of their logits says. A share `KEPT` of a person's noise stays from wave to wave: people
who are asked again mostly answer as before. Nobody is asked everything. The trait `camp` says who belongs where.

Legend of shapes: P people, W waves, N items, K options, C camps, D = 19.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from progressgym.core.seeding import generator
from progressgym.histories.panel import NO_ANSWER, Panel
from progressgym.instruments.questionnaire import Questionnaire

INSTRUMENT = "people-core-v1"
PEOPLE, CAMPS = 600, 3
WAVES = ("1", "2", "3")
STANCE, ITEM, OWN, DRIFT = 1.0, 1.0, 0.5, 0.25
"""Standard deviations: of a camp's stance a dimension, of what it thinks of an item beside that, of what a person does, of
a camp's drift a wave and dimension."""
KEPT, ASKED = 0.6, 0.8


@lru_cache(maxsize=4)
def planted_panel(seed: int = 0) -> Panel:
    """The panel of a seed."""
    random, instrument = generator(seed, "planted panel"), Questionnaire.load(INSTRUMENT)
    loadings, mask = instrument.loadings, instrument.mask
    camp = random.integers(0, CAMPS, PEOPLE)
    stance = STANCE * random.normal(size=(CAMPS, loadings.shape[2]))
    drift = DRIFT * random.normal(size=stance.shape)
    path = stance[:, None] + np.arange(len(WAVES))[:, None] * drift[:, None]  # (C, W, D)
    logits = np.einsum("nkd,cwd->cwnk", loadings, path) + ITEM * random.normal(size=(CAMPS, 1, *mask.shape))
    own = OWN * random.normal(size=(PEOPLE, 1, *mask.shape))
    shape = (PEOPLE, len(WAVES), *mask.shape)
    lasting, fresh = random.gumbel(size=(PEOPLE, 1, *mask.shape)), random.gumbel(size=shape)
    noise = np.where(random.random((*shape[:3], 1)) < KEPT, lasting, fresh)
    choices = np.where(mask, logits[camp] + own + noise, -np.inf).argmax(-1)
    asked = random.random(shape[:3]) < ASKED
    return Panel(
        name="planted",
        people=tuple(str(person) for person in range(PEOPLE)),
        waves=WAVES,
        instrument=instrument,
        choices=np.where(asked, choices, NO_ANSWER).astype(np.int8),
        traits={"camp": tuple(f"camp{c}" for c in camp)},
    )
