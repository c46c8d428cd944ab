"""Alignment stages: the reference is the policy at the start, weights enter the loss, what is not finite stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.trl_alone import trl_losses
from progressgym.core.errors import UserError
from progressgym.losses import ipo
from progressgym.models import load_language_model
from progressgym.tuning.alignment import AlignRecipe, dpo_stage, rlhf_stage, rloo_stage
from progressgym.tuning.contrasts import Contrast, arrange, tokenise
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.tunable import TunableModel
from tests.tuning.century_models import save_base

torch.set_num_threads(1)
FAST = AlignRecipe(learning_rate=0.02, reward_learning_rate=0.02, beta=1.0)
PROMPTS = [f"Deed {n}" for n in range(16)]
ROWS = [Contrast(prompt=prompt, chosen=" just", rejected=" wicked") for prompt in PROMPTS]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base"))


def tunable(base: Path, tuning: str = "lora") -> TunableModel:
    lora = LoraRecipe(rank=4, top_layers=None) if tuning == "lora" else None
    return TunableModel(load_language_model(base, device="cpu", dtype="float32"), lora)


def odds(model: TunableModel) -> float:
    """Mean log-odds of " just" against " wicked"."""
    with model.reading() as loaded:
        table = np.array(loaded.option_logprobs(PROMPTS, [[" just", " wicked"]] * len(PROMPTS)))
    return float((table[:, 0] - table[:, 1]).mean())


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_every_stage_begins_at_margin_zero_and_learns(base: Path, tuning: str) -> None:
    """The parent class would take the reference of a later stage of a model without adapter from the disk."""
    model, recipe = tunable(base, tuning), AlignRecipe(learning_rate=0.003, beta=1.0)
    levels = [odds(model)]
    for stage in range(3):
        result = dpo_stage(model, ROWS, recipe, seed=stage)
        assert result.logs[0]["rewards/margins"] == 0.0
        assert result.losses[0] == pytest.approx(math.log(2.0), abs=1e-6)
        levels.append(odds(model))
    assert levels == sorted(levels) and levels[-1] > levels[0] + 0.1


def test_a_stage_is_a_pure_function_of_state_rows_and_seed(base: Path) -> None:
    straight, again = tunable(base), tunable(base)
    dpo_stage(straight, ROWS, FAST, seed=1)
    kept = dict(straight.weights or {})
    dpo_stage(straight, ROWS, FAST, seed=2)
    dpo_stage(again, ROWS[:4], FAST, seed=9)  # something else went on in this process
    again.weights = kept
    dpo_stage(again, ROWS, FAST, seed=2)
    assert straight.weights is not None and again.weights is not None
    assert all(torch.equal(tensor, again.weights[name]) for name, tensor in straight.weights.items())


def test_another_loss_trains_to_its_own_margin(base: Path) -> None:
    """IPO begins at (0 - 1/2)^2 for certain preferences and stops where DPO goes on."""
    finite, endless = tunable(base), tunable(base)
    recipe = AlignRecipe(learning_rate=0.02, beta=1.0, epochs=8)
    result = dpo_stage(finite, ROWS, recipe, seed=0, loss=ipo)
    dpo_stage(endless, ROWS, recipe, seed=0)
    assert result.losses[0] == pytest.approx(0.25, abs=1e-6) and result.losses[-1] < result.losses[0]
    assert odds(finite) < odds(endless)


def test_reading_leaves_no_trace(base: Path) -> None:
    model = tunable(base)
    before = {name: tensor.clone() for name, tensor in model.loaded.model.state_dict().items()}
    dpo_stage(model, ROWS, FAST, seed=0)
    assert odds(model) == odds(model)
    after = model.loaded.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_weights_enter_the_loss(base: Path) -> None:
    """Rows of weight 3 and 1 that ask for the opposite: the heavy ones win; rows of weight 0 are not even fed."""
    up = [Contrast(prompt=prompt, chosen=" just", rejected=" wicked", weight=3.0) for prompt in PROMPTS]
    down = [Contrast(prompt=prompt, chosen=" wicked", rejected=" just", weight=1.0) for prompt in PROMPTS]
    heavy_up, heavy_down, nothing = tunable(base), tunable(base), tunable(base)
    start = odds(heavy_up)
    both = [row for pair in zip(up, down, strict=True) for row in pair]  # every batch holds as many of either
    dpo_stage(heavy_up, both, FAST, seed=0)
    flipped = [Contrast(prompt=r.prompt, chosen=r.rejected, rejected=r.chosen, weight=r.weight) for r in both]
    dpo_stage(heavy_down, flipped, FAST, seed=0)
    assert odds(heavy_up) > start + 0.01 and odds(heavy_down) < start - 0.01
    idle = [Contrast(prompt=prompt, chosen=" just", rejected=" wicked", weight=0.0) for prompt in PROMPTS]
    assert dpo_stage(nothing, idle, FAST, seed=0).steps == 0 and odds(nothing) == start
    doubled = [Contrast(prompt=r.prompt, chosen=r.chosen, rejected=r.rejected, weight=2.0) for r in ROWS]
    losses = dpo_stage(tunable(base), doubled, FAST, seed=0).losses
    assert losses[0] == pytest.approx(2.0 * math.log(2.0), abs=1e-6)


def test_soft_targets_and_offsets_stop_where_they_say(base: Path) -> None:
    """A target of 1/2 with offset 0 asks for nothing; with an offset it asks to take the offset back."""
    even = [Contrast(prompt=prompt, chosen=" just", rejected=" wicked", target=0.5) for prompt in PROMPTS]
    back = [Contrast(prompt=r.prompt, chosen=r.chosen, rejected=r.rejected, target=0.5, offset=2.0) for r in even]
    still, moved = tunable(base), tunable(base)
    start = odds(still)
    assert dpo_stage(still, even, FAST, seed=0).logs[0]["grad_norm"] == pytest.approx(0.0, abs=1e-6)
    dpo_stage(moved, back, FAST, seed=0)
    assert odds(moved) < start - 0.01


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_rlhf_learns_and_its_reference_is_the_stages_own(base: Path, tuning: str) -> None:
    model = tunable(base, tuning)
    rows = [*ROWS, *ROWS]
    start = odds(model)
    for stage in range(2):
        modelled, result = rlhf_stage(model, rows, FAST, seed=stage)
        assert modelled.losses[-1] < modelled.losses[0]
        assert result.logs[0]["kl"] == 0.0, "the first completions come from the reference itself"
    assert odds(model) > start + 0.01
    assert "forward" not in model.loaded.model.__dict__


def test_nothing_that_is_not_finite_is_trained_on(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tunable(base)
    dpo_stage(model, ROWS, FAST, seed=0)
    kept = model.weights
    with pytest.raises(UserError, match="diverged"):
        dpo_stage(model, ROWS, AlignRecipe(beta=1.0, learning_rate=float("inf"), warmup_steps=0), seed=0)
    assert model.weights is kept, "a failed stage leaves the old state"
    with pytest.raises(UserError, match="a preference has"):
        dpo_stage(model, [Contrast(prompt="a", chosen=" just", rejected=" wicked", weight=math.nan)], FAST, seed=0)
    ready = tokenise(ROWS, model.loaded.tokenizer)
    with pytest.raises(UserError, match="reward is NaN"):
        rloo_stage(model, ready, {(1,): math.nan}, FAST, seed=0)

    def spoilt(self: Any, model: Any, inputs: Any, return_outputs: bool) -> torch.Tensor:
        return torch.tensor(math.nan, requires_grad=True)

    monkeypatch.setattr("progressgym.tuning.trainers.AnswerDPOTrainer._compute_loss", spoilt)
    with pytest.raises(UserError, match="diverged at step 1"):
        dpo_stage(model, ROWS, FAST, seed=0)


def test_our_loss_is_trls_own_for_plain_rows(base: Path) -> None:
    """Equal losses, step by step, with TRL's `sigmoid_norm` on the same rows and a copied reference."""
    rows = ROWS * 2
    ours = dpo_stage(tunable(base, "full"), rows, FAST, seed=0).losses
    theirs = plain_trl(base, rows, FAST)
    assert ours == pytest.approx(theirs, abs=1e-4) and len(set(ours)) > 1


def plain_trl(base: Path, rows: Sequence[Contrast], recipe: AlignRecipe) -> list[float]:
    """The same stage with TRL alone. An empty end token keeps its trainer from adding one to every continuation."""
    import copy

    loaded = load_language_model(base, device="cpu", dtype="float32")
    order = arrange(tokenise(rows, loaded.tokenizer), recipe.batch_size, 0)
    decode = loaded.tokenizer.decode
    texts = [{k: decode(row[f"{k}_ids"]) for k in ("prompt", "chosen", "rejected")} for row in order]
    tokenizer: Any = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = ""
    reference = copy.deepcopy(loaded.model)
    return trl_losses(loaded.model, tokenizer, texts, recipe, base / "plain", reference=reference)
