"""Scoring options with a Llama: one forward pass over the tokens of many prefix trees, without padding.

All linear layers, which are nine tenths of the work, see one flat matrix of tokens, each shared beginning once. Only
attention needs to know the trees: queries are taken in blocks of `WIDTH` nodes, whose keys are the block itself and
the ancestors of its first node (see `forest`). The output head is applied only where an option's token is predicted.

The weights are those of the transformers model; no copy is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.models.forest import Blocks, Forest, Piece, blocks, cut, plant
from progressgym.models.tokens import Request

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

PIECE_CPU, PIECE_GPU = 2048, 16384
"""Nodes of a forward pass."""
WIDTH = 64
HEAD_ROWS = 512
"""Positions whose vocabulary is computed at once."""


def supports(model: PreTrainedModel) -> bool:
    """Whether a model is a plain Llama whose layers are what this module computes."""
    import torch
    from transformers import LlamaForCausalLM

    if type(model) is not LlamaForCausalLM or model.config.hidden_act != "silu":
        return False
    layers: Any = model.model.layers
    linears = [part for layer in layers for part in (*layer.self_attn.children(), *layer.mlp.children())]
    return all(type(part) is torch.nn.Linear for part in linears if part is not layers[0].mlp.act_fn and _weighs(part))


def _weighs(part: Any) -> bool:
    return next(part.parameters(), None) is not None


class Scorer:
    """Scores requests with a Llama; see the module's description."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model: Any = model
        config = model.config
        self.heads: int = config.num_attention_heads
        self.groups: int = config.num_key_value_heads
        self.size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.epsilon: float = config.rms_norm_eps

    def score(self, requests: Sequence[Request]) -> tuple[list[NDArray[np.float64]], int]:
        """Sums of log-probabilities, B arrays (F, K_i), and the number of tokens computed."""
        import torch

        forest = plant(requests)
        edge_values = np.zeros(len(forest.edge_nodes))
        computed = 0
        with torch.inference_mode():
            for piece in cut(forest, PIECE_CPU if self.model.device.type == "cpu" else PIECE_GPU):
                edge_values[piece.edges] = self._score_piece(forest, piece)
                computed += len(piece.tokens)
        sums = forest.text_sums(edge_values)
        shapes = [(len(request.prefixes), len(request.options)) for request in requests]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(sums, ends[:-1]), shapes, strict=True)], computed

    def _score_piece(self, forest: Forest, piece: Piece) -> NDArray[np.float64]:
        """Log-probability of each edge of a piece."""
        import torch

        rows, row_of_edge = np.unique(piece.edge_nodes, return_inverse=True)
        device = self.model.device
        hidden = self._hidden(piece, torch.from_numpy(rows).to(device))
        targets = torch.from_numpy(forest.edge_tokens[piece.edges]).to(device)
        at = torch.from_numpy(row_of_edge).to(device)
        return self._head(hidden, at, targets).double().cpu().numpy()

    def _hidden(self, piece: Piece, rows: Tensor) -> Tensor:
        """Final hidden states (R, H) of the given nodes of a piece."""
        import torch
        from torch.nn.functional import rms_norm, silu

        inner, device = self.model.model, self.model.device
        tokens = torch.from_numpy(piece.tokens).to(device)
        x = inner.embed_tokens(tokens)
        attention = _Attention(self, piece, x)
        last = len(inner.layers) - 1
        for number, layer in enumerate(inner.layers):
            norm, feed = layer.input_layernorm, layer.mlp
            mixed = attention(layer.self_attn, rms_norm(x, norm.weight.shape, norm.weight, self.epsilon))
            if number == last:  # nothing attends to these nodes any more
                mixed, x = mixed[rows], x[rows]
            x = x + layer.self_attn.o_proj(mixed)
            norm = layer.post_attention_layernorm
            y = rms_norm(x, norm.weight.shape, norm.weight, self.epsilon)
            x = x + feed.down_proj(silu(feed.gate_proj(y), inplace=True).mul_(feed.up_proj(y)))
        return rms_norm(x, inner.norm.weight.shape, inner.norm.weight, self.epsilon)

    def _head(self, hidden: Tensor, row_of_edge: Tensor, targets: Tensor) -> Tensor:
        """Log-probabilities (E,) in float32 of tokens `targets` after rows `row_of_edge` (ascending) of `hidden`."""
        import torch

        head = self.model.lm_head
        found = []
        for begin in range(0, len(hidden), HEAD_ROWS):
            logits = head(hidden[begin : begin + HEAD_ROWS]).float()
            low, high = torch.searchsorted(row_of_edge, torch.tensor([begin, begin + HEAD_ROWS], device=targets.device))
            at = row_of_edge[low:high] - begin
            found.append(logits[at, targets[low:high]] - torch.logsumexp(logits, dim=-1)[at])
        return torch.cat(found)


