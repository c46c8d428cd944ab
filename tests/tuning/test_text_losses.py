"""Losses on texts: each is its parent to the bit at its limit, TRL's own where TRL has it, and its gradient is its slope."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.trl_alone import trl_losses
from progressgym.losses import LOSSES, loss_of, parts_of, sigmoid
from progressgym.models import load_language_model
from progressgym.tuning.alignment import AlignRecipe, dpo_stage
from progressgym.tuning.contrasts import Contrast, arrange, tokenise
from progressgym.tuning.preference_file import read_contrasts
from progressgym.tuning.trainers import AnswerDPOTrainer, preference_collator
from progressgym.tuning.training import silence
from progressgym.tuning.tunable import TunableModel
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
RECIPE = AlignRecipe(learning_rate=0.01, beta=0.3, batch_size=4, total=True)
LIMITS = {
    "rdpo?gamma=0": "sigmoid",
    "spo?gamma=0": "sigmoid",
    "mapl?inter=0&intra=0": "sigmoid",
    "latency?lam=0": "sigmoid",
    "length-controlled?alpha=0": "sigmoid",
    "robust?smoothing=0": "sigmoid",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("base"), layers=2)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten rows with every column that any loss looks at."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_of_a_file()), encoding="utf-8")
    return path


def rows_of_a_file(count: int = 10) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Deed {n}",
            "chosen": " kept a promise" + " to him" * (n % 3),
            "rejected": " told some lie" + " twice" * (n % 2),
            "rationale": "a promise binds",
            "other_prompt": f"Misdeed {n}",
            "chosen_lag": n,
            "rejected_lag": 2.5,
            "chosen_fares": 0.5,
            "rejected_fares": -0.5,
            "chosen_attributes": {"honest": 4, "brief": n % 4},
            "rejected_attributes": {"honest": 0, "brief": 2},
            "person": "anna" if n % 2 else "ben",
        }
        for n in range(count)
    ]


def model_of(base: Path) -> TunableModel:
    return TunableModel(load_language_model(base, device="cpu", dtype="float32"), None)


def trained(base: Path, rows: Sequence[Contrast], loss: str, recipe: AlignRecipe = RECIPE) -> tuple[list[float], Any]:
    """Losses of a stage, and the weights after it."""
    model = model_of(base)
    losses = dpo_stage(model, rows, recipe, seed=0, loss=loss_of(loss), parts=parts_of(loss)).losses
    return losses, model.weights


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.fixture(scope="module")
def parent(base: Path, file: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = trained(base, read_contrasts(file), "sigmoid")[1]
    return weights


@pytest.mark.parametrize("limit", LIMITS)
def test_at_its_limit_each_is_trained_on_its_parents_rows(file: Path, limit: str) -> None:
    """Nothing further is read; that the losses are the same function then is for `test_losses` to say."""
    assert parts_of(limit) == () and read_contrasts(file, parts_of(limit)) == read_contrasts(file)


@pytest.mark.parametrize("limit", ["rdpo?gamma=0", "mapl?inter=0&intra=0"])
def test_each_is_its_parent_to_the_bit_at_its_limit(
    base: Path, file: Path, parent: dict[str, torch.Tensor], limit: str
) -> None:
    assert same(trained(base, read_contrasts(file, parts_of(limit)), limit)[1], parent)


def test_answers_of_one_degree_are_the_parent_to_the_bit(base: Path, tmp_path: Path) -> None:
    """Answers without a key phrase have one degree; a file with one user is nobody's in particular."""
    path = tmp_path / "rows.jsonl"
    short = [row | {"chosen": " it is", "rejected": " not so", "person": "anna"} for row in rows_of_a_file()]
    path.write_text("".join(json.dumps(row) + "\n" for row in short), encoding="utf-8")
    plain = read_contrasts(path)
    assert read_contrasts(path, user="person") == plain
    assert same(trained(base, read_contrasts(path, parts_of("spo")), "spo")[1], trained(base, plain, "sigmoid")[1])


@pytest.mark.parametrize(
    ("loss", "theirs", "tokens", "settings"),
    [
        ("sigmoid", "sigmoid", "sum", {}),
        *(
            pytest.param(*case, marks=pytest.mark.heavy)
            for case in (
                ("sigmoid", "sigmoid_norm", "mean", {}),
                ("hinge", "hinge", "sum", {}),
                ("ipo", "ipo", "mean", {}),
                ("robust?smoothing=0.2", "robust", "sum", {"label_smoothing": 0.2}),
                ("gpo?paired=false", "sppo_hard", "sum", {}),
            )
        ),
    ],
)
def test_losses_are_trls_own_where_it_has_them(
    base: Path, file: Path, loss: str, theirs: str, tokens: str, settings: dict[str, float]
) -> None:
    """Step by step on the same rows; of squares ours is beta^2 times theirs."""
    recipe = replace(RECIPE, total=tokens == "sum", max_grad_norm=1e9)  # multiples have gradients of other lengths
    rows = read_contrasts(file, parts_of(loss))
    square = recipe.beta**2 if theirs in ("ipo", "sppo_hard") else 1.0
    ours = trained(base, rows, loss, recipe)[0]
    plain = plain_trl(base, rows, recipe, theirs, settings)
    assert len(set(plain)) > 1 and len(ours) == len(plain)
    assert ours == pytest.approx([square * value for value in plain], abs=1e-4)


