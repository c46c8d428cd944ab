"""`progressgym history validate`, `history items` and `values --validate` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from progressgym.histories.history import History
from progressgym.histories.validity.run import history_models
from progressgym.instruments.questionnaire import Questionnaire as Instrument
from progressgym.models import load_language_model
from progressgym.models.language_model import LanguageModel
from tests.cli.test_cli import call
from tests.tuning.tiny import save_tiny_llama


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, a short questionnaire beside it, and no table of judgements at hand."""
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROGRESSGYM_SHARED", raising=False)
    monkeypatch.chdir(tmp_path)
    save_tiny_llama(tmp_path / "tiny")
    whole = Instrument.load("moral19-v1")
    Instrument.from_items(whole.items[:360:4], name="part-v1", version="1", config=whole.config).save(tmp_path / "part")
    return tmp_path


def test_a_model_is_validated(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An untrained model knows no deeds; what cannot be asked of one model is skipped with its reason."""
    code, out, _ = call("values tiny --validate --instrument part --every 1 --out out", capsys)
    record = json.loads((tiny / "out" / "validity.json").read_text())
    found = {check["name"]: check["status"] for check in record["checks"]}
    assert code == 0 and found["controls"] == "FAIL" and "FAIL    controls" in out
    assert found["judgements"] == found["practices"] == "skipped" and "--people FILE" in out and "no time" in out
    assert "**FAIL**" in (tiny / "out" / "validity.md").read_text() and (tiny / "out" / "survey.png").is_file()
    assert "reliability with" in out and "order" in out


def test_values_show_the_spread_between_words(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default in every word of the panel; in a single pair it is said that the spread is not known."""
    code, out, _ = call("values tiny --instrument part --out out", capsys)
    record = json.loads((tiny / "out" / "values.json").read_text())
    assert code == 0 and record["mode"] == "verdict-v2" and "between words" in out
    assert len(record["spread"]["words"]) == 8 and record["spread"]["between"]["care"]["words"] > 0
    assert record["spread"]["generalizability"]["shares"]["item x word"]["variance"] != 0
    code, out, _ = call("values tiny --instrument part --mode verdict --out out", capsys)
    assert code == 0 and "is not known" in out and "between words 0" not in out
    assert json.loads((tiny / "out" / "values.json").read_text())["spread"] is None


def test_models_are_collected(tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models make a history that environments take, with its report; asked again, nothing is computed."""
    save_tiny_llama(tiny / "Tiny-C019", seed=1)
    Instrument.from_items(Instrument.load("part").items[::4], name="few-v1").save(tiny / "few")
    line = "history collect 1800=tiny Tiny-C019 --instrument few --every 1 --out hist"
    code, out, told = call(line, capsys)
    history = History.load("hist")
    assert code == 0 and history.labels == ("1800", "C019") and history.reading == "verdict-v2"
    assert history.card["models"]["C019"]["model"] == "Tiny-C019" and "asking C019" in told
    read = history.instrument.read(load_language_model("Tiny-C019"), "verdict-v2").answers
    np.testing.assert_allclose(history.answers[1], read, atol=1e-6)
    assert "FAIL    controls" in out and (tiny / "hist-validity" / "validity.json").is_file()
    assert gym.make("ProgressGym/Follow-v0", history="hist").reset(seed=0)
    monkeypatch.setattr(LanguageModel, "framed_option_logprobs", None)  # whoever asks now fails
    assert call(f"{line} --measure-only", capsys)[0] == 0
    assert list(history_models("hist")) == ["1800", "C019"]  # what `history validate` asks


@pytest.mark.parametrize(
    ("models", "fault"),
    [
        ("tiny tiny", "'tiny' names no century; write LABEL=MODEL"),
        ("C018=tiny org/Hist-C018", "C018 is given twice"),
        ("C018=tiny", "2 steps or more"),
        ("C018=tiny C019=nowhere", "nowhere"),
    ],
)
def test_what_cannot_be_collected(tiny: Path, capsys: pytest.CaptureFixture[str], models: str, fault: str) -> None:
    """One line, and nothing is left behind."""
    code, _, told = call(f"history collect {models} --instrument part --out hist", capsys)
    assert code == 2 and fault in told and not (tiny / "hist").exists()


def test_items_of_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(f"history items gss-v1 --out {tmp_path / 'items.csv'}", capsys)
    assert code == 0 and "items fail (1 training seeds)" in out and "length in words and choice" in out
    assert len((tmp_path / "items.csv").read_text().splitlines()) == 38
    code, out, _ = call("history items gss-v1 --json", capsys)
    assert code == 0 and len(json.loads(out)["items"]) == 37


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("history validate gss-v1", "gss-v1 holds no century models"),
        ("history validate histsmol-v1 --people nowhere.csv", "nowhere.csv is no table of judgements"),
        ("history validate histsmol-v1 --every 0", "every is 0"),
        ("values tiny --people x.csv", "--people is for --validate"),
        ("values tiny --validate --mode cloze --instrument part", "leave out --mode"),
        ("history items gss-annual-v1", "every item was asked"),
    ],
)
def test_bad_input_is_one_line(line: str, told: str, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(line, capsys)
    assert code == 2 and told in err and "Traceback" not in err
