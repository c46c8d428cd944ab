"""Every Python snippet of the README and of the docs runs, and every command of the tutorials, beside the files that a page shows."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest
import torch

from progressgym.bench import runner
from progressgym.cli.main import dispatch

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """What a page registers is gone after its test: other tests in this process list all environments."""
    from progressgym.envs.challenge import CHALLENGES

    ids, challenges = set(gym.registry), set(CHALLENGES.names())
    yield
    for name in set(gym.registry) - ids:
        del gym.registry[name]
    for name in set(CHALLENGES.names()) - challenges:
        CHALLENGES.remove(name)


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


def lay_out(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's files in an empty folder, which is worked in."""
    for name, content in files(page).items():
        (folder / name).write_text(content, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))


WALKED = [ROOT / "docs" / "extending.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
"""Pages whose commands are run from top to bottom."""


@pytest.mark.heavy
@pytest.mark.parametrize("page", WALKED, ids=[page.stem for page in WALKED])
def test_the_commands_run_in_their_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And print what the page says, in this process, so that torch is loaded once; workers change no number, and
    pictures are drawn for the page that speaks of them."""
    lay_out(page, tmp_path, monkeypatch)
    if page.stem != "first-benchmark":
        monkeypatch.setattr(runner, "_report", lambda *_: None)
    found = commands(page)
    assert found
    for command in found:
        words = shlex.split(command)[1:]
        assert dispatch([*words, "--workers", "1", "--quiet"] if words[0] == "bench" else words) == 0, command
    printed = {line.strip() for line in capsys.readouterr().out.splitlines()}
    for block in re.findall(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert {line.strip() for line in block.splitlines()} - {""} <= printed


@pytest.mark.parametrize(("name", "code"), snippets(), ids=[name for name, _ in snippets()])
def test_snippet_runs(name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(ROOT / name.rpartition("-")[0], tmp_path, monkeypatch)
    exec(compile(code, name, "exec"), {"__name__": "__main__"})  # noqa: S102  (running the page's own code is the test)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
