"""Prefix trees: what is shared, what is cut, who sees whom. The oracle is a walk along parents."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.models.forest import Forest, blocks, cut, plant
from progressgym.models.tokens import Request


def random_requests(seed: int, count: int = 5) -> list[Request]:
    """Texts over three letters, so that they share beginnings often."""
    rng = np.random.default_rng(seed)

    def text(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.integers(0, 3, rng.integers(low, high)).tolist())

    return [
        Request(
            prefixes=tuple(text(1, 9) for _ in range(rng.integers(1, 4))),
            options=tuple(text(1, 7) for _ in range(rng.integers(1, 6))),
        )
        for _ in range(count)
    ]


def lineage(forest: Forest, node: int) -> list[int]:
    found = []
    while node >= 0:
        found.append(node)
        node = int(forest.parents[node])
    return found[::-1]


def test_shared_beginnings_are_one_path() -> None:
    """Context 1 2, framings 3 and 4, options 5 6 and 5 7: nodes 1 2 3 5 4 5; edges to 5, 6, 7 under each framing."""
    forest = plant([Request(prefixes=((1, 2, 3), (1, 2, 4)), options=((5, 6), (5, 7)))])
    assert forest.tokens.tolist() == [1, 2, 3, 5, 4, 5]
    assert forest.depths.tolist() == [0, 1, 2, 3, 2, 3]
    assert forest.parents.tolist() == [-1, 0, 1, 2, 1, 4]
    assert list(zip(forest.edge_nodes.tolist(), forest.edge_tokens.tolist(), strict=True)) == [
        (2, 5),
        (3, 6),
        (3, 7),
        (4, 5),
        (5, 6),
        (5, 7),
    ]
    assert forest.text_sums(np.array([1.0, 2, 4, 8, 16, 32])).tolist() == [3.0, 5.0, 24.0, 40.0]


@pytest.mark.parametrize("seed", range(8))
def test_every_text_is_found_along_its_edges(seed: int) -> None:
    requests = random_requests(seed)
    forest = plant(requests)
    texts = [(prefix, option) for request in requests for prefix in request.prefixes for option in request.options]
    ends = np.append(forest.text_starts[1:], len(forest.text_edges))
    for (prefix, option), start, end in zip(texts, forest.text_starts, ends, strict=True):
        edges = forest.text_edges[start:end]
        assert tuple(forest.edge_tokens[edges].tolist()) == option
        for place, edge in enumerate(edges):
            path = lineage(forest, int(forest.edge_nodes[edge]))
            assert tuple(forest.tokens[path].tolist()) == (prefix + option)[: len(prefix) + place]
    assert len(set(zip(forest.edge_nodes.tolist(), forest.edge_tokens.tolist(), strict=True))) == len(forest.edge_nodes)


@pytest.mark.parametrize(
    ("seed", "size", "width", "step"), [(0, 7, 4, 4), (1, 20, 8, 2), (2, 50, 16, 8), (3, 999, 5, 3)]
)
def test_pieces_and_blocks_show_each_node_exactly_its_ancestors(seed: int, size: int, width: int, step: int) -> None:
    forest = plant(random_requests(seed, count=8))
    scored: list[int] = []
    for piece in cut(forest, size):
        scored.extend(range(piece.edges.start, piece.edges.stop))
        assert (forest.tokens[forest.edge_nodes[piece.edges]] == piece.tokens[piece.edge_nodes]).all()
        seen = {}
        for group in blocks(piece, width, step):
            assert group.visible.any(-1).all()
            for place, node in zip(group.places, group.nodes, strict=True):
                keys = group.keys[place // width][group.visible[place // width, place % width]]
                assert node not in seen
                seen[int(node)] = sorted(keys.tolist())
        assert set(seen) == set(range(len(piece.tokens)))
        for node, keys in seen.items():
            assert piece.depths[keys].tolist() == list(range(piece.depths[node] + 1))
            assert keys[-1] == node
            for key in keys:  # an ancestor: nothing as shallow lies between
                assert (piece.depths[key + 1 : node + 1] > piece.depths[key]).all()
    assert scored == list(range(len(forest.edge_nodes)))


def test_small_trees_stay_whole_and_large_ones_repeat_their_path() -> None:
    small, large = Request(prefixes=((1, 2),), options=((3, 4),)), Request(prefixes=(tuple(range(9)),), options=((1,),))
    pieces = cut(plant([small, small, large]), 7)
    assert [piece.tokens.tolist() for piece in pieces] == [
        [1, 2, 3, 1, 2, 3],
        [0, 1, 2, 3, 4, 5, 6],
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
    ]
    assert [piece.starts.tolist() for piece in pieces] == [[0, 3], [0], [0]]
