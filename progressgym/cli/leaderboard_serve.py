"""`progressgym leaderboard serve`: the standings for people and programs, and the intake of submissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from progressgym.core.errors import UserError

EXAMPLES = """
progressgym leaderboard enrol ada --store runs/board
progressgym leaderboard serve --store runs/board
progressgym leaderboard serve --store postgresql+psycopg://localhost/board --evidence runs/evidence --port 8080
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Serve a board: pages, an HTTP interface (/openapi.json) and the intake of submissions by token.

    Put a reverse proxy with TLS before it when others than this machine shall reach it, and say --proxy.
    """

    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")]
    """Folder of a store, or database URL; made when it is not there."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""
    host: Annotated[str, tyro.conf.arg(metavar="ADDRESS")] = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, tyro.conf.arg(metavar="N")] = 8000
    """Port to listen on."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Verifications at a time."""
    waiting: Annotated[int, tyro.conf.arg(metavar="N")] = 256
    """Submissions that may be under way at once."""
    submissions_an_hour: Annotated[int, tyro.conf.arg(metavar="N")] = 30
    """Of one submitter, refused ones included."""
    requests_a_minute: Annotated[int, tyro.conf.arg(metavar="N")] = 1200
    """From one address."""
    proxy: bool = False
    """A reverse proxy on this machine says where requests come from."""
    quiet: bool = False
    """Log no requests."""


def run(options: Options) -> int:
    """Serve until interrupted."""
    for name in ("workers", "waiting", "submissions_an_hour", "requests_a_minute"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    if not 0 <= options.port <= 65535:
        raise UserError("--port must be from 0 to 65535")
    try:
        from progressgym.leaderboard.server.run import serve
    except ModuleNotFoundError as error:
        raise UserError(f"serving needs {error.name}: pip install 'progress-gym[serve]'") from None
    from progressgym.leaderboard.server.settings import Settings
    from progressgym.leaderboard.store import Store

    settings = Settings(
        workers=options.workers,
        waiting=options.waiting,
        submissions_an_hour=options.submissions_an_hour,
        requests_a_minute=options.requests_a_minute,
    )
    store = Store.open(options.store, options.evidence or None)
    serve(store, settings, host=options.host, port=options.port, proxy=options.proxy, quiet=options.quiet)
    store.close()
    return 0
