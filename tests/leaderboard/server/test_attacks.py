"""What a stranger may try on a running server: each ends in a reason, and the next honest question is answered."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.server.rates import Rate
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import base_files, edited, make_files, nudged
from tests.leaderboard.serving import Server, served

ZIP = {"Content-Type": "application/zip"}
LARGEST, SLOWEST, FAILURES, AN_HOUR = 3_000_000, 3.0, 12, 3


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store]]:
    folder = tmp_path_factory.mktemp("attacked") / "board"
    store = Store.open(folder)
    with served(
        folder,
        folder / "evidence",
        upload_bytes=LARGEST,
        upload_seconds=SLOWEST,
        failures_a_minute=FAILURES,
        submissions_an_hour=AN_HOUR,
    ) as server:
        yield server, store
        with server.client() as client:
            assert client.get("/api/v1/health").status_code == 200, "still there"
    store.close()


def raw(server: Server, data: bytes, *, pause: float = 0.0, parts: int = 1) -> bytes:
    """Send bytes as they are and read the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        size = max(1, len(data) // parts)
        try:
            for at in range(0, len(data), size):
                connection.sendall(data[at : at + size])
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered and closed before all of it was sent
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def test_more_than_declared_limit_is_refused_unread(board: tuple[Server, Store]) -> None:
    server, store = board
    token = store.enrol("large")
    head = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/zip\r\n"
    declared = raw(server, head.encode() + b"Content-Length: 99999999999\r\n\r\nxx")
    assert declared.startswith(b"HTTP/1.1 413") and b'"code": "size"' in declared
    odd = raw(server, head.encode() + b"Content-Length: -5\r\n\r\nxx")
    assert odd.startswith(b"HTTP/1.1 4")


def test_more_than_the_limit_in_pieces_is_cut_off(board: tuple[Server, Store]) -> None:
    """Without a declared length only counting helps; what was read by then is thrown away."""
    server, store = board
    token = store.enrol("endless")
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(20_000):
            sent += 100_000
            time.sleep(0.001)  # so that all of it would take longer than the server lingers
            yield b"x" * 100_000

    with server.client(token) as client:
        answer = client.post("/api/v1/submissions", content=endless(), headers=ZIP)
    assert answer.status_code == 413 and sent < 2_000_000_000
    with server.client(token) as client:
        form = client.post("/submit", data={"token": token}, files={"file": ("a.zip", b"x" * (LARGEST + 40_000))})
    assert form.status_code == 413


def test_a_slow_upload_is_cut_off(board: tuple[Server, Store]) -> None:
    server, store = board
    tokens = [store.enrol(f"slow-{number}") for number in range(7)]
    answers: list[bytes] = []

    def dawdle(number: int) -> None:
        head = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tokens[number // AN_HOUR]}\r\n"
        rest = "Content-Type: application/zip\r\nContent-Length: 100\r\n\r\nxxxxx"
        answers.append(raw(server, (head + rest).encode()))

    threads = [threading.Thread(target=dawdle, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    with server.client() as client:
        assert client.get("/").status_code == 200, "others are answered meanwhile"
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and all(one.startswith(b"HTTP/1.1 408") for one in answers)


def test_wrong_tokens_are_refused_and_counted(board: tuple[Server, Store]) -> None:
    server, store = board
    data = pack(base_files())
    with server.client() as client:
        assert client.post("/api/v1/submissions", content=data, headers=ZIP).status_code == 401
        for token in ("x", "x" * 40, "' OR 1=1 --" + "x" * 20):
            answer = client.post(
                "/api/v1/submissions", content=data, headers={**ZIP, "Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 401 and "problems" in answer.json()
        page = client.post("/submit", data={"token": "wrong" * 8}, files={"file": ("a.zip", b"PK")})
        assert page.status_code == 401 and "<h2>No valid token" in page.text
    assert "ada" not in [one.submitter for one in store.entries()]


def test_somebody_who_submits_too_often_waits(board: tuple[Server, Store]) -> None:
    server, store = board
    token = store.enrol("eager")
    with server.client(token) as client:
        codes = [client.post("/api/v1/submissions", content=b"PK", headers=ZIP).status_code for _ in range(AN_HOUR)]
        assert codes == [422] * AN_HOUR
        answer = client.post("/api/v1/submissions", content=b"PK", headers=ZIP)
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
        wrong = client.post("/api/v1/submissions", content=b"PK", headers={"Content-Type": "text/plain"})
        assert wrong.status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2f..%2fserver%2fapp.py",
        "/static/style.css/../../../board.sqlite",
        "/entries/../../etc/passwd",
        "/entries/..%2f..%2fboard.sqlite",
        "/api/v1/entries/%2e%2e%2f%2e%2e%2fboard.sqlite/evidence",
        "/api/v1/entries/0000000000000000%00/evidence",
        "/api/v1/entries/%25%25%25%25%25%25%25%25",
        "/%c0%ae%c0%ae/etc/passwd",
        "//etc/passwd",
    ],
)  # fmt: skip
def test_paths_lead_nowhere(board: tuple[Server, Store], path: str) -> None:
    server, _ = board
    answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"404"), answer
    assert b"root:" not in answer and b"SQLite" not in answer and b"Traceback" not in answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 5_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(50_000)) + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01" + bytes(range(256)) * 4,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    ],
    ids=["long-header", "many-headers", "long-path", "not-http", "two-lengths"],
)
def test_requests_that_are_none(board: tuple[Server, Store], data: bytes) -> None:
    server, _ = board
    answer = raw(server, data)
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"404", b"405", b"413", b"414", b"431"), answer[:200]
    with server.client() as client:
        assert client.get("/api/v1/health").status_code == 200