class _Attention:
    """Attention within the trees of one piece; what does not change between layers is made once."""

    def __init__(self, scorer: Scorer, piece: Piece, like: Tensor) -> None:
        import torch

        self.heads, self.groups, self.size = scorer.heads, scorer.groups, scorer.size
        device = like.device
        positions = torch.from_numpy(piece.depths).to(device)
        cosine, sine = scorer.model.model.rotary_emb(like, positions[None])
        half = self.size // 2
        self.cosine = cosine[0][:, None]  # (L, 1, D)
        self.sine = torch.cat([-sine[0][:, :half], sine[0][:, half:]], dim=-1)[:, None]
        self.blocks = [_Group(block, self.heads // self.groups, like) for block in blocks(piece, WIDTH)]

    def __call__(self, layer: Any, x: Tensor) -> Tensor:
        """(L, H) -> (L, heads * size)."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        length, share = len(x), self.heads // self.groups
        query = self._rotate(layer.q_proj(x).view(length, self.heads, self.size)).view(length, -1)
        key = self._rotate(layer.k_proj(x).view(length, self.groups, self.size)).view(length, -1)
        pair = torch.cat([key, layer.v_proj(x)], dim=-1)  # (L, 2 * groups * size)
        out = torch.empty_like(query)
        for block in self.blocks:
            count, width = block.count, block.width
            # queries that share keys stand in one matrix: (n, groups, share * Q, D)
            q = query[block.queries].view(count, width, self.groups, share, self.size)
            q = q.permute(0, 2, 3, 1, 4).reshape(count, self.groups, share * width, self.size)
            kv = pair[block.keys].view(count, -1, 2, self.groups, self.size)
            k, v = kv[:, :, 0].transpose(1, 2), kv[:, :, 1].transpose(1, 2)
            mixed = scaled_dot_product_attention(q, k, v, attn_mask=block.mask, scale=layer.scaling)
            mixed = mixed.view(count, self.groups, share, width, self.size).permute(0, 3, 1, 2, 4)
            out[block.nodes] = mixed.reshape(count * width, -1)[block.places]
        return out

    def _rotate(self, x: Tensor) -> Tensor:
        import torch

        return torch.addcmul(x * self.cosine, torch.roll(x, self.size // 2, -1), self.sine)


class _Group:
    """A `Blocks` on the device, with its additive mask (n, 1, share * Q, W)."""

    def __init__(self, block: Blocks, share: int, like: Tensor) -> None:
        import torch

        def to(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(like.device)

        self.count, self.width = block.queries.shape
        self.queries, self.keys = to(block.queries).view(-1), to(block.keys).view(-1)
        self.places, self.nodes = to(block.places), to(block.nodes)
        mask = torch.zeros(block.visible.shape, dtype=like.dtype, device=like.device)
        mask.masked_fill_(~to(block.visible), float("-inf"))
        self.mask = mask[:, None].repeat(1, 1, share, 1)
