"""GRPO of one token: the loss and the draws of TRL's own trainer, by one forward pass a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)


@pytest.mark.heavy
def test_a_prompt_that_is_read_once_gives_the_loss_and_the_draws_of_trl(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    from progressgym.tuning.letters import LetterGRPOTrainer, Offer

    base = save_tiny_llama(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")

    def make(kind: Any) -> Any:
        torch.manual_seed(0)
        return kind(
            model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            train_dataset=Dataset.from_list([{"prompt": "x"}] * 4),
            processing_class=tokenizer,
            args=GRPOConfig(
                output_dir=str(tmp_path / "out"),
                max_completion_length=1,
                num_generations=4,
                per_device_train_batch_size=8,
                report_to=[],
                use_cpu=True,
                bf16=False,
            ),
        )

    ours, theirs = make(LetterGRPOTrainer), make(GRPOTrainer)
    prompts = [tokenizer(text)["input_ids"] for text in ("Stay or go?", "A much longer question about it.")]
    vocabulary = len(tokenizer)
    ours.offers = {tuple(ids): Offer(range(vocabulary), [0.0] * vocabulary) for ids in prompts}
    drawn, _ = ours._generate_single_turn([ids for ids in prompts for _ in range(2000)])
    assert [len(row) for row in drawn] == [1] * 4000
    width = max(map(len, prompts))
    pads = [width - len(ids) for ids in prompts]
    inputs = torch.tensor([[0] * n + ids for n, ids in zip(pads, prompts, strict=True)])
    mask = torch.tensor([[0] * n + [1] * len(ids) for n, ids in zip(pads, prompts, strict=True)])
    which, tokens = torch.tensor([0, 0, 1, 1, 0]), torch.tensor([[5], [6], [5], [7], [5]])
    given = torch.cat([inputs[which], tokens], 1), torch.cat([mask[which], torch.ones(5, 1, dtype=torch.long)], 1)
    weights, gradients = torch.tensor([[1.0], [-2.0], [0.5], [3.0], [1.0]]), []
    for trainer in (ours, theirs):
        logps, entropies, _ = trainer._get_per_token_logps_and_entropies(trainer.model, *given, 1, compute_entropy=True)
        (logps * weights).sum().backward()
        gradients.append((logps.detach(), entropies.detach(), trainer.model.lm_head.weight.grad))
    for mine, its in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5)
    expected = gradients[0][0][0].exp().item()  # how often token 5 comes after the first prompt
    found = sum(row == [5] for row in drawn[:2000]) / 2000
    assert abs(found - expected) < 5 * (expected * (1 - expected) / 2000) ** 0.5 + 1e-9


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["grpo", "rloo", "dpo", "sft"])
def test_every_method_moves_the_odds_to_the_people(method: str, tmp_path: Path) -> None:
    """From the same row again and again, with a prior that the model has to undo."""
    pytest.importorskip("trl", reason="trl is not installed")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from progressgym.agents.text_grpo import GrpoRecipe
    from progressgym.agents.text_methods import make_trainer
    from progressgym.tuning.contrasts import left_padded
    from progressgym.tuning.letters import Offer, next_logps
    from tests.agents.test_text_models import save_letters

    base = save_letters(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    row = {"prompt": "Stay?", "row": "0/0", "options": [["s", "g"]], "human": [[0.8, 0.2]], "first": [[0.2, 0.8]]}
    recipe = GrpoRecipe(method=method, steps=60, prompts=1, group=64, learning_rate=2e-3)
    arguments = {
        "output_dir": str(tmp_path / "out"),
        "max_steps": recipe.steps,
        "per_device_train_batch_size": 1,
        "learning_rate": recipe.learning_rate,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "remove_unused_columns": False,
    }
    prompts = tokenizer("Stay?")["input_ids"]
    offer = Offer([tokenizer.encode(f" {letter}")[0] for letter in "AB"], torch.tensor([0.2, 0.8]).log().tolist())

    def odds() -> float:
        with torch.no_grad():
            logps = next_logps(model, *left_padded([prompts], 0), [offer])
        return float(logps[0, 0].exp())

    assert odds() < 0.4
    make_trainer(recipe, model, tokenizer, [row] * recipe.steps, arguments, []).train()
    assert abs(odds() - 0.8) < 0.1
