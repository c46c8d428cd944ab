"""The planner's numbers: sizes that are known, bytes that PyTorch really keeps, sums small enough for a head."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.tuning.lora import LoraRecipe, attach
from progressgym.tuning.sizing.architecture import KNOWN, Architecture, of_config, of_size, shape_named
from progressgym.tuning.sizing.speed import CARDS, device_of
from progressgym.tuning.sizing.workload import Workload, _activations, _head_bytes, flops, memory

torch.set_num_threads(1)
SMALL: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 500,
    "hidden_size": 64,
    "intermediate_size": 176,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}


def small_model(dtype: torch.dtype) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**{key: value for key, value in SMALL.items() if key != "model_type"})
    model: Any = LlamaForCausalLM(config)
    return model.to(dtype)


def shape_of(tmp_path: Path, **changes: Any) -> Architecture:
    (tmp_path / "config.json").write_text(json.dumps(SMALL | changes))
    return of_config(tmp_path / "config.json")


def test_published_sizes() -> None:
    """Of the models' cards: 134 515 008, 8 030 261 248 and 70 553 706 496 weights."""
    assert shape_named("smollm2-135m?source=hub") == KNOWN["smollm2-135m"]
    assert KNOWN["smollm2-135m"].parameters == 134_515_008
    shape = shape_named("PKU-Alignment/ProgressGym-HistLlama3-8B-C013-instruct-v0.2")
    assert shape is not None and shape.parameters == 8_030_261_248
    assert KNOWN["llama3-70b"].parameters == 70_553_706_496
    assert shape_named("mistral-7b") is None


@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_those_of_the_model(tied: bool, tmp_path: Path) -> None:
    model = small_model(torch.float32)
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert shape_of(tmp_path, tie_word_embeddings=tied).parameters == counted + (0 if tied else 500 * 64)


@pytest.mark.parametrize(
    "recipe", [LoraRecipe(top_layers=None), LoraRecipe(rank=3, top_layers=2, targets=("q_proj", "down_proj"))]
)
def test_adapter_is_as_large_as_pefts(recipe: LoraRecipe, tmp_path: Path) -> None:
    wrapped = attach(small_model(torch.float32), recipe, 0)
    trained = sum(parameter.numel() for parameter in wrapped.parameters() if parameter.requires_grad)
    assert shape_of(tmp_path).adapter(recipe) == trained


@pytest.mark.parametrize("case", ["lora", "lora, upper layers", "lora, checkpointing", "full"])
def test_activations_are_those_that_pytorch_keeps(case: str, tmp_path: Path) -> None:
    """Every tensor that autograd saves in a forward pass with its loss, each storage once, without the weights."""
    full = case == "full"
    model = small_model(torch.float32 if full else torch.bfloat16).train()
    recipe = None if full else LoraRecipe(top_layers=2 if "upper" in case else None)
    if recipe is not None:
        model = attach(model, recipe, 0)
    if "checkpointing" in case:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, int] = {}
    alive: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    ids = torch.randint(0, 500, (4, 64))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=ids, labels=ids)
    work = Workload(
        shape=shape_of(tmp_path), method="sft", lora=recipe, rows=4, length=64, checkpointing="checkpointing" in case
    )
    predicted = _activations(work, 4 if full else 2) + _head_bytes(work, 4 if full else 2)
    if "checkpointing" in case:  # kept: one tensor a layer; predicted: the peak, with one layer computed anew
        assert sum(found.values()) < predicted
        return
    assert 1 / 1.5 < predicted / sum(found.values()) < 1.8, predicted / sum(found.values())


def test_operations_by_hand(tmp_path: Path) -> None:
    """All weights, sft: 6 operations a weight and token, for the matrices and the head, and 12 L q for attention."""
    shape = shape_of(tmp_path)
    work = Workload(shape=shape, method="sft", lora=None, length=10, pairs=5, rows=1)
    matrices = 6 * (64 * (2 * 64 + 2 * 32 + 3 * 176)) + 500 * 64
    assert flops(work) == pytest.approx(50 * (6 * matrices + 12 * 10 * 64 * 6))
    again = replace(work, checkpointing=True)
    assert flops(again) == pytest.approx(flops(work) * 4 / 3)


def test_memory_by_hand(tmp_path: Path) -> None:
    """Full: 16 bytes a weight; LoRA: 2 a weight and 16 an adapter weight; RLHF's reference is another 4 a weight."""
    shape = shape_of(tmp_path)
    full = memory(Workload(shape=shape, lora=None), "cpu")
    assert full["weights"] + full["gradients"] + full["optimiser"] == 16 * shape.parameters
    recipe = LoraRecipe(top_layers=None)
    lora = memory(Workload(shape=shape, lora=recipe), "cpu")
    held = lora["weights"] + lora["gradients"] + lora["optimiser"]
    assert held == 2 * shape.parameters + 16 * shape.adapter(recipe)
    assert full["reference or reward model"] == 0
    assert (
        memory(Workload(shape=shape, lora=None, method="rlhf"), "cpu")["reference or reward model"]
        == 4 * shape.parameters
    )


@given(
    rows=st.integers(1, 64),
    length=st.integers(1, 4096),
    method=st.sampled_from(["sft", "dpo", "rlhf"]),
    full=st.booleans(),
    devices=st.integers(1, 64),
)
def test_order(rows: int, length: int, method: str, full: bool, devices: int) -> None:
    """Parts sum to the total; more rows need more; computing anew and dividing need less."""
    lora = None if full else LoraRecipe(top_layers=None)
    work = Workload(shape=KNOWN["llama3-70b"], method=method, lora=lora, rows=rows, length=length, devices=devices)
    parts = memory(work, "cuda")
    total = parts.pop("total")
    assert total == pytest.approx(sum(parts.values()))
    assert memory(replace(work, rows=rows + 1), "cuda")["total"] > total
    assert memory(replace(work, checkpointing=True), "cuda")["total"] < total
    if devices > 1:
        assert memory(replace(work, sharded=True), "cuda")["total"] < total
    assert flops(replace(work, checkpointing=True)) > flops(work) > 0


@given(st.floats(2e6, 1e13))
def test_a_size_alone_gives_a_shape_of_that_size(size: float) -> None:
    assert of_size(size).parameters == pytest.approx(size, rel=0.15)


def test_devices() -> None:
    shape = KNOWN["smollm2-135m"]
    for name in CARDS:
        assert device_of(name, shape, "lora").flops > device_of(name, shape, "full").flops > 0
    here = device_of("cpu", shape, "lora")
    assert here.kind == "cpu" and here.flops > 1e8 and here.memory > 1e8 and "measured now" in here.basis


def test_mistakes(tmp_path: Path) -> None:
    shape = KNOWN["smollm2-135m"]
    with pytest.raises(UserError, match="did you mean 'h100'"):
        device_of("h10", shape, "lora")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="this machine offers 0 CUDA devices"):
            device_of("cuda", shape, "lora")
    with pytest.raises(UserError, match="rows is 0"):
        Workload(shape=shape, rows=0)
    with pytest.raises(UserError, match="write a number such as 8e9"):
        of_size(12)
    (tmp_path / "config.json").write_text('{"hidden_size": 3}')
    with pytest.raises(UserError, match="give --parameters"):
        of_config(tmp_path / "config.json")
