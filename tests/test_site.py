"""The documentation as a site: it builds without a warning, fetches nothing, and every page can be reached."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [
    pytest.mark.skipif(not (ROOT / "mkdocs.yml").is_file(), reason="needs the repository, not an installed package"),
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in ("mkdocs", "material", "mkdocstrings")),
        reason="needs the extra docs: pip install 'progress-gym[docs]'",
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly, by a machine that reaches nobody."""
    folder = tmp_path_factory.mktemp("site")
    nobody = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | nobody | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built_and_fetches_nothing(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages = {page for page in pages if page.parts[0] != "data"}
    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(?:https?:)?//[^\s>]*", text)
        fetched += re.findall(r"<link(?![^>]*rel=\"?canonical)[^>]*\shref=\"?(?:https?:)?//[^\s>]*", text)
        assert not fetched, f"{path.relative_to(site)}: {fetched}"


def test_search_and_api_know_the_code(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {row["location"] for row in index["docs"]}
    for place in (
        "tour.html",
        "tutorials/first-agent.html",
        "api/agents.html#progressgym.agents.registry.make",
        "api/histories.html#progressgym.histories.history.History.load",
        "api/environments.html#progressgym.envs.follow.FollowEnv",
    ):
        assert place in found, place


def test_the_picture_of_the_house_is_that_of_the_contract() -> None:
    done = subprocess.run([sys.executable, "docs/draw_house.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run python docs/draw_house.py"
