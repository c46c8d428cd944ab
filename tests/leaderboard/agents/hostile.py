"""Agents that try to break out of the sandbox. Each says ESCAPED if it succeeds and else what stopped it.

`targets.json` beside this file tells them what an insider would know: where the key is, who the board is, what listens.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

_FILE = Path(__file__).with_name("targets.json")
TARGETS: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8")) if _FILE.is_file() else {}


def attempt(*ways: Callable[[], object]) -> None:
    """Try every way; report."""
    stopped = []
    for way in ways:
        try:
            got = way()
        except Exception as error:  # noqa: BLE001  (whatever stops it is told)
            stopped.append(type(error).__name__)
        else:
            raise RuntimeError(f"ESCAPED by way {len(stopped) + 1}: {got!r}"[:200])
    raise RuntimeError("stopped: " + ", ".join(stopped))


def must(found: Iterable[object]) -> object:
    """What was found, or an error that nothing was."""
    kept = list(found)
    if not kept:
        raise LookupError("nothing")
    return kept


def protocol() -> int:
    """The descriptor of the pipe that the answers go into: found as anybody would find it."""
    own = os.stat(1)
    for number in range(3, 64):
        try:
            status = os.fstat(number)
        except OSError:
            continue
        if os.readlink(f"/proc/self/fd/{number}").startswith("pipe:") and status.st_ino != own.st_ino:
            try:
                os.write(number, b"")
            except OSError:
                continue
            return number
    raise LookupError("no pipe")


class Hostile:
    """Waits for its first step."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.task = task

    def act(self, observation: Any, info: Any) -> Any:
        raise NotImplementedError


class Histories(Hostile):
    """The history files, the package that reads them, and anything that looks like them anywhere."""

    def act(self, observation: Any, info: Any) -> Any:
        from progressgym import History
        from progressgym.histories.history import shipped_folder

        def anywhere() -> object:
            import progressgym

            names = ("answers.npz", "standings.json", "board-v1.toml")
            own = Path(progressgym.__file__).parents[1]  # next to the interpreter, where nothing else is looked through
            places = [own / "progressgym", "/tmp", "/home", "/mnt", "/srv", "/var", "/opt", *TARGETS["beside"]]
            return must(
                os.path.join(where, name)
                for place in places
                for where, _, files in os.walk(place)
                for name in files
                if name in names
            )

        attempt(
            lambda: History.load("histsmol-v1"),
            lambda: History.load("resampled:histsmol-v1?seed=0"),
            lambda: (shipped_folder("histsmol-v1") / "answers.npz").read_bytes(),
            lambda: Path(TARGETS["answers"]).read_bytes(),
            lambda: __import__("progressgym.leaderboard.truth"),
            anywhere,
        )


class Memory(Hostile):
    """The board's memory, by way of /proc and ptrace."""

    def act(self, observation: Any, info: Any) -> Any:
        libc = ctypes.CDLL(None, use_errno=True)

        first = 1 if os.getpid() != 1 else TARGETS["pid"]  # unless that is this process itself

        def others() -> object:
            numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            lines = [Path(f"/proc/{n}/cmdline").read_bytes() for n in numbers]
            return must(line for line in lines if line == TARGETS["command"].encode())

        def traced(process: int) -> object:
            if libc.ptrace(16, process, None, None) != 0:
                raise OSError(ctypes.get_errno(), "ptrace")
            return process

        attempt(
            lambda: os.open(f"/proc/{TARGETS['pid']}/mem", os.O_RDONLY),
            lambda: traced(TARGETS["pid"]),
            lambda: traced(first),
            lambda: os.open(f"/proc/{first}/mem", os.O_RDONLY),
            others,
        )


class Secrets(Hostile):
    """The key, the store, private histories, home."""

    def act(self, observation: Any, info: Any) -> Any:
        attempt(
            *(lambda path=path: Path(path).read_bytes() for path in TARGETS["secrets"]),
            lambda: must(os.listdir(TARGETS["home"])),
            lambda: Path("/etc/shadow").read_bytes(),
            lambda: Path("/etc/passwd").read_bytes(),
        )