def test_a_length_told_in_two_ways_is_refused(board: tuple[Server, Store]) -> None:
    """What a proxy takes for the end of a body and what the board takes for it would differ."""
    server, _ = board
    head = b"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
    answer = raw(server, head + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") and b"told in two ways" in answer


def test_the_same_upload_at_once_is_one_entry(board: tuple[Server, Store]) -> None:
    server, store = board
    token = store.enrol("twice")
    data = pack(base_files())

    def send(_: int) -> int:
        with server.client(token) as client:
            return client.post("/api/v1/submissions", content=data, headers=ZIP).status_code

    with ThreadPoolExecutor(AN_HOUR) as pool:
        codes = sorted(pool.map(send, range(AN_HOUR)))
    assert codes == [200, 200, 201]
    assert [one.agent for one in store.entries() if one.submitter == "twice"] == ["nudged"]


def test_what_a_submitter_wrote_is_text_and_nothing_else(board: tuple[Server, Store]) -> None:
    """Authors and training data may hold any sign; on the page they are only text, in the CSV no formula."""
    server, store = board
    token = store.enrol("artist")
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
    agent = {"name": "artful", "version": "1", "id": "nudged", "summary": "=HYPERLINK(1) " + hostile}
    files = make_files(lambda truth, key: nudged(truth, key, 0.2))
    changes = {"agent": agent, "authors": [hostile, "=1+1"], "training_data": hostile, "hardware": hostile}
    files = edited(files, lambda record: record.update(changes))
    with server.client(token) as client:
        told = client.post("/api/v1/submissions", content=pack(files), headers=ZIP)
        assert told.status_code == 201, told.text
        page = client.get(f"/entries/{told.json()['id']}").text
        assert "<script>alert" not in page and "<img" not in page and "&lt;script&gt;alert(1)" in page
        assert "{{ 7*7 }}" in page
        table = client.get("/").text
        assert "<img" not in table and "<script>alert" not in table
        sheet = client.get("/api/v1/standings.csv").text
        assert not any(cell.startswith(("=", "@", "\t")) for line in sheet.splitlines() for cell in line.split(","))


def test_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two in a span: the third waits, another key does not, and old events are forgotten."""
    now = [1000.0]
    monkeypatch.setattr("progressgym.leaderboard.server.rates.time", SimpleNamespace(monotonic=lambda: now[0]))
    rate = Rate(2, 10.0)
    for _ in range(2):
        assert rate.wait("a") == 0
        rate.count("a")
        now[0] += 3.0
    assert rate.wait("a") == 4.0 and rate.wait("b") == 0
    now[0] += 5.0
    assert rate.wait("a") == 0


def test_too_many_wrong_tokens_shut_out_wrong_tokens_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "board")
    token = store.enrol("ada")
    with served(tmp_path / "board", tmp_path / "board" / "evidence", failures_a_minute=3) as server:
        with server.client("w" * 40) as client:
            codes = [client.post("/api/v1/submissions", content=b"PK", headers=ZIP).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        with server.client(token) as client:
            assert client.post("/api/v1/submissions", content=b"PK", headers=ZIP).status_code == 422, "it is looked at"
            page = client.post("/submit", data={"token": token}, files={"file": ("a.zip", b"PK")})
            assert page.status_code == 422
            assert client.get("/").status_code == 200
        with server.client("w" * 41) as client:
            assert client.post("/api/v1/submissions", content=b"PK", headers=ZIP).status_code == 429
    store.close()
