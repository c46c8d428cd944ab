"""Rules of thumb and the worldview compass: arithmetic by hand, what hangs on template and persona, what is foretold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.instruments import load_instrument
from progressgym.instruments.measures.compass import CONFIG, OPTIONS, PERSONAS, WorldviewCompass
from progressgym.instruments.measures.held_out import held_out_accuracy
from progressgym.instruments.measures.planted import Informed
from progressgym.instruments.measures.propositions import AXES, Proposition
from progressgym.instruments.measures.rules import SCALES, Rule, expectations
from progressgym.instruments.measures.rules_of_thumb import RulesOfThumb
from progressgym.instruments.protocol import Reading
from progressgym.instruments.respondents import ScriptedScorer


def values(reading: Reading) -> dict[str, float]:
    return dict(zip(reading.dimensions, reading.values.tolist(), strict=True))


def judge(place: dict[str, Any]) -> Informed:
    """Somebody sure of one step of each scale: scale -> function of the deed."""
    worth = {
        text.format(action=item.action): {steps[place[scale](item)]: 50.0}
        for item in RulesOfThumb().items
        for scale, (text, steps) in SCALES.items()
        if scale in place
    }
    return Informed(worth=worth)


def kind(item: Rule) -> int:
    """The end of the five steps that care asks for, the middle for other deeds."""
    return 2 + 2 * item.tags.get("care", 0)


def test_scales_are_read_in_even_steps() -> None:
    table = np.zeros((4, 5))
    table[[0, 1, 2, 3], [1, 4, 2, 2]] = 1.0
    np.testing.assert_allclose(expectations(table), [[-0.5, 1.0, 0.0, 1.0]])


def test_who_judges_by_care_alone() -> None:
    reading = RulesOfThumb().read(judge({"judgment": kind}))
    found = values(reading)
    both = [item for item in RulesOfThumb().items if {"care", "loyalty"} <= set(item.tags)]
    loyal = [item for item in RulesOfThumb().items if "loyalty" in item.tags]
    assert found["care"] == pytest.approx(1.0)
    assert found["loyalty"] == pytest.approx(sum(i.tags["care"] * i.tags["loyalty"] for i in both) / len(loyal))
    assert found["promise"] == pytest.approx(0.0)
    assert not reading.covered[reading.dimensions.index("lawfulness")], "no deed is lawful or unlawful to somebody even"
    assert found["ignorance"] == pytest.approx(np.mean([abs(i.tags.get("care", 0)) for i in RulesOfThumb().items]) / 2)


def test_judgment_against_law_and_people() -> None:
    """Whatever is judged good is forbidden and pressed against: lawfulness and conformity are -1."""
    against = {
        "judgment": kind,
        "legality": lambda item: 1 - item.tags.get("care", 0),
        "pressure": lambda item: 4 - kind(item),
    }
    found = values(RulesOfThumb().read(judge(against)))
    assert found["lawfulness"] == pytest.approx(-1.0) and found["conformity"] == pytest.approx(-1.0)


@pytest.mark.parametrize("step", [0, 1, 3, 4])
def test_who_finds_everything_the_same_is_not_believed(step: int) -> None:
    reading = RulesOfThumb().read(judge({"judgment": lambda item: step}))
    assert not reading.covered.any() and "held-out accuracy" in reading.unfit["care"]


def test_held_out_choices_of_a_coin_are_not_foretold() -> None:
    rng = np.random.default_rng(1)
    key = rng.choice([-1.0, 0.0, 1.0], (76, 6))
    shares = [held_out_accuracy(rng.normal(size=76), key)[0] for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02) and max(shares) < 0.72
    weights = np.array([3.0, -2.0, 1.0, 0.5, -0.5, 0.2])
    assert held_out_accuracy(key @ weights, key)[0] > 0.95
    assert np.isnan(held_out_accuracy(np.zeros(76), key)[0]) and held_out_accuracy(np.zeros(76), key)[1] == 0


def test_the_compass_points_where_somebody_stands() -> None:
    """Agrees strongly with each on its own left, and with whatever leaves people alone."""
    items = WorldviewCompass().items
    worth = {f"{who}{i.text}": {OPTIONS[0 if i.sign > 0 else 3]: 50.0} for who in PERSONAS for i in items}
    reading = WorldviewCompass().read(Informed(worth=worth))
    assert values(reading) == pytest.approx({"economic": -1.0, "social": -1.0})
    freedom = [-i.sign * i.tags["freedom"] for i in items if "freedom" in i.tags]
    assert reading.to19["freedom"] == pytest.approx(np.mean(freedom))
    assert reading.flags["item_share"] == pytest.approx(1.0) and reading.flags["persona_share"] == pytest.approx(0.0)


def test_a_persona_moves_its_axis_alone() -> None:
    """The rich lean half a step more to the right, in economic matters only."""
    items = WorldviewCompass().items
    lean = {"economic": -0.5, "social": 0.6}
    worth = {
        f"{who}{i.text}": {
            text: (lean[i.axis] + (0.8 if who == PERSONAS[-1] and i.axis == "economic" else 0.0)) * i.sign * step
            for text, step in zip(OPTIONS, (-1, -1 / 3, 1 / 3, 1), strict=True)
        }
        for who in PERSONAS
        for i in items
    }
    moved, errors = WorldviewCompass().read(Informed(worth=worth)).tables["personas"].transpose(1, 0, 2)
    assert moved.shape == (len(PERSONAS) - 1, len(AXES))
    assert moved[-1, 0] > 0.3 and errors[-1, 0] < 1e-9
    np.testing.assert_allclose(np.delete(moved.ravel(), -2), 0.0, atol=1e-9)


def test_templates_and_propositions_share_the_variance() -> None:
    """A model whose agreement is a proposition's number plus a template's: no interaction, the shares of the design."""
    items = WorldviewCompass().items
    by_text = {item.text: np.sin(3.0 * n) for n, item in enumerate(items)}

    def score(prompt: str, option: str) -> float:
        step = OPTIONS.index(option.strip())
        template = next((n for n, framing in enumerate(CONFIG.framings) if prompt.endswith(framing)), 0)
        item = next((worth for text, worth in by_text.items() if text in prompt), 0.0)
        return -5.0 + 0.02 * step * (item + 0.3 * template * bool(item))

    flags = WorldviewCompass(personas=False).read(ScriptedScorer(score)).flags
    assert flags["item_share"] > 0.7 and 0.02 < flags["template_share"] < 0.3
    assert "persona_share" not in flags


@pytest.mark.parametrize(
    ("kind_", "parts", "message"),
    [
        (Rule, {"action": " "}, "a rule needs"),
        (Rule, {"tags": {}}, "a tag"),
        (Rule, {"tags": {"cares": 1}}, "unknown dimension 'cares'"),
        (Rule, {"tags": {"care": 2}}, "care is tagged 2"),
        (Proposition, {"text": ""}, "a proposition needs"),
        (Proposition, {"axis": "north"}, "unknown axis 'north'"),
        (Proposition, {"sign": 0}, "1 or -1"),
        (Proposition, {"tags": {"care": 0}}, "1 or -1"),
    ],
)
def test_wrong_items(kind_: type, parts: dict[str, Any], message: str) -> None:
    good = {
        Rule: {"id": "x", "action": "going", "tags": {"care": 1}},
        Proposition: {"id": "x", "text": "T.", "axis": "social", "sign": 1, "tags": {}},
    }[kind_]
    kind_(**good)
    with pytest.raises(UserError, match=message):
        kind_(**{**good, **parts})


def test_our_banks_are_even() -> None:
    items: Sequence[Proposition] = WorldviewCompass().items
    for axis in AXES:
        assert sum(item.sign for item in items if item.axis == axis) == 0
    assert len({item.text for item in items}) == len(items) == 64
    deeds = RulesOfThumb().items
    assert len({item.action for item in deeds}) == len(deeds) == 76
    assert len(RulesOfThumb().questions()) == 304
    assert load_instrument("worldview-compass?personas=false").questions()[63].id.endswith("/0")
