"""How many threads torch computes on meanwhile, without importing it for those who do not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

TORCH = "torch"


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread meanwhile: the arrays are small, and numbers must not depend on the number of threads."""
    with limited_threads(1):
        yield


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Compute on so many threads meanwhile, also where torch is imported only then."""
    limit = _Limit(count)
    limit.begin()
    try:
        yield
    finally:
        limit.end()


def limit_threads(count: int) -> None:
    """Compute on so many threads from now on."""
    _Limit(count).begin()


class _Limit(MetaPathFinder):
    """Finds torch when it is imported, and sets its threads as soon as it is there."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.before: int | None = None
        """Threads of torch before; None as long as it is not there."""
        self._asking = False

    def begin(self) -> None:
        """Set the threads, or see that they will be."""
        if TORCH in sys.modules:
            self._set(sys.modules[TORCH])
        else:
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Leave torch as it was found, or as it came."""
        with suppress(ValueError):
            sys.meta_path.remove(self)
        if self.before is not None:
            sys.modules[TORCH].set_num_threads(self.before)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with something to do after it is loaded; many ask and never load it."""
        if fullname != TORCH or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_set(module: ModuleType) -> None:
                load(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    self._set(module)

            spec.loader.exec_module = load_and_set  # type: ignore[method-assign]
        return spec

    def _set(self, torch: ModuleType) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)