class Environment(Hostile):
    """The environment object, in this process's own memory."""

    def act(self, observation: Any, info: Any) -> Any:
        from progressgym.envs.base import ProgressEnv
        from progressgym.histories.history import History

        def objects() -> object:
            return must(found for found in gc.get_objects() if isinstance(found, (ProgressEnv, History)))

        def frames() -> object:
            frame, seen = sys._getframe(), []
            while frame is not None:
                seen += [value for value in frame.f_locals.values() if isinstance(value, (ProgressEnv, History))]
                frame = frame.f_back  # type: ignore[assignment]
            return must(seen)

        attempt(objects, frames, lambda: self.task.first_model.adapter, lambda: info["scores"])


class Variables(Hostile):
    """Environment variables of the board."""

    def act(self, observation: Any, info: Any) -> Any:
        everything = [Path(f"/proc/{n}/environ").read_bytes() for n in os.listdir("/proc") if n == "self"]
        seen = " ".join(f"{k}={v}" for k, v in os.environ.items()) + repr(everything)
        attempt(
            lambda: must(name for name in ("SECRET", "PASSWORD", "PYTEST", "PROGRESSGYM_SHARED") if name in seen),
            lambda: must([v for v in (os.environ.get("PROGRESSGYM_TEST_SECRET"),) if v]),
        )


class Network(Hostile):
    """Connections to the board's machine and to the world, names, sockets of the file system and abstract ones."""

    def act(self, observation: Any, info: Any) -> Any:
        def connect(family: int, where: Any, kind: int = socket.SOCK_STREAM) -> object:
            with socket.socket(family, kind) as one:
                one.settimeout(2)
                one.connect(where)
                return where

        def datagram() -> object:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                return one.sendto(b"x", ("192.0.2.1", 53))

        attempt(
            lambda: connect(socket.AF_INET, ("127.0.0.1", TARGETS["port"])),
            lambda: connect(socket.AF_INET, ("192.0.2.1", 80)),
            lambda: connect(socket.AF_INET6, ("2001:db8::1", 80)),
            datagram,
            lambda: socket.getaddrinfo("example.org", 80),
            lambda: connect(socket.AF_UNIX, TARGETS["unix"]),
            lambda: connect(socket.AF_UNIX, "\0" + TARGETS["abstract"]),
        )


class Signals(Hostile):
    """Signals to the board, to its group, to everybody."""

    def act(self, observation: Any, info: Any) -> Any:
        attempt(
            lambda: os.kill(TARGETS["pid"], signal.SIGKILL),
            lambda: os.killpg(TARGETS["group"], signal.SIGKILL),
            lambda: os.kill(TARGETS["pid"], signal.SIGSTOP),
        )


