"""The running server in a real browser: sort, filter, open, submit; with and without script, by keyboard, for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import base_files
from tests.leaderboard.serving import Server, fill, served
from tests.leaderboard.site.browser import DESKTOP, PHONE, barriers, browsing, fits, page_of, shoot

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def board(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str, Path]]:
    """Server, token, id of an entry with evidence that was submitted on the page, and its zip."""
    folder = tmp_path_factory.mktemp("browsed") / "board"
    store = Store.open(folder)
    fill(store, ranked=24, still_open=31)
    token = store.enrol("ada")
    zipped = folder.parent / "nudged.zip"
    zipped.write_bytes(pack(base_files()))
    with served(folder, folder / "evidence") as server:
        with page_of(browser) as page:
            ident = submit(page, server, token, zipped)
        yield server, token, ident, zipped
    store.close()


def submit(page: Page, server: Server, token: str, zipped: Path) -> str:
    """Through the form; returns the id of the entry's page that it leads to."""
    page.goto(server.url + "/")
    page.get_by_role("link", name="Submit").click()
    page.get_by_label("Token").fill(token)
    page.get_by_label("Submission").set_input_files(zipped)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Accepted")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="nudged 1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("nudged")
    return page.url.rpartition("/")[2]


def agents(page: Page) -> list[str]:
    """Names in the first column, as they stand."""
    return page.locator("#standings tbody th a").all_inner_texts()


def test_a_submission_appears(browser: Browser, board: tuple[Server, str, str, Path]) -> None:
    """It was submitted on the page; now it is in the standings, open, and sending it again says so."""
    server, token, ident, zipped = board
    with page_of(browser) as page:
        page.goto(server.url + "/?q=nudged")
        assert agents(page) == ["nudged"]
        row = page.locator("#standings tbody tr")
        expect(row).to_contain_text("open")
        expect(row).to_contain_text("recomputed")
        page.get_by_role("link", name="nudged").click()
        assert page.url.endswith("/entries/" + ident)
        page.goto(server.url + "/submit")
        page.get_by_label("Token").fill(token)
        page.get_by_label("Submission").set_input_files(zipped)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("heading", name="It was there already")).to_be_visible(timeout=60_000)
        shoot(page, "submit-desktop-light")


def test_sort_filter_and_page(browser: Browser, board: tuple[Server, str, str, Path]) -> None:
    """With script nothing reloads: the same document shows other rows, the address says which."""
    server, _, _, _ = board
    with page_of(browser) as page:
        page.goto(server.url + "/")
        page.wait_for_selector("[data-ready]")
        page.evaluate("window.same = true")
        head = page.locator("th[data-key=agent]")
        head.get_by_role("link", name="Agent").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        first = agents(page)
        assert first == sorted(first) and len(first) == 50
        head.get_by_role("link", name="Agent").click()
        expect(head).to_have_attribute("aria-sort", "descending")
        assert agents(page)[0] == max(agents(page)) and "sort=agent&dir=down" in page.url
        page.get_by_role("link", name="Next").click()
        expect(page.locator("#count")).to_contain_text("page 2 of 2")
        assert len(agents(page)) == 6
        page.get_by_label("Agent, submitter or id").fill("row-a-")
        expect(page.locator("#count")).to_have_text("24 entries")
        page.get_by_label("Status").select_option("recomputed")
        expect(page.locator("#standings")).to_contain_text("No entry fits this filter")
        page.get_by_label("Status").select_option("reproduced")
        expect(page.locator("#count")).to_have_text("24 entries")
        page.go_back()
        expect(page.locator("#standings")).to_contain_text("No entry fits this filter")
        assert page.evaluate("window.same") is True, "the document was never left"
        page.get_by_role("link", name="Coevolve-v2 gss-v1").click()
        expect(page.get_by_role("columnheader", name="Public − private")).to_be_visible()
        expect(page.locator("svg.scatter")).to_have_count(0)  # Coevolve-v2 is one number
        shoot(page, "group-desktop-light")


def test_without_script(browser: Browser, board: tuple[Server, str, str, Path]) -> None:
    server, _, _, _ = board
    with page_of(browser, script=False) as page:
        page.goto(server.url + "/")
        page.locator("th[data-key=agent] a.sort").click()
        assert agents(page) == sorted(agents(page))
        page.get_by_label("Agent, submitter or id").fill("row-b")
        page.get_by_label("Order").select_option("agent:down")
        page.get_by_role("button", name="Show").click()
        found = agents(page)
        assert len(found) == 24 and found[0] == "row-b-z" and "sort=agent" in page.url


def test_an_entry_shows_its_plots(browser: Browser, board: tuple[Server, str, str, Path]) -> None:
    """A trajectory a measured dimension and two heat maps that can be seen, described in words and given as a table."""
    server, _, ident, _ = board
    with page_of(browser) as page:
        page.goto(f"{server.url}/entries/{ident}")
        panels = page.locator("#e0 svg.panel")
        assert panels.count() == 11
        box = panels.first.bounding_box()
        assert box is not None and box["width"] > 100 and box["height"] > 50
        picture = page.get_by_role("img", name="freedom Human").first
        expect(picture).to_be_visible()
        assert page.locator("#e0 svg.heat").count() == 2 and page.locator("#e0 svg.heat rect").count() == 2 * 11 * 10
        stroke = page.evaluate("getComputedStyle(document.querySelector('.line.human')).stroke")
        assert stroke != "none" and stroke != page.evaluate(
            "getComputedStyle(document.querySelector('.line.agent')).stroke"
        )
        page.locator("#e0").get_by_text("The same as a table").click()
        expect(page.get_by_role("row", name="freedom").first).to_be_visible()
        page.locator("#e2 summary").first.click()
        expect(page.locator("#e2 svg.panel").first).to_be_visible()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download the evidence").click()
        assert waiting.value.suggested_filename == f"{ident}.zip"


def test_by_keyboard(browser: Browser, board: tuple[Server, str, str, Path]) -> None:
    """The first stop is the skip link; focus is always seen; sorting by Enter keeps the focus where it was."""
    server, _, _, _ = board
    with page_of(browser) as page:
        page.goto(server.url + "/")
        page.wait_for_selector("[data-ready]")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.evaluate("document.getElementById('standings').dataset.same = '1'")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.getElementById('standings').dataset.same") == "1", "the table was loaded anew"
        link = page.locator("th[data-key=agent] a.sort")
        link.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator("th[data-key=agent]")).to_have_attribute("aria-sort", "ascending")
        expect(page.locator("th[data-key=agent] a.sort")).to_be_focused()
        assert page.get_by_role("table").get_by_role("columnheader").count() >= 12


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop-light", "phone-dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, board: tuple[Server, str, str, Path], size: tuple[int, int], dark: bool
) -> None:
    server, _, ident, _ = board
    paths = {
        "standings": "/?q=-z",
        "group": "/?group=coevolve-v2+on+gss-v1&q=-z",
        "entry": f"/entries/{ident}",
        "metrics": "/metrics",
        "submit": "/submit",
    }
    with page_of(browser, size=size, dark=dark) as page:
        for name, path in paths.items():
            page.goto(server.url + path)
            assert barriers(page) == [], name
            assert fits(page), name
            shoot(page, f"{name}-{'phone' if size == PHONE else 'desktop'}-{'dark' if dark else 'light'}")
