"""Every Python snippet of the README and of the docs runs, and every command of the tutorials, beside the files that a page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def snippets() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for number, code in enumerate(
            re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        ):
            found.append((f"{page.relative_to(ROOT)}-{number}", code))
    return found


def files(page: Path) -> dict[str, str]:
    """What a page shows as files: name -> content."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r'^```\w+ title="([\w.]+)"\n(.*?)^```', text, re.MULTILINE | re.DOTALL))


def commands(page: Path) -> list[str]:
    """The `progressgym` commands of a page, in their order."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("progressgym ")]


WALKED = [ROOT / "docs" / "extending.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
"""Pages whose commands are run from top to bottom."""


@pytest.mark.heavy
@pytest.mark.parametrize("page", WALKED, ids=[page.stem for page in WALKED])
def test_the_commands_run_in_their_order(page: Path, tmp_path: Path) -> None:
    for name, content in files(page).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = commands(page)
    assert found
    for command in found:
        words = [sys.executable, "-m", "progressgym.cli.main", *shlex.split(command)[1:]]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize(("name", "code"), snippets(), ids=[name for name, _ in snippets()])
def test_snippet_runs(name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = files(ROOT / name.rpartition("-")[0])
    for file, content in shown.items():
        (tmp_path / file).write_text(content, encoding="utf-8")
        monkeypatch.delitem(sys.modules, file.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(compile(code, name, "exec"), {"__name__": "__main__"})  # noqa: S102  (running the page's own code is the test)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
