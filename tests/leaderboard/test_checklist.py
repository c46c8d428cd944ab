"""Every class of exploits on the board's checklist has hostile entries, and they are tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.leaderboard import test_escapes
from tests.leaderboard.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("### Checklist of exploits")[2].partition("\n\nThe gate")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]


def test_there_are_seven_classes() -> None:
    assert len(ROWS) == 7 and all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_class_has_hostile_entries(row: list[str]) -> None:
    entries = re.findall(r"`(test_\w+\.py)`: ((?:`\w+`(?:, )?)+)", row[3])
    assert entries
    for file, names in entries:
        for name in re.findall(r"`(\w+)`", names):
            if file == "test_cases.py":
                assert name in {case.number for case in CASES}, name
            elif file == "test_escapes.py":
                assert name in test_escapes.CASES, name
            else:
                (path,) = (path for path in (ROOT / "tests").rglob(file) if f"def {name}(" in path.read_text())
                assert path.is_file()


def test_the_attacker_wins_nothing_in_a_few_seconds(tmp_path: Path) -> None:
    """Two surfaces of three, a moment each; the third is the sandbox, which `test_escapes` tries."""
    from research.attacks.entries import HONEST, Entries
    from research.attacks.texts import Texts

    texts = Texts(1)
    assert [found for found in (texts.attack() for _ in range(150)) if found] == [] and texts.read > 0
    if not HONEST.is_file():
        pytest.skip("wheels hold no entries")
    entries = Entries(1, tmp_path)
    assert [found for found in (entries.attack() for _ in range(4)) if found] == []
    entries.close()


def test_the_attacker_knows_what_winning_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reader that takes the first letter it sees, completions win at once."""
    from progressgym.envs.text import flavour
    from progressgym.envs.text.reading import Reply, read_completion
    from research.attacks.texts import Texts

    def lax(completion: str, options: list[list[str]], width: int) -> Reply:
        found = re.search("[AB]", completion)
        line = "\n".join(f"{number}. {found[0]}" for number in range(1, len(options) + 1)) if found else ""
        return read_completion(line, options, width)

    monkeypatch.setattr(flavour, "read_completion", lax)
    texts = Texts(1)
    assert any("read past its signs" in str(texts.attack()) for _ in range(150))
