"""What is taught by soft labels is learned, on a model of a few thousand weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.instruments.ask import ask
from progressgym.instruments.protocol import Question
from progressgym.models import load_language_model
from progressgym.tuning import LoraRecipe, StageRecipe, TunableModel
from progressgym.tuning.choices import train_choices
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
ONE = [Question(id="one", prompt="", options=("x", "pp"))]
SEVERAL = [Question(id=f"{a}{b}", prompt="Now.", options=(a, b)) for a in "xyz" for b in ("p", "qqq")]
SHARES = np.array([[0.9, 0.1], [0.2, 0.8]] * 3)


def tunable(folder: Path, lora: LoraRecipe | None) -> TunableModel:
    """A fresh one, for which " A" and " B" are tokens."""
    return TunableModel(load_language_model(save_tiny_llama(folder, replies="AB"), dtype="float32"), lora)


def test_a_choice_is_learned_wherever_its_option_stands(tmp_path: Path) -> None:
    pupil = tunable(tmp_path / "base", None)
    losses = train_choices(
        pupil, ONE, [[0.9, 0.1]], StageRecipe(learning_rate=1e-2, batch_size=2, epochs=60, warmup_steps=2)
    )
    with pupil.reading() as model:
        after = ask(model, ONE, mode="ab")
    assert len(losses) == 60
    assert losses[-1] == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1), abs=0.01), "the entropy of the labels"
    np.testing.assert_allclose(after.tables["order_answers"], [[[0.9, 0.1]], [[0.9, 0.1]]], atol=0.05)


def test_the_loss_is_that_of_what_the_model_answers_in_every_order(tmp_path: Path) -> None:
    """Prompts of different lengths stand in one batch; an adapter is the model itself at first."""
    pupil = tunable(tmp_path / "base", LoraRecipe(top_layers=2))
    answers = ask(pupil.loaded, SEVERAL, mode="ab")
    losses = train_choices(pupil, SEVERAL, SHARES, StageRecipe(batch_size=12, epochs=1, learning_rate=1e-2))
    assert losses == [pytest.approx(-(SHARES * np.log(answers.tables["order_answers"])).sum(-1).mean(), abs=1e-5)]
    with pupil.reading() as model:
        assert np.abs(ask(model, SEVERAL, mode="ab").answers - answers.answers).max() > 0.0
    np.testing.assert_array_equal(ask(pupil.loaded, SEVERAL, mode="ab").answers, answers.answers)


def test_what_cannot_be_taught_is_refused(tmp_path: Path) -> None:
    pupil, recipe = tunable(tmp_path / "base", LoraRecipe(top_layers=1)), StageRecipe()
    for questions, shares, form, what in (
        ([], np.zeros((0, 2)), "ab", "nothing to train on"),
        (SEVERAL, SHARES * 2.0, "ab", "shares to be learned"),
        (SEVERAL, SHARES, "repeat", "replies of several tokens"),
    ):
        with pytest.raises(UserError, match=what):
            train_choices(pupil, questions, shares, recipe, form=form)
    assert pupil.weights is None, "a stage that fails leaves the old state"
    spelled = TunableModel(load_language_model(save_tiny_llama(tmp_path / "spelled"), dtype="float32"), None)
    with pytest.raises(UserError, match="several tokens of a reply"):
        train_choices(spelled, SEVERAL, SHARES, recipe)
