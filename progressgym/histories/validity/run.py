"""From a history with models, or a single model, to its validity report: what is asked of whom, and with which cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.protocols import OptionScorer
from progressgym.histories.adapters import century_adapters
from progressgym.histories.collecting import collected_models, loader
from progressgym.histories.history import CARD_FILE, History, shipped_folder
from progressgym.histories.measuring import build_recipe
from progressgym.histories.publishing import other_seeds
from progressgym.histories.validity.asked import Asked, Asking, ask_model
from progressgym.histories.validity.judgements import find_judgements, read_judgements
from progressgym.histories.validity.validity_report import OtherSeeds, Report, make_report
from progressgym.instruments.ask import verdict_answers
from progressgym.instruments.panel import load_panel
from progressgym.instruments.practices import shipped_practices
from progressgym.instruments.questionnaire import Questionnaire

PANEL, SURVEY = "verdict-v2", "people-v1"
EVERY = 3
"""Of the items; asking all of `moral19-v1` takes two thirds longer again than everything else together."""
Progress = Callable[[str], None]


def make_asking(instrument: Questionnaire, people: str | Path | None = None, *, every: int = EVERY) -> Asking:
    """What is asked.

    Args:
        instrument: whose dimensions are read.
        every: only every so manieth item of each dimension and half is asked; 1 asks all.
        people: table of people's judgements, see `find_judgements`.

    Raises:
        UserError: a table that is not there, or not one.
    """
    table = find_judgements(people)
    return Asking(
        instrument=instrument.thinned(every),
        survey=Questionnaire.load(SURVEY),
        panel=load_panel(PANEL),
        practices=shipped_practices(),
        judgements=None if table is None else read_judgements(table),
    )


def validate_models(
    name: str,
    models: Mapping[str, Callable[[], OptionScorer]],
    asking: Asking,
    *,
    others: OtherSeeds | None = None,
    seeds: Sequence[Mapping[str, Callable[[], OptionScorer]]] = (),
    progress: Progress | None = None,
) -> Report:
    """The report on models in order of time.

    Args:
        name: of their history.
        models: label -> what loads the model; one is in memory at a time.
        asking: what is asked.
        others: answers of other training seeds that are known already.
        seeds: the same models trained with other seeds; they are asked everything, too.
        progress: called with what is being done.

    Raises:
        UserError: seeds whose labels differ from the models'.
    """
    if any(set(other) != set(models) for other in seeds):
        raise UserError(f"every training seed needs the models {', '.join(models)}")
    asked = _ask_all(models, asking, progress, "")
    rows = [asked]
    for number, other in enumerate(seeds, 1):
        rows.append(_ask_all({label: other[label] for label in models}, asking, progress, f", seed {number}"))
    if seeds:
        others = OtherSeeds(
            answers=tuple(_panel_answers(row, asking) for row in rows),
            how="by the panel",
            items=tuple(np.array([one.items for one in row]) for row in rows),
        )
    seeds_read = others or OtherSeeds(answers=(), how="by the panel")
    return make_report(name, tuple(models), asked, asking, others=seeds_read, progress=progress)


def history_models(spec: str | Path, device: str = "auto") -> dict[str, Callable[[], OptionScorer]]:
    """What loads the model of each of a history's centuries, oldest first; answers are kept in the cache.

    Args:
        spec: a shipped name, or the folder of a history or build, with `adapters/C0xx`, or of a collected history, whose
            card names its models.
        device: where they run.

    Raises:
        UserError: there are none.
    """
    if (Path(spec) / CARD_FILE).is_file() and (models := collected_models(spec)):
        return {label: loader(model, device) for label, model in models.items()}
    adapters = century_adapters(spec)
    base = _base(spec)
    return {label: loader(adapter, device, base) for label, adapter in adapters.items()}


def known_seeds(spec: str | Path, labels: Sequence[str], asking: Asking) -> OtherSeeds | None:
    """Answers of a published history's training seeds to the items asked, in the reading that it ships.

    None where it has one seed only, or was asked something else.
    """
    more = other_seeds(spec)
    if more is None:
        return None
    history = History.load(spec)
    place = {item.id: number for number, item in enumerate(history.instrument.items)}
    index = [place.get(item.id, 0) for item in asking.instrument.items]
    if list(history.labels) != list(labels) or asking.instrument.items != tuple(
        history.instrument.items[number] for number in index
    ):
        return None
    return OtherSeeds(
        answers=tuple(np.asarray(answers[:, index], dtype=np.float64) for answers in (history.answers, *more)),
        how=f"as the history was read, mode {history.reading or 'unknown'}",
    )


def _ask_all(
    models: Mapping[str, Callable[[], OptionScorer]], asking: Asking, progress: Progress | None, suffix: str
) -> list[Asked]:
    asked = []
    for label, load in models.items():
        if progress is not None:
            progress(f"asking {label}{suffix}")
        asked.append(ask_model(load(), asking))
    return asked


def _panel_answers(asked: Sequence[Asked], asking: Asking) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(M, N, K)."""
    mask, temperature = asking.instrument.mask, asking.instrument.config.temperature
    return np.array([verdict_answers(a.items.reshape(-1, *a.items.shape[2:]), mask, temperature) for a in asked])


def _base(spec: str | Path) -> str:
    """The base model that a history's card, or a build's recipe, names."""
    shipped = shipped_folder(str(spec))
    home = shipped if shipped.is_dir() else Path(spec)
    if (home / "recipe.json").is_file():
        return str(build_recipe(home)["base"])
    base = History.load(spec).card.get("base_model")
    if not isinstance(base, str):
        raise UserError(f"the card of {spec} names no base_model for its adapters")
    return base
