"""The web application: pages for people, the interface for programs, one guard around both."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from progressgym import __version__
from progressgym.core.errors import UserError
from progressgym.leaderboard.problems import Problem, plain, pointer, problem
from progressgym.leaderboard.scratch import scratch
from progressgym.leaderboard.server.api import authenticate, decision, find, parse, router
from progressgym.leaderboard.server.context import Context, context_of
from progressgym.leaderboard.server.errors import TITLES, Refusal, because
from progressgym.leaderboard.server.forms import Form, Nameless
from progressgym.leaderboard.server.guard import Guard
from progressgym.leaderboard.server.intake import Intake
from progressgym.leaderboard.server.rates import Rate
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.server.shelf import Shelf
from progressgym.leaderboard.site.pages import ASSETS, Links, Pages, asset
from progressgym.leaderboard.site.view import Query
from progressgym.leaderboard.standings_data import Row
from progressgym.leaderboard.store import Store

FOR_EVER = "public, max-age=31536000, immutable"
RETRY_SECONDS = 60.0
"""After which a full disk may have room again."""


def make_app(store: Store, settings: Settings) -> Guard:
    """The application of a store; it closes nothing but what it has opened itself."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        with scratch("server") as folder:
            await run_in_threadpool(store.tidy)
            context = Context(
                store=store,
                settings=settings,
                shelf=await run_in_threadpool(Shelf, store),
                intake=Intake(store, settings),
                pages=Pages(Links(static=False), submitting=True),
                scratch=folder,
                failures=Rate(settings.failures_a_minute, 60.0),
                nameless=Nameless(settings.name_seconds),
            )
            app.state.context = context
            await run_in_threadpool(_warm, context)
            yield
            context.intake.close()
            context.shelf.close()

    app = FastAPI(
        title="progressgym leaderboard",
        version=__version__,
        description="Standings recomputed from raw answers, and the intake of submissions.",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=living,
    )
    app.include_router(router)
    for path, handler in PAGES.items():
        app.add_route(path, handler, include_in_schema=False)
    app.add_route("/submit", submitted, methods=["POST"], include_in_schema=False)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    for fault in (UserError, OSError):
        app.add_exception_handler(fault, _own_fault)
    app.add_exception_handler(Exception, _broken)
    return Guard(app, settings)


def _warm(context: Context) -> None:
    """Compile the templates before the first reader comes."""
    snapshot = context.shelf.snapshot()
    context.pages.standings(snapshot.standings, snapshot.select(Query()))


def home(request: Request) -> Response:
    """The standings."""
    context = context_of(request)
    snapshot = context.shelf.snapshot()
    query = parse(dict(request.query_params), snapshot)
    return context.send(
        request,
        snapshot,
        "page" + query.address(),
        "text/html; charset=utf-8",
        lambda: context.pages.standings(snapshot.standings, snapshot.select(query)).encode(),
    )


def entry(request: Request) -> Response:
    """An entry."""
    context = context_of(request)
    snapshot = context.shelf.snapshot()
    digest = request.path_params["id"]
    if not 8 <= len(digest) <= 64 or not set(digest) <= set("0123456789abcdef"):
        raise because(404, "entry", "/id", "an entry is named by 8 or more hexadecimal digits")
    row = find(context, digest)
    return context.send(
        request,
        snapshot,
        f"entry {row.digest}",
        "text/html; charset=utf-8",
        lambda: context.pages.entry(
            snapshot.standings, row, context.shelf.portrait(row.digest, snapshot.standings.board)
        ).encode(),
    )


def metrics(request: Request) -> Response:
    """The provenance sheets."""
    context = context_of(request)
    snapshot = context.shelf.snapshot()
    return context.send(
        request,
        snapshot,
        "metrics",
        "text/html; charset=utf-8",
        lambda: context.pages.metrics(snapshot.standings).encode(),
    )


def form(request: Request) -> Response:
    """The form to submit with."""
    return HTMLResponse(context_of(request).pages.submit(), headers={"Cache-Control": "no-store"})


def static(request: Request) -> Response:
    """A file that pages load; nothing but the few that there are."""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise because(404, "file", "", "there is no such file")
    return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": FOR_EVER})


async def submitted(request: Request) -> Response:
    """What the form sends: the same as the interface, told on a page."""
    context = context_of(request)
    try:
        row, outcome = await _take_form(context, request)
    except (UserError, OSError) as error:
        refusal = own_fault(error)
        page = context.pages.submit(refusal.problems, told=TITLES[refusal.status])
        return HTMLResponse(page, status_code=refusal.status, headers=_retry(refusal))
    except Refusal as refusal:
        page = context.pages.submit(refusal.problems, told=TITLES.get(refusal.status, "Refused"))
        return HTMLResponse(page, status_code=refusal.status, headers=_retry(refusal))
    return HTMLResponse(
        context.pages.submit(accepted=row, told=outcome), status_code=201 if outcome == "Accepted" else 200
    )


async def _take_form(context: Context, request: Request) -> tuple[Row, str]:
    form = Form(request)
    async with context.nameless.place():
        token = await form.token()
    submitter = await authenticate(context, request, token)
    async with context.intake.seat(submitter):
        with context.folder() as folder:
            upload = folder / "upload.zip"
            await form.save(upload)
            decided = decision(await context.intake.take(folder, upload, submitter))
    row = (await run_in_threadpool(context.shelf.renew)).starting(decided.id)
    if row is None:
        raise because(503, "later", "", f"{decided.id} is accepted and will be shown shortly", retry_after=10)
    return row, "Accepted" if decided.created else "It was there already"


def _retry(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.retry_after is None else {"Retry-After": str(max(1, round(refusal.retry_after)))}


def _told(request: Request, status: int, problems: list[Problem], headers: dict[str, str]) -> Response:
    """Reasons as a page for people, as JSON for programs."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"problems": [one.model_dump() for one in problems]}, status_code=status, headers=headers)
    deep = request.url.path.count("/") > 1
    page = context_of(request).pages.problem(TITLES.get(status, "This did not work"), problems, deep=deep)
    return HTMLResponse(page, status_code=status, headers=headers)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _told(request, error.status, list(error.problems), _retry(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        problem("request", pointer(*(plain(str(part), 80) for part in one["loc"][1:])), one["msg"])
        for one in error.errors()[:20]
    ]
    return _told(request, 400, problems, {})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = plain(str(error.detail))
    return _told(request, error.status_code, [problem("http", "", reason)], dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is there to hear this: whoever hangs up while sending is no fault of the board."""
    return Response(status_code=400)


def own_fault(error: UserError | OSError) -> Refusal:
    """A full disk, a store that cannot be written: the board's fault, which is no refusal and counts for nobody."""
    reason = (
        str(error) if isinstance(error, UserError) else f"the board cannot write its files: {error.strerror or error}"
    )
    logging.getLogger("progressgym.leaderboard").error("%s", plain(reason))
    return because(503, "board", "", f"{reason}; send it again later", retry_after=RETRY_SECONDS)


async def _own_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError | OSError)
    refusal = own_fault(error)
    return _told(request, refusal.status, list(refusal.problems), _retry(refusal))


async def _broken(request: Request, error: Exception) -> Response:
    logging.getLogger("progressgym.leaderboard").error("%s %s", request.method, plain(request.url.path), exc_info=error)
    return _told(request, 500, [problem("internal", "", "the board made a mistake; it is in its log")], {})


PAGES = {
    "/": home,
    "/entries/{id}": entry,
    "/metrics": metrics,
    "/submit": form,
    "/static/{name}": static,
}
