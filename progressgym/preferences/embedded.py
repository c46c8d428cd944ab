"""Pairs of texts by what a language model makes of them, in place of counts of words.

A text's vector is the mean of the model's last hidden states over its tokens. Lines that both sides begin with are left
out: they say nothing of the difference, and most of a dialogue is such. Every number is standardised over all texts of the
data set, labels unseen, and divided by the root of the width, so that a ridge means the same for any model.

Legend of shapes: n pairs, d width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from progressgym.core.protocols import Embedder
from progressgym.preferences.datasets import DataSet
from progressgym.preferences.pairs import Pairs

BLOCK = 64
"""Texts in one call: so much is lost at most when a remembering model is stopped."""
EMPTY = "."
"""Stands for a text without a sign, which has no tokens."""


def embedded(data: DataSet, embedder: Embedder, name: str) -> DataSet:
    """The same pairs with vectors of their texts as features; a data set without texts as it is.

    Args:
        data: the data set.
        embedder: a language model for example; one that remembers goes on where it was stopped.
        name: of the embedder, put behind the data set's.
    """
    if not data.texts:
        return data
    ends = [_ends(*pair) for pair in data.texts]
    vectors = _vectors([text for pair in ends for text in pair], embedder)
    spread = vectors.std(0)
    vectors = (vectors - vectors.mean(0)) / np.where(spread > 0, spread, 1.0) / vectors.shape[1] ** 0.5
    own = data.pairs
    pairs = Pairs.of(vectors[::2], vectors[1::2], own.target, weight=own.weight, group=own.group)
    return replace(data, name=f"{data.name}, {name}", pairs=pairs)


def _ends(left: str, right: str) -> tuple[str, str]:
    """Two texts without the lines that both begin with."""
    one, other = left.splitlines(keepends=True), right.splitlines(keepends=True)
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    first, second = ("".join(lines[same:]).strip() for lines in (one, other))
    return first or EMPTY, second or EMPTY


def _vectors(texts: Sequence[str], embedder: Embedder) -> NDArray[np.float64]:
    """Vectors (n, d), each text once, in blocks that a longer file with the same beginning has, too."""
    once = list(dict.fromkeys(texts))
    blocks = [embedder.embed(once[begin : begin + BLOCK]) for begin in range(0, len(once), BLOCK)]
    place = {text: number for number, text in enumerate(once)}
    return np.concatenate(blocks).astype(np.float64)[[place[text] for text in texts]]
