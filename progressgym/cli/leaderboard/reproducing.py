"""What `progressgym leaderboard reproduce` does with each entry, and what it tells about it."""

from __future__ import annotations

import datetime
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.cli.options import listed
from progressgym.core.bounds import number, whole
from progressgym.core.errors import UserError
from progressgym.core.ids import parse_id

if TYPE_CHECKING:
    from progressgym.cli.leaderboard import Reproduce
    from progressgym.leaderboard.channel import GuestLimits
    from progressgym.leaderboard.private import PrivateSplit
    from progressgym.leaderboard.rows import Entry
    from progressgym.leaderboard.store import Store


def reproduce_all(options: Reproduce) -> int:
    """One after the other; 1 when one is not reproduced."""
    from progressgym.leaderboard.board import load_board
    from progressgym.leaderboard.hidden import load_hidden
    from progressgym.leaderboard.private import PrivateSplit, read_key
    from progressgym.leaderboard.sandbox import check_sandbox
    from progressgym.leaderboard.store import Store

    _check(options)
    key = read_key(Path(options.key_file))
    check_sandbox()
    store = Store.open(options.store, options.evidence or None, create=False)
    try:
        board = load_board(options.board)
        folder = Path(options.private) if options.private else store.private
        split = PrivateSplit(key=key, board=board, hidden=load_hidden(folder, board.histories))
        chosen = _chosen(options.id, store, split)
        print(f"private split {split.name}, {len(split.groups)} groups", file=sys.stderr)
        outcomes = [_outcome(options, store, split, entry) for entry in chosen]
    finally:
        store.close()
    return 0 if all(outcomes) else 1


def _chosen(ids: str, store: Store, split: PrivateSplit) -> list[Entry]:
    if ids != "all":
        return [store.entry(one) for one in listed(ids)]
    waiting = [entry for entry in store.entries() if entry.private_split != split.name]
    return [entry for entry in waiting if entry.rung != "validated" and entry.board == split.board.name]


def _check(options: Reproduce) -> None:
    """Mistakes of the board's owner, before anybody's attempt is taken."""
    whole("--attempts", options.attempts, 1, 10**6)
    whole("--days", options.days, 1, 36_500)
    number("--seconds", options.seconds, 1.0, 1e7)
    number("--tolerance", options.tolerance, 0.0, 1.0)
    if options.private and not Path(options.private).is_dir():
        raise UserError(f"there is no folder {options.private} of private histories")
    if options.code and not Path(options.code).is_dir():
        raise UserError(f"there is no folder {options.code} with the agent's code")
    if options.model and not Path(options.model).is_dir():
        raise UserError(f"there is no folder {options.model} with the agent's weights")
    missing = [name for name in listed(options.install_env) if name not in os.environ]
    if missing:
        raise UserError(f"--install-env: {missing[0]} is not set")


def _outcome(options: Reproduce, store: Store, split: PrivateSplit, entry: Entry) -> bool:
    """One entry, written down whatever comes of it; the next one has its turn in any case."""
    from progressgym.leaderboard.reserved import BOARD

    try:
        return _reproduce(options, store, split, entry)
    except UserError as error:
        store.note("not-attempted", BOARD, entry.digest, [str(error)])
        print(f"{entry.id} {entry.agent} {entry.version}: not attempted, {error}")
    except Exception as error:  # noqa: BLE001  (the attempt is written down as the board's failure by now)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"{entry.id} {entry.agent} {entry.version}: the board failed, {reason}", file=sys.stderr)
    return False


def _reproduce(options: Reproduce, store: Store, split: PrivateSplit, entry: Entry) -> bool:
    """One entry."""
    from progressgym.cli.leaderboard.printing import show_sides
    from progressgym.leaderboard.attempts import reproduce_entry
    from progressgym.leaderboard.installation import lay_out
    from progressgym.leaderboard.play import Performer
    from progressgym.leaderboard.reproduce import READER
    from progressgym.leaderboard.scratch import scratch

    secrets = (Path(options.key_file).absolute(), store.private, store.evidence.root)
    model = bool(options.model) and parse_id(entry.record.agent.id).name == READER  # weights are nobody else's to read
    with scratch("install") as folder:
        performer = Performer(
            agent=entry.record.agent.id,
            model=lay_out(Path(options.model), folder / "model") if model else None,
            limits=_limits(options.seconds, model=model),
            secrets=secrets,
        )
        done = reproduce_entry(
            store,
            entry.digest,
            split,
            performer,
            most=options.attempts,
            per=datetime.timedelta(days=options.days),
            install=partial(_install, options, entry, folder, secrets) if performer.own else None,
            tolerance=options.tolerance,
            progress=lambda what: (
                print(f"{entry.agent}: {what}", file=sys.stderr, flush=True)
                if sys.stderr.isatty() or what.startswith("failed")
                else None
            ),
        )
    print(
        f"{entry.id} {entry.agent} {entry.version}: {'reproduced' if done.matches else 'not reproduced'}, {done.note}"
    )
    if done.matches:
        show_sides(store.scores("public").get(entry.digest, []), done.groups)
    return done.matches


def _limits(seconds: float, *, model: bool) -> GuestLimits:
    """What a run may use; a language model computes as long as it runs, in a step as well, and in more memory."""
    from progressgym.leaderboard.channel import GuestLimits

    if not model:
        return GuestLimits(run_seconds=seconds)
    return GuestLimits(
        run_seconds=seconds,
        processor_seconds=int(seconds),
        step_seconds=seconds,
        total_seconds=2.0 * seconds,
        memory=16 * 2**30,
        address_space=64 * 2**30,
    )


def _install(options: Reproduce, entry: Entry, folder: Path, secrets: tuple[Path, ...]) -> tuple[Path, ...]:
    from progressgym.leaderboard.installation import Source, install

    source = Source(
        info=entry.record.code,
        folder=Path(options.code) if options.code else None,
        environment={name: os.environ[name] for name in listed(options.install_env)},
    )
    print(f"{entry.agent}: installing", file=sys.stderr, flush=True)
    return install(source, folder / "agent", secrets)
