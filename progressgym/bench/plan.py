"""What a benchmark consists of: the groups of cells that the chosen agents, challenges, histories and seeds span.

A group is one agent on one challenge and history; its cells are the seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from progressgym.agents import headline, marked, spec_of, with_policy
from progressgym.agents.config import POLICY_PREFIX
from progressgym.bench.apart import check
from progressgym.bench.challenges import DEFAULTS, Challenge, parse_challenge
from progressgym.bench.measures import DEFAULT as DEFAULT_MEASURES
from progressgym.bench.measures import check_measures
from progressgym.core.bounds import LARGEST_SEED
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import is_own, parse_id
from progressgym.histories.history import RESAMPLED, SYNTHETIC, History, shipped_names
from progressgym.histories.source import resolve_history
from progressgym.histories.splits import parse_split, split_id
from progressgym.histories.synthetic import SyntheticSpec
from progressgym.models import locate
from progressgym.tuning.needs import need_trl

SHIPPED_HISTORY = "gss-v1"
SYNTHETIC_HISTORY = "synthetic:linear?coherence=0.5"
"""As coherent as `gss-v1` was measured to be (0.45): here an agent can be told from chance in seconds."""
SHIPPED_SPLIT, EACH = "shipped", "each"
SPLITS = (EACH, SHIPPED_SPLIT)
SEEDS, SPLITS_RUN = 10, 32
"""By default. Splits are so many that they make up less than a tenth of the variance: docs/statistics.md."""
MOST_SEEDS = 100_000
LABELS = ("probability", "sample")


@dataclass(kw_only=True, frozen=True)
class HistoryChoice:
    """A history as it was asked for, and how it is called in tables and paths."""

    spec: str
    """Shipped name, path or synthetic id."""
    id: str
    """Name in tables and paths; a path's carries the beginning of the content's hash."""
    splits: bool = False
    """Whether every seed divides the items anew: seed s has split s."""

    @property
    def default_seeds(self) -> tuple[int, ...]:
        """Seeds when nothing is said."""
        return tuple(range(SPLITS_RUN if self.splits else SEEDS))

    def at(self, seed: int) -> str:
        """What a seed runs on."""
        return split_id(self.spec, seed) if self.splits else self.spec

    def id_at(self, seed: int) -> str:
        """How that is called in the record of a cell."""
        return split_id(self.id, seed) if self.splits else self.id


@dataclass(kw_only=True, frozen=True)
class Group:
    """One agent on one challenge and history."""

    history: HistoryChoice
    challenge: Challenge
    agent: str
    """Id of a shipped agent, or `module:Class`."""
    seeds: tuple[int, ...]
    measures: tuple[str, ...] = DEFAULT_MEASURES
    """What is measured beside the scores, see `progressgym.bench.measures`."""

    @property
    def title(self) -> str:
        """The group in words, for progress lines."""
        return f"{self.history.id}  {self.challenge.id}  {self.agent}"


@dataclass(kw_only=True, frozen=True)
class Plan:
    """Groups in the order in which they run."""

    groups: tuple[Group, ...]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return sum(len(group.seeds) for group in self.groups)


def make_plan(
    *,
    agents: Sequence[str] = (),
    challenges: Sequence[str] = (),
    histories: Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    splits: str = EACH,
    labels: Sequence[str] = LABELS,
    policy: str = "stance",
    measures: Sequence[str] = DEFAULT_MEASURES,
) -> Plan:
    """Check everything that was asked for and lay it out.

    Args:
        agents: ids of agents or `module:Class`; by default those of the headline tables, installed ones too.
        challenges: ids; by default those that `progressgym.envs.BENCHMARKED` lists. One that does not name its labels is run with each of `labels`.
        histories: shipped names, paths or synthetic ids; by default the shipped history (where there is one) and one
            synthetic family.
        seeds: how many (0, 1, ...), or which; by default 10, and 32 where every seed has a split of its own.
        splits: `each`: on a fixed history every seed has a split of its own; `shipped`: the one it comes with.
        labels: kinds of labels; agents that do not learn are run with the first only.
        measures: what to measure beside the scores; `none` for nothing.
        policy: what agents adjust: `stance`, or `lm:` and a model for those that can adjust one (DPO and RLHF).

    Raises:
        UserError: anything unknown or empty; nothing has been run by then.
    """
    chosen = [_agent(name, policy) for name in agents or headline()]
    _find_models(chosen)
    if splits not in SPLITS:
        raise unknown("splits", splits, SPLITS)
    numbers = None if seeds is None else _seeds(seeds)
    measured = check_measures(measures)
    variants = _variants(challenges or DEFAULTS, labels)
    places = [_history(spec, splits == EACH) for spec in histories or default_histories()]
    for place in places:
        for challenge in variants:
            challenge.make(place.spec)  # refuses values out of range before anything is run
    groups = [
        Group(
            history=place,
            challenge=challenge,
            agent=_on(agent, place),
            seeds=numbers or place.default_seeds,
            measures=measured,
        )
        for place in places
        for challenge in variants
        for agent in chosen
        if learns(agent) or not _repeated(challenge, variants)
    ]
    return Plan(groups=tuple(dict.fromkeys(groups)))


def default_histories() -> list[str]:
    """The shipped history, where there is one, and a synthetic family."""
    return [*(name for name in shipped_names() if name == SHIPPED_HISTORY), SYNTHETIC_HISTORY]


def learns(agent: str) -> bool:
    """Whether the kind of labels can make a difference: users' own agents and those with an alignment method."""
    return spec_of(agent).learns


