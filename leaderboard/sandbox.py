"""The sandbox: a command line that runs a program alone, with namespaces of its own and a file system of what it needs.

Linux only, through bubblewrap or, where that is missing, through `unshare`. The program gets user, mount, process, network, IPC and host-name namespaces of its own,
no capabilities, no right to gain any, no further user namespaces, an empty environment, and a read-only file system that
holds the system's libraries, the interpreter and progressgym without histories and leaderboard. It can write to a
small /tmp and /dev/shm in memory. There is no network but an unconnected loopback, unless it is asked for.
The last step inside is `progressgym.core.confine`: a session key ring of its own and a filter over system calls.

A board that runs as root starts the program as `nobody`: bubblewrap builds the rooms, `setpriv` changes the user for
good, and a second bubblewrap takes away user namespaces. (In a user namespace of root's, limits on processes count for
nothing.)
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import progressgym
from progressgym.core import confine
from progressgym.core.errors import UserError
from progressgym.leaderboard.unshared import DEVICES, TOOLS, SandboxConfig, unshare_command

NOBODY = 65534
OTHERS = 0o005
"""Rights that `nobody` needs on a folder."""
SCRATCH = ("/tmp", "/dev/shm")
SCRATCH_BYTES = 64 * 2**20
OUTSIDE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""Environment of the commands that build a sandbox."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/pip.conf")
"""What else an installation reads."""
HIDDEN = ("data/histories", "leaderboard")
"""Parts of the package that a sandbox does not show: the measured centuries, and everybody's answers."""
PROBE_SECONDS = 20.0
CONFINE = Path(confine.__file__).read_text(encoding="utf-8")


@dataclass(kw_only=True, frozen=True)
class Room:
    """What a program sees beside the system and the interpreter."""

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    package: bool = True
    """Whether progressgym is there."""
    network: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    """Variables beside those that every program gets."""


def command(program: Sequence[str], room: Room, secrets: Iterable[Path] = ()) -> list[str]:
    """The command line that runs a program in a room.

    Args:
        program: with arguments; `sys.executable` is there.
        room: what it sees.
        secrets: places that must not be inside of anything shown.

    Raises:
        UserError: there is no working sandbox here, or a secret would be seen.
    """
    places = _shown(room)
    masks = _masks(places)
    for secret in map(Path.resolve, secrets):
        for place in places:
            if secret.is_relative_to(place) and not any(secret.is_relative_to(mask) for mask in masks):
                raise UserError(f"{secret} lies in {place}, which the sandbox shows; move it elsewhere")
    return WAYS[check_sandbox()](_confined(program), room)


@lru_cache(maxsize=1)
def check_sandbox() -> str:
    """Run nothing in a sandbox, to see which kind there is.

    Returns:
        Name of the first way that works.

    Raises:
        UserError: none does; what is missing.
    """
    if sys.platform != "linux":
        raise UserError(f"no sandbox, so no reproduction: it needs Linux namespaces, this is {sys.platform}")
    reasons = []
    for name in WAYS:
        reason = probe(name)
        if reason is None:
            return name
        reasons.append(reason)
    raise UserError(f"no sandbox, so no reproduction: {'; '.join(reasons)}")


