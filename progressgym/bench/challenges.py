"""Challenges by name: `follow`, `predict?horizon=2`, `coevolve?influence=0.2&labels=sample`.

A challenge's id names an environment and the arguments that differ from its defaults, so that equal challenges have
equal ids in tables and paths.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym

import progressgym.envs  # noqa: F401  (registers the environments)
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar, format_id, parse_id

if TYPE_CHECKING:
    from progressgym.envs.base import ProgressEnv
    from progressgym.histories.source import HistorySpec
    from progressgym.instruments.instrument import Instrument

IDS = {
    "follow": "ProgressGym/Follow-v0",
    "predict": "ProgressGym/Predict-v0",
    "coevolve": "ProgressGym/Coevolve-v0",
    "coevolve-v1": "ProgressGym/Coevolve-v1",
}
"""A name without a version is v0 for ever: what was scored under it stays comparable."""
DEFAULTS = ("follow", "predict", "coevolve")
"""What is run when nothing is asked for."""
NOT_PART_OF_AN_ID = ("self", "history", "instrument", "reward", "text", "render_mode")
"""Arguments that a benchmark sets itself or that move no score."""


@dataclass(kw_only=True, frozen=True)
class Challenge:
    """One challenge with its arguments."""

    name: str
    """One of `IDS`."""
    arguments: tuple[tuple[str, Scalar], ...]
    """All arguments that belong to an id, defaults filled in, sorted by name."""
    defaults: tuple[tuple[str, Scalar], ...]
    """The same arguments as the environment has them."""

    @property
    def id(self) -> str:
        """Id without defaults."""
        plain = dict(self.defaults)
        return format_id(self.name, **{key: value for key, value in self.arguments if value != plain[key]})

    @property
    def kind(self) -> str:
        """`follow`, `predict` or `coevolve`, of whichever version."""
        return self.name.partition("-")[0]

    @property
    def environment(self) -> str:
        """Gymnasium id."""
        return IDS[self.name]

    @property
    def labels(self) -> str:
        """Kind of labels: `probability` or `sample`."""
        return str(dict(self.arguments)["labels"])

    @property
    def unlabelled(self) -> str:
        """Id without the kind of labels: what the two columns of a table share."""
        return parse_challenge(self.id).replace(labels="probability").id

    def replace(self, **arguments: Scalar) -> Challenge:
        """The challenge with other arguments."""
        merged = dict(self.arguments) | arguments
        return Challenge(name=self.name, arguments=tuple(sorted(merged.items())), defaults=self.defaults)

    def make(self, history: HistorySpec, instrument: Instrument | None = None) -> ProgressEnv:
        """The environment, without wrappers; `instrument` is what synthetic histories answer, `moral19-v1` by default."""
        own = {"history": history, "instrument": instrument, "disable_env_checker": True}
        arguments: dict[str, Any] = {**dict(self.arguments), **own}
        with warnings.catch_warnings():
            # An id names its version, so that its scores stay what they are; a newer one is no reason to warn.
            warnings.filterwarnings("ignore", message=".*is out of date.*", category=DeprecationWarning)
            env: ProgressEnv = gym.make(self.environment, **arguments).unwrapped  # type: ignore[assignment]  # it is one
        return env


def parse_challenge(text: str) -> Challenge:
    """Read a challenge's id.

    Raises:
        UserError: unknown challenge or argument.

    >>> parse_challenge("follow?labels=probability").id, parse_challenge("follow?labels=sample").id
    ('follow', 'follow?labels=sample')
    """
    variant = parse_id(text)
    if variant.name not in IDS:
        raise unknown("challenge", variant.name, IDS)
    defaults = _defaults(IDS[variant.name])
    for key in variant.arguments:
        if key not in defaults:
            raise unknown(f"argument of challenge {variant.name!r}", key, sorted(defaults))
    merged = {**defaults, **variant.arguments}
    for key, value in defaults.items():
        if isinstance(value, float) and isinstance(merged[key], int) and not isinstance(merged[key], bool):
            merged[key] = float(merged[key])
    if merged["labels"] not in ("probability", "sample"):
        raise unknown("kind of labels", str(merged["labels"]), ("probability", "sample"))
    return Challenge(
        name=variant.name, arguments=tuple(sorted(merged.items())), defaults=tuple(sorted(defaults.items()))
    )


def _defaults(environment: str) -> dict[str, Scalar]:
    """Arguments of an environment that belong to a challenge's id, with their defaults."""
    spec = gym.spec(environment)
    entry = spec.entry_point
    if not isinstance(entry, str):
        raise UserError(f"environment {environment} is registered by object; progressgym registers by name")
    module, _, name = entry.partition(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), name).__init__).parameters
    own = {key: item.default for key, item in parameters.items() if key not in NOT_PART_OF_AN_ID}
    return {**own, **spec.kwargs}
