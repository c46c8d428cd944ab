"""The static site: complete, the same as the server's pages, alive in a browser, written wholly or not at all."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from progressgym.core.errors import UserError
from progressgym.leaderboard.site import build
from progressgym.leaderboard.site.build import build_site
from progressgym.leaderboard.site.sources import ShippedSource, StoreSource
from progressgym.leaderboard.standings_data import shipped_standings
from progressgym.leaderboard.store import Store
from tests.leaderboard.serving import fill
from tests.leaderboard.site.browser import barriers, browsing, page_of, shoot


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    build_site(ShippedSource(), out)
    return out


def test_the_shipped_board_is_complete(shipped: Path) -> None:
    standings = shipped_standings()
    for row in standings.rows:
        page = (shipped / "entries" / f"{row.id}.html").read_text()
        assert row.digest in page and page.count('class="panel"') == 8 * 11 + 4 * 19, (
            "a chart a dimension that is measured"
        )
        assert "Where its numbers disagree" in page and 'metrics.html#drift_cosine"' in page
        assert (shipped / "evidence" / f"{row.digest}.zip").is_file()
    assert len(list(shipped.glob("group-*.html"))) == len(standings.groups)
    archive = shipped_standings("board-v1")
    assert len(list((shipped / "board-v1").glob("group-*.html"))) == len(archive.groups)
    assert all((shipped / "board-v1" / "entries" / f"{row.id}.html").is_file() for row in archive.rows)


def test_every_link_leads_to_a_file(shipped: Path) -> None:
    for page in shipped.rglob("*.html"):
        text = page.read_text()
        for target in re.findall(r'(?:href|src)="(?!https?:|#)([^"#?]+)', text):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"
        for anchor in re.findall(r'href="[^"]*metrics\.html#([^"]+)"', text):
            assert f'id="{anchor}"' in (shipped / "metrics.html").read_text()


def test_it_replaces_its_own_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path / "board")
    fill(store, 1, 1)
    source = StoreSource(store)
    out = tmp_path / "site"
    build_site(source, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    build_site(source, out)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a built site"):
        build_site(source, other)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "_write_entry", full)
    with pytest.raises(UserError, match="No space left"):
        build_site(source, out)
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert kept.keys() == before.keys() and [path.name for path in tmp_path.glob(".tmp-*")] == []
    store.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A board of two pages, behind Python's own file server."""
    folder = tmp_path_factory.mktemp("static")
    store = Store.open(folder / "board")
    fill(store, 3, 50)
    build_site(StoreSource(store), folder / "site", evidence=False)
    store.close()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.heavy
def test_it_is_alive_in_a_browser(address: str) -> None:
    """Sorting and filtering over all pages, by script on the reader's side."""
    with browsing() as browser:
        with page_of(browser) as page:
            page.goto(address)
            page.wait_for_selector("[data-ready]")
            names = page.locator("#standings tbody th a")
            assert names.count() == 50
            page.get_by_role("button", name="Agent").click()
            head = page.locator("th[data-key=agent]")
            expect(head).to_have_attribute("aria-sort", "ascending")
            page.get_by_role("button", name="Agent").click()
            expect(head).to_have_attribute("aria-sort", "descending")
            assert names.first.inner_text() == "row-c-e", "a row of the second page comes first"
            page.get_by_role("button", name="Next").click()
            expect(names).to_have_count(3)
            page.get_by_label("Agent, submitter or id").fill("row-a-")
            expect(page.locator("#count")).to_have_text("24 entries")
            page.get_by_label("Status").select_option("reproduced")
            expect(page.locator("#count")).to_have_text("3 entries")
            page.locator("th[data-key=g0] button").click()
            assert names.all_inner_texts() == ["row-a-c", "row-a-b", "row-a-a"]
            page.get_by_role("link", name="row-a-c").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("row-a-c")
            page.goto(address + "group-0.html?q=row-a-b")
            expect(names).to_have_count(1)
            assert barriers(page) == []
            shoot(page, "static-desktop-light")
        with page_of(browser, script=False) as page:
            page.goto(address)
            page.get_by_role("link", name="Next").click()
            expect(page.locator("#standings tbody th a")).to_have_count(3)
