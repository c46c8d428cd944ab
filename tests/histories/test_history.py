"""Histories on disk: what is written comes back, and what is malformed is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import read_npz, write_npz
from progressgym.histories.history import History
from progressgym.histories.timeline import Timeline
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.respondents import RandomRespondent, ScriptedScorer, Uniform, Upholding
from progressgym.scores import cosine

LABELS = ("C013", "C014", "C015")


@pytest.fixture(scope="module")
def instrument() -> Questionnaire:
    return Questionnaire.load("moral19-v1")


@pytest.fixture
def history(instrument: Questionnaire) -> History:
    return History.measure([Uniform(), Upholding("care"), RandomRespondent(1)], instrument, LABELS)


def test_round_trip(history: History, tmp_path: Path) -> None:
    history.save(tmp_path / "mine")
    for path in (tmp_path / "mine", tmp_path / "mine" / "answers.npz"):
        back = History.load(path)
        assert back.hash == history.hash and back.labels == LABELS
        np.testing.assert_array_equal(back.answers, history.answers)
    assert History.load(tmp_path / "mine").name == "mine"


def test_values_are_those_of_the_respondents(history: History, instrument: Questionnaire) -> None:
    values = history.values()
    np.testing.assert_allclose(values[0], 0.0, atol=1e-6)
    assert values[1, 10] == pytest.approx(1.0)
    timeline = Timeline.of(history, instrument.evaluation)
    assert timeline.covered.all() and timeline.drift[0].max() == 0.0 and timeline.total_drift > 0.05


def test_answers_are_read_only(history: History) -> None:
    with pytest.raises(ValueError, match="read-only"):
        history.answers[0, 0, 0] = 1.0


def damage(change: Callable[[NDArray[Any]], Any]) -> Callable[[dict[str, NDArray[Any]]], None]:
    def apply(arrays: dict[str, NDArray[Any]]) -> None:
        arrays["answers"] = change(arrays["answers"].copy())

    return apply


def put(value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(answers: NDArray[Any]) -> NDArray[Any]:
        answers[1, 2, 0] = value
        return answers

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage(lambda a: a[:, :-1]), "have shape"),
        (damage(lambda a: a[0]), "have shape"),
        (damage(lambda a: a[:1]), "have shape"),
        (damage(put(float("nan"))), "NaN"),
        (damage(put(-0.25)), "negative"),
        (damage(lambda a: a * 0.9), "sum to"),
        (lambda arrays: arrays.pop("labels"), "lacks labels"),
        (lambda arrays: arrays.update(labels=np.array(["C013", "C013", "C014"])), "different labels"),
        (lambda arrays: arrays.update(labels=np.array([13, 14, 15])), "list of strings"),
        (lambda arrays: arrays.update(instrument_hash=np.array("0" * 64)), "measure the history again"),
        (lambda arrays: arrays.update(instrument=np.array("moral20")), "unknown instrument"),
    ],
)
def test_malformed_files_are_named(change: Any, message: str, history: History, tmp_path: Path) -> None:
    history.save(tmp_path / "bad")
    arrays = read_npz(tmp_path / "bad" / "answers.npz")
    change(arrays)
    write_npz(tmp_path / "bad" / "answers.npz", **arrays)
    with pytest.raises(UserError, match=message) as error:
        History.load(tmp_path / "bad")
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_named(history: History, tmp_path: Path) -> None:
    history.save(tmp_path / "bad")
    path = tmp_path / "bad" / "answers.npz"
    for size in (0, 10, path.stat().st_size // 2, path.stat().st_size - 10):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(UserError, match=r"answers\.npz"):
            History.load(path)
        history.save(tmp_path / "bad")


def test_unknown_histories_show_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="synthetic:linear"):
        History.load("synthetic-linear")
    with pytest.raises(UserError, match="no such file"):
        History.load(tmp_path)


def test_models_are_read_and_cached(instrument: Questionnaire) -> None:
    class Memory:
        kept: dict[tuple[str, str, str], NDArray[np.float64]]

        def __init__(self) -> None:
            self.kept = {}

        def get(self, fingerprint: str, instrument_hash: str, mode: str) -> NDArray[np.float64] | None:
            return self.kept.get((fingerprint, instrument_hash, mode))

        def put(self, fingerprint: str, instrument_hash: str, mode: str, answers: NDArray[np.float64]) -> None:
            self.kept[fingerprint, instrument_hash, mode] = answers

    scorer, cache = ScriptedScorer(lambda prompt, option: -float(len(option))), Memory()
    first = History.measure([scorer, Uniform()], instrument, ["a", "b"], cache=cache)
    calls = len(scorer.calls)
    again = History.measure([scorer, Uniform()], instrument, ["a", "b"], cache=cache)
    assert calls > 0 and len(scorer.calls) == calls and again.hash == first.hash
    assert cosine(first.values()[1], first.values()[1]) == 0.0, "the uniform respondent has no values"


def test_measure_needs_a_label_a_model(instrument: Questionnaire) -> None:
    with pytest.raises(UserError, match="1 models but 2 labels"):
        History.measure([Uniform()], instrument, ["a", "b"])
