"""Become a program with fewer system calls and a key ring of its own. Linux only; nothing but the standard library.

python -I -S -c "$(cat confine.py)" PROGRAM [ARGUMENTS]

The last step into a sandbox, whatever built it: join a new session key ring, forbid new privileges, load a filter over
system calls, become the program. Neither the program nor what it starts can take the filter off. What cannot be set up
ends here with one line, and the program is not run.

The filter (seccomp, classic BPF) lets everything pass but what is listed here: a call of another architecture than this
process's own (32-bit, x32) kills, the listed calls fail with EPERM, so that a library that only tries them goes on.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass

KILL, ALLOW, REFUSE, MISSING = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
"""What becomes of a call: the process is killed, it goes on, EPERM, ENOSYS (the C library then asks in another way)."""
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
"""Instructions of classic BPF on 32-bit words."""
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in the kernel's `struct seccomp_data`; arguments are 8 bytes each, the lower half first."""
X32 = 0x40000000
"""Numbers of the x32 calls begin here."""


@dataclass(frozen=True)
class Machine:
    """How one processor architecture names and numbers system calls."""

    audit: int
    """AUDIT_ARCH_* of the kernel."""
    column: int
    """In `REFUSED`."""


MACHINES = {"x86_64": Machine(0xC000003E, 0), "aarch64": Machine(0xC00000B7, 1)}
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Key rings outlive the process that writes them.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Memory that no process has in its page tables, so that nobody counts it. See also `mmap` below.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    # Which pages of a file are in memory: a message from whoever read it before. And how to write one.
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "move_pages": (279, 239),
    "fadvise64": (221, 223),
    "readahead": (187, 213),
    # Which files another process opens, told as it happens. See also `LOCKS` below.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    # Large doors of the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # Namespaces and mounts. See also `clone` below.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
}
"""Calls that fail: number on x86_64, number on aarch64."""
MMAP, PREADV2, CLONE, CLONE3, SETSOCKOPT = (9, 222), (327, 286), (56, 220), (435, 435), (54, 208)
SOCKETS, FLOCK, FCNTL, IOCTL = ((41, 198), (53, 199)), (73, 32), (72, 25), (16, 29)
"""`socket` and `socketpair`; the other names are those of the calls."""
FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: what namespaces divide. AF_VSOCK reaches the host of a virtual machine from
every network namespace, and the others are large doors."""
LOCKS = (5, 6, 7, 36, 37, 38, 1024, 1026)
"""F_GETLK to F_OFD_SETLKW, F_SETLEASE and F_NOTIFY of `fcntl`: a file that two sandboxes can read, they can lock, and see
that it is locked. A million locks are also 200 MB that no process is charged for."""
PIPE_SIZE = 1031
"""F_SETPIPE_SZ of `fcntl`: a pipe holds 64 KiB, not 1 MiB, that no process is charged for."""
TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX of `ioctl`: type on somebody's terminal."""
SHARED_ANONYMOUS = 0x01 | 0x20
"""Flags of `mmap` for memory that stays when its page tables are emptied (MADV_DONTNEED), uncounted."""
ONLY_CACHED = 0x08
"""RWF_NOWAIT of `preadv2`: fails where the file is not in memory, which is what `mincore` tells."""
NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
SOL_SOCKET, BUFFER_SIZES = 1, (7, 8)
"""SO_SNDBUF and SO_RCVBUF of `setsockopt`: what waits in a socket is memory that no process is charged for."""
JOIN_SESSION_KEYRING = 1
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


