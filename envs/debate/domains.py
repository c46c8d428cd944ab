"""Domains by name, each with its own judge: `simulator`, `dilemmas?century=C017`, `icu`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar, parse_id

DEFAULT_HISTORY = "histsmol-v1"
DILEMMA_JUDGES = ("values", "model")
ICU_JUDGE = "icu-v2"
"""Shipped, because training it takes half a minute."""


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
    variant = parse_id(spec)
    if variant.name not in FACTORIES:
        raise unknown("domain", variant.name, FACTORIES)
    factory, known = FACTORIES[variant.name]
    for key in variant.arguments:
        if key not in known:
            raise unknown(f"argument of domain {variant.name!r}", key, known)
    return factory(variant.arguments)


def _simulator(arguments: dict[str, Scalar]) -> tuple[Domain, Judge]:
    from progressgym.envs.debate.simulator import EPSILON, BayesJudge, SimulatorDomain

    epsilon = arguments.get("epsilon", EPSILON)
    if not isinstance(epsilon, float | int):
        raise UserError(f"epsilon is {epsilon!r}; a number is expected")
    glucose, part = (str(arguments.get(key, default)) for key, default in (("glucose", "corrected"), ("part", "all")))
    domain = SimulatorDomain(glucose, float(epsilon), part)
    return domain, BayesJudge(domain)


def _dilemmas(arguments: dict[str, Scalar]) -> tuple[Domain, Judge]:
    from progressgym.envs.debate.dilemmas import DilemmaDomain, century_index, century_judges
    from progressgym.histories.history import History

    history = History.load(str(arguments.get("history", DEFAULT_HISTORY)))
    domain = DilemmaDomain(history.instrument)
    century = century_index(history, str(arguments.get("century", history.labels[-1])))
    judge = str(arguments.get("judge", DILEMMA_JUDGES[0]))
    if judge not in DILEMMA_JUDGES:
        raise unknown("judge of dilemmas", judge, DILEMMA_JUDGES)
    if judge == "values":
        return domain, century_judges(domain, history)[century]
    return domain, _century_model(domain, str(arguments.get("history", DEFAULT_HISTORY)), history.labels[century])


def _century_model(domain: Domain, history: str, label: str) -> Judge:
    from progressgym.histories.adapters import century_adapters
    from progressgym.models import load_model
    from progressgym.models.cache import AnswerCache
    from progressgym.preferences.lm_judge import LanguageModelJudge

    adapters = century_adapters(history)
    if label not in adapters:
        raise unknown(f"century model of {history!r}", label, adapters)
    return LanguageModelJudge(load_model(adapters[label]), domain, cache=AnswerCache())


def _icu(arguments: dict[str, Scalar]) -> tuple[Domain, Judge]:
    from progressgym.envs.debate.icu import IcuDomain
    from progressgym.envs.sepsis.tables import icu_tables
    from progressgym.preferences.learned_judge import LearnedJudge

    icu_tables()  # says what to install before anything is asked of the domain
    chosen = {key: str(value) for key, value in arguments.items()}
    domain = IcuDomain(sampler=chosen.get("sampler", "balanced"), part=chosen.get("part", "all"))
    with as_file(files("progressgym.data") / "judges" / ICU_JUDGE) as folder:
        return domain, LearnedJudge.load(folder)


FACTORIES: dict[str, tuple[Callable[[dict[str, Scalar]], tuple[Domain, Judge]], tuple[str, ...]]] = {
    "simulator": (_simulator, ("glucose", "epsilon", "part")),
    "dilemmas": (_dilemmas, ("century", "history", "judge")),
    "icu": (_icu, ("sampler", "part")),
}
"""Name -> how to make it, and its arguments. Modules are imported when a domain is asked for."""
