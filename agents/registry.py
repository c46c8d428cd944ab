"""All agents by name, as one flat table, and `make`, which reads a name or a query string.

A row names a class: an `Agent` as it stands, a recipe (a frozen dataclass with `agent(name)`: alignment methods and
forecasters), or anybody's class with `reset` and `act`. Importing this module loads no torch; the first agent made does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from progressgym.agents.config import (
    MODEL_REFERENCE,
    POLICY_PREFIX,
    LanguageModelConfig,
    same_model,
)
from progressgym.agents.methods.stage import adjusts_models
from progressgym.core.arguments import arguments_of, refuse_unknown
from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar, VariantId, format_id, parse_id
from progressgym.core.registry import Entry, Registry

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent
    from progressgym.histories.history import History

STANCE = "stance"
MODEL_ARGUMENTS = tuple(arguments_of(LanguageModelConfig))
"""Arguments of a language-model policy; those but `policy` need one."""
_REFERENCES = "progressgym.agents.references"
_METHODS = "progressgym.agents.methods"
_CONFIG = "progressgym.agents.config"


@dataclass(kw_only=True, frozen=True)
class AgentSpec(Entry):
    """One row of the table of agents."""

    learns: bool = True
    """Whether the kind of labels can make a difference."""
    privileged: bool = False
    """Reads the truth."""
    extrapolative: bool = False
    """Its forecast follows the challenge's horizon in a benchmark unless it is given."""
    headline: bool = True
    """Whether a benchmark runs it when no agents are named."""
    listed: bool = True
    """Whether `names` has it. One that says nothing without a model of its user's own is asked for by name."""

    @property
    def method(self) -> str | None:
        """How a learning agent learns: the name of its class, in lower case; None for a reference."""
        return self.target.rpartition(":")[2].lower() if self.learns else None


def _reference(name: str, summary: str, target: str, *, privileged: bool = True) -> AgentSpec:
    return AgentSpec(name, summary, f"{_REFERENCES}:{target}", learns=False, privileged=privileged)


AGENTS = Registry(
    "agent",
    (
        _reference("static", "answers as century 0 for ever", "Static", privileged=False),
        _reference("random", "answers by chance", "Random", privileged=False),
        _reference("oracle", "answers with the truth", "Oracle"),
        _reference("last-human", "the true answers of the last century asked", "LastHuman"),
        _reference(
            "last-century",
            "the true answers of the last century of all, from the start: steers in Coevolve",
            "LastCentury",
        ),
        _reference("linear-trend", "a line through the true answers", "LinearTrend"),
        AgentSpec("lifelong-map", "tracks the most probable stance", f"{_METHODS}.map:Map"),
        AgentSpec("lifelong-dpo", "direct preference optimisation every century", f"{_METHODS}.dpo:Dpo"),
        AgentSpec("lifelong-rlhf", "a reward model and its best policy every century", f"{_METHODS}.rlhf:Rlhf"),
        AgentSpec(
            "kalman-level",
            "filters the stance and expects it to stay",
            f"{_CONFIG}:FilterConfig",
            fixed={"models": "level"},
        ),
        AgentSpec(
            "kalman-trend",
            "filters a local linear trend of the stance and continues it",
            f"{_CONFIG}:FilterConfig",
            fixed={"models": "trend"},
        ),
        AgentSpec(
            "kalman",
            "averages filters of levels, trends, parabolas and cycles by their evidence",
            f"{_CONFIG}:FilterConfig",
            fixed={"models": "average"},
        ),
        AgentSpec(
            "kalman-pooled",
            "filters trends that shrink towards one drift of the whole questionnaire",
            f"{_CONFIG}:FilterConfig",
            defaults={"common": 4.0},
            fixed={"models": "trend"},
        ),
        AgentSpec(
            "attention",
            "forecasts with weights learned on synthetic paths",
            f"{_CONFIG}:LearnedConfig",
            headline=False,  # does not carry over to other questionnaires, see docs/agents/attention.md
        ),
        AgentSpec(
            "attention-v2",
            "forecasts with weights learned over many synthetic questionnaires",
            f"{_CONFIG}:TransferConfig",
        ),
        AgentSpec(
            "extrapolative-dpo",
            "DPO on forecast preferences",
            f"{_METHODS}.dpo:Dpo",
            defaults={"forecast": 1, "order": 1},
            extrapolative=True,
        ),
        AgentSpec(
            "extrapolative-rlhf",
            "RLHF on forecast preferences",
            f"{_METHODS}.rlhf:Rlhf",
            defaults={"forecast": 1, "order": 1},
            extrapolative=True,
        ),
        *(
            AgentSpec(
                name=name if (kind, name) == ("lifelong-", "conditional-dpo") else f"{kind}{name}",
                summary=f"{summary}{' on forecast preferences' if kind == 'extrapolative-' else ''}",
                target=f"{_METHODS}.{target}",
                defaults={"forecast": 1, "order": 1} if kind == "extrapolative-" else {},
                extrapolative=kind == "extrapolative-",
                headline=False,  # asked for by name, see docs/preferences.md
            )
            for kind in ("lifelong-", "extrapolative-")
            for name, summary, target in (
                ("gpo", "moves by how options fare against its own answers", "gpo:Gpo"),
                ("conditional-dpo", "DPO whose users are the centuries", "conditional:ConditionalDpo"),
                ("steerlm", "learns what answers score, and is asked for the best", "steer:SteerLm"),
            )
        ),
        AgentSpec(
            "personal",
            "places somebody among the people of a panel by the answers told",
            "progressgym.agents.personal:Personal",
            headline=False,  # for histories of people only, see docs/people.md
        ),
        AgentSpec(
            "reader",
            "a language model that is asked in text",
            "progressgym.agents.text_reader:TextReader",
            headline=False,
            listed=False,  # see docs/environments/text.md
        ),
    ),
    group="progressgym.agents",
    row=AgentSpec,
)


