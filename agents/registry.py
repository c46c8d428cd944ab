"""All agents by name, as one flat list, and `make`, which reads a name or a query string.

Importing this module loads no torch; the first agent made does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from progressgym.agents.config import (
    MODEL_REFERENCE,
    POLICY_PREFIX,
    FilterConfig,
    LanguageModelConfig,
    LearnedConfig,
    LearnerConfig,
    same_model,
)
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar, format_id, parse_id

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent
    from progressgym.histories.history import History

Config = LearnerConfig | FilterConfig | LearnedConfig
SHARED = ("independent", "forecast", "order", "targets", "scale", "device")
"""Arguments of every alignment method; each adds its own."""
MODEL_ARGUMENTS = ("policy", "start", "tuning", "rank", "learning_rate", "comparisons", "epochs", "batch_size")
"""Arguments of a language-model policy; those but `policy` need one."""
WITH_MODELS = ("dpo", "rlhf")
"""Methods that can adjust a language model."""
STANCE = "stance"
METHOD_ARGUMENTS = {
    "map": (*SHARED, "prior"),
    "dpo": (*SHARED, "beta_dpo", "reference", "ridge"),
    "rlhf": (*SHARED, "beta_kl", "reference", "ridge"),
    "kalman": ("forecast", "scale", "device"),
    "learned": ("forecast", "scale", "device"),
}
"""Arguments that a query string may give, by method."""


@dataclass(kw_only=True, frozen=True)
class AgentSpec:
    """One row of the list of agents."""

    name: str
    summary: str
    """What it does, for tables and help."""
    reference: str | None = None
    """Name of a class in `references`; None for a learning agent."""
    method: str | None = None
    """How a learning agent learns: an alignment method, or `kalman` or `learned`."""
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    """Arguments that make the variant."""
    privileged: bool = False
    """Reads the truth."""
    extrapolative: bool = False
    """Its forecast follows the challenge's horizon in a benchmark unless it is given."""


REGISTRY: dict[str, AgentSpec] = {
    spec.name: spec
    for spec in (
        AgentSpec(name="static", summary="answers as century 0 for ever", reference="Static"),
        AgentSpec(name="random", summary="answers by chance", reference="Random"),
        AgentSpec(name="oracle", summary="answers with the truth", reference="Oracle", privileged=True),
        AgentSpec(
            name="last-human",
            summary="the true answers of the last century asked",
            reference="LastHuman",
            privileged=True,
        ),
        AgentSpec(
            name="last-century",
            summary="the true answers of the last century of all, from the start: steers in Coevolve",
            reference="LastCentury",
            privileged=True,
        ),
        AgentSpec(
            name="linear-trend", summary="a line through the true answers", reference="LinearTrend", privileged=True
        ),
        AgentSpec(name="lifelong-map", summary="tracks the most probable stance", method="map"),
        AgentSpec(name="lifelong-dpo", summary="direct preference optimisation every century", method="dpo"),
        AgentSpec(name="lifelong-rlhf", summary="a reward model and its best policy every century", method="rlhf"),
        AgentSpec(
            name="kalman-level",
            summary="filters the stance and expects it to stay",
            method="kalman",
            defaults={"models": "level"},
        ),
        AgentSpec(
            name="kalman-trend",
            summary="filters a local linear trend of the stance and continues it",
            method="kalman",
            defaults={"models": "trend"},
        ),
        AgentSpec(
            name="kalman",
            summary="averages filters of levels, trends, parabolas and cycles by their evidence",
            method="kalman",
            defaults={"models": "average"},
        ),
        AgentSpec(name="attention", summary="forecasts with weights learned on synthetic paths", method="learned"),
        AgentSpec(
            name="extrapolative-dpo",
            summary="DPO on forecast preferences",
            method="dpo",
            defaults={"forecast": 1, "order": 1},
            extrapolative=True,
        ),
        AgentSpec(
            name="extrapolative-rlhf",
            summary="RLHF on forecast preferences",
            method="rlhf",
            defaults={"forecast": 1, "order": 1},
            extrapolative=True,
        ),
    )
}


def names() -> list[str]:
    """Names of all agents.

    >>> names()[:3]
    ['static', 'random', 'oracle']
    """
    return list(REGISTRY)


def spec_of(agent: str) -> AgentSpec:
    """The row of a name or query string.

    Raises:
        UserError: no such agent.

    >>> spec_of("lifelong-dpo?independent=true").method
    'dpo'
    """
    name = parse_id(agent).name
    if name not in REGISTRY:
        raise unknown("agent", name, REGISTRY)
    return REGISTRY[name]


