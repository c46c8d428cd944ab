"""The repair study: what it counts as damage and lesson, and that both tiers go through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.histories.history import History
from tests.research.loading import script
from tests.tuning.century_models import save_history

torch.set_num_threads(1)
LINEAR = "synthetic:linear?coherence=0.5&seed=0"


@pytest.fixture(scope="module")
def study() -> Any:
    return script("repair")


def test_a_policy_that_holds_a_century_has_no_damage_and_all_of_the_lesson(study: Any) -> None:
    step = study.Step.of(History.load(LINEAR), 3)
    damage, lesson = step.errors(study.Stance(step).answers())
    assert damage == pytest.approx(0.0, abs=1e-6) and lesson > 0.01
    whole = step.errors(step.new)
    assert whole[1] == 0.0 and 0.0 < whole[0] < lesson, "what did not change differs less"
    pairs, votes = step.repair(40, 0.0, seed=0)
    assert set(np.round(votes, 9)) <= {0.1, 0.3, 0.7, 0.9} and step.same[pairs[:, 0]].all()


def test_exact_probabilities_repair_and_votes_do_not(study: Any) -> None:
    step = study.Step.of(History.load(LINEAR), 3)
    table = study.measured(step, study.Stance(step), 60, 0)
    recovered = 1.0 - table[..., 0] / table[..., 1]
    assert recovered[0, 0] > 0.5 and recovered[0, 1] < 0.0
    still = list(study.METHODS).index("dpo?beta_dpo=100")
    assert np.abs(recovered[still]).max() < 0.2


@pytest.mark.heavy
def test_a_language_model_goes_through_it(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("supervised", "rejection", "map", "steerlm")
    monkeypatch.setattr(study, "METHODS", {name: study.METHODS[name] for name in few})
    monkeypatch.setattr(study, "FLIPS", (study.EXACT,))
    base, history, _ = save_history(tmp_path, centuries=2)
    assert study.main(["--model", f"lm:{base}", "--history", str(history), "--seeds", "1", "--votes", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line.split()[0] for line in lines if line.startswith(tuple(study.METHODS))}
    assert named == set(study.METHODS) - {"map"}
