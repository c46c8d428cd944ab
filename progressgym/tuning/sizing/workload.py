"""What is to be trained, and how much memory and arithmetic that is.

Memory of one device, in bytes (legend: P weights, A adapter weights, T tokens of a step, h hidden width, q, k widths of
queries and keys, i intermediate width, V vocabulary, c bytes of a number in the forward pass):

| part | LoRA | full |
|---|---|---|
| weights | 2 P + 4 A | 4 P |
| gradients, two Adam moments | 12 A | 12 P |
| reference | none: the policy's own log-probabilities before its first step | the same; RLHF: 4 P |
| reward model (RLHF, before RLOO) | another adapter | 4 P |
| saved for the backward pass, a layer and token | 8 h + c(4 q + 4 i) + adapters' inputs 4 (5 h + q + i) | 8 h + c(4 h + 5 q + 4 i) |
| the output head, a scored token | 14 V | 18 V |
| gathered for the moment, when sharded | two layers and the head | the same |

With activation checkpointing a layer keeps its input (c h) and one layer is computed anew at a time. The activations
are those that PyTorch keeps for transformers' Llama with fused attention; read from the code, checked by measurement
(docs/scale.md). RLHF's two stages run one after the other, so its peak is the larger one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from progressgym.core.errors import UserError, unknown
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.sizing.architecture import Architecture

METHODS = ("sft", "dpo", "rlhf")
FULL, HALF = 4, 2
"""Bytes of a float32 and a bfloat16 number."""
ADAM = 8
OVERHEAD = {"cpu": 0.7e9, "cuda": 1.2e9}
"""Bytes of the process itself: torch and the trainer's code on a CPU (measured); context and workspaces on a GPU."""
SLACK = 1.1
"""Of activations, for what the allocator cannot use."""


@dataclass(kw_only=True, frozen=True)
class Workload:
    """One alignment stage (a century)."""

    shape: Architecture
    method: str = "dpo"
    lora: LoraRecipe | None = field(default_factory=LoraRecipe)
    """None trains all weights, in float32."""
    length: int = 128
    """Tokens of a text."""
    answer: int = 16
    """Of these, tokens whose probability is trained (all in sft)."""
    rows: int = 8
    """Pairs (or texts) a step, on one device."""
    pairs: int = 300
    """Pairs (or texts) a stage."""
    epochs: int = 1
    generations: int = 4
    """RLHF: completions of a prompt."""
    checkpointing: bool = False
    devices: int = 1
    sharded: bool = False
    """Weights, gradients and moments divided over the devices (FSDP); otherwise every device holds all of them."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.method not in METHODS:
            raise unknown("method", self.method, METHODS)
        for name in ("length", "answer", "rows", "pairs", "epochs", "generations", "devices"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; 1 or more is expected")

    @property
    def texts(self) -> int:
        """Texts that a row holds: a preference has two."""
        return 1 if self.method == "sft" else 2

    @property
    def trained_layers(self) -> int:
        """Layers that the backward pass goes through."""
        return self.shape.layers if self.lora is None else self.shape.adapted_layers(self.lora)

    @property
    def trainable(self) -> int:
        """Weights that are trained."""
        return self.shape.parameters if self.lora is None else self.shape.adapter(self.lora)

    @property
    def step_tokens(self) -> int:
        """Tokens of a step on one device."""
        return self.rows * self.texts * self.length

    @property
    def tokens(self) -> int:
        """Tokens that a stage learns from, each counted once an epoch."""
        return self.pairs * self.texts * self.length * self.epochs

    @property
    def scored(self) -> int:
        """Tokens of a text that the output head is applied to."""
        return self.length if self.method == "sft" else min(self.answer, self.length)


def memory(work: Workload, device: str) -> dict[str, float]:
    """Bytes of one device, by part; `total` is the peak.

    Args:
        work: the stage.
        device: `cpu` or `cuda`.
    """
    shape, share = work.shape, work.devices if work.sharded else 1
    width = HALF if work.lora is not None else FULL
    copies = 2 if work.method == "rlhf" and work.lora is None else 1
    parts = {
        "weights": (width * shape.parameters + (FULL * work.trainable if work.lora is not None else 0)) / share,
        "gradients": FULL * work.trainable / share,
        "optimiser": ADAM * work.trainable / share,
        "reference or reward model": width * shape.parameters * (copies - 1) / share,
        "layers gathered": width * (2.0 * shape.layer_matrices + shape.head) if work.sharded else 0.0,
        "activations": SLACK * _activations(work, width),
        "output head": float(_head_bytes(work, width)),
        "process": OVERHEAD[device],
    }
    return parts | {"total": sum(parts.values())}


def flops(work: Workload) -> float:
    """Floating-point operations of a stage, over all devices; two a multiplication and addition.

    A forward pass is 2 operations a weight and token and 4 q L for attention; the backward pass twice that for all weights,
    once for an adapter on frozen ones.
    """
    shape, texts = work.shape, work.pairs * work.texts * work.epochs
    layer = 2.0 * shape.layer_matrices + 4.0 * shape.queries * work.length
    head = 2.0 * shape.head * work.scored / work.length
    forward = shape.layers * layer + head
    adapters = 0.0 if work.lora is None else 2.0 * work.trainable
    upper = work.trained_layers * layer + head
    backward = 2.0 * upper if work.lora is None else upper + 2.0 * adapters
    again = upper if work.checkpointing else 0.0
    step = forward + adapters + backward + again
    tokens = float(texts * work.length)
    if work.method == "sft":
        return step * tokens
    if work.method == "dpo":
        return (step + forward) * tokens
    drawn = work.pairs * work.epochs * work.generations * work.length
    return (step + forward) * tokens + (step + 2 * forward) * drawn  # reward model; draws, reference and RLOO


def _activations(work: Workload, width: int) -> float:
    """Bytes kept for the backward pass by all trained layers, and the largest temporary."""
    shape, tokens = work.shape, work.step_tokens
    norms = 8.0 * shape.hidden if width == HALF else 4.0 * shape.hidden
    if work.lora is None:
        stored = norms + width * (4 * shape.hidden + 5 * shape.queries + 4 * shape.intermediate)
    else:
        inputs = FULL * (5 * shape.hidden + shape.queries + shape.intermediate)
        stored = norms + width * (4 * shape.queries + 4 * shape.intermediate) + inputs
    if not work.checkpointing:
        return tokens * (work.trained_layers * stored + 2 * FULL * shape.intermediate)
    return tokens * (work.trained_layers * width * shape.hidden + stored + 2 * FULL * shape.intermediate)


def _head_bytes(work: Workload, width: int) -> int:
    """Scores of the vocabulary: as computed, in float32, their softmax, and the gradients of both."""
    return work.rows * work.texts * work.scored * work.shape.vocabulary * (2 * width + 3 * FULL - 2)