def check(agent: str) -> str:
    """Check a name or query string without loading torch; returns it with its arguments in order.

    >>> check("lifelong-dpo?reference=uniform&independent=true")
    'lifelong-dpo?independent=true&reference=uniform'
    """
    spec, given = spec_of(agent), dict(parse_id(agent).arguments)
    if "horizon" in given:
        if "forecast" in given:
            raise UserError(f"{agent!r}: horizon is another name of forecast; give one of them")
        given["forecast"] = given.pop("horizon")
    known = () if spec.method is None else (*METHOD_ARGUMENTS[spec.method], *_model_arguments(spec))
    if given.get("policy") == STANCE:
        del given["policy"]
    for key in given:
        if key not in known:
            if not known:
                raise UserError(f"agent {spec.name!r} takes no arguments, got {key!r}")
            raise unknown(f"argument of agent {spec.name!r}", key, known)
    if spec.method is not None:
        config_of(spec, given)
        if model_of(given) is not None and spec.method not in WITH_MODELS:
            raise UserError(
                f"agent {spec.name!r} adjusts a stance only; leave policy out or choose a DPO or RLHF agent"
            )
    return format_id(spec.name, **given)


def config_of(spec: AgentSpec, arguments: Mapping[str, Scalar]) -> Config:
    """The configuration of a learning agent.

    Raises:
        UserError: a value out of range.
    """
    own = {key: value for key, value in arguments.items() if key not in MODEL_ARGUMENTS}
    settings: dict[str, Any] = {**spec.defaults, **own}
    if spec.method == "kalman":
        return FilterConfig(**settings)
    if spec.method == "learned":
        return LearnedConfig(**settings)
    return LearnerConfig(method=str(spec.method), **settings)


def model_of(arguments: Mapping[str, Scalar]) -> LanguageModelConfig | None:
    """The language-model policy that arguments name; None for the stance policy.

    Raises:
        UserError: a value out of range, or an argument that needs a language model.
    """
    own: dict[str, Any] = {key: value for key, value in arguments.items() if key in MODEL_ARGUMENTS}
    if "policy" not in own:
        if own:
            raise UserError(f"{next(iter(own))} is for language-model policies; add policy=lm:MODEL")
        return None
    if not isinstance(own["policy"], str):
        raise UserError(f"policy is {own['policy']!r}; use {STANCE}, or {POLICY_PREFIX} and a model")
    return LanguageModelConfig(**own)


def with_policy(agent: str, policy: str) -> str:
    """The id of an agent with another policy; agents that adjust nothing, or only a stance, stay as they are.

    A language model gets `MODEL_REFERENCE` where the id names no reference, and the id says so.

    Raises:
        UserError: no such agent or policy.

    >>> with_policy("lifelong-dpo", "lm:smollm2-135m"), with_policy("lifelong-map", "lm:smollm2-135m")
    ('lifelong-dpo?policy=lm:smollm2-135m&reference=uniform', 'lifelong-map')
    """
    if policy != STANCE:
        model_of({"policy": policy})
    spec, given = spec_of(agent), parse_id(agent)
    if policy == STANCE or spec.method not in WITH_MODELS or "policy" in given.arguments:
        return check(agent)
    return check(format_id(given.name, **{"reference": MODEL_REFERENCE, **given.arguments, "policy": policy}))


def marked(agent: str, history: History | None) -> str:
    """The id of an agent on a history: `start=model` marks a policy that cannot begin as the history's first century.

    Args:
        agent: an id.
        history: a fixed one, or None for a distribution.
    """
    given = parse_id(agent)
    model = model_of(given.arguments) if spec_of(agent).method in WITH_MODELS else None
    if model is None or model.start == "model":
        return agent
    first = None if history is None else history.adapter(0)
    base = "" if history is None else str(history.card.get("base_model", ""))
    if first is not None and same_model(base, model.model):
        return agent
    return check(format_id(given.name, **{**given.arguments, "start": "model"}))


def _model_arguments(spec: AgentSpec) -> tuple[str, ...]:
    return MODEL_ARGUMENTS if spec.method in WITH_MODELS else ("policy",)


