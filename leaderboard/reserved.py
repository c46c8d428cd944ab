"""Names that nobody may take: the board's own, and those of the agents that come with progressgym, however they are drawn.

An agent that reads the truth is never entered. The name of any other shipped agent belongs to entries of just this
agent. The board's own names are no accounts: what they submit counts as the measure of honesty.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from progressgym.agents.registry import AGENTS
from progressgym.leaderboard.names import skeleton

_ARGUMENTS = re.compile(r"[?:&=,@+]")
"""What a reader takes for the beginning of an agent's arguments."""
_VERSION = re.compile(r"(?<=[^0-9._-])[._-]*v?[0-9]+(?:\.[0-9]+)*$", re.IGNORECASE)
"""What a reader takes for the number of a version."""
BOARD, HOUSE = "board", "progressgym"
"""Who decides when nobody else does, and who submits the entries that come with the package."""
_DRAWN = str.maketrans("2346789@+", "zeabtbgat")
"""Digits and signs that stand for letters, beyond those of a skeleton. Only for names that are reserved: between other
names a 3 is no e."""


def is_shipped(agent: str) -> bool:
    """Whether an id is that of an agent that comes with progressgym: its code is the board's own."""
    name = agent.partition("?")[0]
    return any(entry.name == name for entry in AGENTS.shipped())


def reference_like(name: str) -> str | None:
    """The reference that reads the truth and that a name looks like, or None.

    >>> [reference_like(name) for name in ("orac1e", "Last_Human?x=1", "0R4CL3", "or.ac-le", "oracle.v2", "my-oracle")]
    ['oracle', 'last-human', 'oracle', 'oracle', 'oracle', None]
    """
    return _first(_shapes(privileged=True), name)


def agent_name_problem(name: str, agent: str) -> str | None:
    """Why an agent may not be called so, or None.

    Args:
        name: how it shall be called.
        agent: its id: that of a shipped agent, or `module:Class`.

    >>> agent_name_problem("Kalman", "mine:Kalman"), agent_name_problem("kalman", "kalman?scale=2")
    ("looks like 'kalman', an agent that comes with progressgym; choose another name", None)
    """
    if (own := _first(_own(), name)) is not None:
        return f"looks like {own!r}, the board's own name; choose another"
    shipped = _first(_shapes(privileged=False), name, versions=False)
    if shipped is None or shipped == name.partition("?")[0] == agent.partition("?")[0]:
        return None
    return f"looks like {shipped!r}, an agent that comes with progressgym; choose another name"


def account_problem(name: str) -> str | None:
    """Why nobody may have an account of this name, or None.

    >>> account_problem("b0ard"), account_problem("ada")
    ("looks like 'board', which is reserved; choose another name", None)
    """
    taken = _first({**_shapes(privileged=True), **_own()}, name) or _first(
        _shapes(privileged=False), name, versions=False
    )
    return None if taken is None else f"looks like {taken!r}, which is reserved; choose another name"


def _first(shapes: dict[str, str], name: str, *, versions: bool = True) -> str | None:
    """The reserved name that a name looks like: whole, or without what follows as if it were arguments.

    Args:
        shapes: of the reserved names.
        name: any.
        versions: whether a number at the end is taken for a version's; `kalman-2` may be somebody's own.
    """
    head = _ARGUMENTS.split(name, maxsplit=1)[0]
    tried = (name, head, _VERSION.sub("", head)) if versions else (name, head)
    return next((shapes[shape] for one in tried if (shape := _shape(one)) in shapes), None)


@lru_cache(maxsize=1)
def _own() -> dict[str, str]:
    return {_shape(name): name for name in (BOARD, HOUSE, "progress-gym")}


@lru_cache(maxsize=2)
def _shapes(*, privileged: bool) -> dict[str, str]:
    return {_shape(spec.name): spec.name for spec in AGENTS.shipped() if spec.privileged is privileged}


def _shape(name: str) -> str:
    """What a name looks like, its arguments left out: one letter for all signs that are taken for it."""
    plain = unicodedata.normalize("NFKC", name.partition("?")[0]).casefold()
    return "".join(sign for sign in skeleton(plain.translate(_DRAWN)) if sign.isalpha())
