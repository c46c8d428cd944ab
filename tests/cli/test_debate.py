"""`progressgym debate`: a person argues in the terminal; centuries are compared."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from progressgym.cli import debate_centuries, debate_play
from progressgym.cli.main import main
from progressgym.core.errors import UserError
from tests.fuzz_kinds import make_adapter


def call(monkeypatch: pytest.MonkeyPatch, typed: str, *arguments: str) -> int:
    """Exit code of the command line with something typed into it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(SystemExit) as ended:
        main(["debate", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_whole_debate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong lines are asked again; four pieces are shown; the judge rules."""
    typed = "99\nx\n\n" + "".join(f"{n}\n" for n in range(1, 9))
    assert call(monkeypatch, typed, "play", "--seed", "3") == 0
    out = capsys.readouterr().out
    said = [line.removeprefix("which one? ") for line in out.splitlines() if "> debater_" in line]
    assert len(said) == 4 and sum("> debater_0:" in line for line in said) == 2
    assert "'99' is none of 1, 2, 3, 4, 5, 6, 7, 8; q leaves" in out
    assert "the judge rules for" in out and "with best play on both sides your margin would have been" in out


@pytest.mark.parametrize("opponent", ["greedy", "random"])
def test_other_opponents_and_domains(
    opponent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("play", "--domain", "simulator", "--opponent", opponent, "--opens", "second", "--seed", "1")
    assert call(monkeypatch, "".join(f"{n}\n" for n in range(1, 8)), *arguments) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "> debater_" in line]
    assert said[0].startswith("> debater_1:")


@pytest.mark.parametrize(
    ("typed", "arguments", "code", "message"),
    [
        ("1\n", ("play", "--seed", "3"), 2, "the input ended before the debate did"),
        ("q\n", ("play", "--opens", "first"), 130, "interrupted"),
        ("", ("play", "--opponent", "minimum"), 2, "did you mean 'minimax'"),
        ("", ("play", "--turns", "3"), 2, "a debate of 3 turns is not even-handed"),
        ("", ("play", "--domain", "dilemas"), 2, "did you mean 'dilemmas'"),
        ("", ("centuries", "--history", "nowhere"), 2, "unknown history"),
        ("", ("centuries", "--models", "nowhere"), 2, "holds no century models"),
        ("", ("plays",), 2, "did you mean 'play'"),
    ],
)
def test_bad_input(
    typed: str,
    arguments: tuple[str, ...],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, typed, *arguments) == code
    complaint = capsys.readouterr().err
    assert message in complaint and len(complaint.strip().splitlines()) == 1


def test_centuries_by_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "", "centuries", "--out", str(tmp_path)) == 0
    record = json.loads((tmp_path / "centuries.json").read_text())
    regret = np.array(record["value_judges"]["regret"])
    assert regret.shape == (9, 9) and not np.diag(regret).any() and record["dilemmas"] == 792
    for compared in record["value_judges"]["compared"].values():
        centuries, seeds = compared["centuries"], compared["seeds"]
        assert (centuries["pairs"], seeds["pairs"]) == (18 * 17 // 2 - 9, 9)
        assert centuries["low"] < centuries["flips"] < centuries["high"]
    assert (tmp_path / "regret.png").stat().st_size > 10_000
    assert "C021" in capsys.readouterr().out


class Seeded:
    """Stands for a century's language model: margins that depend on century, seed and transcript."""

    def __init__(self, label: str, seed: int) -> None:
        self.fingerprint = f"{label} {seed}"
        self._shift = 0.3 * int(label[-1]) + 0.02 * seed

    def score(self, cases, revealed):  # type: ignore[no-untyped-def]
        margin = np.sin(cases.states + revealed @ np.arange(8.0)) - self._shift
        return np.stack([margin, -margin], axis=1)

    def order_flips(self, cases, revealed):  # type: ignore[no-untyped-def]
        return 0.25


def test_centuries_by_language_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two seeds of a century differ less than two centuries; what is compared with what, on scripted models."""
    for seed, labels in enumerate((("C013", "C015", "C017"), ("C013", "C017"))):
        for label in labels:
            folder = tmp_path / f"seed{seed}" / "adapters" / label
            folder.mkdir(parents=True)
            make_adapter(folder)

    def judge(adapter: Path, domain: object) -> Seeded:
        return Seeded(adapter.name, int(adapter.parts[-3][-1]))

    monkeypatch.setattr(debate_centuries, "_judge", judge)
    models = f"{tmp_path / 'seed0'},{tmp_path / 'seed1'}"
    options = debate_centuries.Options(models=models, dilemmas=100, transcripts=2, exact=5, out=str(tmp_path / "out"))
    assert debate_centuries.run(options) == 0
    live = json.loads((tmp_path / "out" / "centuries.json").read_text())["language_models"]
    assert live["labels"] == ["C013", "C015", "C017"] and live["transcripts"] == 200
    centuries, seeds = live["compared"]["centuries"], live["compared"]["seeds"]
    assert (centuries["pairs"], seeds["pairs"]) == (8, 2)
    assert 0.0 < seeds["flips"] < 0.05 < centuries["flips"]
    low, excess, high = live["compared"]["excess"]
    assert excess == pytest.approx(centuries["flips"] - seeds["flips"]) and 0.0 < low < excess < high
    assert seeds["distance"] == pytest.approx(0.04), "margins of two seeds are 2 x 0.02 apart"
    assert np.array(live["flips_between_centuries"]).shape == (3, 3)
    assert live["order_flips"] == dict.fromkeys(live["labels"], 0.25)
    assert live["exact"]["dilemmas"] == 5 and len(live["exact"]["values"]["C013"]) == 5


def test_unknown_opponents_are_named() -> None:
    with pytest.raises(UserError, match="known: minimax, greedy, random"):
        debate_play.run(debate_play.Options(opponent="nobody"))