def plain_trl(base: Path, rows: Sequence[Contrast], recipe: AlignRecipe, loss: str, settings: dict[str, float]) -> Any:
    """The same stage by TRL alone, which puts an end token behind every answer itself."""
    loaded = load_language_model(base, device="cpu", dtype="float32")
    order = arrange(tokenise(rows, loaded.tokenizer), recipe.batch_size, 0)
    texts = {tuple(row["prompt_ids"]): plain for row, plain in zip(tokenise(rows, loaded.tokenizer), rows, strict=True)}
    plain = [texts[tuple(row["prompt_ids"])] for row in order]
    reference = copy.deepcopy(loaded.model)
    rows_of = [vars(row) for row in plain]
    tokenizer = loaded.tokenizer
    return trl_losses(
        loaded.model, tokenizer, rows_of, recipe, base / "plain", loss=loss, reference=reference, **settings
    )


@pytest.mark.parametrize("loss", ["rdpo", "spo", "mapl", "steerlm"])
def test_reading_prompts_once_changes_nothing_but_rounding(
    base: Path, file: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    rows = read_contrasts(file, parts_of(loss))
    once = trained(base, rows, loss)[0]
    monkeypatch.setattr("progressgym.tuning.alignment.can_share", lambda model: False)
    assert once == pytest.approx(trained(base, rows, loss)[0], rel=1e-4)


@pytest.fixture(scope="module")
def trainer(base: Path, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A trainer of a model in double precision."""
    from datasets import Dataset
    from trl import DPOConfig

    loaded = model_of(base).loaded
    tokenizer: Any = loaded.tokenizer
    made: Any = AnswerDPOTrainer(
        model=loaded.model.double(),
        args=DPOConfig(
            output_dir=str(tmp_path_factory.mktemp("trainer")),
            beta=0.3,
            precompute_ref_log_probs=True,
            report_to=[],
            use_cpu=True,
            bf16=False,
            remove_unused_columns=False,
            max_length=None,
            gradient_checkpointing=False,
        ),
        train_dataset=Dataset.from_list(tokenise(read_contrasts(file), tokenizer)),
        data_collator=preference_collator(tokenizer.pad_token_id),
        processing_class=tokenizer,
        total=True,
    )
    silence(made)
    return made


@pytest.mark.parametrize("loss", [*LOSSES.names(), "gpo?paired=false"])
def test_gradients_are_those_of_finite_differences(trainer: Any, file: Path, loss: str) -> None:
    """Along a random direction of all weights, away from the reference."""
    from datasets import Dataset

    rows = tokenise(read_contrasts(file, parts_of(loss))[:4], trainer.processing_class)
    network, start = trainer.model, copy.deepcopy(trainer.model.state_dict())
    trainer._answer_loss, trainer._parts = loss_of(loss), parts_of(loss)
    batch = trainer.data_collator(list(trainer._precompute_ref_logps(Dataset.from_list(rows), "train", 4)))
    weights = list(network.parameters())
    random = torch.Generator().manual_seed(0)
    direction = [torch.randn(weight.shape, generator=random, dtype=weight.dtype) for weight in weights]

    def at(step: float) -> torch.Tensor:
        with torch.no_grad():
            for weight, way in zip(weights, direction, strict=True):
                weight.add_(way, alpha=step)
        cost: torch.Tensor = trainer._compute_loss(network, batch, return_outputs=False)
        return cost

    network.zero_grad()
    at(0.01).backward()  # from here on the policy is not the reference
    slope = sum(float((weight.grad * way).sum()) for weight, way in zip(weights, direction, strict=True))
    with torch.no_grad():
        up, down = float(at(1e-4)), float(at(-2e-4))
        trainer._answer_loss = sigmoid
        plain = float(at(1e-4))
    network.load_state_dict(start)
    # The layers' norms are in single precision, whatever the weights are.
    assert slope == pytest.approx((up - down) / 2e-4, rel=1e-3) and slope != 0.0
    assert loss == "sigmoid" or abs(plain - (up + down) / 2.0) > 1e-3, "what it looks at makes a difference"
