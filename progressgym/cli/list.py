"""`progressgym list`: the names that may be asked for, what they are, and which arguments they take."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from progressgym.core.arguments import defaults_of
from progressgym.core.errors import UserError, unknown
from progressgym.core.registry import Entry, Registry
from progressgym.core.targets import load_target

EXAMPLES = """
progressgym list
progressgym list agents
progressgym list histories --json
"""
KINDS = {
    "agents": "progressgym.agents.registry:AGENTS",
    "challenges": "progressgym.envs.challenge:CHALLENGES",
    "histories": "progressgym.histories.names:entries",
    "families": "progressgym.histories.families:FAMILIES",
    "instruments": "progressgym.instruments.registry:entries",
    "domains": "progressgym.envs.debate.domains:DOMAINS",
    "losses": "progressgym.losses:LOSSES",
    "preference-models": "progressgym.preferences.models.protocol:PREFERENCE_MODELS",
    "raters": "progressgym.raters.protocol:RATERS",
}
"""What there are lists of: a registry, or a function that gives rows."""


@dataclass(kw_only=True, frozen=True)
class Options:
    """List agents, challenges, histories, instruments and whatever else is asked for by name, installed ones included."""

    kind: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="KIND")] = ""
    """agents, challenges, histories, families, instruments, domains, losses, preference-models or raters; all by default."""
    json: bool = False
    """Print a JSON object instead of text, with arguments and their defaults."""


def run(options: Options) -> int:
    """Print them."""
    if options.kind and options.kind not in KINDS:
        raise unknown("kind of names", options.kind, KINDS)
    chosen = [options.kind] if options.kind else list(KINDS)
    if options.json:
        print(
            json.dumps(
                {kind: [_record(*row) for row in _rows(kind)] for kind in chosen},
                indent=2,
                ensure_ascii=False,
                default=str,
            )
        )
        return 0
    for kind in chosen:
        rows = [(entry.name, _summary(entry, registry), entry.origin) for entry, registry in _rows(kind)]
        width = max((len(name) for name, *_ in rows), default=0)
        lines = [f"{name:<{width}}  {summary}{f' [{origin}]' if origin else ''}" for name, summary, origin in rows]
        print("\n".join(lines if options.kind else [f"{kind}:", *(f"  {line}" for line in lines), ""]))
    return 0


def sentence(kind: str) -> str:
    """The names of one kind, for the help of commands that take them."""
    return f"{kind}: {', '.join(entry.name for entry, _ in _rows(kind))}"


def _rows(kind: str) -> Sequence[tuple[Entry, Registry[Any] | None]]:
    import progressgym.envs  # noqa: F401  (registers the challenges)

    source: Registry[Any] | Callable[[], list[Entry]] = load_target(KINDS[kind])
    if isinstance(source, Registry):
        return [(entry, source) for entry in source.entries()]
    return [(entry, None) for entry in source()]


def _summary(entry: Entry, registry: Registry[Any] | None) -> str:
    try:
        return entry.summary if registry is None else registry.summary(entry.name)
    except UserError as error:  # somebody else's package that cannot be imported; the others are there
        return f"({error})"


def _record(entry: Entry, registry: Registry[Any] | None) -> dict[str, Any]:
    record: dict[str, Any] = {"name": entry.name, "summary": _summary(entry, registry), "origin": entry.origin or None}
    if registry is not None:
        try:
            values = {**defaults_of(registry.load(entry.name)), **entry.defaults}
            record["arguments"] = {name: values.get(name) for name in registry.arguments(entry.name)}
        except UserError:
            record["arguments"] = None
    return record
