"""Private histories: century models of unpublished text, asked a questionnaire that was not published either.

A store keeps them in its folder `private/<name of the shipped history it stands in for>/`, each with `answers.npz`,
`card.json` and `instrument/`. They never leave it: an agent in the sandbox gets the items' texts, century 0's answers and
comparisons, as from any history.

A resample of a shipped history must not become one: its answers are the source's, item by item, so that a single
century's answers give away the source and with it every century that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log
from progressgym.core.errors import UserError
from progressgym.histories.history import ANSWERS_FILE, History, shipped_names
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.storage import read_items
from progressgym.instruments.storage import shipped_names as shipped_instruments

if TYPE_CHECKING:
    from progressgym.histories.build import BuildRecipe

Floats = NDArray[np.float64]
INSTRUMENT, BUILDS = "instrument", "builds"
ALIKE = 0.99
"""Correlation of two items' courses through the centuries from which they count as the same measurement."""
MOST_ALIKE = 0.2
"""Share of such items from which a history counts as made of a shipped one. Chance gives 0 to 0.07 (random walks
beside `histsmol-v1`), a resample 0.9 or more."""


def load_hidden(folder: Path) -> dict[str, History]:
    """All private histories of a store: shipped name -> history, each checked again.

    Raises:
        UserError: one is damaged or may not be used.
    """
    if not folder.is_dir():
        return {}
    histories = {}
    for place in sorted(path for path in folder.iterdir() if (path / ANSWERS_FILE).is_file()):
        histories[place.name] = History.load(place, Questionnaire.load(place / INSTRUMENT))
        check_hidden(histories[place.name])
    return histories


def make_hidden(
    corpus: Path | str,
    items: Path | str,
    base: str,
    folder: Path,
    *,
    name: str,
    recipe: BuildRecipe,
    progress: Callable[[str], None] = lambda _: None,
) -> History:
    """Train century models on secret text, ask them secret items, and keep their answers as a private history.

    The way of every history: `progressgym.histories.build` and `progressgym.histories.publishing`. Finished centuries
    are kept in `folder/builds`, so an interrupted call goes on where it was.

    Args:
        corpus: HistText that was not published: other works than the shipped history's.
        items: `items.jsonl` of a parallel form: the same dimensions, other texts, by the owner's own hand.
        base: model that all centuries share.
        folder: of the store's private histories.
        name: shipped history that it stands in for.
        recipe: with another seed than the shipped history's.
        progress: called with what begins.

    Raises:
        UserError: published items, a history of that name is there already, or what building can complain about.
    """
    from progressgym.histories.build import build_history
    from progressgym.histories.publishing import publish

    if (folder / name).exists():
        raise UserError(f"a private history for {name} is there already; remove {folder / name} first")
    instrument = Questionnaire.from_items(_unpublished(Path(items)), name=f"private form of {name}", seed=recipe.seed)
    build, measured = folder / BUILDS / name, folder / BUILDS / f"{name}-measured"
    build_history(corpus, base, build, recipe, progress=lambda label: progress(f"reading {label}"))
    publish(build, measured, instrument, progress=progress)
    instrument.save(measured / INSTRUMENT)
    history = History.load(measured, instrument)
    check_hidden(history)
    measured.rename(folder / name)
    return history


def _unpublished(path: Path) -> tuple[Item, ...]:
    """Items of a file, none of which has the text of a published one."""
    items = read_items(path)
    published = {item.text for name in shipped_instruments() for item in Questionnaire.load(name).items}
    count = sum(item.text in published for item in items)
    if count:
        raise UserError(f"{count} of {len(items)} items are published; a private form has texts of its own")
    return items


def check_hidden(history: History) -> None:
    """Whether a history may be a private one.

    Raises:
        UserError: it is synthetic, or its questionnaire or its answers are published.
    """
    card = history.card
    if "synthetic" in card or "resampled" in card or "source_hash" in card:
        raise UserError(
            f"private history {history.name!r} is synthetic or resampled, as its card says; build it from text"
        )
    if history.instrument.hash in {Questionnaire.load(name).hash for name in shipped_instruments()}:
        raise UserError(
            f"private history {history.name!r} answers the published {history.instrument.name}; write other items"
        )
    for name in shipped_names():
        share = alike(history, History.load(name))
        if share >= MOST_ALIKE:
            raise UserError(
                f"private history {history.name!r} repeats {share:.0%} of its answers from the published {name}; "
                "a resample gives away its source"
            )


def alike(history: History, other: History) -> float:
    """Share of a history's items whose course through the centuries is that of some item of another history.

    The course of an item is the change of its centred log-probabilities since the first century; 0 for histories of
    different lengths, whose courses cannot be compared.
    """
    if len(history) != len(other):
        return 0.0
    options = max(history.answers.shape[-1], other.answers.shape[-1])
    best = (_courses(history, options) @ _courses(other, options).T).max(1)
    return float((best > ALIKE).mean())


def _courses(history: History, options: int) -> Floats:
    """(N, (T-1) K) changes since the first century, each item's of length 1; zero where nothing changes."""
    logs = centred_log(history.answers, history.instrument.mask)
    padded = np.zeros((*logs.shape[:2], options))
    padded[..., : logs.shape[-1]] = logs - logs[:1]
    rows = padded[1:].transpose(1, 0, 2).reshape(logs.shape[1], -1)
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.where(size > 0, size, np.inf)
    return unit
