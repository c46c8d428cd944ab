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
from progressgym.models.window import longest_text

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

    Raises:
        UserError: the model has no such layers, fewer of them, or shares the weights of one with another.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    layers = model.config.get_text_config().num_hidden_layers
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    if missing := sorted(set(recipe.targets) - names):
        raise UserError(
            f"a model of type {model.config.model_type!r} has no layers called {', '.join(missing)}; name its own in the "
            "recipe's targets, or take a base with a Llama's layers"
        )
    tied = _tied(model) & set(recipe.targets)
    if tied:
        raise UserError(f"{tied.pop()} shares its weights with another layer, so an adapter on it cannot be merged")
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
        try:
            return get_peft_model(model, config)
        except (ValueError, KeyError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise UserError(f"no adapter fits a model of type {model.config.model_type!r}: {reason}") from None


def check_targets(folder: Path, recipe: LoraRecipe, block: int) -> None:
    """Whether a base can be trained by a recipe, told from its configuration before any work is done.

    Args:
        folder: the base.
        recipe: size and place of its adapters.
        block: tokens of the longest training text.

    Raises:
        UserError: its layers are called otherwise, it is too shallow, or a training text exceeds its window.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from progressgym.models.checkpoint import quiet

    try:
        with quiet(), torch.device("meta"):
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            limit = longest_text(config)
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  settings of a wrong type fail anywhere in transformers and torch
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"cannot read the base in {folder}: {reason}") from None
    if limit is not None and block > limit:
        raise UserError(f"training texts have {block} tokens, but the window of the base in {folder} has {limit}")
    attach(model, recipe, 0)


def _tied(model: Any) -> set[str]:
    """Last names of the modules whose weights are also another module's."""
    holders: dict[int, set[str]] = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            holders.setdefault(id(parameter), set()).add(name.rpartition(".")[2])
    return {name for names in holders.values() if len(names) > 1 for name in names}


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
