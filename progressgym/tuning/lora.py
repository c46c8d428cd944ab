"""LoRA adapters on one shared base: attach, save, strip to bfloat16.

An adapter names its base by the short name that `load_model` resolves, never by a path of the machine it was made on.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.files import write_text
from progressgym.core.seals import write_sealed

if TYPE_CHECKING:
    from peft import PeftModel

ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(kw_only=True, frozen=True)
class LoraRecipe:
    """Where an adapter sits and how large it is."""

    rank: int = 8
    alpha: float = 16.0
    """Strength of the adapter; the update is scaled by alpha / rank."""
    targets: tuple[str, ...] = ALL_LINEAR
    """Linear layers that get an adapter."""
    top_layers: int | None = 16
    """Only the last so many layers; None = all. Values are read off the upper layers, and the backward pass stops at
    the lowest adapter, so half of the layers cost about two thirds of the time."""


def attach(model: Any, recipe: LoraRecipe, seed: int, *, task: str | None = "CAUSAL_LM") -> PeftModel:
    """Put a fresh adapter on a model (float32 adapter weights on a frozen base of any dtype).

    Args:
        model: a transformers causal language model.
        recipe: size and place.
        seed: of the adapter's random half; the other half is 0, so the model is unchanged at first.
        task: PEFT's name of the model's task; None for a model that is only called.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    layers = model.config.num_hidden_layers
    if recipe.top_layers is not None and not 1 <= recipe.top_layers <= layers:
        raise UserError(f"top_layers is {recipe.top_layers}, the model has {layers} layers")
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(recipe.targets),
        layers_to_transform=None if recipe.top_layers is None else list(range(layers - recipe.top_layers, layers)),
        task_type=task,
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will go
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """Write an adapter as bfloat16 safetensors with the base's short name into an existing folder.

    Raises:
        UserError: a weight is NaN or infinite; nothing is written then.
    """
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu() for name, tensor in get_peft_model_state_dict(model).items()}
    bad = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise UserError(f"training diverged: {bad[0]} holds NaN or infinite weights; lower the learning rate")
    shrunk = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    write_sealed(folder / "adapter_model.safetensors", save(shrunk, metadata={"format": "pt"}))
    described = asdict(model.peft_config["default"])
    config = {key: sorted(value) if isinstance(value, set) else value for key, value in described.items()}
    config.pop("runtime_config", None)
    config |= {"base_model_name_or_path": base, "inference_mode": True}
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2, default=str) + "\n")
