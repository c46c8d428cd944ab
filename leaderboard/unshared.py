"""The sandbox without bubblewrap: the same rooms, built by a shell script in namespaces of `unshare`.

Only tools of util-linux are needed. The script mounts a new root of bound folders, gives up the old one, forbids further
user namespaces and all privileges, and becomes the program.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOTS = ("/mnt", "/media", "/srv")
"""Folders of which one becomes the new root; whatever is in them is not seen meanwhile, inside alone."""
DEVICES = ("null", "full", "random", "urandom")
"""Not /dev/zero: mapped, it is memory that is in no page table and so in no count."""
TOOLS = ("unshare", "setpriv", "mount", "umount", "pivot_root")


@dataclass(kw_only=True, frozen=True)
class SandboxConfig:
    """What a sandbox consists of."""

    places: Sequence[Path]
    """Places bound at their own paths; links are made anew."""
    writable: Sequence[Path]
    masks: Sequence[Path]
    """Folders below them that are empty."""
    environment: Mapping[str, str]
    scratch: Mapping[str, int]
    """Folder in memory -> bytes."""
    network: bool
    root: bool
    """Whether the caller is root; then the program runs as `nobody`."""
    nobody: int


def unshare_command(program: Sequence[str], config: SandboxConfig) -> list[str]:
    """The command line that runs a program so."""
    kinds = ["--mount", "--pid", "--ipc", "--uts", *([] if config.network else ["--net"])]
    kinds += [] if config.root else ["--user", "--map-root-user"]
    start = ["setpriv", "--pdeathsig", "KILL", "unshare", *kinds, "--fork", "--kill-child"]
    return [*start, "sh", "-c", _script(config), "sh", *program]


def _script(config: SandboxConfig) -> str:
    new = next(
        place for place in ROOTS if Path(place).is_dir() and not any(p.is_relative_to(place) for p in config.places)
    )
    lines = ["set -e", "mount --make-rprivate /", f"mount -t tmpfs -o mode=0755,size=1m none {new}"]
    lines += [f"mkdir {new}/proc {new}/dev", f"mount -t proc none {new}/proc"]
    for device in DEVICES:
        lines += [f": > {new}/dev/{device}", f"mount --bind /dev/{device} {new}/dev/{device}"]
    lines += [f"ln -s /proc/self/fd {new}/dev/fd"]
    for folder, size in config.scratch.items():
        lines += [
            f"mkdir -p {new}{folder}",
            f"mount -t tmpfs -o mode=1777,nosuid,nodev,size={size},nr_inodes=65536 none {new}{folder}",
        ]
    for place in config.places:
        lines += _bind(place, new, place in config.writable)
    for mask in map(str, config.masks):
        lines.append(f"mount -t tmpfs -o ro,mode=0755,size=4k none {shlex.quote(new + mask)}")
    lines += [f"mount -o remount,bind,ro {new}", f"cd {new}", "pivot_root . .", "umount -l .", "cd /tmp"]
    given = " ".join(shlex.quote(f"{name}={value}") for name, value in config.environment.items())
    give_up = "setpriv --no-new-privs --bounding-set=-all --inh-caps=-all"
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces"
    if not config.root:
        return "\n".join([*lines, forbid, f'exec env -i {given} {give_up} "$@"'])
    user = f"setpriv --reuid {config.nobody} --regid {config.nobody} --clear-groups --no-new-privs --inh-caps=-all"
    inner = shlex.quote(f'{forbid}; exec {give_up} "$@"')
    return "\n".join([*lines, f'exec env -i {given} {user} unshare --user --map-root-user sh -c {inner} sh "$@"'])


def _bind(place: Path, new: str, writable: bool) -> list[str]:
    target = shlex.quote(new + str(place))
    above = shlex.quote(new + str(place.parent))
    if place.is_symlink():  # /bin -> usr/bin
        return [f"mkdir -p {above}", f"ln -s {shlex.quote(str(place.readlink()))} {target}"]
    made = f"mkdir -p {target}" if place.is_dir() else f"mkdir -p {above}; : > {target}"
    options = "remount,bind,nosuid,nodev" + ("" if writable else ",ro")
    return [made, f"mount --rbind {shlex.quote(str(place))} {target}", f"mount -o {options} {target}"]
