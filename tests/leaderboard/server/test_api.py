"""The interface of a running server: submit, ask, download; every answer with its headers, every refusal with reasons."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.standings_data import Standings
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import base_files, edited
from tests.leaderboard.serving import Server, fill, served
from tests.leaderboard.stores import verdict

ZIP = {"Content-Type": "application/zip"}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store, str]]:
    folder = tmp_path_factory.mktemp("served") / "board"
    store = Store.open(folder)
    fill(store)
    token = store.enrol("ada")
    with served(folder, folder / "evidence") as server:
        yield server, store, token
    store.close()


PANELS = 8 * 11 + 4 * 19
"""A chart a dimension that is measured: 11 on people's questionnaire, 19 on the other."""


def test_submit_ask_download(board: tuple[Server, Store, str]) -> None:
    """The whole way of an entry; the second time nothing changes."""
    server, store, token = board
    data = pack(base_files())
    with server.client(token) as client:
        first = client.post("/api/v1/submissions", content=data, headers=ZIP)
        assert first.status_code == 201, first.text
        told = first.json()
        assert told["created"] and told["status"] == "recomputed"
        revision = store.revision()
        again = client.post("/api/v1/submissions", content=data, headers=ZIP)
        assert again.status_code == 200 and again.json() == {**told, "created": False}
        assert store.revision() == revision
        status = client.get(f"/api/v1/submissions/{told['id']}").json()
        assert (status["agent"], status["submitter"], status["withdrawn"]) == ("nudged", "ada", None)
        evidence = client.get(f"/api/v1/entries/{told['id']}/evidence")
        assert (
            evidence.content == store.read_evidence(told["id"])
            and evidence.headers["content-type"] == "application/zip"
        )
        row = client.get(f"/api/v1/entries/{told['id']}").json()
        assert row["digest"] == status["digest"] and row["open"] and row["place"] is None
        page = client.get("/" + told["page"])
        assert page.status_code == 200 and page.text.count('class="panel"') == PANELS and row["digest"] in page.text


def test_standings_filtered_sorted_and_whole(board: tuple[Server, Store, str]) -> None:
    server, _, _ = board
    with server.client() as client:
        whole = Standings.model_validate_json(client.get("/api/v1/standings.json").content)
        ranked = client.get("/api/v1/standings", params={"status": "reproduced"}).json()
        assert ranked["total"] == 3 and [row["place"] for row in ranked["rows"]] == [1.0, 2.0, 3.0]
        group = whole.groups[0]
        params = {"group": group, "sort": "public", "dir": "down"}
        found = client.get("/api/v1/standings", params=params).json()["rows"]
        skills = [row["groups"][0]["public"]["skill"] for row in found]
        skills = [skill["mid"] for skill in skills if skill is not None]  # those without a skill come last
        assert len(skills) >= 6 and skills == sorted(skills, reverse=True)
        assert client.get("/api/v1/standings", params={"q": "ROW-a-B"}).json()["total"] == 1
        lines = list(csv.DictReader(io.StringIO(client.get("/api/v1/standings.csv").text)))
        assert len(lines) == len(whole.rows) * len(whole.groups)


def test_an_unchanged_answer_is_not_sent_again(board: tuple[Server, Store, str]) -> None:
    server, store, _ = board
    with server.client() as client:
        for path in ("/", "/api/v1/standings", "/api/v1/standings.csv", "/metrics"):
            first = client.get(path)
            assert first.headers["content-encoding"] == "gzip"
            again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert again.status_code == 304 and again.content == b""
        tag = client.get("/").headers["etag"]
        store.note("attempted", "ada")  # changes the log, not what is shown
        assert client.get("/", headers={"If-None-Match": tag}).status_code == 304


def test_a_withdrawn_entry_leaves_the_page(board: tuple[Server, Store, str]) -> None:
    server, store, _ = board
    entry = next(one for one in store.entries() if one.agent == "row-a-d")
    with server.client() as client:
        assert client.get(f"/entries/{entry.id}").status_code == 200
        store.withdraw(entry.digest, "board", "a mistake")
        for _ in range(50):
            answer = client.get(f"/api/v1/entries/{entry.id}")
            if answer.status_code == 404:
                break
        assert "was withdrawn" in answer.json()["problems"][0]["message"]
        assert client.get(f"/api/v1/submissions/{entry.id}").json()["withdrawn_because"] == "a mistake"
        assert "row-a-d" not in client.get("/").text


