"""Quality of the single deeds, and of their lay-out: every promise of the card that a computer can check."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.instruments import Instrument, Item
from progressgym.instruments.item import SEVERAL
from progressgym.instruments.respondents import FirstPosition, ScriptedScorer, Upholding, Violating
from progressgym.instruments.storage import shipped_folder
from progressgym.raters.written import Written
from tests.instruments.key_words import key_words, words
from tests.instruments.test_moral19 import NAMES
from tests.research.loading import script

ODD = ("purity", "postmodern")
"""Dimensions with 29 elicitation deeds and 31 evaluation deeds: 1,140 deeds are 285 items of four."""
OF_ONE_AGE = """
    police hospital school car gun musket cannon phone telephone democracy parliament computer internet office factory
    bank dollar pound shilling penny machine electric scientist science government nation century coffee tobacco potato
    tomato maize chocolate newspaper camera film radio television clock minute engine bicycle plastic virus telescope
    microscope piano opera novel tourist hotel restaurant bus airport passport insurance vote election president minister
    congress christian god christ jesus pope church bishop mosque abbey monk nun monastery knight feudal serf regiment
    university college laboratory psychology thee thou thy hath doth unto
"""
PRAISE = "kind honest fair good just right wrong cruel holy loyal dutiful evil noble brave virtue moral wicked"


@pytest.fixture(scope="module")
def deeds19() -> Instrument:
    return Instrument.load("deeds19-v1")


@pytest.fixture(scope="module")
def deeds(deeds19: Instrument) -> dict[tuple[str, str], list[str]]:
    """(dimension, half) -> deeds without "To"."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for half, name, option in _options(deeds19):
        assert option.startswith("To ")
        found[name, half].append(option.removeprefix("To "))
    return found


def _options(instrument: Instrument) -> Iterator[tuple[str, str, str]]:
    """(half, dimension, option) of every option."""
    first = set(instrument.elicitation.tolist())
    for i, item in enumerate(instrument.items):
        for option, tags in zip(item.options, item.tags, strict=True):
            yield "elicitation" if i in first else "evaluation", next(iter(tags)), option


def test_every_deed_is_used_once(deeds19: Instrument, deeds: dict[tuple[str, str], list[str]]) -> None:
    every = [deed for texts in deeds.values() for deed in texts]
    assert len(every) == len(set(every)) == 1140 and len(deeds19) == 285
    sizes = {key: len(texts) for key, texts in deeds.items()}
    assert {name: sizes[name, "elicitation"] for name in DIMENSIONS} == {n: 29 if n in ODD else 30 for n in DIMENSIONS}
    assert {name: sizes[name, "evaluation"] for name in DIMENSIONS} == {n: 31 if n in ODD else 30 for n in DIMENSIONS}
    assert len({item.id for item in deeds19.items}) == 285 and deeds19.covered().all()


def test_every_option_upholds_a_dimension_of_its_own(deeds19: Instrument) -> None:
    for item in deeds19.items:
        assert item.main == SEVERAL and item.text == "" and len(item.options) == 4
        assert all(list(tags.values()) == [1] for tags in item.tags), item.id
        assert len({name for tags in item.tags for name in tags}) == 4, item.id


def test_no_key_word_is_shared_between_the_halves_of_a_dimension(deeds: dict[tuple[str, str], list[str]]) -> None:
    for name in DIMENSIONS:
        first, second = (
            set().union(*(key_words(deed) for deed in deeds[name, half])) for half in ("elicitation", "evaluation")
        )
        assert not first & second, name
        assert min(len(first), len(second)) > 90


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("carry a drowned wolf", "drown the wolves"),
        ("teach a fisherman", "the fishermen taught"),
        ("buy bread", "bread that was bought"),
        ("unlocking the doors", "unlock a door"),
    ],
)
def test_key_words_see_through_inflection(one: str, other: str) -> None:
    assert key_words(one) and (key_words(one) <= key_words(other) or key_words(other) <= key_words(one))


def test_deeds_are_short_phrases_without_praise(deeds: dict[tuple[str, str], list[str]]) -> None:
    for (name, _), texts in deeds.items():
        for deed in texts:
            assert 7 <= len(words(deed)) <= 13, deed
            assert all(letter.islower() or letter in " ,'" for letter in deed) and deed.isascii(), deed
            assert not set(words(deed)) & set(PRAISE.split()), deed
            assert not any(word.startswith(name) for word in words(deed)), (name, deed)


