"""What every request handler needs, held by the application."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

from progressgym.leaderboard.server.forms import Nameless
from progressgym.leaderboard.server.intake import Intake
from progressgym.leaderboard.server.rates import Rate
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.server.shelf import Shelf
from progressgym.leaderboard.site.pages import Pages
from progressgym.leaderboard.site.view import Snapshot
from progressgym.leaderboard.store import Store


@dataclass(kw_only=True, frozen=True, eq=False)
class Context:
    """Store, queue and pages of one server."""

    store: Store
    settings: Settings
    shelf: Shelf
    intake: Intake
    pages: Pages
    scratch: Path
    """Where uploads lie until they are decided upon; gone with the server."""
    failures: Rate
    """Wrong tokens by address."""
    nameless: Nameless
    """Forms whose token is not there yet."""

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder for an upload that is gone if the block ends badly; otherwise who took it removes it."""
        folder = Path(tempfile.mkdtemp(prefix="upload-", dir=self.scratch))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def send(
        self,
        request: Request,
        snapshot: Snapshot,
        key: str,
        kind: str,
        make: Callable[[], bytes],
        *,
        heavy: bool = False,
    ) -> Response:
        """An answer that depends on the standings alone: made once a revision, 304 for one who has it.

        Args:
            request: who asks.
            snapshot: what is shown.
            key: says which answer.
            kind: media type.
            make: renders it.
            heavy: takes long; only one at a time is made.
        """
        answer = self.shelf.answer(snapshot, key, make, heavy=heavy)
        headers = {"ETag": answer.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if answer.tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(answer.packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(answer.body, media_type=kind, headers=headers)


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context