def probe(way: str) -> str | None:
    """Why a way does not work here, or None."""
    needed = {BUBBLEWRAP: ("bwrap", *(("setpriv",) if _root() else ())), UNSHARE: TOOLS}[way]
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        return f"{way} needs {' and '.join(missing)}, not found"
    try:
        done = subprocess.run(
            WAYS[way](_confined([sys.executable, "-c", ""]), Room(package=False)),
            capture_output=True,
            timeout=PROBE_SECONDS,
            env=OUTSIDE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{way} cannot be run: {error}"
    reason = " ".join(done.stderr.decode("ascii", "replace").split())[:200]
    return None if done.returncode == 0 else f"{way} cannot run Python in namespaces here: {reason}"


def _confined(program: Sequence[str]) -> list[str]:
    """A program with fewer system calls; the interpreter that sees to it reads no site and no environment."""
    return [sys.executable, "-I", "-S", "-c", CONFINE, *program]


def _bubblewrap(program: Sequence[str], room: Room) -> list[str]:
    places = _shown(room)
    parts = [
        "bwrap",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        "sandbox",
    ]
    parts += [] if room.network else ["--unshare-net"]
    parts += [] if _root() else ["--unshare-user", "--disable-userns", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    parts += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in _environment(room).items():
        parts += ["--setenv", name, value]
    parts += _mounts(places, room)
    if not _root():
        return [*parts, "--", *program]
    for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):  # setpriv needs them once and gives them up
        parts += ["--cap-add", capability]
    user = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs"]
    user += ["--bounding-set=-all", "--inh-caps=-all"]
    inner = ["bwrap", "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--dev-bind", "/", "/"]
    return [*parts, "--", *user, *inner, "--chdir", "/tmp", "--", *program]


def _unshare(program: Sequence[str], room: Room) -> list[str]:
    places = _shown(room)
    plan = SandboxConfig(
        places=places,
        writable=room.writable,
        masks=_masks(places),
        environment=_environment(room),
        scratch=dict.fromkeys(SCRATCH, SCRATCH_BYTES),
        network=room.network,
        root=_root(),
        nobody=NOBODY,
    )
    return unshare_command(program, plan)


BUBBLEWRAP, UNSHARE = "bubblewrap", "unshare"
WAYS: dict[str, Callable[[Sequence[str], Room], list[str]]] = {BUBBLEWRAP: _bubblewrap, UNSHARE: _unshare}
"""How a sandbox is made, best first."""


def _root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _shown(room: Room) -> list[Path]:
    """Places bound into the sandbox, each at its own path."""
    places = [Path(place) for place in (*SYSTEM, *(NETWORK if room.network else ())) if Path(place).exists()]
    places += [Path(sys.base_prefix).resolve(), Path(sys.prefix)]
    if room.package:
        places += _package()
    places += room.readable
    roots: list[Path] = []
    for place in (*(part for whole in places for part in _opened(whole)), *room.writable):
        if not any(place.is_relative_to(other) for other in roots):
            roots.append(place)
    return roots


def _opened(place: Path) -> list[Path]:
    """A folder that is closed to others, as what `mktemp -d` makes, part by part: the sandbox has its own above them."""
    closed = _root() and place.is_dir() and place.stat().st_mode & OTHERS != OTHERS
    return sorted(place.iterdir()) if closed else [place]


def _package() -> list[Path]:
    """Folders of progressgym; in a checkout some of them are links to folders beside it."""
    folder = Path(progressgym.__file__).resolve().parent
    links = [path.resolve() for path in sorted(folder.iterdir()) if path.is_symlink() and path.name not in HIDDEN]
    return [folder, *links]


def _masks(places: Sequence[Path]) -> list[Path]:
    """What is hidden of the places shown: histories and leaderboard of every progressgym that can be seen."""
    homes = [Path(progressgym.__file__).resolve().parent]
    homes += [Path(place) / "progressgym" for place in (*site.getsitepackages(), *sys.path)]
    masks = {home.resolve() / part for home in homes for part in HIDDEN}
    return sorted(
        mask
        for mask in masks
        if mask.is_dir() and not mask.is_symlink() and any(mask.is_relative_to(place) for place in places)
    )


def _mounts(places: Sequence[Path], room: Room) -> list[str]:
    parts = ["--proc", "/proc", "--tmpfs", "/dev"]
    for device in DEVICES:
        parts += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    parts += ["--symlink", "/proc/self/fd", "/dev/fd"]
    for scratch in SCRATCH:  # the sandbox's own, in memory; before what may be shown below them
        parts += ["--size", str(SCRATCH_BYTES), "--perms", "1777", "--tmpfs", scratch]
    made = {Path("/"), Path("/tmp"), Path("/dev")}
    for ancestor in sorted({up for place in places for up in place.parents} - made):
        parts += ["--perms", "0755", "--dir", str(ancestor)]
    for place in places:
        if place.is_symlink():  # /bin -> usr/bin
            parts += ["--symlink", os.readlink(place), str(place)]
        else:
            parts += ["--bind" if place in room.writable else "--ro-bind", str(place), str(place)]
    for mask in _masks(places):
        parts += ["--perms", "0755", "--tmpfs", str(mask), "--remount-ro", str(mask)]
    return [*parts, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _environment(room: Room) -> dict[str, str]:
    """Everything that the program finds in its environment: nothing of the board's."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "nobody",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",  # numbers must not depend on the number of threads
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    paths = [Path(progressgym.__file__).resolve().parent.parent] if room.package else []
    if paths:
        environment["PYTHONPATH"] = ":".join(map(str, paths))
    return environment | dict(room.environment)
