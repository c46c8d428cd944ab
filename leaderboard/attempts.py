"""One attempt at the third rung: taken from the submitter's allowance, made, and written down whatever comes of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from progressgym.core.errors import UserError
from progressgym.leaderboard.play import Performer
from progressgym.leaderboard.private import PrivateSplit
from progressgym.leaderboard.records import Reproduction
from progressgym.leaderboard.reproduce import check_agent, reproduce
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.sandbox import check_sandbox
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import load_submission


def reproduce_entry(
    store: Store,
    digest: str,
    split: PrivateSplit,
    performer: Performer,
    *,
    most: int,
    per: datetime.timedelta,
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
        tolerance: see `reproduce`.
        resamples: see `reproduce`.
        progress: see `reproduce`.

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
    submission = load_submission(store.evidence.path(entry.digest))
    check_agent(submission, performer)
    check_sandbox()
    store.attempt(entry.submitter, entry.digest, most=most, per=per)
    done = reproduce(submission, split, performer, tolerance=tolerance, resamples=resamples, progress=progress)
    store.record_reproduction(entry.digest, done)
    return done
