"""One attempt at the third rung: taken from the submitter's allowance, made, and written down whatever comes of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.leaderboard.play import Performer
from progressgym.leaderboard.private import PrivateSplit
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.records import Reproduction
from progressgym.leaderboard.reproduce import check_agent, reproduce
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.rows import Entry
from progressgym.leaderboard.sandbox import check_sandbox
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import Submission, load_submission

Install = Callable[[], tuple[Path, ...]]


def reproduce_entry(
    store: Store,
    digest: str,
    split: PrivateSplit,
    performer: Performer,
    *,
    most: int,
    per: datetime.timedelta,
    install: Install | None = None,
    tolerance: float = 0.0,
    resamples: int = RESAMPLES,
    progress: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Reproduce an entry of a store.

    Args:
        store: where it is.
        digest: or the beginning of it.
        split: that ranks.
        performer: how its agent is run.
        most: attempts of its submitter in a span of time.
        per: that span.
        install: fetches and installs the agent's own code, and returns the folders of the search path; it is part of the
            attempt, and where it ends in a `UserError` that is the outcome.
        tolerance: see `reproduce`.
        resamples: see `reproduce`.
        progress: see `reproduce`.

    Returns:
        What was written down.

    Raises:
        UserError: it cannot be run here, or there are no attempts left; nothing is written then.
    """
    entry = store.entry(digest)
    if entry.withdrawn is not None or entry.rung == "validated":
        raise UserError(
            f"{entry.id} is {'withdrawn' if entry.withdrawn else 'only validated'}; it cannot be reproduced"
        )
    if entry.board != split.board.name:
        raise UserError(f"{entry.id} was made for {entry.board}, the private split is one of {split.board.name}")
    submission = _evidence(store, entry)
    check_agent(submission, performer, installed=install is None)
    check_sandbox()
    store.attempt(entry.submitter, entry.digest, most=most, per=per)
    try:
        done = _run(submission, split, performer, install, tolerance, resamples, progress)
    except Exception as error:
        reason = f"the board failed while it ran the agent ({type(error).__name__})"
        store.record_reproduction(entry.digest, _failure(split, reason))
        raise
    return store.record_reproduction(entry.digest, done)


def _run(
    submission: Submission,
    split: PrivateSplit,
    performer: Performer,
    install: Install | None,
    tolerance: float,
    resamples: int,
    progress: Callable[[str], None],
) -> Reproduction:
    """Install where there is something to install, then run."""
    if install is not None:
        try:
            performer = replace(performer, code=install())
        except UserError as error:
            progress(f"failed: {error}")
            # What pip and git said may hold what the owner let them see, such as the address of an index.
            return _failure(split, str(error).partition(": ")[0])
    return reproduce(submission, split, performer, tolerance=tolerance, resamples=resamples, progress=progress)


def _evidence(store: Store, entry: Entry) -> Submission:
    try:
        return load_submission(store.evidence.path(entry.digest))
    except Refused as refused:
        raise UserError(f"the evidence of {entry.id} cannot be used: {refused}") from None


def _failure(split: PrivateSplit, note: str) -> Reproduction:
    """An attempt that did not come to a run."""
    return Reproduction(
        split=split.name,
        commitments=split.commitments,
        matches=False,
        largest_difference=None,
        groups=[],
        seconds=0.0,
        note=note,
    )
