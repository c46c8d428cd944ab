"""The house itself: floors, lint, types, a light import, and every way of installing it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (ROOT / "pyproject.toml").is_file() and (ROOT / "envs").is_dir()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="needs the repository, not an installed package")


def run(*command: str, cwd: Path = ROOT) -> str:
    elsewhere = None if cwd == ROOT else {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=elsewhere, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tool(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def test_floors_look_down_only() -> None:
    run(tool("lint-imports"))


def test_import_graph_follows_the_links() -> None:
    import grimp

    graph = grimp.build_graph("progressgym", cache_dir=None)
    assert {"progressgym.envs.follow", "progressgym.agents", "progressgym.leaderboard"} <= graph.modules


def test_ruff() -> None:
    run(tool("ruff"), "check", ".")
    run(tool("ruff"), "format", "--check", ".")


@pytest.mark.heavy
def test_types() -> None:
    run(tool("mypy"))


def test_import_is_light() -> None:
    heavy = [
        "torch",
        "transformers",
        "peft",
        "trl",
        "accelerate",
        "matplotlib",
        "pandas",
        "scipy.stats",
        "stable_baselines3",
    ]
    code = f"import sys, progressgym; print([name for name in {heavy!r} if name in sys.modules])"
    assert run(sys.executable, "-c", code).strip() == "[]"


@pytest.mark.parametrize("name", ["envs", "agents", "leaderboard"])
def test_top_folders_refuse_their_bare_name(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and f"progressgym.{name}" in done.stderr


def scratch_environment(folder: Path) -> Path:
    """A virtual environment that sees this one's dependencies but not its progressgym."""
    venv.create(folder)
    python = folder / "bin" / "python"
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "parent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.mark.heavy
@pytest.mark.parametrize("way", ["folder", "editable", "sdist"])
def test_installs(way: str, tmp_path: Path) -> None:
    """`build` makes the sdist and, of what is in it, the wheel; that of the folder is what `pip` makes of it."""
    python = scratch_environment(tmp_path / "venv")
    target = [str(ROOT)]
    if way == "editable":
        target = ["-e", str(ROOT)]
    elif way == "sdist":
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT))
        assert next((tmp_path / "dist").glob("*.tar.gz"), None)
        target = [str(next((tmp_path / "dist").glob("*.whl")))]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    run(*pip, "--no-deps", "--no-build-isolation", *target, cwd=tmp_path)
    code = (
        "import progressgym, progressgym.agents, progressgym.leaderboard, gymnasium as gym;"
        "inst = progressgym.Instrument.load('moral19-v1');"
        "env = gym.make('ProgressGym/Follow-v0', history='synthetic:linear?seed=0'); env.reset(seed=0);"
        "print(progressgym.__file__, len(inst.items))"
    )
    where, items = run(str(python), "-c", code, cwd=tmp_path).split()[-2:]
    assert items == "432"
    assert str(ROOT if way == "editable" else tmp_path / "venv") in where
    run(str(tmp_path / "venv" / "bin" / "progressgym"), "--help", cwd=tmp_path)