def _agent(name: str, policy: str) -> str:
    if is_own(name):
        check(name)
        return str(parse_id(name))
    return with_policy(name, policy)


def _find_models(agents: Sequence[str]) -> None:
    """Find (and fetch, where need be) every language model that is to be adjusted, before anything is run."""
    given = [parse_id(agent).arguments for agent in agents if not is_own(agent) and has_model(agent)]
    if given:
        need_trl()  # before a model is fetched or converted
    for policy in dict.fromkeys(str(arguments["policy"]) for arguments in given):
        locate(policy.removeprefix(POLICY_PREFIX))


def _on(agent: str, place: HistoryChoice) -> str:
    """The agent as it runs on a history; see `progressgym.agents.marked`."""
    return agent if is_own(agent) or not has_model(agent) else marked(agent, resolve_history(place.spec).fixed)


def has_model(agent: str) -> bool:
    """Whether an agent's policy is a language model."""
    return not is_own(agent) and "policy" in parse_id(agent).arguments


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, int) and seeds > MOST_SEEDS:
        raise UserError(f"{seeds} seeds are too many; use at most {MOST_SEEDS}")
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds))
    if not numbers or min(numbers) < 0 or max(numbers) > LARGEST_SEED:
        raise UserError("seeds must be a positive number of seeds, or a list of numbers from 0 to 2^63 - 1")
    return numbers


def _variants(challenges: Sequence[str], labels: Sequence[str]) -> list[Challenge]:
    """Challenges with each kind of labels, unless they name one."""
    variants: list[Challenge] = []
    for text in challenges:
        challenge = parse_challenge(text)
        variants += [challenge] if "labels=" in text else [challenge.replace(labels=kind) for kind in labels]
    return list(dict.fromkeys(variants))


def _repeated(challenge: Challenge, variants: Sequence[Challenge]) -> bool:
    """Whether the same challenge comes earlier with another kind of labels."""
    earlier = variants[: variants.index(challenge)]
    return any(other.unlabelled == challenge.unlabelled for other in earlier)


def _history(spec: str, each: bool) -> HistoryChoice:
    """A history as it was asked for; one that names a split keeps it."""
    source, asked = resolve_history(spec), parse_split(spec)
    splits = each and source.fixed is not None and asked[0] == spec and not spec.startswith(RESAMPLED)
    if asked[0].startswith(SYNTHETIC):
        name = split_id(SyntheticSpec.parse(asked[0]).id, asked[1])
    elif spec.startswith(RESAMPLED) and source.fixed is not None:
        name = source.fixed.name
    elif asked[0] in shipped_names() or not isinstance(source.fixed, History) or not Path(asked[0]).exists():
        name = spec
    else:
        spec = split_id(str(Path(asked[0])), asked[1])
        name = f"{source.fixed.name.partition('?')[0]}@{source.fixed.hash[:8]}"
    return HistoryChoice(spec=spec, id=name, splits=splits)
