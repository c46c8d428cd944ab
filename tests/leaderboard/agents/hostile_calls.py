"""Hostile agents that try the kernel: system calls, memory and sockets that several sandboxes could share.

Sent beside `hostile.py`, which what they have in common is in.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tests.leaderboard.agents.hostile import Hostile, attempt, must


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
