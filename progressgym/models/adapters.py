"""Which adapters can be added to their base's weights: those of which PEFT itself makes the same model.

An adapter's file says more than two factors of an update. It may ask for another base than the one it names (PiSSA and
its kin take the principal part out of it first), for layers that act on some tokens only, or for settings that this
version of peft does not know and would leave out with a warning. All of these are refused; what is left is merged and
then compared with the adapter as PEFT applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor

KEEP_BASE = (True, False, "gaussian", "eva", "orthogonal")
"""Ways to begin (`init_lora_weights`) that leave the base as it is; the trained values are loaded in any case."""
_UNDERSTOOD = frozenset(
    [
        "r",
        "target_modules",
        "exclude_modules",
        "lora_alpha",
        "lora_dropout",
        "fan_in_fan_out",
        "bias",
        "use_rslora",
        "modules_to_save",
        "init_lora_weights",
        "layers_to_transform",
        "layers_pattern",
        "rank_pattern",
        "alpha_pattern",
        "trainable_token_indices",
        "use_dora",
        "lora_bias",
        "target_parameters",
        "ensure_weight_tying",
    ]
)
_NO_EFFECT = frozenset(
    [
        "task_type",
        "peft_type",
        "auto_mapping",
        "peft_version",
        "base_model_name_or_path",
        "revision",
        "inference_mode",
        "runtime_config",
        "eva_config",
        "loftq_config",
        "corda_config",
        "lora_ga_config",
        "qalora_group_size",
        "megatron_core",
    ]
)
"""Settings of training or of another setting, without effect on a model whose values are loaded."""
PROBE_TOKENS = 12


def check_settings(config: Mapping[str, Any], where: str) -> None:
    """Refuse an adapter that a merge could not reproduce.

    Raises:
        UserError: names the setting.
    """
    if config.get("peft_type") != "LORA":
        raise UserError(f"the adapter in {where} is of kind {config.get('peft_type')!r}; only LoRA can be merged")
    begun = config.get("init_lora_weights", True)
    if not isinstance(begun, (bool, str)) or begun not in KEEP_BASE:
        raise UserError(
            f"the adapter in {where} begins with init_lora_weights = {str(begun)[:40]!r}, which is more than an addition to "
            "its base; convert it to plain LoRA with peft's save_pretrained(..., path_initial_model_for_weight_conversion)"
        )
    odd = [name for name, value in config.items() if value and name not in _UNDERSTOOD | _NO_EFFECT]
    if odd:
        raise UserError(f"the adapter in {where} asks for {odd[0]!r}, which cannot be added to a base's weights")


def part_tied(wrapped: PeftModel) -> None:
    """Give tied modules that an adapter touches weights of their own, so that a merge into one is not one into all."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper
    from torch.nn import Parameter

    layers = [module for module in wrapped.modules() if isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper))]
    adapted = {id(part) for layer in layers for part in layer.modules()}
    holders: dict[int, list[Any]] = {}
    for module in wrapped.modules():
        for name, parameter in module.named_parameters(recurse=False):
            holders.setdefault(id(parameter), []).append((module, name, parameter))
    for tied in holders.values():
        if len(tied) > 1 and any(id(module) in adapted for module, _, _ in tied):
            for module, name, parameter in tied[1:]:
                setattr(module, name, Parameter(parameter.detach().clone(), requires_grad=False))


def probe_logits(model: Any) -> Tensor:
    """Logits of a made text, (L, vocabulary) in float32."""
    import torch

    rows = int(model.get_input_embeddings().weight.shape[0])
    ids = torch.arange(3, 3 + 7 * PROBE_TOKENS, 7, device=model.device)[None] % rows
    with torch.inference_mode():
        logits: Tensor = model(input_ids=ids).logits[0].float()
    return logits


def check_equal(merged: Tensor, applied: Tensor, dtype: torch.dtype, where: str) -> None:
    """Refuse a merge that is not what PEFT applies, up to the rounding of the weights.

    Raises:
        UserError: says how far the logits are apart.
    """
    import torch

    share = 1e-4 if dtype in (torch.float32, torch.float64) else 0.1
    gap, size = float((merged - applied).abs().max()), float(applied.abs().max())
    if not gap <= share * max(size, 1.0):
        raise UserError(f"the adapter in {where} cannot be added to its base: logits would be off by {gap:.3g}")
