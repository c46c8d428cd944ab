"""The filter over system calls, run instruction by instruction, and the new key ring, by a real kernel."""

from __future__ import annotations

import platform
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core import confine
from progressgym.core.confine import ALLOW, KILL, MACHINES, MISSING, REFUSE, REFUSED

TESTS = {
    confine.EQUAL: lambda a, k: a == k,
    confine.AT_LEAST: lambda a, k: a >= k,
    confine.ANY_BIT: lambda a, k: bool(a & k),
}


def verdict(machine: str, number: int, arguments: tuple[int, ...] = (), audit: int | None = None) -> int:
    """What classic BPF makes of a call."""
    own = MACHINES[machine].audit if audit is None else audit
    data = struct.pack("<IIQ6Q", number, own, 0, *(arguments + (0,) * 6)[:6])
    lines, at, word = confine.program(machine), 0, 0
    while True:
        code, yes, no, operand = lines[at]
        at += 1
        if code == confine.LOAD:
            word = struct.unpack_from("<I", data, operand)[0]
        elif code == confine.AND:
            word &= operand
        elif code == confine.RETURN:
            return operand
        else:
            at += yes if TESTS[code](word, operand) else no


def column(machine: str, pair: tuple[int | None, int | None]) -> int | None:
    return pair[MACHINES[machine].column]


@pytest.mark.parametrize("machine", MACHINES)
def test_listed_calls_are_refused_and_no_others(machine: str) -> None:
    refused = {column(machine, pair) for pair in REFUSED.values()} - {None}
    missing = {column(machine, confine.CLONE3), column(machine, confine.FLOCK)}
    asked = (1,)  # AF_UNIX, which a socket may have; nothing that another call is refused for
    assert {n for n in range(600) if verdict(machine, n, asked) == REFUSE} == refused
    assert {n for n in range(600) if verdict(machine, n, asked) == MISSING} == missing
    assert all(verdict(machine, n, asked) == ALLOW for n in range(600) if n not in refused | missing)


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_of_families_that_namespaces_divide(machine: str) -> None:
    for call in confine.SOCKETS:
        allowed = {n for n in range(64) if verdict(machine, call[MACHINES[machine].column], (n,)) == ALLOW}
        assert allowed == {1, 2, 10, 16}, "vsock (40) and alg (38) are not among them"


@pytest.mark.parametrize("machine", MACHINES)
def test_nobody_locks_or_watches_a_file_or_widens_a_pipe(machine: str) -> None:
    fcntl, ioctl = confine.FCNTL[MACHINES[machine].column], confine.IOCTL[MACHINES[machine].column]
    refused = {n for n in range(1100) if verdict(machine, fcntl, (9, n)) == REFUSE}
    assert refused == {5, 6, 7, 36, 37, 38, 1024, 1026, 1031}
    assert verdict(machine, ioctl, (0, 0x5412)) == REFUSE == verdict(machine, ioctl, (0, 0x541C))
    assert verdict(machine, ioctl, (0, 0x5401)) == ALLOW, "whether it is a terminal may be asked"


@given(number=st.integers(0, 2**32 - 1), audit=st.integers(0, 2**32 - 1))
def test_another_architecture_is_killed(number: int, audit: int) -> None:
    for machine, one in MACHINES.items():
        if audit != one.audit:
            assert verdict(machine, number, audit=audit) == KILL
    if number >= confine.X32:
        assert verdict("x86_64", number) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@given(flags=st.integers(0, 2**64 - 1))
def test_calls_that_depend_on_their_flags(machine: str, flags: int) -> None:
    asked = {name: column(machine, getattr(confine, name)) or 0 for name in ("MMAP", "PREADV2", "CLONE")}
    assert verdict(machine, asked["MMAP"], (0, 0, 0, flags)) == (REFUSE if flags & 0x21 == 0x21 else ALLOW)
    assert verdict(machine, asked["PREADV2"], (0, 0, 0, 0, 0, flags)) == (REFUSE if flags & 8 else ALLOW)
    assert verdict(machine, asked["CLONE"], (flags,)) == (REFUSE if flags & 0x7E020000 else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
@given(level=st.integers(0, 8), option=st.integers(0, 12))
def test_buffers_of_sockets_keep_their_size(machine: str, level: int, option: int) -> None:
    number = column(machine, confine.SETSOCKOPT) or 0
    expected = REFUSE if level == 1 and option in (7, 8) else ALLOW
    assert verdict(machine, number, (3, level, option)) == expected


def test_threads_processes_and_private_memory_go_on() -> None:
    thread = 0x3D0F00  # CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | SETTLS | PARENT_SETTID | CHILD_CLEARTID
    assert verdict("x86_64", 56, (thread,)) == verdict("x86_64", 56, (17,)) == ALLOW
    assert verdict("x86_64", 9, (0, 4096, 3, 0x22)) == ALLOW and verdict("x86_64", 9, (0, 4096, 1, 0x01)) == ALLOW


def test_an_unknown_architecture_is_refused_and_not_guessed() -> None:
    with pytest.raises(LookupError, match="no table of system calls for riscv64"):
        confine.program("riscv64")


linux = pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in MACHINES, reason="Linux's own calls")
KEYS = """
import ctypes, platform, sys
from progressgym.core import confine
machine = platform.machine()
column = confine.MACHINES[machine].column
libc = ctypes.CDLL(None, use_errno=True)
def find():
    return libc.syscall(confine.REFUSED["keyctl"][column], 10, -3, b"user", b"progressgym-test", 0)  # KEYCTL_SEARCH
own = libc.syscall(confine.REFUSED["keyctl"][column], 1, None)  # not the session that the tests run in
if own < 0 or libc.syscall(confine.REFUSED["add_key"][column], b"user", b"progressgym-test", b"told", 4, -3) < 0:
    sys.exit(77)
before = find() > 0
confine.leave_session(machine)
print(before, find() > 0)
"""


@linux
def test_a_key_of_the_old_session_is_out_of_reach() -> None:
    done = subprocess.run([sys.executable, "-c", KEYS], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("keys are forbidden here")
    assert done.stdout.split() == ["True", "False"], done.stderr


@linux
def test_a_program_runs_confined_and_so_does_what_it_starts() -> None:
    script = "import os, subprocess, sys; print(subprocess.run([sys.executable, '-c', %r], text=True, capture_output=True).stdout)"
    inner = "import os\ntry: os.memfd_create('x')\nexcept PermissionError: print('refused')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", confine.__file__, sys.executable, "-c", script % inner],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "refused", done.stderr
    command = [sys.executable, confine.__file__, "/nowhere/program"]
    missing = subprocess.run(command, capture_output=True, text=True, check=False)
    assert missing.returncode == 1 and missing.stderr.startswith("cannot confine /nowhere/program: ")