class SignalsToAll(Hostile):
    """Kills whatever it can see."""

    def act(self, observation: Any, info: Any) -> Any:
        os.kill(-1, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


class Writing(Hostile):
    """The package, the interpreter, the system, its own code."""

    def act(self, observation: Any, info: Any) -> Any:
        import progressgym

        places = [Path(progressgym.__file__), Path(np.__file__), Path(__file__), Path("/usr/bin/x"), Path("/x")]
        attempt(
            *(lambda place=place: place.write_bytes(b"x") for place in places),
            lambda: os.makedirs("/dev/x"),
            lambda: Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x"),
        )


class Privileges(Hostile):
    """New namespaces, mounts, root."""

    def act(self, observation: Any, info: Any) -> Any:
        libc = ctypes.CDLL(None, use_errno=True)

        def called(result: int) -> object:
            if result != 0:
                raise OSError(ctypes.get_errno(), "refused")
            return result

        attempt(
            lambda: called(libc.unshare(0x10000000)),
            lambda: called(libc.umount2(TARGETS["masked"].encode(), 2)),
            lambda: called(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
            lambda: os.setgroups([0]),
            lambda: os.chroot("/tmp"),
            lambda: subprocess.run(["mount", "-o", "remount,rw", "/"], check=True, capture_output=True),
        )


class ForkBomb(Hostile):
    """Processes without end."""

    def act(self, observation: Any, info: Any) -> Any:
        refused = 0
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(60)
            except OSError:
                refused += 1
                if refused > 1000:
                    raise


class FillDisk(Hostile):
    """Files without end, wherever it may write."""

    def act(self, observation: Any, info: Any) -> Any:
        reached = 0
        for folder in ("/tmp", "/dev/shm"):
            number = 0
            try:
                while True:
                    with open(f"{folder}/{number}", "wb") as file:
                        file.write(bytes(4 << 20))
                    number += 1
                    reached += 4
                    if reached > 1000:
                        raise RuntimeError("ESCAPED: a gigabyte on disk")
            except OSError as error:
                last = error
        raise last


class FillMemory(Hostile):
    """Memory of one process without end."""

    def act(self, observation: Any, info: Any) -> Any:
        kept = []
        while True:
            kept.append(np.ones(4 << 20))


class FillMemoryTogether(Hostile):
    """Memory of many processes, each within its limit."""

    def act(self, observation: Any, info: Any) -> Any:
        for _ in range(6):
            if os.fork() == 0:
                break
        kept = [np.ones(2 << 20) for _ in range(8)]
        time.sleep(60)
        return kept


class Hang(Hostile):
    """Never answers."""

    def act(self, observation: Any, info: Any) -> Any:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(10_000)


class HangAtImport(Hostile):
    """Never becomes ready."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        while True:
            pass


class Flood(Hostile):
    """Writes into the pipe without end."""

    def act(self, observation: Any, info: Any) -> Any:
        pipe = protocol()
        while True:
            os.write(pipe, b"x" * 65536)


class FloodPrinting(Hostile):
    """Prints without end."""

    def act(self, observation: Any, info: Any) -> Any:
        while True:
            print("x" * 65536)


class Malformed(Hostile):
    """A frame that announces more than anybody has memory for."""

    def act(self, observation: Any, info: Any) -> Any:
        os.write(protocol(), b"PGF1" + b"\x10\0\0\0" + b"\xff" * 8)
        time.sleep(60)


class BadHeader(Hostile):
    """A frame whose header is an abyss of brackets."""

    def act(self, observation: Any, info: Any) -> Any:
        header = b"[" * 4000
        os.write(protocol(), b"PGF1" + len(header).to_bytes(4, "little") + bytes(8) + header)
        time.sleep(60)


class Pickled(Hostile):
    """A pickle instead of a frame."""

    def act(self, observation: Any, info: Any) -> Any:
        os.write(protocol(), b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R." * 4)
        time.sleep(60)


class TooEarly(Hostile):
    """Answers twice."""

    def act(self, observation: Any, info: Any) -> Any:
        from progressgym.core.frames import encode
        from progressgym.envs.messages import actions_frame

        answer = np.zeros((1, *self.task.action_shape), np.float32)
        os.write(protocol(), encode(actions_frame(answer)))
        return answer[0]


class ClosesPipe(Hostile):
    """Closes the pipe and goes on living."""

    def act(self, observation: Any, info: Any) -> Any:
        for number in range(3, 64):
            try:
                os.close(number)
            except OSError:
                continue
        os.close(1)
        time.sleep(60)


class NotANumber(Hostile):
    """NaN, past the checks of its own side."""

    def act(self, observation: Any, info: Any) -> Any:
        from progressgym.core.frames import encode
        from progressgym.envs.messages import actions_frame

        os.write(protocol(), encode(actions_frame(np.full((1, *self.task.action_shape), np.nan, np.float32))))
        time.sleep(60)


class WrongShape(Hostile):
    """Answers to other questions."""

    def act(self, observation: Any, info: Any) -> Any:
        from progressgym.core.frames import encode
        from progressgym.envs.messages import actions_frame

        items, options = self.task.action_shape
        os.write(protocol(), encode(actions_frame(np.zeros((1, options, items), np.float32))))
        time.sleep(60)