def test_few_deeds_name_what_they_uphold(deeds: dict[tuple[str, str], list[str]]) -> None:
    """A promise cannot be kept that nobody gave: `promise` may say that one swore. All others use no word of the list."""
    for (name, _), texts in deeds.items():
        stems = NAMES.get(name, f"{name[:8]}*").split() if name != "promise" else ["promis*"]
        for deed in texts:
            for word in words(deed):
                hit = [s for s in stems if (word.startswith(s[:-1]) if s.endswith("*") else word in (s, f"{s}s"))]
                assert not hit, (name, deed, hit)


def test_no_word_of_one_age(deeds: dict[tuple[str, str], list[str]]) -> None:
    for texts in deeds.values():
        for deed in texts:
            assert not {word.removesuffix("s") for word in words(deed)} & set(OF_ONE_AGE.split()), deed
            assert not set(words(deed)) & set(OF_ONE_AGE.split()), deed


def test_few_deeds_refrain(deeds: dict[tuple[str, str], list[str]]) -> None:
    """At most a third of a dimension's deeds begin with a verb of refraining."""
    refraining = {"refuse", "spare", "decline", "forgo", "abstain", "refrain", "avoid", "never", "reject"}
    for name in DIMENSIONS:
        begin = [words(deed)[0] for half in ("elicitation", "evaluation") for deed in deeds[name, half]]
        assert sum(word in refraining for word in begin) <= 20, name


def test_halves_are_alike_in_length(deeds: dict[tuple[str, str], list[str]]) -> None:
    """In words and in letters, within half a word a dimension and a tenth of a word altogether."""
    means = {key: float(np.mean([len(words(deed)) for deed in texts])) for key, texts in deeds.items()}
    differences = [means[name, "elicitation"] - means[name, "evaluation"] for name in DIMENSIONS]
    assert np.abs(differences).max() <= 0.5 and abs(np.mean(differences)) <= 0.1
    letters = {key: float(np.mean([len(deed) for deed in texts])) for key, texts in deeds.items()}
    ratios = [letters[name, "elicitation"] / letters[name, "evaluation"] for name in DIMENSIONS]
    assert min(ratios) > 0.92 and max(ratios) < 1.08


def test_no_two_deeds_of_a_dimension_are_one_situation(deeds: dict[tuple[str, str], list[str]]) -> None:
    for name in DIMENSIONS:
        own = [key_words(deed) for half in ("elicitation", "evaluation") for deed in deeds[name, half]]
        assert max(len(a & b) for a, b in combinations(own, 2)) <= 2, name


def test_the_design_is_balanced(deeds19: Instrument) -> None:
    """Any two dimensions meet in ten items, four to six in each half; each stands 15 times in each place."""
    named = [[next(iter(tags)) for tags in item.tags] for item in deeds19.items]
    pairs = Counter(frozenset(pair) for names in named for pair in combinations(names, 2))
    assert set(pairs.values()) == {10} and len(pairs) == 171
    places = Counter((name, k) for names in named for k, name in enumerate(names))
    assert set(places.values()) == {15} and len(places) == 76
    for half in (deeds19.elicitation, deeds19.evaluation):
        pairs = Counter(frozenset(pair) for i in half for pair in combinations(named[i], 2))
        assert len(pairs) == 171 and set(pairs.values()) <= {4, 5, 6}
        places = Counter((name, k) for i in half for k, name in enumerate(named[i]))
        assert len(places) == 76 and set(places.values()) <= {7, 8}


def test_known_answers(deeds19: Instrument) -> None:
    assert np.abs(deeds19.values(deeds19.uniform())).max() < 1e-9
    for name in DIMENSIONS:
        values = deeds19.values(Upholding(name).answers(deeds19))
        assert values[DIMENSIONS.index(name)] == pytest.approx(1.0)
        violated = deeds19.values(Violating(name).answers(deeds19))
        assert violated[DIMENSIONS.index(name)] == pytest.approx(-1 / 3)


