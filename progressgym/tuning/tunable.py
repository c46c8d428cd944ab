"""A language model whose weights can be trained, put aside, taken up again and read.

With LoRA the trainable state is an adapter in float32 on frozen weights of any format; it is attached for training,
taken off afterwards, and added into the weights for reading exactly as `load_model` adds an adapter, so that trained
and shipped models are read alike. Without LoRA the state is all weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.models.checkpoint import check_finite
from progressgym.tuning.lora import LoraRecipe, attach

if TYPE_CHECKING:
    from torch import Tensor

    from progressgym.models.language_model import LanguageModel

Weights = dict[str, "Tensor"]


class TunableModel:
    """One model and its current trainable state.

    Stages take the state from here and leave a new one; when a stage fails the old one stays.
    """

    def __init__(self, loaded: LanguageModel, lora: LoraRecipe | None, *, seed: int = 0) -> None:
        """Take a loaded model.

        Args:
            loaded: with LoRA in any number format; float32 is advised when all weights are trained, because bfloat16
                rounds small steps away.
            lora: size and place of the adapter; None trains all weights.
            seed: of the adapter's random half.
        """
        self.loaded, self.lora, self.seed = loaded, lora, seed
        if lora is not None and lora.top_layers is not None:
            layers = loaded.model.config.num_hidden_layers
            if lora.top_layers > layers:
                self.lora = LoraRecipe(rank=lora.rank, alpha=lora.alpha, targets=lora.targets, top_layers=None)
        self._original = None if lora is not None else _copy(dict(loaded.model.named_parameters()))
        self.weights: Weights | None = None
        """The trainable state; None is the model as it was loaded."""

    @property
    def on_cpu(self) -> bool:
        """Whether the model is on the CPU."""
        return bool(self.loaded.device.type == "cpu")

    @contextmanager
    def training(self) -> Iterator[Any]:
        """The model with its trainable state, to be changed; what it has become is kept when the block ends well.

        Raises:
            UserError: the new state holds NaN or infinite numbers.
        """
        from peft import get_peft_model_state_dict, set_peft_model_state_dict

        model: Any = self.loaded.model
        if self.lora is None:
            self._put(self.weights or self._original)
            model.requires_grad_(True)
            try:
                yield model
                self.weights = _copy(dict(model.named_parameters()))
            finally:
                _unpatch(model)
            check_finite(self.weights, "training diverged")
            return
        wrapped: Any = attach(model, self.lora, self.seed)
        try:
            if self.weights is not None:
                set_peft_model_state_dict(wrapped, self.weights)
            yield wrapped
            trained = _copy(get_peft_model_state_dict(wrapped, adapter_name="default"))
        finally:
            wrapped.unload()
            _unpatch(model)
        check_finite(trained, "training diverged")
        self.weights = trained

    @contextmanager
    def reading(self) -> Iterator[LanguageModel]:
        """The model as it is now, to be scored and not to be changed."""
        import torch
        from peft import set_peft_model_state_dict

        model: Any = self.loaded.model
        if self.lora is None:
            self._put(self.weights or self._original)
            yield self.loaded
            return
        if self.weights is None:
            yield self.loaded
            return
        wrapped: Any = attach(model, self.lora, self.seed)
        set_peft_model_state_dict(wrapped, self.weights)
        touched = [module.get_base_layer().weight for module in wrapped.modules() if _is_adapted(module)]
        originals = [weight.detach().clone() for weight in touched]
        wrapped.merge_and_unload()
        try:
            yield self.loaded
        finally:
            with torch.no_grad():
                for weight, old in zip(touched, originals, strict=True):
                    weight.copy_(old)

    def _put(self, weights: Weights | None) -> None:
        import torch

        if weights is None:
            raise UserError("a model without adapter has no weights to begin with")
        with torch.no_grad():
            for name, parameter in self.loaded.model.named_parameters():
                parameter.copy_(weights[name])


def _copy(weights: dict[str, Any]) -> Weights:
    return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def _is_adapted(module: Any) -> bool:
    from peft.tuners.lora import LoraLayer

    return isinstance(module, LoraLayer)


def _unpatch(model: Any) -> None:
    """Take off the forward pass that trl puts over the model's own at every stage; they would pile up."""
    model.__dict__.pop("forward", None)
