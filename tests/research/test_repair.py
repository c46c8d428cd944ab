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
def test_a_language_model_goes_through_it_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = script("repair_model")
    base, history, _ = save_history(tmp_path, centuries=2)
    out = tmp_path / "out.json"
    asked = ["run", str(out), "--model", f"lm:{base}", "--history", str(history), "--votes", "4", "--centuries", "1"]
    for arms in (study.ARMS[:1], (study.ARMS[0], *study.ARMS[-2:])):
        monkeypatch.setattr(study, "ARMS", arms)
        assert study.main(asked) == 0
    printed = capsys.readouterr()
    assert printed.err.count("supervised exact") == 1, "what is there is not measured again"
    assert [line.split("`")[1] for line in printed.out.splitlines() if "`" in line][-3:] == [
        f"{name} {study.label_of(flips)}" for name, flips in study.ARMS
    ]


def test_shares_of_a_model_are_those_of_errors_by_hand() -> None:
    study = script("repair_model")
    never, adapted, after = [[0.0, 0.0], [4.0, 4.0]], [[4.0, 4.0], [1.0, 1.0]], [[1.0, 1.0], [2.25, 2.25]]
    recovered, tax = study.shares_of([(never, adapted, after), (never, adapted, after)])
    assert np.allclose(recovered, 0.5) and np.allclose(tax, 0.25) and len(tax) == 1 + study.RESAMPLES