def test_a_position_meter_is_neutral(deeds19: Instrument) -> None:
    answers = FirstPosition().answers(deeds19)
    assert np.abs(deeds19.values(answers)).max() < 1e-9
    for half in (deeds19.elicitation, deeds19.evaluation):
        assert (np.abs(deeds19.values(answers, half)) <= 0.25 * deeds19.standard_error(answers, half)).all()


def test_the_items_are_those_of_the_list_of_deeds(deeds19: Instrument, tmp_path: Path) -> None:
    study = script("deeds")
    study.main(["--out", str(tmp_path)])
    for name in ("items.jsonl", "instrument.json"):
        assert (tmp_path / name).read_bytes() == (shipped_folder() / "deeds19-v1" / name).read_bytes()
    listed = study.read_deeds()
    for half, name, option in _options(deeds19):
        assert option.removeprefix("To ") in listed[name][half]


def test_authors_share_the_halves() -> None:
    listed = json.loads(script("deeds").LIST.read_text(encoding="utf-8"))
    assert list(listed) == list(DIMENSIONS)
    for halves in listed.values():
        for authors in halves.values():
            assert set(map(len, authors.values())) <= {9, 10, 11} and len(authors) == 3


def test_a_verdict_is_read_of_the_deed_alone(deeds19: Instrument) -> None:
    """The text that is continued is the deed and a lead, nothing before it; all words after one pass of each."""
    asked: list[tuple[str, str]] = []

    def score(prompt: str, option: str) -> float:
        asked.append((prompt, option))
        return -1.0 if option in (" good", " right") and "poisoned" in prompt else -2.0

    reading = deeds19.read(ScriptedScorer(score), "verdict")
    contexts = {prompt for prompt, _ in asked}
    leads = {lead for lead, _, _ in deeds19.config.verdicts}
    assert len(leads) == 4 and len(deeds19.config.verdicts) == 16
    assert contexts == {option + lead for item in deeds19.items for option in item.options for lead in leads}
    assert reading.verdict_scores is not None and reading.verdict_scores.shape == (16, 285, 4)
    liked = [i for i, item in enumerate(deeds19.items) if any("poisoned" in option for option in item.options)]
    for i in liked:
        k = next(k for k, option in enumerate(deeds19.items[i].options) if "poisoned" in option)
        assert reading.answers[i].argmax() == k
        assert np.log(reading.answers[i, k] / reading.answers[i, k - 1]) == pytest.approx(
            0.5
        )  # half of the words, a nat


def test_what_needs_a_situation_is_refused(deeds19: Instrument) -> None:
    with pytest.raises(UserError, match=r"question 'deeds-001' has no situation, .*read it in mode 'verdict'"):
        deeds19.read(ScriptedScorer(lambda prompt, option: -1.0))
    with pytest.raises(UserError, match="has no situations to go on from"):
        Written(situations="deeds19-v1", count=3).questions()


def test_forms_begin_with_the_question(deeds19: Instrument) -> None:
    seen: list[str] = []

    def score(prompt: str, option: str) -> float:
        seen.append(prompt)
        return -1.0

    deeds19.read(ScriptedScorer(score), "letter", orders="own")
    assert all(prompt.startswith("What should I do?\nA. To ") for prompt in seen)


def test_it_carries_histories(deeds19: Instrument) -> None:
    """A history over it splits, and its values move apart from indifference."""
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(4), size=(3, len(deeds19))).astype(np.float32)
    history = History(name="drawn", labels=("C013", "C014", "C015"), answers=answers, instrument=deeds19)
    assert history.values().shape == (3, 19)


@pytest.mark.parametrize(
    ("main", "text"), [("death", ""), ("worldview", ""), (SEVERAL, " "), ("death", "  "), ("worldview", "\n")]
)
def test_only_an_item_of_several_may_lack_a_situation(main: str, text: str) -> None:
    with pytest.raises(UserError, match="needs an id and a text"):
        Item(id="x", main=main, text=text, options=("To go", "To stay"), tags=({"pain": 1}, {"law": 1}))


def test_a_bare_deed_survives_the_disk(tmp_path: Path) -> None:
    item = Item(id="x", main=SEVERAL, text="", options=("To go", "To stay"), tags=({"pain": 1}, {"law": 1}))
    saved = Instrument.from_items([item], name="two")
    saved.save(tmp_path)
    assert Instrument.load(tmp_path) == saved and Instrument.load(tmp_path).items[0].text == ""