def names() -> list[str]:
    """Names of all agents, installed ones last.

    >>> names()[:3]
    ['static', 'random', 'oracle']
    """
    return [name for name in AGENTS.names() if AGENTS[name].listed]


def headline() -> list[str]:
    """Names of the agents that a benchmark runs when none are named.

    >>> len(headline()), "attention" in headline(), "attention-v2" in headline()
    (16, False, True)
    """
    return [name for name in names() if spec_of(name).headline]


def spec_of(agent: str) -> AgentSpec:
    """The row of a name or query string.

    Raises:
        UserError: no such agent.

    >>> spec_of("lifelong-dpo?independent=true").method
    'dpo'
    """
    return AGENTS[parse_id(agent).name]


def check(agent: str) -> str:
    """Check a name or query string without loading torch; returns it with its arguments in order.

    >>> check("lifelong-dpo?reference=uniform&independent=true")
    'lifelong-dpo?independent=true&reference=uniform'
    """
    asked = _settle(parse_id(agent))
    _configure(asked)
    return str(asked)


def _settle(asked: VariantId) -> VariantId:
    """An id with one spelling: flat, `horizon` as `forecast`, the stance policy left out."""
    given, fields = dict(AGENTS.flat(asked).arguments), AGENTS.arguments(asked.name)
    if "horizon" in given and "horizon" not in fields and "forecast" in fields:
        if "forecast" in given:
            raise UserError(f"{str(asked)!r}: horizon is another name of forecast; give one of them")
        given["forecast"] = given.pop("horizon")
    if given.get("policy") == STANCE and "policy" not in fields:
        del given["policy"]
    return VariantId(asked.name, given)


def _configure(asked: VariantId) -> tuple[Any, LanguageModelConfig | None]:
    """How an agent of an id is made, to be called with its title, and the language model that it adjusts.

    Raises:
        UserError: an unknown argument or a value out of range.
    """
    target, label = AGENTS.load(asked.name), f"agent {asked.name!r}"
    recipe = hasattr(target, "agent")
    models = MODEL_ARGUMENTS if adjusts_models(target) else ("policy",) if recipe else ()
    refuse_unknown(label, asked.arguments, [*AGENTS.argument_names(asked), *models])
    own = {key: value for key, value in asked.arguments.items() if key not in models}
    settings = AGENTS.settings(VariantId(asked.name, own))
    if not recipe:
        return partial(_of_class, target, settings), None
    model = model_of({key: value for key, value in asked.arguments.items() if key in models})
    if model is not None and not adjusts_models(target):
        raise UserError(f"{label} adjusts a stance only; leave policy out or choose a DPO or RLHF agent")
    return partial(_of_recipe, target(**settings), model), model


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
    given = parse_id(agent)
    target = AGENTS.load(given.name)
    if policy == STANCE or not adjusts_models(target) or "policy" in given.arguments:
        return check(agent)
    preset = {"reference": MODEL_REFERENCE} if "reference" in AGENTS.arguments(given.name) else {}
    return check(format_id(given.name, **{**preset, **given.arguments, "policy": policy}))


