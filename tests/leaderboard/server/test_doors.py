"""What nobody has to be known for: half a request, half a form, hanging up, a full disk of the board. Real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.server.forms import MOST_NAMELESS
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import base_files
from tests.leaderboard.serving import Server, served

ZIP = {"Content-Type": "application/zip"}
HEAD, NAME = 3.0, 4.0
BOUNDARY = "----progressgym"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store, str, Path]]:
    folder = tmp_path_factory.mktemp("doors")
    (folder / "tmp").mkdir()
    store = Store.open(folder / "board")
    where, temporary = folder / "board", folder / "tmp"
    with served(
        where, where / "evidence", temporary=temporary, head_seconds=HEAD, name_seconds=NAME, submissions_an_hour=100
    ) as server:
        yield server, store, store.enrol("ada"), temporary
        with server.client() as client:
            assert client.get("/api/v1/health").status_code == 200, "still there"
    store.close()


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def read(connection: socket.socket) -> bytes:
    """All that comes until it is closed."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            answer += part
    return answer


def form(*parts: tuple[str, bytes], length: int | None = None) -> bytes:
    """A form as it goes over the wire, without its end."""
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, value in parts
    )
    head = f"POST /submit HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body


def written(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_half_open_heads_keep_nobody_out_and_are_closed(board: tuple[Server, Store, str, Path]) -> None:
    server, _, _, _ = board
    with contextlib.ExitStack() as stack:
        half = [stack.enter_context(connect(server)) for _ in range(620)]
        for number, connection in enumerate(half):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-" if number % 2 else b"")
        with server.client() as client:
            assert [client.get("/api/v1/health").status_code for _ in range(5)] == [200] * 5
        assert [read(connection) for connection in half] == [b""] * len(half), "all are closed by the server"


def test_the_time_of_a_head_counts_from_the_answer_before(board: tuple[Server, Store, str, Path]) -> None:
    """A second request on a connection is half open as well; single bytes do not buy more time."""
    server, _, token, _ = board
    head = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/zip\r\n"
    with connect(server) as connection:
        connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\nPK")
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 422") and b"connection: close" not in answer
        deadline = time.monotonic() + 20 * HEAD  # a byte every 0.2 s would keep it open for ever
        connection.settimeout(0.2)
        gone = False
        while not gone and time.monotonic() < deadline:
            try:
                connection.sendall(b"G")
                gone = connection.recv(65536) == b""
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                gone = True
        assert gone


def test_a_connection_is_used_again_by_whoever_sends_no_body(board: tuple[Server, Store, str, Path]) -> None:
    """Pages, what is not there, refusals without a body: one connection; a body that was not read ends it."""
    server, *_ = board
    with connect(server) as connection:
        for path, code in [("/", 200), ("/api/v1/health", 200), ("/nowhere", 404), ("/api/v1/standings", 200)] * 5:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            answer = one_answer(connection)
            assert answer.startswith(f"HTTP/1.1 {code}".encode()) and b"connection: close" not in answer.lower()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nno")
        assert b"connection: close" in one_answer(connection).lower()


def one_answer(connection: socket.socket) -> bytes:
    """Head and body of the next answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head


@pytest.mark.parametrize(("size", "passes"), [(1_000, True), (15_000, True), (17_000, False), (20_000, False)])
@pytest.mark.parametrize("shape", ["one", "many", "blank", "target", "pipelined"])
def test_sixteen_kilobytes_of_headers(
    board: tuple[Server, Store, str, Path], size: int, passes: bool, shape: str
) -> None:
    server, _, token, _ = board
    line, rest = "GET /api/v1/health", "X-Long: " + "a" * size
    if shape == "many":
        rest = "\r\n".join(f"X-{number:04d}: {'a' * 90}" for number in range(size // 100))
    elif shape == "blank":
        rest = "X-Long:" + " " * size + "a"
    elif shape == "target":
        line, rest = f"GET /api/v1/health?{'a' * size}", "X-Short: a"
    data = f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}\r\n\r\n".encode()
    if shape == "pipelined":
        head = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/zip\r\n"
        data = head.encode() + b"Content-Length: 2\r\n\r\nPK" + data
    with connect(server) as connection:
        connection.sendall(data)
        answers = read(connection).split(b"HTTP/1.1 ")[1:]
    code = int(answers[-1][:3])
    assert code == 200 if passes else code in (400, 431), answers
    assert len(answers) == (2 if shape == "pipelined" else 1)


def test_nameless_forms_hold_no_places_and_nothing_on_disk(board: tuple[Server, Store, str, Path]) -> None:
    """More of them than there are places, each in the middle of a large body: an honest form is answered."""
    server, _, token, temporary = board
    before = written(temporary)
    with contextlib.ExitStack() as stack:
        begun = [stack.enter_context(connect(server)) for _ in range(MOST_NAMELESS + 40)]
        for connection in begun:
            connection.sendall(form(("other", b"x" * 4000), length=40_000_000))
        with server.client() as client:
            page = client.post("/submit", data={"token": token}, files={"file": ("a.zip", b"PK")})
            assert page.status_code == 422, page.text
            api = client.post("/api/v1/submissions", content=b"PK", headers={**ZIP, "Authorization": f"Bearer {token}"})
            assert api.status_code == 422
        assert written(temporary) == before
        answers = [read(connection) for connection in begun]
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers), {answer[:60] for answer in answers}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([("file", b"x" * 100_000)], 400),
        ([("file", b"x" * 100_000), ("token", b"w" * 40)], 400),
        ([("token", b"w" * 40), ("file", b"x" * 300_000)], 401),
        ([("token", b"w" * 2000)], 400),
        ([("other", b"x" * 300_000)], 401),
        ([("token", b""), ("file", b"PK")], 401),
    ],
)
def test_the_token_is_looked_at_before_the_file(
    board: tuple[Server, Store, str, Path], parts: list[tuple[str, bytes]], status: int
) -> None:
    """The answer comes although most of the body never does, and nothing of it was kept."""
    server, _, _, temporary = board
    before = written(temporary)
    with connect(server) as connection:
        connection.sendall(form(*parts, length=60_000_000))
        assert connection.recv(65536).startswith(f"HTTP/1.1 {status}".encode())
    assert written(temporary) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"--", b"--" + BOUNDARY.encode(), b"x" * 1000, b"--" + BOUNDARY.encode() + b"\r\nno header\r\n\r\nx"],
)
def test_forms_that_are_none(board: tuple[Server, Store, str, Path], body: bytes) -> None:
    server, _, _, _ = board
    for kind in (
        f"multipart/form-data; boundary={BOUNDARY}",
        "multipart/form-data",
        "text/plain",
        "multipart/form-data; boundary=" + "b" * 5000,
    ):
        with server.client() as client:
            answer = client.post("/submit", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 401, 415), answer.text


def test_a_form_that_ends_in_its_file_is_refused(board: tuple[Server, Store, str, Path]) -> None:
    server, _, token, _ = board
    with connect(server) as connection:
        connection.sendall(form(("token", token.encode()), ("file", b"PK" * 50)))
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")


def test_hanging_up_is_no_traceback(board: tuple[Server, Store, str, Path]) -> None:
    """At every stage of an upload; `served` fails where the server's log holds a traceback."""
    server, store, token, temporary = board
    revision, before = store.revision(), written(temporary)
    upload = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/zip\r\n"
    stages = [
        b"",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        form(("other", b"x"), length=1000),
        form(("token", token.encode()), length=1000),
        form(("token", token.encode()), ("file", b"x" * 5000), length=9_000_000),
        upload.encode() + b"Content-Length: 100000\r\n\r\nPK",
        upload.encode() + b"Transfer-Encoding: chunked\r\n\r\n5\r\nPK",
    ]
    for data in stages * 4:
        with connect(server) as connection:
            connection.sendall(data)
            time.sleep(0.02)
    with server.client() as client:
        for _ in range(100):
            if written(temporary) == before:
                break
            time.sleep(0.05)
        assert client.get("/api/v1/health").status_code == 200
    assert written(temporary) == before and store.revision() == revision, "nothing kept, nothing counted"


SMALL = Path("/proc/self/ns/mnt").exists() and shutil.which("unshare") is not None
MOUNT = 'mount -t tmpfs -o size=$0 none "$TMPDIR" && exec "$@"'


def small_disk(size: str) -> list[str]:
    """A command line that gives a program a temporary folder of so many bytes, on a file system of its own."""
    line = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, size]
    if (
        not SMALL
        or subprocess.run([*line, "true"], env={"TMPDIR": "/mnt"}, check=False, capture_output=True).returncode
    ):
        pytest.skip("no file system of one's own can be mounted here")
    return line


