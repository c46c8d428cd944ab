"""What a server may be told."""

from __future__ import annotations

from dataclasses import dataclass

from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.unpack import MOST_ZIP


@dataclass(kw_only=True, frozen=True)
class Settings:
    """Limits of a server."""

    workers: int = 2
    """Verifications at a time, each a process of its own."""
    waiting: int = 256
    """Submissions that may wait for one; more are told to come again."""
    submissions_an_hour: int = 30
    """Of one submitter, refused ones included."""
    failures_a_minute: int = 20
    """Wrong tokens from one address."""
    requests_a_minute: int = 1200
    """Of any kind from one address."""
    upload_bytes: int = MOST_ZIP
    upload_seconds: float = 120.0
    """An upload that takes longer is cut off."""
    head_seconds: float = 10.0
    """From a connection, or the answer before, to the end of a request's headers."""
    name_seconds: float = 10.0
    """From the beginning of a form to the end of its token."""
    resamples: int = RESAMPLES
    """Bootstrap samples behind an interval."""
