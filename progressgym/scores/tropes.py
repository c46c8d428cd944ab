"""Tropes: the justifications that come again and again in many texts, and when each of them is born and dies.

After Wright et al., Revealing Fine-Grained Values and Opinions in Large Language Models (2024, arXiv 2406.19238). Sentences
are embedded, neighbours are joined by density (DBSCAN), and a cluster's trope is its sentence nearest the middle.

Difference: the paper embeds with a sentence model that has to be downloaded, clusters within each (proposition, stance), and
lets a language model throw out what is no argument. Here a sentence is its character n-grams of three to five (inside words,
1 + log counts, times the inverse document frequency), projected on the first 60 singular vectors; all sentences are clustered
together. That is numpy and scipy alone, the same numbers everywhere, and blind to two wordings that share no letters.

Legend of shapes: B sentences, G different n-grams, R singular vectors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import svds

from progressgym.core.answers import Floats
from progressgym.core.arguments import Count, Positive, check_fields
from progressgym.core.errors import UserError

Ints = NDArray[np.int64]
OUTLIER = -1
MOST_SENTENCES = 8_000
"""Every sentence is compared with every other one."""
SHORTEST = 20
"""Characters of a sentence; shorter ones argue for nothing."""


@dataclass(kw_only=True, frozen=True)
class TropeMiner:
    """Finds tropes.

    >>> texts = [f"Every child has a right to bread{sign}" for sign in ".!?"] + ["Taxes are theft, said the miller."]
    >>> TropeMiner(least=3, rank=2).mine(texts).labels.tolist()
    [0, 0, 0, -1]
    """

    radius: Positive = 0.15
    """Cosine distance within which two sentences are neighbours."""
    least: Count = 10
    """Neighbours, itself among them, that make a sentence the core of a trope."""
    rank: Count = 60
    """R."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    def mine(self, sentences: Sequence[str]) -> Tropes:
        """Tropes among sentences.

        Raises:
            UserError: too few or too many sentences to compare.
        """
        if not self.least <= len(sentences) <= MOST_SENTENCES:
            raise UserError(
                f"{len(sentences)} sentences; a trope needs {self.least}, and {MOST_SENTENCES} are possible"
            )
        vectors = project(ngram_weights(sentences), self.rank)
        labels = density_clusters(1.0 - vectors @ vectors.T, self.radius, self.least)
        middles = []
        for label in range(int(labels.max()) + 1):
            members = np.flatnonzero(labels == label)
            middle = vectors[members].mean(0)
            middles.append(sentences[int(members[np.argmax(vectors[members] @ middle)])])
        return Tropes(labels=labels, texts=tuple(middles))


@dataclass(kw_only=True, frozen=True, eq=False)
class Tropes:
    """What was found."""

    labels: Ints
    """(B,) trope of every sentence, -1 where it belongs to none."""
    texts: tuple[str, ...]
    """The sentence nearest the middle of each trope."""

    @property
    def share(self) -> float:
        """Share of the sentences that belong to a trope."""
        return float((self.labels != OUTLIER).mean())

    def purity(self, truth: Sequence[str]) -> float:
        """Share of the sentences in tropes that have the commonest true label of their trope; NaN without any trope."""
        counts = [Counter(np.asarray(truth)[self.labels == label].tolist()) for label in range(len(self.texts))]
        return (
            sum(max(each.values()) for each in counts) / max(1, int((self.labels != OUTLIER).sum()))
            if counts
            else np.nan
        )

    def recovered(self, truth: Sequence[str]) -> int:
        """How many true labels are the commonest one of some trope."""
        named = [Counter(np.asarray(truth)[self.labels == label].tolist()) for label in range(len(self.texts))]
        return len({min(each, key=lambda name: (-each[name], name)) for each in named})

    def shares(self, steps: Sequence[int], count: int) -> Floats:
        """(count, tropes) share of each step's sentences that belong to each trope; NaN for a step without sentences.

        Args:
            steps: (B,) century of every sentence, from 0.
            count: T centuries.
        """
        at, table = np.asarray(steps), np.zeros((count, len(self.texts)))
        for step, label in zip(at, self.labels, strict=True):
            if label != OUTLIER:
                table[step, label] += 1
        sizes = np.bincount(at, minlength=count).astype(np.float64)
        return table / np.where(sizes > 0, sizes, np.nan)[:, None]

    def lives(self, steps: Sequence[int], count: int, *, least: int = 3) -> list[tuple[int, int]]:
        """(first, last) step in which each trope has `least` sentences or more; (-1, -1) for one that never has."""
        at = np.asarray(steps)
        spans = []
        for label in range(len(self.texts)):
            present = np.flatnonzero(np.bincount(at[self.labels == label], minlength=count) >= least)
            spans.append((int(present[0]), int(present[-1])) if len(present) else (-1, -1))
        return spans


