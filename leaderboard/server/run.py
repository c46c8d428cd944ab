"""Run the server with uvicorn."""

from __future__ import annotations

import sys

import uvicorn

from progressgym.core.errors import UserError
from progressgym.leaderboard.server.app import make_app
from progressgym.leaderboard.server.connections import MOST_WAITING, Connection
from progressgym.leaderboard.server.guard import HEADER_BYTES
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.store import Store

SWITCH_SECONDS = 0.001
"""How long new standings may hold up an answer at a time; Python's default is five times that."""
REQUESTS = 600
"""Answered at once; more get 503."""
OPEN_FILES = 4096
"""Connections, their files and the store's; where the system allows fewer by default, more are asked for."""


def serve(store: Store, settings: Settings, *, host: str, port: int, proxy: bool = False, quiet: bool = False) -> None:
    """Serve until interrupted.

    Args:
        store: what to serve.
        settings: limits.
        host: address to listen on.
        port: 0 takes a free one.
        proxy: believe a reverse proxy on this machine about the client's address.
        quiet: log no requests.

    Raises:
        UserError: the port is taken.
    """
    config = uvicorn.Config(
        make_app(store, settings),
        host=host,
        port=port,
        http=Connection.limited(settings.head_seconds),
        ws="none",
        lifespan="on",
        server_header=False,
        proxy_headers=proxy,
        forwarded_allow_ips="127.0.0.1" if proxy else "",
        access_log=not quiet,
        log_level="warning" if quiet else "info",
        limit_concurrency=REQUESTS + MOST_WAITING,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    sys.setswitchinterval(SWITCH_SECONDS)
    _allow_files()
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit as error:
        if server.started:  # ended from outside
            raise
        raise UserError(f"cannot listen on {host}:{port}; is the port taken?") from error


def _allow_files() -> None:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
