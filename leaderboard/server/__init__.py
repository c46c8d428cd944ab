"""The leaderboard's server: pages, an HTTP interface with an OpenAPI schema, and the intake of submissions.

Needs `pip install 'progress-gym[serve]'`. One process: a pool of threads answers questions, every submission is verified
in a limited child process of its own.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.leaderboard.server.run import serve
    from progressgym.leaderboard.server.settings import Settings

__all__ = [
    "Settings",  # limits of a server
    "serve",  # serve until interrupted
]
__getattr__ = lazy(
    __name__,
    {
        "run": "serve",
        "settings": "Settings",
    },
)