def make(
    name: str,
    *,
    policy: str | None = None,
    independent: bool | None = None,
    forecast: int | None = None,
    order: int | None = None,
    horizon: int | None = None,
    reference: str | None = None,
    targets: str | None = None,
    beta_dpo: float | None = None,
    beta_kl: float | None = None,
    ridge: float | None = None,
    prior: float | None = None,
    scale: float | None = None,
    device: str | None = None,
    start: str | None = None,
    tuning: str | None = None,
    rank: int | None = None,
    learning_rate: float | None = None,
    comparisons: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> Agent:
    """Make an agent.

    Args:
        name: one of `names()`, or a query string such as `lifelong-dpo?independent=true`.
        policy: what the agent adjusts: `stance` (default), or `lm:` and what `load_model` takes.
        independent: restart from century 0 every century (default: continue from the last).
        forecast: K, centuries ahead (default 0; 1 for extrapolative agents; what the task asks for with Kalman filters
            and attention).
        order: M, degree of the extrapolation (default 0; 1 for extrapolative agents).
        horizon: another name of `forecast`.
        reference: `stage` (default) or `uniform`.
        targets: `soft` or `signed`, see `progressgym.agents.forecast.loss_terms`, or `debate`, see
            `progressgym.agents.series`.
        beta_dpo: strength of DPO's reference.
        beta_kl: price of divergence in RLHF.
        ridge: weak prior of DPO and of the reward model.
        prior: precision of a century's move, MAP.
        scale: how far a unit of stance moves the logits.
        device: `auto` (default), `cpu`, `cuda`.
        start: language models: `history` (default; its first adapter where it is of this model) or `model`.
        tuning: language models: `lora` (default) or `full`.
        rank: of the LoRA adapter.
        learning_rate: peak learning rate of a stage.
        comparisons: how many comparisons a century is trained on; 0 takes all.
        epochs: passes over them.
        batch_size: rows a step.

    Raises:
        UserError: unknown agent, argument or value; an argument given twice.
    """
    if horizon is not None and forecast is not None:
        raise UserError("horizon is another name of forecast; give one of them")
    keywords: dict[str, Scalar | None] = {
        "independent": independent,
        "forecast": horizon if forecast is None else forecast,
        "order": order,
        "reference": reference,
        "targets": targets,
        "beta_dpo": beta_dpo,
        "beta_kl": beta_kl,
        "ridge": ridge,
        "prior": prior,
        "scale": scale,
        "device": device,
        "policy": policy,
        "start": start,
        "tuning": tuning,
        "rank": rank,
        "learning_rate": learning_rate,
        "comparisons": comparisons,
        "epochs": epochs,
        "batch_size": batch_size,
    }
    asked = parse_id(name)
    # What belongs to a language model can only be checked beside the policy.
    named = asked.arguments | ({} if policy is None else {"policy": asked.arguments.get("policy", policy)})
    variant = parse_id(check(format_id(asked.name, **named)))
    arguments = dict(variant.arguments)
    for key, value in keywords.items():
        if value is None or (key, value) == ("policy", STANCE):
            continue
        if arguments.get(key, value) != value:
            raise UserError(f"{key} is given as {arguments[key]!r} in {name!r} and as {value!r} beside it")
        arguments[key] = value
    arguments = dict(parse_id(check(format_id(variant.name, **arguments))).arguments)
    title = format_id(variant.name, **{key: value for key, value in arguments.items() if key != "device"})
    return _build(REGISTRY[variant.name], title, arguments)


def make_for(agent: str, horizon: int, device: str | None = None) -> Agent:
    """Make an agent as a benchmark runs it on a challenge.

    An extrapolative agent looks as far ahead as the challenge asks; where it does not ask, as far as its default.

    Args:
        agent: name or query string.
        horizon: of the challenge, centuries; 0 where it has none.
        device: of a learning agent that does not name one.
    """
    spec, given = spec_of(agent), parse_id(agent).arguments
    forecast = horizon if spec.extrapolative and horizon > 0 and "forecast" not in given else None
    return make(agent, forecast=forecast, device=device if spec.method is not None and "device" not in given else None)


def _build(spec: AgentSpec, title: str, arguments: dict[str, Scalar]) -> Agent:
    if spec.reference is not None:
        from progressgym.agents import references

        kinds: dict[str, type[Agent]] = {
            "Static": references.Static,
            "Random": references.Random,
            "Oracle": references.Oracle,
            "LastHuman": references.LastHuman,
            "LastCentury": references.LastCentury,
            "LinearTrend": references.LinearTrend,
        }
        return kinds[spec.reference](title)
    config = config_of(spec, arguments)
    if isinstance(config, FilterConfig):
        from progressgym.agents.filters.agent import Kalman

        return Kalman(title, config)
    if isinstance(config, LearnedConfig):
        from progressgym.agents.learned.agent import AttentionAgent

        return AttentionAgent(title, config)
    model = model_of(arguments)
    if model is not None:
        from progressgym.agents.language_learner import LanguageModelLearner

        return LanguageModelLearner(title, config, model)
    from progressgym.agents.learner import Learner

    return Learner(title, config)
