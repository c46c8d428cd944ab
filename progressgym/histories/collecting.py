"""A history of models that are there already: on the hub, in folders, behind endpoints, one a century.

Each is loaded alone, asked, and let go; what a model with weights answered is kept in the answer cache, so an interrupted
collection goes on. The history's card names every model with its fingerprint, and where to find it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.protocols import OptionScorer
from progressgym.core.provenance import git_commit, package_versions
from progressgym.histories.history import MIN_CENTURIES, History
from progressgym.instruments.ask import ask, settled_mode, verdicts_of
from progressgym.instruments.panel import PANELS
from progressgym.instruments.questionnaire import Questionnaire

_LABELLED = re.compile(r"([\w.-]+)=(.+)")
_CENTURY = re.compile(r"(?<![A-Za-z0-9])C\d{3}(?!\d)")


def labelled(models: Sequence[str]) -> dict[str, str]:
    """Label -> model, in the order given; `LABEL=MODEL`, or a model whose name holds its century.

    Raises:
        UserError: a model without label, two of one label, or fewer than two.

    >>> labelled(["org/Hist-C018-instruct", "1950=smollm2-135m?source=wheel"])
    {'C018': 'org/Hist-C018-instruct', '1950': 'smollm2-135m?source=wheel'}
    """
    named: dict[str, str] = {}
    for text in models:
        match, centuries = _LABELLED.fullmatch(text), _CENTURY.findall(text)
        if match is None and len(centuries) != 1:
            raise UserError(f"{text!r} names no century; write LABEL=MODEL, for example C018={text}")
        label, model = match.groups() if match else (centuries[0], text)
        if label in named:
            raise UserError(f"{label} is given twice: {named[label]} and {model}")
        named[label] = model
    if len(named) < MIN_CENTURIES:
        raise UserError(f"a history has {MIN_CENTURIES} steps or more, {len(named)} given")
    return named


def loader(model: str | Path, device: str = "auto", base: str = "") -> Callable[[], OptionScorer]:
    """What loads a model, with a memory for what it answered where it has weights; an endpoint keeps its own.

    Args:
        model: see `progressgym.models.load_model`.
        device: where weights go.
        base: of an adapter, where it is another than it names.
    """

    def load() -> OptionScorer:
        from progressgym.models import load_model, resolve_base
        from progressgym.models.cache import Remembered
        from progressgym.models.language_model import LanguageModel

        loaded = load_model(model, device=device, base=resolve_base(base) if base else None)
        return Remembered(loaded) if isinstance(loaded, LanguageModel) else loaded

    return load


def collect(
    name: str,
    models: Mapping[str, str],
    instrument: Questionnaire,
    *,
    mode: str = PANELS[-1],
    device: str = "auto",
    progress: Callable[[str], None] | None = None,
) -> History:
    """Ask every model, and make a history of the answers.

    Args:
        name: of the history.
        models: label -> model, oldest first, see `progressgym.models.load_model`.
        instrument: what to ask.
        mode: how, see `Questionnaire.read`.
        device: where models with weights run.
        progress: called with each label before its model is loaded.

    Raises:
        UserError: a model that is not there, or one that has to be read in another mode than those before it.
    """
    rows, sources, modes = [], {}, set()
    for label, model in models.items():
        if progress is not None:
            progress(f"asking {label}: {model}")
        scorer = loader(model, device)()
        modes.add(settled_mode(scorer, mode))
        if len(modes) > 1:
            raise UserError(
                f"{model} reads in mode {settled_mode(scorer, mode)!r} only; give --mode so that all are read alike"
            )
        rows.append(ask(scorer, instrument.questions(), config=instrument.config, mode=mode).answers)
        sources[label] = {"model": model, "fingerprint": scorer.fingerprint}
    settled = modes.pop()
    reading: dict[str, Any] = {"mode": settled, "temperature": instrument.config.temperature}
    if verdicts := verdicts_of(settled, instrument.config):
        reading["verdicts"] = [list(verdict) for verdict in verdicts]
    card = {"models": sources, "reading": reading, "code": git_commit(), "packages": package_versions()}
    return History(
        name=name, labels=tuple(models), answers=np.array(rows, dtype=np.float32), instrument=instrument, card=card
    )


def collected_models(spec: str | Path) -> dict[str, str]:
    """Label -> model of a history that was collected; empty for any other."""
    models = History.load(spec).card.get("models")
    if not isinstance(models, dict) or not all(isinstance(row, dict) and "model" in row for row in models.values()):
        return {}
    return {label: str(row["model"]) for label, row in models.items()}
