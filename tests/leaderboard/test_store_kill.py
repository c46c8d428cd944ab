"""kill -9 at every write point of an accept: afterwards the entry is not there, or wholly there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from progressgym.leaderboard.store import Store
from tests.leaderboard.stores import verdict

POINTS = 60


def accept_and_die(root: Path, limit: int) -> bool:
    """In a fork: open, accept, and be killed at the `limit`-th write point; True if it ran through."""
    child = os.fork()
    if child == 0:
        _die_at(limit)
        try:
            store = Store.open(root)
            store.submit(*verdict(), "ada")
            store.close()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _die_at(limit: int) -> None:
    """Count file operations and database statements, before and after each; kill at the chosen one."""
    import builtins

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    count = 0

    def step(*_: object) -> None:
        nonlocal count
        count += 1
        if count == limit:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(original):  # type: ignore[no-untyped-def]
        def call(*arguments, **options):  # type: ignore[no-untyped-def]
            step()
            result = original(*arguments, **options)
            step()
            return result

        return call

    os.fsync, os.replace, os.mkdir = counted(os.fsync), counted(os.replace), counted(os.mkdir)
    builtins.open = counted(builtins.open)

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(connection, cursor, statement, *_) -> None:  # type: ignore[no-untyped-def]
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE")):
            step()

    event.listen(Engine, "commit", step)


def test_kill_at_every_write_point(tmp_path: Path) -> None:
    told, evidence = verdict()
    seen = set()
    for limit in range(1, POINTS):
        root = tmp_path / str(limit)
        Store.open(root).close()
        ended = accept_and_die(root, limit)
        store = Store.open(root)
        there = store.entries()
        seen.add(len(there))
        if there:
            assert store.read_evidence(there[0].digest) == evidence
            assert len(store.scores("public")[there[0].digest]) == len(told.groups)
            assert store.cells(there[0].digest) == told.cells
        assert len(store.log()) == len(there)
        store.check_log()
        again = store.submit(told, evidence, "ada")  # whoever sends it again gets it in
        assert again.created == (not there) and len(store.entries()) == 1
        assert store.read_evidence(told.digest or "") == evidence
        store.close()
        if ended:
            assert seen == {0, 1} and limit > 15, "it must have been killed at many points before it ran through"
            return
    raise AssertionError("the accept never ran through")
