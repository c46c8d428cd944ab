"""The shipped history: its files, its card, its page, and that its numbers come from its adapters."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.dimensions import CENTURIES
from progressgym.core.files import read_json, read_npz
from progressgym.histories.evidence import summary
from progressgym.histories.evidence_page import evidence_page
from progressgym.histories.history import History
from progressgym.histories.publishing import SEEDS_FILE
from progressgym.instruments.questionnaire import Questionnaire

FOLDER = Path(str(files("progressgym.data"))) / "histories" / "histsmol-v1"
ROOT = Path(__file__).resolve().parents[2]


def _numbers(evidence: Any) -> list[float]:
    """All numbers of nested evidence in the order of their keys."""
    if isinstance(evidence, dict):
        return [number for key in sorted(evidence) for number in _numbers(evidence[key])]
    if isinstance(evidence, list):
        return [number for entry in evidence for number in _numbers(entry)]
    return [float(evidence)]


@pytest.fixture(scope="module")
def history() -> History:
    return History.load("histsmol-v1")


def test_nine_centuries_and_nine_small_adapters(history: History) -> None:
    assert history.labels == CENTURIES and history.instrument is Questionnaire.load("moral19-v1")
    adapters = sorted((FOLDER / "adapters").iterdir())
    assert [adapter.name for adapter in adapters] == list(CENTURIES)
    assert sum(file.stat().st_size for file in (FOLDER / "adapters").rglob("*") if file.is_file()) < 25e6
    for adapter in adapters:
        assert read_json(adapter / "adapter_config.json")["base_model_name_or_path"] == "smollm2-135m"


def test_card_says_where_it_comes_from(history: History) -> None:
    card = history.card
    assert {"title", "licence", "base", "rights", "limits", "recipe", "corpus", "centuries", "evidence"} <= set(card)
    works = read_json(FOLDER / "sources.json")["works"]
    assert sorted(works) == list(CENTURIES)
    assert all(work["title"] and work["licence"] for works_of in works.values() for work in works_of)


def test_evidence_in_the_card_is_recomputed_from_the_answers(history: History) -> None:
    seeds = np.concatenate([history.answers[None], read_npz(FOLDER / SEEDS_FILE)["answers"]]).astype(np.float64)
    shipped = dict(history.card["evidence"])
    shipped.pop("held_out_loss")  # needs the text
    again = summary(seeds, history.instrument)
    assert again["training_seeds"] == 2
    assert _numbers(again) == pytest.approx(_numbers(shipped), abs=1e-6)


def test_page_is_the_cards(history: History) -> None:
    page = ROOT / "docs" / "histsmol-v1.md"
    if not page.is_file():
        pytest.skip("needs the repository, not an installed package")
    assert page.read_text(encoding="utf-8") == evidence_page("histsmol-v1", history.card)


@pytest.mark.heavy
def test_answers_come_from_the_adapters(history: History) -> None:
    """A dozen items read again; bfloat16 sums depend on the batch, so equality is to a few hundredths."""
    from progressgym.core.errors import UserError
    from progressgym.models import load_language_model

    try:
        model = load_language_model(FOLDER / "adapters" / "C021")
    except UserError as error:
        pytest.skip(f"the base model cannot be had here: {error}")
    full = history.instrument
    chosen = np.arange(0, len(full.items), 36)
    part = Questionnaire.from_items([full.items[i] for i in chosen], name="part", config=full.config)
    answers = part.read(model, "verdict").answers
    shipped = history.answers[-1][chosen]
    assert np.abs(answers - shipped).mean() < 0.02
    assert np.corrcoef(answers[part.mask], shipped[part.mask])[0, 1] > 0.98
