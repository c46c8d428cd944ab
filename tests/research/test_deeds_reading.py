"""The study of deeds19-v1 in small: what it reads of a tiny model, and that it tells a planted drift from none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.instruments import Instrument
from progressgym.instruments.ask import verdict_scores
from progressgym.models import load_language_model
from tests.research.loading import FOLDER, script
from tests.tuning.tiny import save_tiny_llama

study = script("deeds_reading")
ITEMS = 3
FEW = 39
"""Permutations and draws."""


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instrument:
    """Some items of the instrument, in place of it."""
    whole = Instrument.load("deeds19-v1")
    instrument = Instrument.from_items(whole.items[:ITEMS], name="short", config=whole.config)
    instrument.save(tmp_path / "short")
    monkeypatch.setattr(study, "INSTRUMENT", str(tmp_path / "short"))
    return instrument


def test_models_are_read_once_and_only_other_deeds_again(
    tmp_path: Path, short: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_llama(tmp_path / "base")
    arguments = ["read", str(tmp_path / "kept"), "base=", "--base", str(tmp_path / "base")]
    study.main(arguments)
    (odds,) = study.load(tmp_path / "kept").values()
    direct = verdict_scores(short.questions(), load_language_model(tmp_path / "base"), short.config)
    np.testing.assert_allclose(odds, direct[:, short.mask], atol=1e-5)

    asked: list[list[str]] = []
    truly = study.verdict_odds

    def overheard(model: object, deeds: list[str], verdicts: object) -> object:
        asked.append(deeds)
        return truly(model, deeds, verdicts)

    monkeypatch.setattr(study, "verdict_odds", overheard)
    study.main(arguments)
    assert asked == []
    whole = Instrument.load("deeds19-v1")
    more = Instrument.from_items(whole.items[1 : ITEMS + 1], name="short", config=whole.config)
    more.save(tmp_path / "short")
    with pytest.raises(UserError, match="lacks 4 deeds"):
        study.load(tmp_path / "kept")
    study.main(arguments)
    assert asked == [list(whole.items[ITEMS].options)]
    (again,) = study.load(tmp_path / "kept").values()
    np.testing.assert_allclose(again[:, :4], odds[:, 4:8], atol=1e-6)


def _planted(shared: float, seed: int) -> np.ndarray:
    """Log-odds (2 seeds, 2 centuries, B): the second century's dimensions drift by `shared`, every deed by itself."""
    _, dimension, _ = study.deeds_of(Instrument.load("deeds19-v1"))
    rng = np.random.default_rng(seed)
    drift = shared * rng.standard_normal(len(DIMENSIONS))[dimension]
    scores = rng.standard_normal((1, 1, len(dimension))) + 0.3 * rng.standard_normal((2, 2, len(dimension)))
    scores[:, 1] += drift + 1.0
    return np.asarray(scores)


def test_a_planted_drift_is_found_and_none_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "PERMUTATIONS", FEW)
    monkeypatch.setattr(study, "DRAWS", FEW)
    _, dimension, first = study.deeds_of(Instrument.load("deeds19-v1"))
    found = study.judged(_planted(0.3, 0), dimension, first)
    for name in ("within a seed", "across seeds, other half", "mean of the seeds"):
        assert found[name]["r"] > 0.8 and found[name]["p"] == 1 / (1 + FEW), name
        assert found[name]["interval"][0] > 0.5
    nothing = [study.judged(_planted(0.0, seed), dimension, first)["within a seed"] for seed in range(4)]
    assert np.mean([one["p"] for one in nothing]) > 0.1 and abs(np.mean([one["r"] for one in nothing])) < 0.35


def test_what_all_deeds_have_in_common_is_no_drift() -> None:
    """A drift of the words themselves, the same for every deed, is centred away."""
    _, dimension, first = study.deeds_of(Instrument.load("deeds19-v1"))
    scores = np.zeros((1, 2, len(dimension)))
    scores[:, 1] = 5.0
    np.testing.assert_allclose(study.centred(study.half_values(scores, dimension, first)), 0.0, atol=1e-12)


def test_the_report_reads_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "PERMUTATIONS", FEW)
    monkeypatch.setattr(study, "DRAWS", FEW)
    instrument = Instrument.load("deeds19-v1")
    deeds, _, _ = study.deeds_of(instrument)
    planted = _planted(0.3, 1)
    for seed in range(2):
        for century, label in enumerate(("C013", "C021")):
            study.write_npz(
                tmp_path / f"scores-{seed}-{label}.npz",
                odds=np.repeat(planted[seed, century][None], 16, 0),
                deeds=study.packed(deeds),
                verdicts=np.array(instrument.config.verdicts),
            )
    study.main(["report", str(tmp_path), "--out", str(tmp_path / "report.json")])
    made = study.report(tmp_path, "C013", "C021")
    assert (tmp_path / "report.json").is_file() and made["seeds"] == ["0", "1"]
    assert made["drift C013 to C021"]["across seeds, other half"]["r"] > 0.8
    assert made["the same of the questionnaire's values"]["across seeds, other half"] > 0.5
    assert list(made["drift by words"]) == ["good/bad", "right/wrong", "moral/immoral", "acceptable/unacceptable"]
    assert len(made["the same without the worldviews"]["dimensions, falling most first"]) == 15
    with pytest.raises(UserError, match="no training seed with scores of both C013 and C017"):
        study.report(tmp_path, "C013", "C017")


def test_the_page_says_what_the_kept_scores_give() -> None:
    """The published agreements, from the log-odds of the century models."""
    root = FOLDER.parent
    scores = study.load(root / "docs" / "data" / "deeds19-v1")
    raw = np.array([[scores[f"{seed}:{century}"] for century in ("C013", "C021")] for seed in range(2)])
    _, dimension, first = study.deeds_of(Instrument.load("deeds19-v1"))
    values = study.half_values(raw.mean(2), dimension, first)
    rows = {
        "across seeds: another half and another seed": [
            study.agreements(study.centred(values[..., :count]))["across seeds, other half"] for count in (19, 15)
        ],
        "within a seed": [study.agreements(study.centred(values[..., :count]))["within a seed"] for count in (19, 15)],
    }
    page = (root / "docs" / "deeds19.md").read_text(encoding="utf-8")
    for name, numbers in rows.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
        for cell, number in zip(line.split("|")[2:4], numbers, strict=True):
            assert cell.strip().startswith(f"{number:.2f}".lstrip("0")), (name, number)
    own = study.of_answers(raw, Instrument.load("deeds19-v1"))["across seeds, other half"]
    assert f"another half and seed | {own:.2f}".replace("0.", ".") in page
