"""A model's shape: what its size, memory and arithmetic follow from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.tuning.lora import LoraRecipe


@dataclass(kw_only=True, frozen=True)
class Architecture:
    """A decoder of the Llama family: gated feed-forward, grouped attention heads, RMS norms, no biases."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head_width: int
    vocabulary: int
    tied: bool
    """Whether the output head is the embedding."""

    @property
    def queries(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_width

    @property
    def keys(self) -> int:
        """Width of all key heads together; that of the values too."""
        return self.key_value_heads * self.head_width

    @property
    def layer_matrices(self) -> int:
        """Weights in a layer's matrices."""
        return self.hidden * (2 * self.queries + 2 * self.keys + 3 * self.intermediate)

    @property
    def head(self) -> int:
        """Weights of the output head."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights."""
        norms = self.hidden * (2 * self.layers + 1)
        return self.layers * self.layer_matrices + self.head * (1 if self.tied else 2) + norms

    def adapter(self, recipe: LoraRecipe) -> int:
        """Weights of a LoRA adapter."""
        widths = {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }
        return self.adapted_layers(recipe) * recipe.rank * sum(sum(widths[name]) for name in recipe.targets)

    def adapted_layers(self, recipe: LoraRecipe) -> int:
        """How many layers, from the top, get an adapter."""
        return self.layers if recipe.top_layers is None else min(recipe.top_layers, self.layers)


KNOWN: dict[str, Architecture] = {
    "smollm2-135m": Architecture(
        hidden=576,
        intermediate=1536,
        layers=30,
        heads=9,
        key_value_heads=3,
        head_width=64,
        vocabulary=49152,
        tied=True,
    ),
    "smollm2-1.7b": Architecture(
        hidden=2048,
        intermediate=8192,
        layers=24,
        heads=32,
        key_value_heads=32,
        head_width=64,
        vocabulary=49152,
        tied=True,
    ),
    "llama3-8b": Architecture(
        hidden=4096,
        intermediate=14336,
        layers=32,
        heads=32,
        key_value_heads=8,
        head_width=128,
        vocabulary=128256,
        tied=False,
    ),
    "llama3-70b": Architecture(
        hidden=8192,
        intermediate=28672,
        layers=80,
        heads=64,
        key_value_heads=8,
        head_width=128,
        vocabulary=128256,
        tied=False,
    ),
}
"""Shapes that need no file: those of the models' own config.json."""


def shape_named(model: str) -> Architecture | None:
    """The shape that goes by a name, also of ProgressGym's century models (HistLlama3-8B, -70B); None if not known.

    >>> shape_named("PKU-Alignment/ProgressGym-HistLlama3-70B-C013-instruct-v0.1").layers
    80
    """
    plain = re.sub(r"[^a-z0-9.]", "", model.lower().partition("?")[0].rpartition("/")[2])
    return next((shape for name, shape in KNOWN.items() if name.replace("-", "") in plain), None)


def of_config(path: Path) -> Architecture:
    """The shape that a `config.json` describes.

    Raises:
        UserError: no such file, or not a decoder with these fields.
    """
    config = read_json(path)
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        return Architecture(
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            key_value_heads=int(_or(config.get("num_key_value_heads"), heads)),
            head_width=int(_or(config.get("head_dim"), hidden // heads)),
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise UserError(f"{path} does not describe a model of the Llama family ({error}); give --parameters") from None


def of_size(parameters: float) -> Architecture:
    """A Llama of about so many weights: the nearest known shape, made larger or smaller in all directions alike.

    Raises:
        UserError: not between a million and a quadrillion.
    """
    if not 1e6 <= parameters <= 1e15:
        raise UserError(f"parameters is {parameters:g}; write a number such as 8e9")
    near = min(KNOWN.values(), key=lambda shape: abs(math.log(shape.parameters / parameters)))
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _scaled(near, middle).parameters < parameters else (low, middle)
    return _scaled(near, low)


def _scaled(shape: Architecture, factor: float) -> Architecture:
    return replace(
        shape,
        hidden=max(8, round(shape.hidden * factor)),
        intermediate=max(8, round(shape.intermediate * factor)),
        layers=max(1, round(shape.layers * factor)),
        head_width=max(1, round(shape.head_width * factor)),
    )


def _or(value: Any, other: int) -> Any:
    return other if value is None else value
