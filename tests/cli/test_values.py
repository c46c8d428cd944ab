"""`progressgym values` over several instruments, and over the steps of a history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.registry import Entry
from progressgym.histories.history import History
from progressgym.histories.series import is_history, series_of, stored_series
from progressgym.histories.validity.check import Check
from progressgym.instruments import Coherent, FirstPosition, Questionnaire
from progressgym.instruments import registry as instruments
from progressgym.instruments.measures.moral_direction import MoralDirectionInstrument
from tests.cli.test_cli import call, elsewhere  # noqa: F401
from tests.tuning.tiny import save_tiny_llama


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, two short questionnaires and an instrument that fails stand for everything there is."""
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    save_tiny_llama(tmp_path / "tiny")
    whole = Questionnaire.load("moral19-v1")
    for number in (1, 2):
        items = whole.items[number : 360 + number : 24]
        Questionnaire.from_items(items, name=f"part-v{number}", config=whole.config).save(tmp_path / f"part{number}")
    rows = [Entry(name, "", "") for name in ("part1", "nobody:Nobody", "part2")]
    monkeypatch.setattr(instruments, "entries", lambda: rows)
    return tmp_path / "tiny"


def test_all_instruments_make_one_profile(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(f"values {three} --instrument all --out out", capsys)
    assert code == 1, "one of them failed"
    assert "1/3 part1" in err and "3/3 part2" in err
    assert "part1:" in out and "part2:" in out and "nobody:Nobody:\n  not read: unknown instrument" in out
    record = json.loads(Path("out/values.json").read_text())
    assert list(record["instruments"]) == ["part1", "nobody:Nobody", "part2"] and Path("out/values.png").is_file()
    assert record["instruments"]["part1"]["seconds"] is not None
    assert {"entropy", "correct_answers", "agreement"} <= set(record["instruments"]["part1"]["flags"])
    _, again, _ = call(f"values {three} --instrument all --out out --json", capsys)
    second = json.loads(again)["instruments"]
    assert second["part1"]["seconds"] is None and second["part2"]["seconds"] is None, "nothing is asked twice"
    assert second["part1"]["values"] == record["instruments"]["part1"]["values"]
    code, _, err = call(f"values {three} --instrument all --mode letter", capsys)
    assert code == 2 and "in its own way" in err


def test_people_are_read_from_what_they_answered(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("values gss-v1 --out out", capsys)
    history = History.load("gss-v1")
    record = json.loads(Path("out/values.json").read_text())
    law = history.instrument.dimensions.index("law")
    assert code == 0 and "gss-v1 on people-core-v1" in out and Path("out/values.png").is_file()
    np.testing.assert_allclose(record["values"]["law"], history.values()[:, law])
    np.testing.assert_allclose(
        np.array(record["high"]["law"]) - record["low"]["law"], 2 * 1.96 * history.sampling_error()[:, law]
    )
    assert record["values"]["deceive"] == [None] * len(history)
    signs = record["flags"].values()
    assert all(flags["correct_answers"] == 0 and 0.7 < flags["entropy"] < 0.9 for flags in signs), "people differ"
    code, _, err = call("values gss-v1 --instrument moral19-v1", capsys)
    assert code == 2 and "holds no century models" in err and "people-core-v1" in err
    code, out, err = call("values gss-v1 --instrument all --out out", capsys)
    assert code == 0 and "the other instruments ask models" in err


def test_century_models_are_asked_by_any_instrument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from progressgym.histories.validity import run
    from progressgym.models import load_language_model

    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    whole = Questionnaire.load("moral19-v1")
    Questionnaire.from_items(whole.items[:360:24], name="part-v1", config=whole.config).save(tmp_path / "part")
    for seed in (0, 1):
        save_tiny_llama(tmp_path / f"tiny{seed}", seed=seed)
    models = {f"C02{n}": lambda n=n: load_language_model(tmp_path / f"tiny{n}") for n in (0, 1)}
    monkeypatch.setattr(run, "history_models", lambda spec, device: models)
    code, out, err = call("values histsmol-v1 --instrument part --mode cloze --out out", capsys)
    record = json.loads(Path("out/values.json").read_text())
    assert code == 0 and "2/2 C021 on part" in err and record["labels"] == ["C020", "C021"]
    assert record["mode"] == "cloze" and record["flags"]["C020"] != record["flags"]["C021"]
    assert "agreement" in record["unfit"]["C020"]["care"] and record["values"]["care"][0] is None, "random weights"
    assert "(entropy)" in out and Path("out/values.png").is_file()


def test_instruments_of_a_history_are_checked_for_agreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nine who choose between deeds as the stored answers have it agree with them; who mixes dimensions up does not."""
    from progressgym.cli.values_history import instruments_check
    from progressgym.histories.validity import run
    from progressgym.histories.validity.page import page
    from progressgym.histories.validity.validity_report import Report

    history = History.load("histsmol-v2")
    instrument = MoralDirectionInstrument()

    def century(values: Floats) -> Coherent:
        worth = {f"To {p.good}.": 2.0 * values[DIMENSIONS.index(p.dimension)] for p in instrument.pairs}
        return Coherent(utility=lambda text: worth.get(text, 0.0))

    def check(values: Floats) -> Check:
        models = {label: lambda row=row: century(row) for label, row in zip(history.labels, values, strict=True)}
        monkeypatch.setattr(run, "history_models", lambda spec, device: models)
        return instruments_check("histsmol-v2", ["deeds19-v1", "moral-direction"], "cpu")

    same, mixed = check(history.values()), check(history.values()[:, np.roll(np.arange(19), 5)])
    assert "9/9 C021 on moral-direction" in capsys.readouterr().err
    (pair,) = same.detail["pairs"]
    assert (pair["first"], pair["second"], pair["traits"]) == ("deeds19-v1", "moral-direction", 15)
    assert same.status == "pass" and pair["convergent"] > 0.9 and mixed.status == "FAIL"
    report = Report(name="x", labels=history.labels, checks=(same,), studies={}, matrix=None, methods=())
    assert "| deeds19-v1 / moral-direction | 15 |" in page(report)
    with pytest.raises(UserError, match="unknown instrument"):
        instruments_check("histsmol-v2", ["nobody"], "cpu")


def test_a_series_has_gaps_where_a_step_is_not_fit() -> None:
    instrument = Questionnaire.load("people-v1")
    whom: list[Any] = [FirstPosition(), Coherent(utility=len, temperature=20.0)]
    series = series_of(("C001", "C002"), [instrument.read(who) for who in whom])
    assert np.isnan(series.values[0]).all() and series.unfit[0] and series.flags[0]["order_flip"] == 1.0
    record = series.to_record()
    assert record["unfit"]["C001"] and set(record["values"]["law"][:1]) == {None}


def test_what_a_history_is(tmp_path: Path) -> None:
    assert is_history("gss-v1") and is_history("synthetic:linear?seed=0") and is_history("gss-v1?split=1")
    assert not is_history("smollm2-135m") and not is_history("openai:http://127.0.0.1:1#m") and not is_history("a/b")
    History.load("gss-v1").save(tmp_path / "mine")
    assert is_history(str(tmp_path / "mine")) and is_history(str(tmp_path / "mine" / "answers.npz"))
    assert np.isfinite(stored_series(History.load("synthetic:linear?seed=0")).values).any()