def test_refusals_are_lists_of_reasons(board: tuple[Server, Store, str]) -> None:
    server, store, token = board
    bad = pack(edited(dict(base_files()), lambda record: record.update(licence=7, hardware="")))
    before = len(store.entries(withdrawn=True))
    with server.client(token) as client:
        answer = client.post("/api/v1/submissions", content=bad, headers=ZIP)
        assert answer.status_code == 422
        places = [one["where"] for one in answer.json()["problems"]]
        assert {"submission.json#/licence", "submission.json#/hardware"} <= set(places)
        for content in (b"", b"PK"):
            assert client.post("/api/v1/submissions", content=content, headers=ZIP).status_code == 422
        page = client.post("/submit", data={"token": token}, files={"file": ("a.zip", bad, "application/zip")})
        assert page.status_code == 422 and "submission.json#/licence" in page.text
    assert len(store.entries(withdrawn=True)) == before


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("/api/v1/standings?group=nothing", 400, "/group"),
        ("/api/v1/standings?page=0", 400, "/page"),
        ("/api/v1/standings?page=99999999999", 400, "/page"),
        ("/api/v1/standings?sort=__class__&dir=left", 400, "/sort"),
        ("/api/v1/standings?status=ranked", 400, "/status"),
        ("/?q=" + "x" * 65, 400, "/q"),
        ("/api/v1/entries/0123", 400, "/id"),
        ("/api/v1/entries/" + "0" * 64, 404, "/id"),
        ("/api/v1/submissions/" + "f" * 20, 404, "/id"),
        ("/docs", 404, ""),
        ("/redoc", 404, ""),
    ],
)
def test_wrong_questions(board: tuple[Server, Store, str], path: str, status: int, where: str) -> None:
    server, _, _ = board
    with server.client() as client:
        answer = client.get(path)
        assert answer.status_code == status and answer.json()["problems"][0]["where"] == where
        people = client.get(path, headers={"Accept": "text/html"})
        assert people.status_code == status
        if not path.startswith("/api"):
            assert people.headers["content-type"].startswith("text/html") and "<h1>" in people.text


def test_the_schema_describes_the_interface(board: tuple[Server, Store, str]) -> None:
    server, _, _ = board
    with server.client() as client:
        schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.") and set(schema["paths"]) == {
        "/api/v1/health", "/api/v1/standings", "/api/v1/standings.json", "/api/v1/standings.csv", "/api/v1/entries/{id}",
        "/api/v1/entries/{id}/evidence", "/api/v1/submissions/{id}", "/api/v1/submissions",
    }  # fmt: skip
    post = schema["paths"]["/api/v1/submissions"]["post"]
    assert post["security"] and "application/zip" in post["requestBody"]["content"]


def test_every_answer_has_the_headers(board: tuple[Server, Store, str]) -> None:
    server, _, _ = board
    with server.client() as client:
        for answer in (
            client.get("/"),
            client.get("/nowhere"),
            client.get("/api/v1/standings"),
            client.get("/static/style.css"),
            client.post("/api/v1/submissions", content=b"x" * 70_000_000, headers=ZIP),
            client.delete("/"),
        ):
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy and "*" not in policy and "http" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "server" not in answer.headers


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(board: tuple[Server, Store, str]) -> None:
    server, store, _ = board
    entry = store.entries()[0]
    with server.client() as client:
        for path in ("/", "/?group=coevolve-v2+on+gss-v1", f"/entries/{entry.id}", "/metrics", "/submit"):
            text = client.get(path).text
            assert "<style" not in text and " style=" not in text and " onclick=" not in text
            assert "<script>" not in text and text.count("<script") <= 1
            for attribute in ('src="http', 'href="http', "@import", 'src="//', 'href="//'):
                assert attribute not in text.replace('href="https://example.org/x"', "")
        style = client.get("/static/style.css")
        assert "url(" not in style.text and "immutable" in style.headers["cache-control"]
        assert sha256_bytes(style.content)[:10] in client.get("/").text


def test_an_archive_is_asked_for_by_name(board: tuple[Server, Store, str]) -> None:
    """Standings, data and entries of a board before the current one, each under its own name."""
    server, store, _ = board
    old = str(store.submit(*verdict("old-one", board="board-v1"), "ada").id)
    with server.client() as client:
        whole = Standings.model_validate_json(client.get("/api/v1/standings.json?board=board-v1").content)
        assert whole.board == "board-v1" and [row.agent for row in whole.rows] == ["old-one"]
        assert client.get("/api/v1/standings", params={"board": "board-v1"}).json()["total"] == 1
        assert "old-one" in client.get("/api/v1/standings.csv?board=board-v1").text
        page = client.get("/?board=board-v1&group=coevolve+on+histsmol-v1").text
        assert "An archive" in page and "old-one" in page and 'href="./?board=board-v1"' in page
        assert "old-one" not in client.get("/").text and 'href="./?board=board-v1"' in client.get("/").text
        assert client.get(f"/api/v1/entries/{old}").json()["agent"] == "old-one"
        assert client.get(f"/entries/{old}").status_code == 200
        wrong = client.get("/api/v1/standings?board=board-v9")
        assert wrong.status_code == 400 and "must be one of board-v2, board-v1" in wrong.text
