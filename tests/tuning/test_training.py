"""A stage learns, stops at NaN, and goes on after kill -9 as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.tuning.lora import LoraRecipe, attach, save_adapter
from progressgym.tuning.perplexity import mean_loss
from progressgym.tuning.training import MARKER, Example, StageRecipe, newest_checkpoint, pad_batch, train_stage
from tests.forked import exit_code
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
SEQUENCE = [5, 9, 17, 33, 65, 129, 7, 11] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("tiny"))


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def test_a_fresh_adapter_changes_nothing_and_training_learns(folder: Path) -> None:
    base = load(folder)
    before = mean_loss(base, [SEQUENCE])
    model = attach(base, LoraRecipe(rank=4, top_layers=1), seed=0)
    assert mean_loss(model, [SEQUENCE]) == pytest.approx(before, abs=1e-6)
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained and all("layers.1." in name for name in trained)
    result = train_stage(model, [Example(SEQUENCE, SEQUENCE)] * 40, StageRecipe(learning_rate=0.02), seed=0)
    assert result.steps == 10 and len(result.losses) == 10
    assert mean_loss(model, [SEQUENCE]) < before - 0.1


def test_padding_is_neither_read_nor_learned(folder: Path) -> None:
    model = load(folder)
    short, long = Example(SEQUENCE[:5], SEQUENCE[:5]), Example(SEQUENCE, SEQUENCE)
    batch = pad_batch([short, long])
    assert batch["attention_mask"].sum().item() == 5 + len(SEQUENCE)
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    alone = model(input_ids=torch.tensor([SEQUENCE[:5]])).logits
    torch.testing.assert_close(logits[0, :5], alone[0], atol=1e-5, rtol=1e-5)
    assert "attention_mask" not in pad_batch([long, long])


def test_nan_stops_the_stage(folder: Path) -> None:
    model = attach(load(folder), LoraRecipe(rank=2, top_layers=None), seed=0)
    with torch.no_grad():
        next(w for w in model.parameters() if w.requires_grad).fill_(float("nan"))
    with pytest.raises(UserError, match="diverged"):
        train_stage(model, [Example(SEQUENCE, SEQUENCE)] * 4, StageRecipe(), seed=0)


def test_nan_adapter_is_never_written(folder: Path, tmp_path: Path) -> None:
    model = attach(load(folder), LoraRecipe(rank=2, top_layers=None), seed=0)
    with torch.no_grad():
        next(w for w in model.parameters() if w.requires_grad).fill_(float("inf"))
    with pytest.raises(UserError, match="diverged"):
        save_adapter(model, tmp_path, "tiny")
    assert not list(tmp_path.iterdir())


def test_empty_stage_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="nothing to train on"):
        train_stage(load(folder), [], StageRecipe(), seed=0)


def test_adapter_is_bfloat16_and_names_its_base(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    save_adapter(attach(load(folder), LoraRecipe(rank=2, top_layers=1), seed=0), tmp_path, "tiny-base")
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny-base"
    assert {tensor.dtype for tensor in load_file(tmp_path / "adapter_model.safetensors").values()} == {torch.bfloat16}


def rotated(folder: Path, out: Path, kill: int) -> None:
    """A stage with checkpoints, whose process is killed at a step; its adapter and its losses."""

    def progress(done: int, total: int, loss: float) -> None:
        if kill and done >= kill * len(SEQUENCE) * 2:
            os.kill(os.getpid(), signal.SIGKILL)

    model = attach(load(folder), LoraRecipe(rank=2, top_layers=None), seed=0)
    texts = [SEQUENCE[n % 5 :] + SEQUENCE[: n % 5] for n in range(24)]
    recipe = StageRecipe(learning_rate=0.01, batch_size=2, checkpoint_steps=3)
    result = train_stage(
        model,
        [Example(text, text) for text in texts],
        recipe,
        seed=0,
        checkpoints=out / "checkpoints",
        progress=progress,
    )
    out.mkdir(exist_ok=True)
    save_adapter(model, out, "tiny")
    (out / "losses.json").write_text(json.dumps(result.losses))


def test_killed_stage_resumes_to_the_same_bits(folder: Path, tmp_path: Path) -> None:
    def stage(name: str, kill: int) -> int:
        return exit_code(lambda: rotated(folder, tmp_path / name, kill))

    assert stage("whole", 0) == 0
    assert stage("killed", 5) == -signal.SIGKILL
    checkpoints = tmp_path / "killed" / "checkpoints"
    torn = checkpoints / "checkpoint-99"
    torn.mkdir()
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    assert newest_checkpoint(checkpoints) is not None and not torn.exists()
    assert (Path(str(newest_checkpoint(checkpoints))) / MARKER).is_file()
    assert stage("killed", 0) == 0
    for file in ("adapter_model.safetensors", "losses.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "killed" / file).read_bytes()


@pytest.mark.parametrize("damage", ["removed", "cut", "half marker", "old marker", "no number"])
def test_checkpoints_that_are_not_whole_are_skipped(damage: str, folder: Path, tmp_path: Path) -> None:
    """A removal that was killed leaves the marker and loses files; whatever is missing, the run goes on."""
    recipe = StageRecipe(learning_rate=0.01, batch_size=2, checkpoint_steps=2)
    examples = [Example(SEQUENCE, SEQUENCE)] * 8

    def stage(checkpoints: Path) -> list[float]:
        model = attach(load(folder), LoraRecipe(rank=2, top_layers=None), seed=0)
        return train_stage(model, examples, recipe, seed=0, checkpoints=checkpoints).losses

    whole = stage(tmp_path)
    assert len(whole) == 4
    newest = Path(str(newest_checkpoint(tmp_path)))
    assert newest.name == "checkpoint-4"
    if damage == "removed":
        (newest / "adapter_model.safetensors").unlink()
    elif damage == "cut":
        (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:100])
    elif damage == "half marker":
        (newest / MARKER).write_text('{"step": 4, "fil')
    elif damage == "old marker":
        (newest / MARKER).write_text('{"step": 4}')
    else:
        newest.rename(tmp_path / "checkpoint-x")
    assert Path(str(newest_checkpoint(tmp_path))).name == "checkpoint-2"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]
    assert stage(tmp_path) == whole


def test_a_finished_stage_is_not_trained_again(folder: Path, tmp_path: Path) -> None:
    """Its last checkpoint gives the same weights, losses and number of steps."""
    recipe = StageRecipe(learning_rate=0.01, batch_size=2, checkpoint_steps=100)
    examples = [Example(SEQUENCE, SEQUENCE)] * 6
    found = []
    for attempt in range(2):
        model = attach(load(folder), LoraRecipe(rank=2, top_layers=None), seed=attempt)
        steps: list[int] = []
        result = train_stage(
            model,
            examples,
            recipe,
            seed=0,
            checkpoints=tmp_path,
            progress=lambda done, *_, steps=steps: steps.append(done),
        )
        weights = {name: w.detach().clone() for name, w in model.named_parameters() if w.requires_grad}
        found.append((result.losses, result.steps, weights))
        assert len(steps) == (3, 0)[attempt]
    (losses, count, weights), (again, same, others) = found
    assert losses == again and count == same == 3
    assert all(torch.equal(weights[name], others[name]) for name in weights)