def program(machine: str) -> list[Instruction]:
    """The filter of an architecture.

    Raises:
        LookupError: an architecture without a table.
    """
    if machine not in MACHINES:
        raise LookupError(f"no table of system calls for {machine}; there is one for {' and '.join(MACHINES)}")
    audit, column = MACHINES[machine].audit, MACHINES[machine].column
    lines: list[Instruction] = [(LOAD, 0, 0, ARCHITECTURE), *_unless(EQUAL, audit, KILL), (LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        lines += _if(AT_LEAST, X32, KILL)
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            lines += _if(EQUAL, number, REFUSE)
    lines += _if(EQUAL, CLONE3[column], MISSING)  # its flags lie in memory, where a filter cannot look
    lines += _if_flags(CLONE[column], 0, _if(ANY_BIT, NEW_NAMESPACES, REFUSE))
    lines += _if_flags(PREADV2[column], 5, _if(ANY_BIT, ONLY_CACHED, REFUSE))
    both = [(AND, 0, 0, SHARED_ANONYMOUS), *_if(EQUAL, SHARED_ANONYMOUS, REFUSE)]
    lines += _if_flags(MMAP[column], 3, both)
    sizes = [*_unless(EQUAL, SOL_SOCKET, ALLOW), (LOAD, 0, 0, ARGUMENTS + 8 * 2)]
    sizes += [line for option in BUFFER_SIZES for line in _if(EQUAL, option, REFUSE)]
    lines += _if_flags(SETSOCKOPT[column], 1, sizes)
    lines += _if(EQUAL, FLOCK[column], MISSING)  # libraries that lock files go on without, or say so
    controls = [line for control in (*LOCKS, PIPE_SIZE) for line in _if(EQUAL, control, REFUSE)]
    lines += _if_flags(FCNTL[column], 1, controls)
    lines += _if_flags(IOCTL[column], 1, [line for control in TERMINAL_INPUT for line in _if(EQUAL, control, REFUSE)])
    families = [line for family in FAMILIES for line in _if(EQUAL, family, ALLOW)]
    for socket in SOCKETS:
        lines += _if_flags(socket[column], 0, [*families, (RETURN, 0, 0, REFUSE)])
    return [*lines, (RETURN, 0, 0, ALLOW)]


def leave_session(machine: str) -> None:
    """Join a new session key ring: what an earlier process left in the old one is out of reach.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    number = REFUSED["keyctl"][MACHINES[machine].column]
    joined = libc.syscall(ctypes.c_long(number or 0), ctypes.c_long(JOIN_SESSION_KEYRING), None)
    if joined < 0 and ctypes.get_errno() != errno.ENOSYS:  # a kernel without keys has none that could outlive anything
        raise OSError(ctypes.get_errno(), "a new session key ring was refused")


def load_filter(machine: str) -> None:
    """Load the filter, for this process and all that it will start.

    Raises:
        OSError: the kernel refuses.
        LookupError: see `program`.
    """
    lines = program(machine)
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    held = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(lines), ctypes.addressof(held))
    one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
    if libc.prctl(NO_NEW_PRIVS, one, none, none, none) or libc.prctl(SET_SECCOMP, ctypes.c_ulong(FILTER), header):
        raise OSError(ctypes.get_errno(), "a filter over system calls was refused")


def main() -> None:
    """Confine this process and become the program."""
    try:
        machine = platform.machine()
        program(machine)  # refuses an unknown one
        leave_session(machine)
        load_filter(machine)
        os.execvp(sys.argv[1], sys.argv[1:])
    except (OSError, LookupError) as error:
        sys.exit(f"cannot confine {sys.argv[1]}: {error}")


def _if(test: int, operand: int, action: int) -> list[Instruction]:
    return [(test, 0, 1, operand), (RETURN, 0, 0, action)]


def _unless(test: int, operand: int, action: int) -> list[Instruction]:
    return [(test, 1, 0, operand), (RETURN, 0, 0, action)]


def _if_flags(number: int, argument: int, then: list[Instruction]) -> list[Instruction]:
    """Look at the lower half of an argument of one call; where `then` decides nothing, the call goes on."""
    inside = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *then, (RETURN, 0, 0, ALLOW)]
    return [(EQUAL, 0, len(inside), number), *inside]


if __name__ == "__main__":
    main()
