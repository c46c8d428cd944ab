"""Domains by name, each with its own judge: `simulator`, `dilemmas?century=C017`, `icu`.

A domain's row names a frozen dataclass: its fields are the arguments, its `make()` returns domain and judge. What these
need is imported when one is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Rule, check_fields
from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import unknown
from progressgym.core.registry import Entry, Registry
from progressgym.envs.debate.split import split_states

DEFAULT_HISTORY = "histsmol-v1"
ICU_JUDGE = "icu-v2"
"""Shipped, because training it takes half a minute."""
RATER = "rater:"
_HERE = "progressgym.envs.debate.domains"
DOMAINS = Registry(
    "domain",
    (
        Entry("simulator", "sepsis of Oberst and Sontag, before an exact Bayes judge", f"{_HERE}:SimulatorOptions"),
        Entry(
            "dilemmas",
            "moral dilemmas, before a judge with the values of a century, or its language model",
            f"{_HERE}:DilemmaOptions",
        ),
        Entry("icu", "ICU-Sepsis, before a learned judge", f"{_HERE}:IcuOptions"),
    ),
    group="progressgym.domains",
    row=Entry,
)


def make_domain(spec: str) -> tuple[Domain, Judge]:
    """A domain and the judge that goes with it.

    Args:
        spec: `simulator` (sepsis of Oberst and Sontag; exact Bayes judge), `dilemmas` (moral dilemmas; the
            value-vector judge of a century, the last one by default) or `icu` (ICU-Sepsis; a learned judge), with
            arguments as in `simulator?glucose=published`, `dilemmas?century=C017&history=histsmol-v1` and
            `icu?sampler=natural&part=test`; with `judge=model` the century's language model reads the transcript.

    Raises:
        UserError: unknown domain or argument.
    """
    made: tuple[Domain, Judge] = DOMAINS.make(spec).make()
    return made


@dataclass(kw_only=True, frozen=True)
class SimulatorOptions:
    """The sepsis simulator."""

    glucose: str = "corrected"
    """`corrected` or `published`, see `SimulatorDomain`."""
    epsilon: float | None = None
    """Chance of a random treatment; the paper's when None."""
    part: str = "all"
    """Of the patients: `all`, `train` or `test`."""

    def __post_init__(self) -> None:
        """Check types."""
        check_fields(self)

    def make(self) -> tuple[Domain, Judge]:
        """Domain and judge."""
        from progressgym.envs.debate.simulator import EPSILON, BayesJudge, SimulatorDomain

        epsilon = EPSILON if self.epsilon is None else float(self.epsilon)
        domain = SimulatorDomain(self.glucose, epsilon, self.part)
        return domain, BayesJudge(domain)


def _is_judge(value: object) -> bool:
    return value in ("values", "model") or (isinstance(value, str) and value.startswith(RATER) and value != RATER)


@dataclass(kw_only=True, frozen=True)
class DilemmaOptions:
    """The dilemmas of a history's questionnaire."""

    century: str | None = None
    """Whose judge; the last one when None."""
    history: str = DEFAULT_HISTORY
    """Shipped name, folder or id."""
    judge: Annotated[str, Rule("values, model or rater:NAME is expected", _is_judge)] = "values"
    """`values`; `model`, the century's language model; or `rater:delphi`, a rater by name, who knows no century."""
    part: str = "all"
    """Of the items: `all`, or a part as of `progressgym.envs.debate.split`."""

    def __post_init__(self) -> None:
        """Check types and names."""
        check_fields(self)

    def make(self) -> tuple[Domain, Judge]:
        """Domain and judge."""
        from progressgym.envs.debate.dilemmas import DilemmaDomain, century_index, century_judges
        from progressgym.histories.history import History

        history = History.load(self.history)
        domain = DilemmaDomain(history.instrument, self._items(len(history.instrument.items)))
        if self.judge.startswith(RATER):
            from progressgym.preferences.rater_judge import rater_judge

            return domain, rater_judge(self.judge, domain)
        century = century_index(history, history.labels[-1] if self.century is None else self.century)
        if self.judge == "values":
            return domain, century_judges(domain, history)[century]
        return domain, _century_model(domain, self.history, history.labels[century])

    def _items(self, count: int) -> NDArray[np.int64] | None:
        """Indices of the items of a part; None for all of them."""
        if self.part == "all":
            return None
        return np.flatnonzero(split_states(np.ones(count, dtype=bool), self.part, "dilemmas"))


@dataclass(kw_only=True, frozen=True)
class IcuOptions:
    """ICU-Sepsis."""

    sampler: str = "balanced"
    """`balanced` or `natural`, see `IcuDomain`."""
    part: str = "all"
    """Of the states: `all`, `train` or `test`."""

    def __post_init__(self) -> None:
        """Check types."""
        check_fields(self)

    def make(self) -> tuple[Domain, Judge]:
        """Domain and judge."""
        from progressgym.envs.debate.icu import IcuDomain
        from progressgym.envs.sepsis.tables import icu_tables
        from progressgym.preferences.learned_judge import LearnedJudge

        icu_tables()  # says what to install before anything is asked of the domain
        domain = IcuDomain(sampler=self.sampler, part=self.part)
        with as_file(files("progressgym.data") / "judges" / ICU_JUDGE) as folder:
            return domain, LearnedJudge.load(folder)


def _century_model(domain: Domain, history: str, label: str) -> Judge:
    from progressgym.histories.adapters import century_adapters
    from progressgym.models import load_model
    from progressgym.models.cache import AnswerCache
    from progressgym.preferences.lm_judge import LanguageModelJudge

    adapters = century_adapters(history)
    if label not in adapters:
        raise unknown(f"century model of {history!r}", label, adapters)
    return LanguageModelJudge(load_model(adapters[label]), domain, cache=AnswerCache())
