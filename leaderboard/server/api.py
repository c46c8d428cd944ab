"""The HTTP interface under `/api/v1`, described by `/openapi.json`."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import open_file
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from progressgym.core.errors import UserError
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.records import Rung
from progressgym.leaderboard.server.context import Context, context_of
from progressgym.leaderboard.server.errors import Problems, Refusal, because
from progressgym.leaderboard.server.guard import address_of
from progressgym.leaderboard.site.view import Query as Asked
from progressgym.leaderboard.site.view import Selection, Snapshot
from progressgym.leaderboard.standings_data import Row, Standings, to_csv
from progressgym.leaderboard.store import Receipt

ZIP = "application/zip"
Id = Annotated[
    str, InPath(pattern="^[0-9a-f]{8,64}$", description="the digest of an entry, or its first 8 digits or more")
]
Here = Annotated[Context, Depends(context_of)]
_bearer = HTTPBearer(auto_error=False, description="a token made by `progressgym leaderboard enrol`")
WRONG: dict[int | str, dict[str, Any]] = {
    code: {"model": Problems} for code in (400, 401, 404, 408, 413, 415, 422, 429, 503)
}
router = APIRouter(prefix="/api/v1")


class StandingsPage(BaseModel):
    """A page of the standings."""

    board: str
    board_sha256: str
    generated: str
    revision: int
    split: str | None
    groups: list[str]
    winners: dict[str, str]
    notes: list[str]
    total: int
    """Rows that fit the filter."""
    page: int
    pages: int
    rows: list[Row]


class Decided(BaseModel):
    """What became of a submission."""

    id: str
    status: Rung
    created: bool
    """False: the same content was there already; nothing has changed."""
    warnings: list[str]
    page: str
    """Address of its page, relative to the server's root."""


class Status(BaseModel):
    """How far an entry has come."""

    id: str
    digest: str
    agent: str
    version: str
    submitter: str
    status: Rung
    received: str
    warnings: list[str]
    reproduced: str | None
    private_split: str | None
    note: str
    """Of the last reproduction."""
    withdrawn: str | None
    withdrawn_because: str | None


class Health(BaseModel):
    """That the server is there."""

    revision: int
    shown: int
    """Revision of the standings that are shown."""


@router.get("/health", response_model=Health)
def health(context: Here) -> Health:
    """Whether the server and its store answer."""
    return Health(revision=context.store.revision(), shown=context.shelf.snapshot().standings.revision)


@router.get("/standings", responses={200: {"model": StandingsPage}, 304: {"description": "unchanged"}, **WRONG})
def standings(
    request: Request,
    context: Here,
    group: Annotated[str, Query(description="`challenge on history`; nothing for all", max_length=200)] = "",
    status: Annotated[str, Query(description="reproduced, recomputed or validated", max_length=20)] = "",
    q: Annotated[
        str, Query(description="part of an agent's, submitter's or author's name or an id", max_length=64)
    ] = "",
    pareto: Annotated[str, Query(description="1: only the Pareto front", max_length=5)] = "",
    sort: Annotated[
        str, Query(description="column, for example place, agent, g0, private, public", max_length=40)
    ] = "",
    dir: Annotated[str, Query(description="up or down", max_length=5)] = "",
    page: Annotated[str, Query(description="from 1; 50 rows each", max_length=7)] = "1",
) -> Response:
    """A page of the standings, filtered and sorted; the same parameters as the page for people."""
    snapshot = context.shelf.snapshot()
    given = {"group": group, "status": status, "q": q, "pareto": pareto, "sort": sort, "dir": dir, "page": page}
    asked = parse(given, snapshot)
    return context.send(
        request,
        snapshot,
        "json" + asked.address(),
        "application/json",
        lambda: _page(snapshot.standings, snapshot.select(asked)).model_dump_json().encode(),
    )


@router.get("/standings.json", responses={200: {"model": Standings}, 304: {"description": "unchanged"}})
def all_standings(request: Request, context: Here) -> Response:
    """All of the standings: large on a large board."""
    snapshot = context.shelf.snapshot()
    return context.send(
        request,
        snapshot,
        "all.json",
        "application/json",
        lambda: _whole(snapshot.standings),
        heavy=True,
    )


@router.get("/standings.csv", responses={200: {"content": {"text/csv": {}}}, 304: {"description": "unchanged"}})
def csv_standings(request: Request, context: Here) -> Response:
    """One line an entry and group, safe to open in a spreadsheet."""
    snapshot = context.shelf.snapshot()
    return context.send(
        request, snapshot, "all.csv", "text/csv; charset=utf-8", lambda: to_csv(snapshot.standings).encode(), heavy=True
    )


@router.get("/entries/{id}", response_model=Row, responses=WRONG)
def entry(id: Id, context: Here) -> Response:
    """An entry with all its scores."""
    return Response(find(context, id).model_dump_json(), media_type="application/json")


