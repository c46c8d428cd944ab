"""Progress: plain lines away from a terminal, a bar on one."""

from __future__ import annotations

import io

import pytest

from progressgym.monitor.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_tell_what_and_how_long() -> None:
    page = io.StringIO()
    with Progress(3, "work", stream=page) as progress:
        for name in ("one", "two", "three"):
            progress.advance(name)
        progress.message("a note")
    lines = page.getvalue().splitlines()
    assert lines[0].startswith("[1/3] one, about ") and lines[0].endswith("left")
    assert lines[2:] == ["[3/3] three", "a note"]


def test_large_counts_are_told_now_and_then() -> None:
    page = io.StringIO()
    with Progress(100, "tokens", stream=page, every=50, done=30) as progress:
        for _ in range(10):
            progress.advance("x", 7)
    assert [line.split(" ")[0] for line in page.getvalue().splitlines()] == ["[51/100]", "[100/100]"]


def test_quiet_says_messages_only() -> None:
    page = io.StringIO()
    with Progress(2, "work", stream=page, quiet=True) as progress:
        progress.advance()
        progress.message("failed: [b]")
    assert page.getvalue() == "failed: [b]\n"


def test_a_terminal_gets_a_bar() -> None:
    page = Terminal()
    with Progress(2, "baking", stream=page) as progress:
        progress.advance("a cake")
        progress.message("one is burnt")
    assert "baking" in page.getvalue() and "one is burnt" in page.getvalue()


def test_an_error_takes_the_bar_away() -> None:
    progress = Progress(2, "work", stream=Terminal())
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    assert progress._bar is None


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3660, "1 h 1 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