def marked(agent: str, history: History | None) -> str:
    """The id of an agent on a history: `start=model` marks a policy that cannot begin as the history's first century.

    Args:
        agent: an id.
        history: a fixed one, or None for a distribution.
    """
    given = parse_id(agent)
    model = model_of(given.arguments) if adjusts_models(AGENTS.load(given.name)) else None
    if model is None or model.start == "model":
        return agent
    first = None if history is None else history.adapter(0)
    base = "" if history is None else str(history.card.get("base_model", ""))
    if first is not None and same_model(base, model.model):
        return agent
    return check(format_id(given.name, **{**given.arguments, "start": "model"}))


def make(name: str, **arguments: Any) -> Agent:
    """Make an agent.

    Args:
        name: one of `names()`, a query string such as `lifelong-dpo?independent=true`, or `module:Class`.
        arguments: more of them; None is as if not given. They are the fields of the agent's own dataclass (`Dpo`, `Map`,
            `Rlhf` in `progressgym.agents.methods`, `FilterConfig`, `LearnedConfig`), `horizon` as another name of
            `forecast`, and for language models those of `progressgym.agents.config.LanguageModelConfig`.

    Raises:
        UserError: unknown agent, argument or value; an argument given twice.

    >>> make("lifelong-dpo?independent=true", beta_dpo=0.5).name
    'lifelong-dpo?beta_dpo=0.5&independent=true'
    """
    asked = _settle(parse_id(name))
    more = {key: value for key, value in arguments.items() if value is not None and (key, value) != ("policy", STANCE)}
    given = dict(asked.arguments)
    for key, value in _settle(VariantId(asked.name, more)).arguments.items():
        if given.get(key, value) != value:
            raise UserError(f"{key} is given as {given[key]!r} in {name!r} and as {value!r} beside it")
        given[key] = value
    build, _ = _configure(VariantId(asked.name, given))
    title = format_id(asked.name, **{key: value for key, value in given.items() if key != "device"})
    agent: Agent = build(title)
    if agent.privileged and not spec_of(name).privileged:
        raise UserError(f"agent {asked.name!r} reads the truth, which only the references of progressgym may")
    return agent


def make_for(agent: str, horizon: int, device: str | None = None) -> Agent:
    """Make an agent as a benchmark runs it on a challenge.

    An extrapolative agent looks as far ahead as the challenge asks; where it does not ask, as far as its default.

    Args:
        agent: name or query string.
        horizon: of the challenge, centuries; 0 where it has none.
        device: of a learning agent that does not name one.
    """
    spec, asked = spec_of(agent), parse_id(agent)
    forecast = horizon if spec.extrapolative and horizon > 0 and "forecast" not in asked.arguments else None
    takes_device = "device" in AGENTS.arguments(asked.name) and "device" not in asked.arguments
    return make(agent, forecast=forecast, device=device if takes_device else None)


def _of_recipe(recipe: Any, model: LanguageModelConfig | None, title: str) -> Agent:
    if model is None:
        agent: Agent = recipe.agent(title)
        return agent
    from progressgym.agents.language_learner import LanguageModelLearner

    return LanguageModelLearner(title, recipe, model)


def _of_class(target: Any, settings: Mapping[str, Any], title: str) -> Agent:
    from progressgym.agents.agent import Agent
    from progressgym.agents.rowwise import Rowwise

    if isinstance(target, type) and issubclass(target, Agent):
        return target(title, **settings)
    return Rowwise(title, partial(target, **settings))
