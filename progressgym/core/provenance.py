"""Where a number came from: code version, package versions, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from progressgym.core.files import canonical_json, sha256_bytes

PACKAGES = ("progress-gym", "numpy", "scipy", "torch", "transformers", "peft", "trl", "gymnasium", "pettingzoo")


def git_commit(folder: Path | None = None) -> str | None:
    """Commit of the checkout that the library runs from, with `-dirty` when files differ; None outside of git."""
    where = folder or Path(__file__).resolve().parent
    try:
        commit = _git(where, "rev-parse", "HEAD")
        return commit + ("-dirty" if _git(where, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(("git", *arguments), cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a number."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_device() -> str:
    """The processor in words: architecture, number of cores."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def fingerprint(**decides: Any) -> dict[str, Any]:
    """What decides a run's numbers: the commit, the packages, and what the caller adds (data, seeds, settings).

    Returns:
        All of it, and `sha256` of its canonical JSON: runs of one `sha256` ran the same code on the same data.
    """
    record = {"commit": git_commit(), "packages": package_versions(), **decides}
    return record | {"sha256": sha256_bytes(canonical_json(record).encode())}
