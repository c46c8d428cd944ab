"""Tropes: clusters by hand, planted justifications, the published ones."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.scores.tropes import TropeMiner, density_clusters, ngram_weights, sentences_of

PUBLISHED = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "tropes" / "sentences.csv.gz"
STEMS = (
    "The soil belongs to whoever {} works it",
    "A promise {} binds the one who gave it",
    "Nobody {} chose the house of his birth",
    "Children {} learn cruelty from the cruel",
    "What was {} stolen must be given back",
    "The wise {} listen before they speak",
)
FILLERS = ("truly", "surely", "always", "still", "indeed", "also")
"""Ways to say the same."""
NOISE = (
    "Rain fell on the ninth of March.",
    "Two geese crossed the yard at noon.",
    "His uncle sold barrels in Ghent.",
    "Copper melts sooner than iron.",
)


def test_density_by_hand() -> None:
    """A chain 0-1-2 of cores with 3 at its edge, and 4 alone."""
    at = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
    distances = np.abs(at[:, None] - at)
    assert density_clusters(distances.copy(), 1.0, 3).tolist() == [0, 0, 0, 0, -1]
    assert density_clusters(distances.copy(), 1.0, 4).tolist() == [-1] * 5
    assert density_clusters(distances.copy(), 0.5, 1).tolist() == [0, 1, 2, 3, 4]


def test_weights_by_hand() -> None:
    """Padded, " abc " has three n-grams of three signs, two of four and one of five."""
    table = ngram_weights(["abc", "abc abc", "xyz"])
    rows = table.toarray()
    assert table.shape == (3, 12)
    np.testing.assert_allclose((rows**2).sum(1), 1.0)
    np.testing.assert_allclose(rows[0], rows[1])  # the same n-grams, all twice
    assert rows[0] @ rows[2] == 0.0
    assert ngram_weights(["a", ""]).toarray()[1].sum() == 0.0, "an empty sentence has no direction"


def test_planted_justifications_are_mined() -> None:
    texts = [stem.format(filler) for stem in STEMS for filler in FILLERS]
    truth = [stem for stem in STEMS for _ in FILLERS]
    found = TropeMiner(least=4, rank=12).mine([*texts, *NOISE])
    assert len(found.texts) == len(STEMS) and (found.labels[-len(NOISE) :] == -1).all()
    assert found.purity([*truth, *NOISE]) == 1.0 and found.recovered([*truth, *NOISE]) == len(STEMS)
    assert found.share == pytest.approx(len(texts) / (len(texts) + len(NOISE)))
    assert all(text in texts for text in found.texts)


def test_births_and_deaths() -> None:
    """The first trope is said in steps 0 to 2, the second from 2 on, the third once too seldom."""
    first, second, third = ([stem.format(filler) for filler in FILLERS] for stem in (STEMS[0], STEMS[1], STEMS[2]))
    sentences = [*first, *second, *third]
    steps = [0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 0, 1, 2, 3, 3, 3]
    found = TropeMiner(least=4, rank=6).mine(sentences)
    assert found.lives(steps, 4, least=2) == [(0, 2), (2, 3), (3, 3)]
    shares = found.shares(steps, 5)
    np.testing.assert_allclose(shares[0], [2 / 3, 0, 1 / 3])
    assert np.isnan(shares[4]).all()


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UserError, match="a trope needs 10"):
        TropeMiner().mine(["One sentence alone."])
    with pytest.raises(UserError, match="8000 are possible"):
        TropeMiner().mine(["x"] * 8001)
    with pytest.raises(UserError, match="radius"):
        TropeMiner(radius=0.0)
    assert np.isnan(TropeMiner(least=2, rank=2).mine(["One thing.", "Quite another one."]).purity(["a", "b"]))


def test_sentences() -> None:
    text = "No. A judge who takes a gift has sold his verdict. Is that so?  I say that it is, and so do you!"
    assert sentences_of(text) == ["A judge who takes a gift has sold his verdict.", "I say that it is, and so do you!"]


@pytest.mark.heavy
def test_published_tropes() -> None:
    """Six models' sentences, sixty tropes: 51 clusters, .73, .818 and 47 with a randomised projection; ours is exact."""
    if not PUBLISHED.is_file():
        pytest.skip("the sentences are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/tropes")
    with gzip.open(PUBLISHED, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = [row["trope"] for row in rows]
    found = TropeMiner().mine([row["sentence"] for row in rows])
    assert (len(found.texts), found.recovered(truth)) == (52, 48)
    assert round(found.share, 3) == 0.735 and round(found.purity(truth), 3) == 0.824
