"""The first phase of a reproduction: a stranger's code is fetched and installed, with network and without secrets.

It happens in a sandbox that sees neither key nor store nor home, and that can write to one folder only. The second
phase, the run, sees that folder read-only and no network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.leaderboard.problems import plain
from progressgym.leaderboard.sandbox import NOBODY, OUTSIDE, Room, command
from progressgym.leaderboard.schema import CodeInfo

CODE, SITE = "code", "site"
WEIGHTS = (".json", ".safetensors", ".txt", ".model", ".jinja")
"""Kinds of files that a model is made of: numbers, a tokenizer, settings, a prompt."""
WATCH_SECONDS = 0.2
KEPT_LINES = 3


@dataclass(kw_only=True, frozen=True)
class InstallLimits:
    """What an installation may use."""

    seconds: float = 900.0
    folder_bytes: int = 4 * 2**30
    file_bytes: int = 2 * 2**30
    processes: int = 256


@dataclass(kw_only=True, frozen=True)
class Source:
    """Where an own agent's code comes from."""

    info: CodeInfo
    """What the submission says: address and commit."""
    folder: Path | None = None
    """A folder that the owner has fetched already; used instead of the address."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that pip needs here, such as the address of an index. They are shown to the stranger's code."""


def install(
    source: Source, into: Path, secrets: tuple[Path, ...], limits: InstallLimits | None = None
) -> tuple[Path, ...]:
    """Fetch and install code.

    The project itself is installed without its dependencies, for the board's interpreter has progressgym, numpy and
    torch; what else it needs it lists in `requirements.txt`. A folder without a project file is used as it is.

    Args:
        source: where from.
        into: an empty folder.
        secrets: places that the sandbox must not show.
        limits: of the installation.

    Returns:
        Folders for the search path.

    Raises:
        UserError: it failed, with the last lines of what was said.
    """
    into = into.resolve()
    code, site = into / CODE, into / SITE
    site.mkdir(parents=True)
    allowed = limits or InstallLimits()
    room = Room(writable=(into,), package=False, network=True, environment=tuple(source.environment.items()))
    _give_away(into)
    if source.folder is not None:
        if not source.folder.is_dir():
            raise UserError(f"there is no folder {source.folder} with the agent's code")
        shutil.copytree(source.folder, code, symlinks=True)
        _give_away(into)
    else:
        if source.info.url is None:
            raise UserError("the submission gives no address of its code; give a folder (--code)")
        git = ["git", "-c", "advice.detachedHead=false"]
        _run(
            [*git, "clone", "--quiet", "--no-checkout", "--", source.info.url, str(code)], room, into, secrets, allowed
        )
        _run([*git, "-C", str(code), "checkout", "--quiet", source.info.commit], room, into, secrets, allowed)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--target",
        str(site),
    ]
    if (code / "requirements.txt").is_file():
        _run([*pip, "-r", str(code / "requirements.txt")], room, into, secrets, allowed)
    if any((code / name).is_file() for name in ("pyproject.toml", "setup.py")):
        _run([*pip, "--no-deps", str(code)], room, into, secrets, allowed)
    for folder in (site, code):  # what was installed may have put a link to somewhere else in its place
        if folder.is_symlink() or not folder.is_dir():
            raise UserError(f"the installation left no folder {folder.name}")
    return site, code


def lay_out(model: Path, into: Path) -> Path:
    """Copy what a model is made of to where a sandbox can read it: links followed, no code, nothing that unpickles.

    Args:
        model: a folder of weights, such as one of the hub's cache.
        into: a folder that does not exist yet.

    Returns:
        It.

    Raises:
        UserError: there is no whole model in the folder.
    """
    if not (model / "config.json").is_file():
        raise UserError(f"{model} holds no whole model (config.json); merge an adapter into its base first")
    into.mkdir(parents=True)
    into.chmod(0o755)
    for path in sorted(model.iterdir()):
        if path.is_file() and path.suffix in WEIGHTS:
            shutil.copyfile(path, into / path.name)
            (into / path.name).chmod(0o644)
    return into


def _give_away(folder: Path) -> None:
    """A board that runs as root installs as nobody, who must be able to write there."""
    if sys.platform != "win32" and os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _run(program: list[str], room: Room, into: Path, secrets: tuple[Path, ...], limits: InstallLimits) -> None:
    """Run one step to its end, within the limits."""
    limited = ["prlimit", f"--fsize={limits.file_bytes}", f"--nproc={limits.processes}", "--core=0", "--", *program]
    deadline = time.monotonic() + limits.seconds
    with tempfile.TemporaryFile() as log:  # nowhere that the stranger's code could put a link
        process = subprocess.Popen(
            command(limited, room, secrets),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=OUTSIDE,
            cwd="/",
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise UserError(f"the installation took longer than {limits.seconds:g} seconds")
                if _size(into) + os.fstat(log.fileno()).st_size > limits.folder_bytes:
                    raise UserError(f"the installation wrote more than {limits.folder_bytes >> 20} MiB")
                time.sleep(WATCH_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            log.seek(max(os.fstat(log.fileno()).st_size - 2000, 0))
            said = log.read().decode("utf-8", "replace").splitlines()
            words = "; ".join(plain(line.strip(), 200) for line in said[-KEPT_LINES:] if line.strip())
            raise UserError(f"{Path(program[0]).name} failed while installing the agent: {words or 'it said nothing'}")


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                continue
    return total