def fill(folder: Path, leave: int) -> None:
    """Fill a file system up to some bytes."""
    (folder / "ballast").unlink(missing_ok=True)
    with open(folder / "ballast", "wb") as file, contextlib.suppress(OSError):
        file.write(bytes(shutil.disk_usage(folder).free - leave))


@pytest.mark.heavy
def test_a_full_temporary_folder_is_the_boards_fault(tmp_path: Path) -> None:
    """No room for the upload, or none for the verdict: 503 each, never a refusal, never counted; later it is taken."""
    where, temporary, data = tmp_path / "board", tmp_path / "tmp", pack(base_files())
    temporary.mkdir()
    store = Store.open(where)
    token = store.enrol("ada")
    before = small_disk("24m")
    with served(where, where / "evidence", before=before, temporary=temporary, submissions_an_hour=2) as server:
        inside = Path(f"/proc/{server.process.pid}/root") / temporary.relative_to("/")
        revision = store.revision()
        with server.client(token) as client:
            for leave in (0, len(data) // 2, len(data) + len(data) // 2, len(data) + 4096):
                fill(inside, leave)
                answer = client.post("/api/v1/submissions", content=data, headers=ZIP)
                assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0, (leave, answer.text)
                (problem,) = answer.json()["problems"]
                assert problem["code"] == "board" and "No space left on device" in problem["message"]
                page = client.post("/submit", data={"token": token}, files={"file": ("a.zip", data)})
                assert page.status_code == 503 and "No space left on device" in page.text
                assert client.get("/api/v1/health").status_code == 200
            assert store.revision() == revision, "nothing decided, nothing counted"
            (inside / "ballast").unlink()
            assert client.post("/api/v1/submissions", content=data, headers=ZIP).status_code == 201
    store.close()


def test_a_store_that_cannot_be_written_is_the_boards_fault(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "board")
    token = store.enrol("ada")
    evidence = tmp_path / "board/evidence"
    evidence.write_text("a file is in the way")
    data = pack(base_files())
    with served(tmp_path / "board", evidence) as server, server.client(token) as client:
        answer = client.post("/api/v1/submissions", content=data, headers=ZIP)
        assert answer.status_code == 503 and "evidence cannot be written" in answer.json()["problems"][0]["message"]
        assert [line.action for line in store.log()] == ["enrolled"]
        evidence.unlink()
        assert client.post("/api/v1/submissions", content=data, headers=ZIP).status_code == 201
    store.close()


def test_the_command_says_in_one_line_that_the_temporary_folder_is_full(tmp_path: Path) -> None:
    """`submit` on a full disk: exit code 2, one line, and nothing in the store."""
    path, temporary = tmp_path / "good.zip", tmp_path / "tmp"
    path.write_bytes(pack(base_files()))
    temporary.mkdir()
    line = small_disk("256k")
    command = [sys.executable, "-m", "progressgym.cli.main", "leaderboard", "submit", str(path)]
    command += ["--store", str(tmp_path / "board"), "--submitter", "ada"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run([*line, *command], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "temporary files cannot be written" in done.stderr and "No space left on device" in done.stderr
    assert not (tmp_path / "board/board.sqlite").exists()


@pytest.mark.heavy
def test_uploads_of_a_killed_server_are_swept_at_the_next_start(tmp_path: Path) -> None:
    where, temporary = tmp_path / "board", tmp_path / "tmp"
    temporary.mkdir()
    store = Store.open(where)
    token = store.enrol("ada")
    head = f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/zip\r\n"
    with served(where, where / "evidence", temporary=temporary) as other:  # which lives on beside the killed one
        with served(where, where / "evidence", temporary=temporary) as server, connect(server) as connection:
            connection.sendall(head.encode() + b"Content-Length: 1000000\r\n\r\n" + b"x" * 200_000)
            for _ in range(200):
                if written(temporary) >= 100_000:
                    break
                time.sleep(0.05)
            assert written(temporary) >= 100_000
            server.process.kill()
            server.process.wait()
        assert written(temporary) >= 100_000
        staged = where / "evidence/ab/.tmp-1-x.zip"
        staged.parent.mkdir(parents=True)
        staged.write_bytes(b"half")
        with served(where, where / "evidence", temporary=temporary):
            assert written(temporary) == 0 and not staged.exists()
            assert len(list(temporary.iterdir())) == 2, "the folders of the two that live"
        with other.client(token) as client:
            assert client.post("/api/v1/submissions", content=b"PK", headers=ZIP).status_code == 422
    assert list(temporary.iterdir()) == []
    store.close()
