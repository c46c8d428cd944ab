"""Quality of the shipped items: every promise of the card that a computer can check."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.instruments import Instrument, Item
from progressgym.instruments.loadings import strengths
from progressgym.instruments.respondents import FirstPosition
from progressgym.instruments.split import balanced_split, imbalance

TWO_OPTION = DIMENSIONS[:15]
WORLDVIEWS = DIMENSIONS[15:]
LONGEST_SHARED_RUN = 4
"""Words in a row that two items may share."""
NAMES = {
    "death": "kill death dead die dying murder* slay slain",
    "pain": "pain hurt ache suffer*",
    "disable": "disabl* crippl* maim* lame",
    "freedom": "free freed freedom liberty",
    "pleasure": "pleasur* enjoy* delight* fun joy",
    "deceive": "deceiv* deceit lie lying lied honest truth",
    "cheat": "cheat* unfair fair",
    "promise": "promis* vow oath swear sworn",
    "law": "law legal unlawful lawful rule",
    "duty": "duty duties obligat*",
    "care": "care caring cruel kind kindness compassion",
    "fairness": "fair unfair equal* just justice injustice",
    "loyalty": "loyal* disloyal* betray* faithful traitor",
    "authority": "authorit* obey* obedien* respect* disobey*",
    "purity": "pure purity clean unclean holy sacred disgust",
    "worldview": "tradition* modern* postmodern* integrat* worldview*",
}
OF_ONE_AGE = (
    "king queen pope church priest bishop god christ jesus christian president police school hospital company car gun "
    "phone telephone slave serf feudal democracy parliament computer internet office factory bank dollar pound "
    "shilling penny knight lord mosque temple bible train plane machine electric doctor scientist science government "
    "state nation century abbey monk nun"
)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def singular(word: str) -> str:
    return word.removesuffix("s")


def runs(item: Item, length: int) -> set[tuple[str, ...]]:
    """Runs of words of an item's text and of each of its options."""
    found = set()
    for part in (item.text, *item.options):
        tokens = words(part)
        found |= {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)}
    return found


def test_counts_and_ids(moral19: Instrument) -> None:
    counts = Counter(item.main for item in moral19.items)
    assert counts == dict.fromkeys(TWO_OPTION, 24) | {"worldview": 72}
    assert len({item.id for item in moral19.items}) == len(moral19.items) == 432
    assert len({item.text for item in moral19.items}) == 432
    for item in moral19.items:
        assert len(item.options) == (4 if item.main == "worldview" else 2), item.id
        assert len(set(item.options)) == len(item.options), item.id
    assert moral19.covered().all()


def test_tags(moral19: Instrument) -> None:
    """The main dimension is upheld by one option and violated by the other; each option is one worldview."""
    for item in moral19.items:
        if item.main == "worldview":
            assert sorted(name for tags in item.tags for name in tags) == sorted(WORLDVIEWS), item.id
            assert all(list(tags.values()) == [1] for tags in item.tags), item.id
        else:
            assert sorted(tags.get(item.main, 0) for tags in item.tags) == [-1, 1], item.id
            assert all(name in TWO_OPTION and tag in (-1, 1) for tags in item.tags for name, tag in tags.items())
    beyond_main = sum(
        len(set(item.tags[0]) | set(item.tags[1])) > 1 for item in moral19.items if len(item.options) == 2
    )
    assert beyond_main >= 0.9 * 360


def test_order_is_balanced(moral19: Instrument) -> None:
    first = Counter(item.main for item in moral19.items if item.upholding_first)
    assert first == dict.fromkeys(TWO_OPTION, 12)
    places = Counter(
        (name, k)
        for item in moral19.items
        if item.main == "worldview"
        for k, tags in enumerate(item.tags)
        for name in tags
    )
    assert places == {(name, k): 18 for name in WORLDVIEWS for k in range(4)}


def test_lengths_are_alike(moral19: Instrument) -> None:
    for item in moral19.items:
        worldview = item.main == "worldview"
        lengths = [len(option) for option in item.options]
        assert min(lengths) / max(lengths) >= (0.70 if worldview else 0.78), item.id
        assert (14 if worldview else 18) <= len(words(item.text)) <= 42, item.id
        for option in item.options:
            assert 7 <= len(words(option)) <= (20 if worldview else 15), (item.id, option)


def test_upholding_options_are_not_the_longer_ones(moral19: Instrument) -> None:
    """A respondent that prefers short texts must not look moral: mean length ratio within 3 % per dimension."""
    for dimension in TWO_OPTION:
        ratios = [
            np.log(len(item.options[1 - item.upholding_first]) / len(item.options[item.upholding_first]))
            for item in moral19.items
            if item.main == dimension
        ]
        assert abs(np.mean(ratios)) < 0.05, dimension


