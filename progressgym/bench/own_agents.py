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
from progressgym.agents.registry import AGENTS, MODEL_ARGUMENTS, check, make
from progressgym.agents.rowwise import check_agent
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes, sha256_file
from progressgym.core.ids import is_own, parse_id
from progressgym.core.protocols import AgentLike
from progressgym.core.registry import Entry
from progressgym.losses import LOSSES
from progressgym.preferences.models.protocol import PREFERENCE_MODELS


def load_class(agent: str) -> Callable[[], AgentLike]:
    """The class of a `module:Class`, to be called without arguments: those of the id are in it.

    Raises:
        UserError: no such module or class, an error inside of the module, an unknown argument, or a class that is no
            alignment method and has no `reset` and `act`.
    """
    name = parse_id(agent).name
    target: Any = AGENTS.load(name)
    if not inspect.isclass(target):
        raise UserError(f"{name.replace(':', '.')} is no class; an agent is a class with reset() and act()")
    if hasattr(target, "agent") or issubclass(target, Agent):
        check(agent)
        return partial(make, agent)  # a method, or an agent like the shipped ones: these play single episodes too
    check_agent(name, target)
    return cast(Callable[[], AgentLike], partial(target, **AGENTS.settings(agent)))


def code_hash(agent: str) -> str | None:
    """sha256 of the files that somebody else wrote for an agent, its class, its loss, its reward: changed, it is run again.

    Files are found as Python finds them, and nothing of them is run. None where all is progressgym's own, whose names say
    what they are.

    Raises:
        UserError: no such agent, or code without a source file.
    """
    asked = parse_id(agent)
    entries: list[Entry] = [AGENTS[asked.name]]
    for key, value in asked.arguments.items():
        if key in MODEL_ARGUMENTS:  # lm:mine is a model
            continue
        name = str(value).partition("?")[0]
        entries += [registry[name] for registry in (LOSSES, PREFERENCE_MODELS) if is_own(name) or name in registry]
    modules = dict.fromkeys(entry.target.partition(":")[0] for entry in entries if entry.origin)
    hashes = []
    for module in modules:
        file = _source_file(module)
        if file is None or not Path(file).is_file():
            raise UserError(f"agent {agent!r} has no source file to identify it by")
        hashes.append(sha256_file(file))
    return hashes[0] if len(hashes) == 1 else sha256_bytes("".join(hashes).encode()) if hashes else None


def _source_file(module: str) -> str | None:
    """Where a module's source is, None for what has none."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    name, places, spec_found = "", None, None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        specs = (finder.find_spec(name, places) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec_found = next((spec for spec in specs if spec is not None), None)
        if spec_found is None:
            raise UserError(f"no module {module!r} for an own agent; run in the folder of its file")
        places = spec_found.submodule_search_locations
    return spec_found.origin if spec_found is not None else None
