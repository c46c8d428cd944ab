"""Scoring options with a Llama: one forward pass over the tokens of many prefix trees, without padding.

All linear layers, which are nine tenths of the work, see one flat matrix of tokens, each shared beginning once. Only
attention needs to know the trees: queries are taken in blocks of `WIDTH` nodes, whose keys are the block itself and
the ancestors of its first node (see `forest`). The output head is applied only where an option's token is predicted.

The weights are those of the transformers model; no copy is made. Between layers the running sum is kept in float32,
which halves the rounding noise of bfloat16 at no cost.

Shapes: L nodes of a piece, H hidden size, D size of a head, R nodes that predict, E edges (predicted tokens),
n blocks of Q queries and W keys.
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
"""Queries of an attention block."""
HEAD_ROWS = 512
"""Positions whose vocabulary is computed at once."""


def supports(model: PreTrainedModel) -> bool:
    """Whether a model is a plain Llama, so that this module computes what its own forward pass does."""
    from torch.nn import Linear
    from transformers import LlamaForCausalLM

    if type(model) is not LlamaForCausalLM or model.config.hidden_act != "silu":
        return False
    inner: Any = model.model
    if not len(inner.layers):
        return False
    parts = [part for layer in inner.layers for part in (*layer.self_attn.children(), *layer.mlp.children())]
    plain = all(type(part) is Linear for part in parts if next(part.parameters(), None) is not None)
    return plain and type(model.lm_head) is Linear and model.lm_head.bias is None


class Scorer:
    """Scores requests with a Llama; see the module's description."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model: Any = model
        self.heads: int = model.config.num_attention_heads
        self.groups: int = model.config.num_key_value_heads
        self.size: int = model.model.layers[0].self_attn.head_dim
        self.epsilon: float = model.config.rms_norm_eps

    def score(self, requests: Sequence[Request]) -> tuple[list[NDArray[np.float64]], int, int]:
        """Sums of log-probabilities, B arrays (F, K_i); how many tokens were computed, and how many predicted."""
        import torch

        forest = plant(requests)
        edge_values = np.zeros(len(forest.edge_nodes))
        computed = 0
        predicted = len(np.unique(forest.edge_nodes))
        with torch.inference_mode():
            for piece in cut(forest, PIECE_CPU if self.model.device.type == "cpu" else PIECE_GPU):
                edge_values[piece.edges] = self._score_piece(forest, piece)
                computed += len(piece.tokens)
        sums = forest.text_sums(edge_values)
        shapes = [(len(request.prefixes), len(request.options)) for request in requests]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        tables = [part.reshape(shape) for part, shape in zip(np.split(sums, ends[:-1]), shapes, strict=True)]
        return tables, computed, predicted

    def _score_piece(self, forest: Forest, piece: Piece) -> NDArray[np.float64]:
        """Log-probability of each edge of a piece, (E,)."""
        # Several options may go on from one node: its vocabulary is computed once.
        rows, row_of_edge = np.unique(piece.edge_nodes, return_inverse=True)
        hidden = self._hidden(piece, rows)
        targets = forest.edge_tokens[piece.edges]
        scores = [
            self._head(hidden[begin : begin + HEAD_ROWS], row_of_edge[low:high] - begin, targets[low:high])
            for begin in range(0, len(rows), HEAD_ROWS)
            for low, high in [np.searchsorted(row_of_edge, (begin, begin + HEAD_ROWS))]
        ]
        return np.concatenate(scores)

    def _hidden(self, piece: Piece, rows: NDArray[np.int64]) -> Tensor:
        """Final hidden states (R, H) of the given nodes of a piece."""
        import torch
        from torch.nn.functional import silu

        inner, device = self.model.model, self.model.device
        embedded = inner.embed_tokens(torch.from_numpy(piece.tokens).to(device))
        attention = _Attention(self, piece, embedded)
        # The running sum alone is float32: it is where bfloat16 loses digits, layer after layer.
        x = embedded.float()
        for layer in inner.layers:
            mixed = attention(layer.self_attn, self._normalise(x, layer.input_layernorm))
            if layer is inner.layers[-1]:  # nothing attends to the other nodes any more
                wanted = torch.from_numpy(rows).to(device)
                mixed, x = mixed[wanted], x[wanted]
            x += layer.self_attn.o_proj(mixed)
            y = self._normalise(x, layer.post_attention_layernorm)
            # in place: the gate's output is the largest array of a layer
            x += layer.mlp.down_proj(silu(layer.mlp.gate_proj(y), inplace=True).mul_(layer.mlp.up_proj(y)))
        return self._normalise(x, inner.norm)

    def _normalise(self, x: Tensor, norm: Any) -> Tensor:
        """Root-mean-square norm of the float32 sum, in the weights' number format."""
        from torch.nn.functional import rms_norm

        return rms_norm(x, norm.weight.shape, norm.weight.float(), self.epsilon).to(norm.weight.dtype)

    def _head(self, hidden: Tensor, row_of_edge: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log-probabilities (E,) of tokens `targets` after rows `row_of_edge` (ascending, all present) of `hidden`."""
        import torch

        at, tokens = torch.from_numpy(row_of_edge).to(hidden.device), torch.from_numpy(targets).to(hidden.device)
        logits = self.model.lm_head(hidden)
        # Any column of a row serves the normaliser; the first one predicted there is at hand.
        first = torch.searchsorted(at, torch.arange(len(hidden), device=at.device))
        normaliser = _log_normaliser(logits, tokens[first])
        # the logit of the token itself, without the rounding to the number format of `logits`
        own = (hidden[at].float() * self.model.lm_head.weight[tokens].float()).sum(-1)
        result: NDArray[np.float64] = (own - normaliser[at]).clamp_(max=0.0).double().cpu().numpy()
        return result


def _log_normaliser(logits: Tensor, columns: Tensor) -> Tensor:
    """log sum exp of each row, (R, vocabulary) -> (R,) in float32.

    For bfloat16 on the CPU a fused softmax is twice as fast as logsumexp: with p the probability of any one column,
    normaliser = logit - log p, and the rounding of p costs at most 0.004.

    Args:
        logits: (R, vocabulary).
        columns: (R,) a column of each row, for the softmax.
    """
    import torch

    if logits.dtype != torch.bfloat16 or logits.device.type != "cpu":
        return torch.logsumexp(logits.float(), dim=-1)
    chosen = columns[:, None]
    logit, probability = logits.gather(1, chosen).float(), torch.softmax(logits, dim=-1).gather(1, chosen).float()
    return (logit - probability.log())[:, 0]


class _Attention:
    """Attention within the trees of one piece; what does not change between layers is made once."""

    def __init__(self, scorer: Scorer, piece: Piece, like: Tensor) -> None:
        import torch

        self.heads, self.groups, self.size = scorer.heads, scorer.groups, scorer.size
        positions = torch.from_numpy(piece.depths).to(like.device)
        cosine, sine = (table[0] for table in scorer.model.model.rotary_emb(like, positions[None]))
        half = self.size // 2
        self.cosine = cosine[:, None]  # (L, 1, D)
        # Rotary positions rotate half against half: with the sign in the table the rotation is one fused multiply-add.
        self.sine = torch.cat([-sine[:, :half], sine[:, half:]], dim=-1)[:, None]
        self.blocks = [_Group(block, scorer, like) for block in blocks(piece, WIDTH)]
        starts = np.cumsum([0, *(group.rows for group in self.blocks)])
        # Groups of blocks come out one after the other; this brings every node's heads back to its place in one gather.
        rows = np.empty((len(piece.tokens), self.heads), dtype=np.int64)  # where each node's heads come out
        for group, start in zip(self.blocks, starts, strict=False):
            rows[group.nodes] = start + group.row_of_node
        self.rows = torch.from_numpy(rows.ravel()).to(like.device)

    def __call__(self, layer: Any, x: Tensor) -> Tensor:
        """Mix the nodes (L, H) of one layer, before its output projection: (L, heads * D)."""
        import torch

        length = len(x)
        query = self._rotate(layer.q_proj(x).view(length, self.heads, self.size)).view(-1, self.size)
        key = self._rotate(layer.k_proj(x).view(length, self.groups, self.size)).view(-1, self.size)
        value = layer.v_proj(x).view(-1, self.size)
        mixed = torch.cat([group.attend(query, key, value, layer.scaling) for group in self.blocks])
        return mixed.index_select(0, self.rows).view(length, -1)

    def _rotate(self, x: Tensor) -> Tensor:
        import torch

        return torch.addcmul(x * self.cosine, torch.roll(x, self.size // 2, -1), self.sine)


class _Group:
    """A `Blocks` on the device: from where queries and keys are taken, and its additive mask.

    The query heads that share a key head stand in one matrix: n * groups matrices of share * Q queries, W keys.
    """

    def __init__(self, block: Blocks, scorer: Scorer, like: Tensor) -> None:
        import torch

        def to(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(like.device)

        groups, share = scorer.groups, scorer.heads // scorer.groups
        count, width = block.queries.shape
        heads = np.arange(scorer.heads).reshape(groups, share, 1)
        self.size = scorer.size
        self.shape = (count * groups, share * width, scorer.size)
        self.rows = count * scorer.heads * width
        self.queries = to((block.queries[:, None, None] * scorer.heads + heads).ravel())
        self.keys = to((block.keys[:, None] * groups + np.arange(groups)[:, None]).ravel())
        self.nodes = block.nodes
        number, place = np.divmod(block.places, width)
        self.row_of_node = (number[:, None] * scorer.heads + np.arange(scorer.heads)) * width + place[:, None]
        # Additive, so that the CPU's baddbmm can add it in the same pass as the product.
        mask = torch.zeros(block.visible.shape, dtype=like.dtype, device=like.device)
        mask.masked_fill_(~to(block.visible), float("-inf"))
        self.mask = mask.repeat(1, share, 1).repeat_interleave(groups, 0)  # (n * groups, share * Q, W)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """Softmax attention over rows of (L * heads, D) queries and (L * groups, D) keys and values: (rows, D)."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        q = query.index_select(0, self.queries).view(self.shape)
        k, v = (part.index_select(0, self.keys).view(len(q), -1, self.size) for part in (key, value))
        if q.device.type != "cpu":
            mixed = scaled_dot_product_attention(
                q[:, None], k[:, None], v[:, None], attn_mask=self.mask[:, None], scale=scaling
            )
            return mixed.reshape(-1, self.size)
        # two matrix products are twice as fast here as the CPU's flash kernel with a mask
        scores = torch.baddbmm(self.mask, q, k.transpose(1, 2), alpha=scaling)
        return torch.bmm(torch.softmax(scores, dim=-1), v).view(-1, self.size)
