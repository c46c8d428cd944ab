"""Resampled histories: a bootstrap over the items of a real history, for intervals.

`resampled:histsmol-v1?seed=3` is the same human asked another questionnaire of the same kind: the items of the source's
instrument are drawn anew with replacement, each half of the split and each main dimension for itself, and their
measured answers go with them. What an agent reaches on a few dozen of these says how much of its score hangs on the
choice of items; it says nothing about other centuries or other models.

Never use one for a private split of a leaderboard: its answers are the source's, row by row, so a single century's
answers give away the source and with it every century that follows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import refuse_unknown
from progressgym.core.errors import UserError
from progressgym.core.ids import VariantId, format_id, parse_id
from progressgym.core.seeding import generator
from progressgym.histories.history import RESAMPLED, SYNTHETIC, History
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire


def resampled_id(text: str) -> VariantId:
    """Check an id such as `resampled:histsmol-v1?seed=3`.

    Returns:
        The source (a shipped name or a path) with its `seed`.

    Raises:
        UserError: no source, a synthetic or resampled source, an unknown argument, no seed or a bad one.
    """
    variant = parse_id(text)
    source = variant.name.removeprefix(RESAMPLED)
    if not variant.name.startswith(RESAMPLED) or not source or source.startswith((SYNTHETIC, RESAMPLED)):
        raise UserError(f"{text!r} is not a resampled history; write {RESAMPLED}histsmol-v1?seed=0")
    refuse_unknown("a resampled history", variant.arguments, ("seed",))
    seed = variant.arguments.get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(
            f"{text!r} needs a seed, a whole number from 0 on: every resampling has a questionnaire of its own"
        )
    return VariantId(source, {"seed": seed})


def resampled_history(text: str, instrument: Questionnaire | None = None) -> History:
    """Make the history that an id names.

    Args:
        text: for example `resampled:histsmol-v1?seed=3`.
        instrument: of the source; by default the one that its file names.

    Raises:
        UserError: a malformed id or an unknown source.
    """
    variant = resampled_id(text)
    source = History.load(variant.name, instrument)
    name = format_id(RESAMPLED + variant.name, **variant.arguments)
    drawn = _draw(source.instrument, generator(int(variant.arguments["seed"]), "resampled"))
    return History(
        name=name,
        labels=source.labels,
        answers=source.answers[:, drawn],
        instrument=_instrument(source.instrument, drawn, name),
        people=None if source.people is None else source.people[:, drawn],
        card={"resampled": name, "source": source.name, "source_hash": source.hash},
    )


def _draw(instrument: Questionnaire, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) which item stands in each place: one of the same half and main dimension."""
    mains = np.array([item.main for item in instrument.items])
    drawn = np.empty(len(mains), dtype=np.int64)
    for half in (instrument.elicitation, instrument.evaluation):
        for main in dict.fromkeys(mains[half].tolist()):
            places = half[mains[half] == main]
            drawn[places] = places[(rng.random(len(places)) * len(places)).astype(np.int64)]
    return drawn


def _instrument(source: Questionnaire, drawn: NDArray[np.int64], name: str) -> Questionnaire:
    """The questionnaire of the drawn items; the second and later copies of an item get ids of their own."""
    seen: dict[int, int] = {}
    items = []
    for index in drawn.tolist():
        seen[index] = seen.get(index, 0) + 1
        item = source.items[index]
        copy = item.id if seen[index] == 1 else f"{item.id}#{seen[index]}"
        items.append(Item(id=copy, main=item.main, text=item.text, options=item.options, tags=item.tags))
    return Questionnaire(
        name=f"{source.name} of {name}",
        version=source.version,
        items=tuple(items),
        config=source.config,
        elicitation=source.elicitation,
        evaluation=source.evaluation,
    )
