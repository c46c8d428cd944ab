"""Agents from a user's own module, named `module:Class`: any class with `reset(task, seed)` and `act(observation, info)`.

The module is imported as Python imports it, with the working directory on the path; nothing else is run. Arguments are
the fields of a dataclass: `module:Class?patience=3`.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from progressgym.agents.agent import Agent
from progressgym.agents.registry import AGENTS, check, make
from progressgym.agents.rowwise import check_agent
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_file
from progressgym.core.ids import parse_id
from progressgym.core.protocols import AgentLike


def load_class(agent: str) -> Callable[[], AgentLike]:
    """The class of a `module:Class`, to be called without arguments: those of the id are in it.

    Raises:
        UserError: no such module or class, an error inside of the module, an unknown argument, or a class that is no
            alignment method and has no `reset` and `act`.
    """
    name = parse_id(agent).name
    found: Any = AGENTS.load(name)
    if not inspect.isclass(found):
        raise UserError(f"{name.replace(':', '.')} is no class; an agent is a class with reset() and act()")
    if hasattr(found, "agent") or issubclass(found, Agent):
        check(agent)
        return partial(make, agent)  # a method, or an agent like the shipped ones: these play single episodes too
    check_agent(name, found)
    return cast(Callable[[], AgentLike], partial(found, **AGENTS.settings(agent)))


def code_hash(agent: str) -> str | None:
    """sha256 of the file that a class of somebody else's is written in: a changed agent is run again.

    The file is found as Python finds it, and nothing of it is run. None for the agents of progressgym, whose names say
    what they are.

    Raises:
        UserError: no such agent, or one without a source file.
    """
    entry = AGENTS[parse_id(agent).name]
    if not entry.origin:
        return None
    file = _source_file(entry.target.partition(":")[0])
    if file is None or not Path(file).is_file():
        raise UserError(f"agent {agent!r} has no source file to identify it by")
    return sha256_file(file)


def _source_file(module: str) -> str | None:
    """Where a module's source is, None for what has none."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    name, places, found = "", None, None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        specs = (finder.find_spec(name, places) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        found = next((spec for spec in specs if spec is not None), None)
        if found is None:
            raise UserError(f"no module {module!r} for an own agent; run in the folder of its file")
        places = found.submodule_search_locations
    return found.origin if found is not None else None
