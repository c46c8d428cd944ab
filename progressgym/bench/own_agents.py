"""Agents from a user's own module, named `module:Class`: any class with `reset(task, seed)` and `act(observation, info)`.

The module is imported as Python imports it, with the working directory on the path; nothing else is run.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.files import sha256_file
from progressgym.core.protocols import AgentLike


def load_class(agent: str) -> Callable[[], AgentLike]:
    """The class of a `module:Class`, to be called without arguments.

    Raises:
        UserError: no such module or class, an error inside of the module, or a class without `reset` and `act`.
    """
    module_name, _, name = agent.partition(":")
    _stand_here()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and module_name.split(".")[0] == error.name.split(".")[0]:
            raise UserError(f"no module {module_name!r} for agent {agent!r}; run in the folder of its file") from None
        raise UserError(f"agent {agent!r}: its module needs {error.name!r}, which is not installed") from None
    except BaseException as error:  # noqa: BLE001  (a user's module may raise anything, SystemExit too)
        raise UserError(f"agent {agent!r}: importing its module failed: {type(error).__name__}: {error}") from None
    found = vars(module).get(name)
    if not inspect.isclass(found):
        classes = [key for key, value in vars(module).items() if inspect.isclass(value)]
        raise UserError(f"module {module_name!r} has no class {name!r}{did_you_mean(name, classes)}")
    lacking = [method for method in ("reset", "act") if not callable(inspect.getattr_static(found, method, None))]
    if lacking:
        raise UserError(f"agent {agent!r} lacks {' and '.join(lacking)}(); see progressgym.core.protocols.AgentLike")
    return cast(Callable[[], AgentLike], found)


def source_hash(agent: str) -> str:
    """sha256 of the file that an own agent's class is written in: a changed agent is run again.

    The file is found as Python finds it, and nothing of it is run.

    Raises:
        UserError: there is none.
    """
    file = _source_file(agent.partition(":")[0])
    if file is None or not Path(file).is_file():
        raise UserError(f"agent {agent!r} has no source file to identify it by")
    return sha256_file(file)


def _stand_here() -> None:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


def _source_file(module: str) -> str | None:
    """Where a module's source is, None for what has none."""
    _stand_here()
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