def sentences_of(text: str) -> list[str]:
    """Sentences long enough to argue.

    >>> sentences_of("So be it. A man must keep what he has promised!  Why?")
    ['A man must keep what he has promised!']
    """
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if len(part) > SHORTEST]


def ngram_weights(sentences: Sequence[str], shortest: int = 3, longest: int = 5) -> csr_array:
    """(B, G) rows of length 1: (1 + ln count) times 1 + ln((1 + B) / (1 + sentences that have it)).

    Words are lowered and padded with one space on both sides; n-grams do not cross them.
    """
    places: dict[str, int] = {}
    rows, columns, values = [], [], []
    for row, sentence in enumerate(sentences):
        counts = Counter(gram for word in sentence.lower().split() for gram in _grams(f" {word} ", shortest, longest))
        for gram, count in counts.items():
            rows.append(row)
            columns.append(places.setdefault(gram, len(places)))
            values.append(1.0 + np.log(count))
    table = csr_array((values, (rows, columns)), shape=(len(sentences), max(1, len(places))))
    frequency = np.bincount(columns, minlength=table.shape[1])
    table = table.multiply(1.0 + np.log((1.0 + len(sentences)) / (1.0 + frequency))).tocsr()
    lengths = np.sqrt(table.multiply(table).sum(1))
    scaled: csr_array = table.multiply(1.0 / np.where(lengths > 0, lengths, 1.0)[:, None]).tocsr()
    return scaled


def project(table: csr_array, rank: int) -> Floats:
    """(B, R) left singular vectors times singular values, rows of length 1 (0 for an empty sentence)."""
    most = min(table.shape) - 1
    if rank < most:
        left, sizes, _ = svds(table, k=rank, v0=np.ones(min(table.shape)), which="LM")
    else:
        left, sizes, _ = np.linalg.svd(table.toarray(), full_matrices=False)
        left, sizes = left[:, :rank], sizes[:rank]
    vectors = left * sizes
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit


def density_clusters(distances: Floats, radius: float, least: int) -> Ints:
    """DBSCAN (Ester et al. 1996): (B,) labels in the order of their first core sentence, -1 for noise.

    Cores have `least` neighbours within the radius, themselves among them; cores that are neighbours share a cluster, and
    another sentence joins the cluster of its first core neighbour by label.
    """
    near = distances <= radius
    np.fill_diagonal(near, True)
    core = near.sum(1) >= least
    labels = np.full(len(near), OUTLIER, dtype=np.int64)
    if not core.any():
        return labels
    _, parts = connected_components(near[np.ix_(core, core)], directed=False)
    order: list[int] = list(dict.fromkeys(parts.tolist()))
    labels[core] = [order.index(part) for part in parts.tolist()]
    for place in np.flatnonzero(~core):
        joined = labels[near[place] & core]
        if len(joined):
            labels[place] = joined.min()
    return labels


def _grams(padded: str, shortest: int, longest: int) -> list[str]:
    """N-grams of a padded word; a word shorter than n counts once as it is."""
    grams = []
    for n in range(shortest, longest + 1):
        grams += [padded[i : i + n] for i in range(max(1, len(padded) - n + 1))]
        if n >= len(padded):
            break
    return grams
