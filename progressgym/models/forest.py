"""Texts that share their beginnings as a forest of tokens, cut into pieces that fit into one forward pass.

Every request (a context, its framings, its options) becomes a prefix tree, so that a shared beginning is one path: the
context once, each framing once, equal first words of options once. Nodes are stored in depth-first order, in which a
forest is fully told by the depths of its nodes: node j < i is an ancestor of i exactly when no node after j, up to and
including i, is as shallow as j. Attention masks follow from that alone.

Only tokens that another token is predicted from are nodes. An option's last token is an **edge**: (node, next token).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from progressgym.models.tokens import Ids, Request

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The prefix trees of all requests. Shapes: V nodes, E edges, S texts (one for every request, framing, option)."""

    tokens: Ints
    """(V,) token of each node, depth-first."""
    depths: Ints
    """(V,) 0 for the first token of a text."""
    parents: Ints
    """(V,) index of the node before it in the text; -1 at depth 0."""
    trees: Ints
    """(B + 1,) nodes of request b are `trees[b]:trees[b + 1]`."""
    edge_nodes: Ints
    """(E,) the node that predicts, not decreasing."""
    edge_tokens: Ints
    """(E,) the token predicted."""
    text_edges: Ints
    """All texts' edges, text after text (an edge may serve several texts)."""
    text_starts: Ints
    """(S,) where each text begins in `text_edges`."""

    def text_sums(self, edge_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum a number per edge over each text, (E,) -> (S,)."""
        sums: NDArray[np.float64] = np.add.reduceat(edge_values[self.text_edges], self.text_starts)
        return sums


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Nodes of one forward pass: the ancestors of its first own node, then a run of nodes of the forest. L nodes."""

    tokens: Ints
    """(L,)"""
    depths: Ints
    """(L,)"""
    starts: Ints
    """Where each tree begins in this piece, ascending, from 0."""
    edges: slice
    """The edges that are scored here, as indices of the forest's edges."""
    edge_nodes: Ints
    """Their nodes, as indices into this piece."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Queries of one batched attention call. n blocks of Q queries; W keys = the block itself, then its ancestors."""

    queries: Ints
    """(n, Q) nodes of the piece; unused places repeat the block's first node."""
    keys: Ints
    """(n, W) nodes of the piece; unused places likewise."""
    visible: Bools
    """(n, Q, W): True where the key is the query's ancestor or the query itself; never a row without True."""
    places: Ints
    """(m,) which of the n * Q places are used."""
    nodes: Ints
    """(m,) the nodes there."""


def plant(requests: Sequence[Request]) -> Forest:
    """Build the forest. Texts are numbered by request, then framing, then option."""
    tokens: list[int] = []
    depths: list[int] = []
    parents: list[int] = []
    trees = [0]
    edges: dict[tuple[int, int], int] = {}
    paths: list[list[int]] = []
    for request in requests:
        first = len(paths)
        texts = [(prefix + option, len(prefix)) for prefix in request.prefixes for option in request.options]
        paths.extend([] for _ in texts)
        branch: list[int] = []  # nodes from the root to the newest
        before: Ids = ()
        # In order of their tokens, so that texts that share a beginning follow each other and one branch is enough.
        for number in sorted(range(len(texts)), key=lambda text: texts[text][0]):
            text, scored = texts[number]
            del branch[_shared(text, before, len(branch), len(text) - 1) :]
            new = range(len(tokens), len(tokens) + len(text) - 1 - len(branch))
            if new:
                parents.append(branch[-1] if branch else -1)
                parents.extend(new[:-1])
                tokens.extend(text[len(branch) : -1])
                depths.extend(range(len(branch), len(text) - 1))
                branch.extend(new)
            path = paths[first + number]
            for edge in zip(branch[scored - 1 :], text[scored:], strict=True):
                path.append(edges.setdefault(edge, len(edges)))
            before = text
        trees.append(len(tokens))
    return _finish(tokens, depths, parents, trees, edges, paths)


def _shared(text: Ids, before: Ids, branch: int, limit: int) -> int:
    """Length of the common beginning of a text and the one before it, within the nodes that both have."""
    same, end = 0, min(branch, limit)
    while same < end:  # halves are compared as a whole
        middle = (same + end + 1) // 2
        if text[same:middle] == before[same:middle]:
            same = middle
        else:
            end = middle - 1
    return same


def _finish(
    tokens: list[int],
    depths: list[int],
    parents: list[int],
    trees: list[int],
    edges: dict[tuple[int, int], int],
    paths: list[list[int]],
) -> Forest:
    """Turn the lists into arrays, edges ordered by node."""
    pairs = np.fromiter(chain.from_iterable(edges), dtype=np.int64, count=2 * len(edges)).reshape(-1, 2)
    order = np.argsort(pairs[:, 0], kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    lengths = np.array([len(path) for path in paths], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(paths), dtype=np.int64, count=int(lengths.sum()))
    return Forest(
        tokens=np.array(tokens, dtype=np.int64),
        depths=np.array(depths, dtype=np.int64),
        parents=np.array(parents, dtype=np.int64),
        trees=np.array(trees, dtype=np.int64),
        edge_nodes=pairs[order, 0],
        edge_tokens=pairs[order, 1],
        text_edges=rank[flat],
        text_starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
    )


def cut(forest: Forest, size: int) -> list[Piece]:
    """Cut a forest into pieces of at most `size` nodes (a little more where a long beginning must be repeated).

    Whole trees are packed together in order; a tree that is larger than a piece is cut, and each of its pieces repeats
    the path from the root to where it begins.
    """
    pieces: list[Piece] = []
    begin, end = 0, 0
    for first, last in zip(forest.trees[:-1].tolist(), forest.trees[1:].tolist(), strict=True):
        if end > begin and last - begin > size:
            pieces.append(_piece(forest, begin, end))
            begin = first
        while last - begin > size:
            pieces.append(_piece(forest, begin, begin + size))
            begin += size
        end = last
    if end > begin:
        pieces.append(_piece(forest, begin, end))
    return pieces


def _piece(forest: Forest, begin: int, end: int) -> Piece:
    path: list[int] = []
    node = int(forest.parents[begin])
    while node >= 0:
        path.append(node)
        node = int(forest.parents[node])
    nodes = np.concatenate([np.array(path[::-1], dtype=np.int64), np.arange(begin, end)])
    depths = forest.depths[nodes]
    low, high = np.searchsorted(forest.edge_nodes, [begin, end])
    return Piece(
        tokens=forest.tokens[nodes],
        depths=depths,
        starts=np.flatnonzero(depths == 0),
        edges=slice(int(low), int(high)),
        edge_nodes=forest.edge_nodes[low:high] - begin + len(path),
    )


def blocks(piece: Piece, width: int, step: int = 32) -> list[Blocks]:
    """Cut a piece into attention blocks of `width` queries and group those with a like number of ancestors.

    Every tree begins a block of its own, so that a text meets the same sums whatever else is asked with it.

    Args:
        piece: L nodes.
        width: Q, queries of a block.
        step: ancestors are padded to a multiple of this.
    """
    ends = np.append(piece.starts[1:], len(piece.depths))
    begins = np.concatenate([np.arange(a, b, width) for a, b in zip(piece.starts, ends, strict=True)])
    sizes = np.minimum(np.append(begins[1:], len(piece.depths)), begins + width) - begins
    groups = -(-piece.depths[begins] // step)
    return [
        _blocks(piece.depths, begins[groups == group], sizes[groups == group], width, int(group) * step)
        for group in np.unique(groups)
    ]


def _blocks(depths: Ints, begins: Ints, sizes: Ints, width: int, ancestors: int) -> Blocks:
    offsets = np.arange(width)
    used = offsets < sizes[:, None]
    queries = np.where(used, begins[:, None] + offsets, begins[:, None])
    inside = depths[queries]  # (n, Q)
    keys = np.concatenate([queries, np.repeat(begins[:, None], ancestors, axis=1)], axis=1)
    for row, begin in enumerate(begins.tolist()):
        keys[row, width : width + depths[begin]] = _path_to(depths, begin)
    shallow = (inside[:, None, :] <= inside[:, :, None]) & (offsets > offsets[:, None])  # (n, key, node after it)
    until = np.where(shallow.any(2), shallow.argmax(2), width)  # the key is an ancestor of what comes before that node
    query = offsets[:, None]
    below = (query > offsets) & (query < until[:, None, :])
    # Ancestors of the block that a query still has: all above the shallowest node so far.
    above = np.arange(ancestors) < np.minimum.accumulate(inside, axis=1)[:, :, None]
    visible = np.concatenate([below, above], axis=2) & used[:, :, None]
    visible[:, offsets, offsets] = True
    flat = used.ravel()
    return Blocks(
        queries=queries,
        keys=keys,
        visible=visible,
        places=np.flatnonzero(flat),
        nodes=queries.ravel()[flat],
    )


def _path_to(depths: Ints, node: int) -> Ints:
    """Ancestors of a node of a piece, root first: of every smaller depth the last node before it."""
    above = np.flatnonzero(depths[:node] < depths[node])
    path = np.empty(depths[node], dtype=np.int64)
    path[depths[above]] = above  # of several values the last one stays
    return path