@router.get("/entries/{id}/evidence", response_class=FileResponse, responses={200: {"content": {ZIP: {}}}, **WRONG})
def evidence(id: Id, context: Here) -> FileResponse:
    """The raw answers and everything else that was submitted, as one zip."""
    row = find(context, id)
    path = context.store.evidence.path(row.digest)
    if not path.is_file():
        raise because(404, "evidence", "/id", "the evidence of this entry is not kept here")
    return FileResponse(path, media_type=ZIP, filename=f"{row.id}.zip")


@router.get("/submissions/{id}", response_model=Status, responses=WRONG)
def submission(id: Id, context: Here) -> Status:
    """How far an entry has come, also one that was withdrawn."""
    try:
        entry = context.store.entry(id)
    except UserError as error:
        raise because(404, "entry", "/id", str(error)) from None
    return Status(
        id=entry.id,
        digest=entry.digest,
        agent=entry.agent,
        version=entry.version,
        submitter=entry.submitter,
        status=entry.rung,
        received=entry.received,
        warnings=entry.warnings,
        reproduced=entry.reproduced,
        private_split=entry.private_split,
        note="" if entry.reproduction is None else entry.reproduction.note,
        withdrawn=entry.withdrawn,
        withdrawn_because=entry.withdrawn_because,
    )


@router.post(
    "/submissions",
    status_code=201,
    responses={201: {"model": Decided}, 200: {"model": Decided, "description": "was there already"}, **WRONG},
    openapi_extra={
        "requestBody": {"required": True, "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def submit(
    request: Request, context: Here, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> JSONResponse:
    """Submit a zip. The answer is the decision, after it is written; sending the same content again changes nothing."""
    submitter = await authenticate(context, request, "" if bearer is None else bearer.credentials)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != ZIP:
        raise because(415, "content-type", "", f"send the zip itself, with Content-Type: {ZIP}")
    async with context.intake.seat(submitter):
        with context.folder() as folder:
            upload = folder / "upload.zip"
            async with await open_file(upload, "xb") as file:
                async for part in request.stream():
                    await file.write(part)
            decided = decision(await context.intake.take(folder, upload, submitter))
    return JSONResponse(decided.model_dump(), status_code=201 if decided.created else 200)


async def authenticate(context: Context, request: Request, token: str) -> str:
    """Whose token it is. A right one is right however many wrong ones came from the same address.

    Raises:
        Refusal: nobody's, or too many wrong ones came from there.
    """
    submitter = await run_in_threadpool(context.store.submitter_of, token) if 20 <= len(token) <= 200 else None
    if submitter is not None:
        return submitter
    who = address_of(request.scope)
    if (wait := context.failures.wait(who)) > 0:
        raise because(429, "rate", "", "too many wrong tokens from this address", retry_after=wait)
    context.failures.count(who)
    raise because(401, "token", "", "this needs a token of an enrolled submitter: Authorization: Bearer TOKEN")


def decision(receipt: Receipt) -> Decided:
    """A receipt for the client.

    Raises:
        Refusal: it was refused.
    """
    if receipt.rung is None or receipt.id is None:
        raise Refusal(422, receipt.problems)
    return Decided(
        id=receipt.id,
        status=receipt.rung,
        created=receipt.created,
        warnings=list(receipt.warnings),
        page=f"entries/{receipt.id}",
    )


def find(context: Context, digest: str) -> Row:
    """The row of an entry.

    Raises:
        Refusal: there is none, or it was withdrawn.
    """
    row = context.shelf.snapshot().starting(digest)
    if row is None:
        raise because(404, "entry", "/id", _missing(context, digest))
    return row


def _missing(context: Context, digest: str) -> str:
    try:
        entry = context.store.entry(digest)
    except UserError as error:
        return str(error)
    if entry.withdrawn is None:
        return f"{entry.id} is not among the standings yet; ask again"
    return f"{entry.agent} {entry.version} was withdrawn on {entry.withdrawn}: {entry.withdrawn_because}"


def parse(given: dict[str, str], snapshot: Snapshot) -> Asked:
    """Parameters of the standings.

    Raises:
        Refusal: with a reason for every one that cannot be meant.
    """
    try:
        return Asked.parse(given, snapshot)
    except Refused as refused:
        raise Refusal(400, refused.problems) from None


def _whole(made: Standings) -> bytes:
    """All of the standings, row by row, so that no other request waits for the whole of a large board."""
    head = made.model_dump_json(exclude={"rows"})
    return f'{head[:-1]},"rows":[{",".join(row.model_dump_json() for row in made.rows)}]}}'.encode()


def _page(made: Standings, selection: Selection) -> StandingsPage:
    return StandingsPage(
        **{name: getattr(made, name) for name in StandingsPage.model_fields if name in _SHARED},
        total=selection.total,
        page=selection.query.page,
        pages=selection.pages,
        rows=selection.rows,
    )


_SHARED = frozenset(StandingsPage.model_fields) & frozenset(Standings.model_fields) - {"rows"}