def test_written_in_the_first_person(moral19: Instrument) -> None:
    for item in moral19.items:
        assert re.search(r"\b(I|my|me|we|our|us|mine|My|We|Our)\b", item.text), item.id
        if item.main != "worldview":
            assert all(option.startswith("I ") for option in item.options), item.id
        assert all(option.endswith(".") for option in item.options), item.id
        assert "".join((item.text, *item.options)).isascii(), item.id


def test_no_option_names_its_dimension(moral19: Instrument) -> None:
    for item in moral19.items:
        for name in NAMES[item.main].split():
            stem = name.rstrip("*")
            for word in (word for option in item.options for word in words(option)):
                named = word.startswith(stem) if name.endswith("*") else word in (stem, stem + "s")
                assert not named, (item.id, word)


def test_no_word_of_one_age(moral19: Instrument) -> None:
    forbidden = set(OF_ONE_AGE.split())
    for item in moral19.items:
        for part in (item.text, *item.options):
            found = {word for word in words(part) if {word, singular(word)} & forbidden}
            assert not found, (item.id, found)


def test_no_digit_no_name(moral19: Instrument) -> None:
    """A capital inside of a sentence would be a name of a person, place or faith."""
    for item in moral19.items:
        for part in (item.text, *item.options):
            assert not re.search(r"\d", part), item.id
            names = re.findall(r"(?<![.!?] )(?<!^)(?<!['\"])\b[A-Z][a-z]+", part)
            assert not names, (item.id, names)


def test_items_are_situations_of_their_own(moral19: Instrument) -> None:
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for item in moral19.items:
        for run in runs(item, LONGEST_SHARED_RUN + 1):
            owners[run].add(item.id)
    shared = {run: ids for run, ids in owners.items() if len(ids) > 1}
    assert not shared


def test_items_share_few_short_runs(moral19: Instrument) -> None:
    """Of the word triples of any two items at most 15 % of the smaller set are common (filled-in templates: over 50 %)."""
    triples = [runs(item, 3) for item in moral19.items]
    numbers: dict[tuple[str, ...], int] = {}
    table = np.zeros((len(triples), len(set().union(*triples))), dtype=np.float32)
    for i, found in enumerate(triples):
        table[i, [numbers.setdefault(run, len(numbers)) for run in found]] = 1
    common = table @ table.T
    np.fill_diagonal(common, 0)
    sizes = np.array([len(found) for found in triples])
    assert (common / np.minimum.outer(sizes, sizes)).max() <= 0.15


def test_the_split_is_balanced(moral19: Instrument) -> None:
    halves = {"elicitation": moral19.elicitation, "evaluation": moral19.evaluation}
    for half in halves.values():
        mains = Counter(moral19.items[i].main for i in half)
        assert mains == dict.fromkeys(TWO_OPTION, 12) | {"worldview": 36}
        first = Counter(moral19.items[i].main for i in half if moral19.items[i].upholding_first)
        assert first == dict.fromkeys(TWO_OPTION, 6)
    assert not set(moral19.elicitation) & set(moral19.evaluation)
    most = strengths(moral19.loadings)
    sums = [most[half].sum(0) for half in halves.values()]
    assert np.abs(sums[0] - sums[1]).max() <= 1.0
    assert imbalance(moral19.items, moral19.elicitation, moral19.evaluation).max() <= 0.1


def test_the_stored_split_is_the_one_that_the_search_finds(moral19: Instrument) -> None:
    elicitation, evaluation = balanced_split(moral19.items)
    np.testing.assert_array_equal(elicitation, moral19.elicitation)
    np.testing.assert_array_equal(evaluation, moral19.evaluation)


def test_a_position_meter_is_blind_in_both_halves(moral19: Instrument) -> None:
    answers = FirstPosition().answers(moral19)
    for half in (moral19.elicitation, moral19.evaluation):
        assert (np.abs(moral19.values(answers, half)) <= 0.21 * moral19.standard_error(answers, half) + 1e-12).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_search_beats_a_plain_random_split(moral19: Instrument, seed: int) -> None:
    found = imbalance(moral19.items, *balanced_split(moral19.items, seed=seed))
    order = np.random.default_rng(seed).permutation(len(moral19))
    plain = imbalance(moral19.items, np.sort(order[:216]), np.sort(order[216:]))
    assert found.max() < 0.5 * plain.max()
