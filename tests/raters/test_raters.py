"""Delphi and the crowd rater on a tiny model: what they learn, how rules repair, judges of debates, rewards, bad files."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.core.fits import FitWarning
from progressgym.envs.debate import Rules, VectorDebate, make_domain
from progressgym.raters import Crowd, Delphi, RaterReward
from progressgym.raters.acts import RULES, minimal_pairs, read_acts, shipped_acts
from progressgym.raters.crowd import consistency, half_floor, read_shares
from progressgym.raters.delphi import Judgment, _kept
from progressgym.raters.head import LinearHead, best_ridge
from progressgym.raters.protocol import RATERS, ratings
from progressgym.raters.reward import mean_merit
from tests.models.tiny import lively_llama
from tests.toys.rater import Brevity

torch.set_num_threads(1)
BREVITY = "tests.raters.test_raters:Long"


@dataclass(kw_only=True, frozen=True)
class Long(Brevity):
    """The longer, the better."""

    merits: tuple[float, ...] = (0.0, 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(lively_llama(tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))


def labelled(folder: Path) -> Path:
    """Eight acts of each class, told apart by a word."""
    rows = [
        f"{word} number {n},{label}" for n in range(8) for word, label in (("steal", -1), ("paint", 0), ("help", 1))
    ]
    file = folder / "acts.csv"
    file.write_text("text,label\n" + "\n".join(rows) + "\n")
    return file


def test_it_says_what_labels_like_its_own_say(model: str, tmp_path: Path) -> None:
    rater = Delphi(model=model, labels=str(labelled(tmp_path)), device="cpu")
    shares = ratings(rater, ["steal number 3", "paint number 3", "help number 3"])
    assert shares.argmax(1).tolist() == [0, 1, 2] and rater.scale == ("bad", "discretionary", "good")
    assert rater.compare("help number 3", "steal number 3") > 0.7
    assert rater.compare("steal number 3", "help number 3") == pytest.approx(
        1 - rater.compare("help number 3", "steal number 3")
    )
    assert "it is bad" in rater.reason("steal number 3") and np.isnan(rater.score10(["steal number 3"])).all()
    assert np.array_equal(replace(rater).rate(["steal number 3"]), rater.rate(["steal number 3"]))


def test_rules_weigh_and_what_contradicts_is_dropped(model: str) -> None:
    rater = Delphi(model=model, device="cpu", half="0")
    learned = [act.text for act in shipped_acts() if act.half == 0]
    broken = rater.score10(learned)
    assert broken.shape == (len(learned), 10) and ((broken >= 0) & (broken <= 1)).all()
    shares, alone = rater.rate(learned[:40]), replace(rater, weights="judge").rate(learned[:40])
    assert np.allclose(shares.sum(1), 1) and not np.allclose(shares, alone)
    for way in ("calibrated", "published"):
        told = replace(rater, weights=way).reason("kill a bear for fun")
        assert told.startswith("it is ") and "(" in told
    judge = Judgment(kind="judge", bad=False, weight=1.0)
    rules = [Judgment(kind=name, bad=True, weight=0.8) for name in RULES[:2]]
    assert _kept([judge, rules[0]]) == [judge], "one rule does not overrule the judge"
    assert _kept([judge, *rules]) == rules, "two do"
    assert _kept([Judgment(kind="death", bad=True, weight=-0.3)]) == [], "a rule that is mostly wrong says nothing"


def test_acts_are_by_construction() -> None:
    acts = shipped_acts()
    assert len({act.text for act in acts}) == len(acts) and {act.label for act in acts} == {-1, 0, 1}
    words = {half: {word for act in acts if act.half == half for word in act.text.split()} for half in (0, 1)}
    assert {name for act in acts for name in act.breaks} == set(RULES)
    assert len(words[0] & words[1]) < 0.35 * min(map(len, words.values()))
    labels = {act.text: act.label for act in acts}
    for pair in minimal_pairs():
        assert (labels[pair.plain], labels[pair.excused], labels[pair.idle]) == (-1, 0, -1)


def test_a_head_finds_what_is_linear() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    share = 1 / (1 + np.exp(-2 * x[:, 0]))
    targets = np.stack([1 - share, share], axis=1)
    ridge, held = best_ridge(x, targets, [n % 3 for n in range(300)])
    assert ridge == 0.1 and np.abs(held[:, 1] - share).mean() < 0.1
    assert LinearHead.fit(x, targets, 100.0).probabilities(x)[:, 1] == pytest.approx(share.mean(), abs=0.02)
    for vectors, labels in ((x[:3], targets), (np.full((2, 1), np.nan), targets[:2]), (np.zeros((0, 1)), targets[:0])):
        with pytest.raises(UserError):
            LinearHead.fit(vectors, labels, 1.0)


def test_a_head_that_is_not_the_best_says_so() -> None:
    """Thirty features that are nearly one and the same, almost without a ridge: a long way to the lowest point."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(200, 30))
    x = rng.normal(size=(200, 1)) + 0.01 * own
    share = 1 / (1 + np.exp(-3 * (own[:, 0] - own[:, 1])))
    targets = np.stack([1 - share, share], axis=1)
    with pytest.warns(FitWarning, match="vectors of 30 numbers is not the best fit: .* stopped after 100 rounds"):
        LinearHead.fit(x, targets, 1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearHead.fit(x, targets, 0.1)


def test_a_crowd_keeps_its_shares(model: str, tmp_path: Path) -> None:
    counts = {"steal": (2, 18), "paint": (10, 10), "help": (19, 1)}
    rows = [f"{word} number {n},{yes},{no}" for n in range(8) for word, (yes, no) in counts.items()]
    file = tmp_path / "crowd.csv"
    file.write_text("text,yes,no\n" + "\n".join(rows) + "\n")
    rater = Crowd(model=model, labels=str(file), tries=2, tokens=6, device="cpu")
    right = rater.rate(["steal number 9", "paint number 9", "help number 9"])[:, 1]
    assert right == pytest.approx([0.1, 0.5, 0.95], abs=0.2) and right[0] < right[1] < right[2]
    said = rater.reason("steal number 9")
    assert said.startswith("wrong: ") and said == replace(rater).reason("steal number 9")


def test_a_floor_and_a_consistency_for_the_head() -> None:
    """Two of four said yes: halves are (1, 1) in four of six divisions, (2, 0) in two, so that they differ by 1/3 on average."""
    assert half_floor([2], [2], draws=20000)[0] == pytest.approx(1 / 3, abs=0.01)
    assert half_floor([10], [0])[0] == 0.0
    assert consistency(["right", "wrong", "right"], np.array([True, True, True])) == pytest.approx(2 / 3)
    with pytest.raises(UserError, match="two people"):
        half_floor([1], [0])


def test_a_rater_judges_debates() -> None:
    domain, judge = make_domain(f"dilemmas?judge=rater:{BREVITY}")
    games = VectorDebate(domain, judge, num_envs=6, rules=Rules(turns=2))
    games.reset(seed=0)
    nothing = np.zeros((6, domain.pieces), dtype=bool)
    scores = judge.score(games.cases, nothing)
    assert scores.shape == (6, 2) and np.isfinite(scores).all()
    assert np.array_equal(judge.score(games.cases.swapped(), nothing), scores[:, ::-1]), "seats do not matter"
    shown = judge.score(games.cases, ~nothing)
    assert (shown >= scores).all() and (shown > scores).any(), "evidence makes a text longer, the far end of this scale"
    with pytest.raises(UserError, match="unknown rater 'nobody'"):
        make_domain("dilemmas?judge=rater:nobody")
    with pytest.raises(UserError, match="values, model or rater:NAME"):
        make_domain("dilemmas?judge=rater:")


def test_a_rater_rewards() -> None:
    assert mean_merit(Long(limit=3), ["ab", "abcd"]).tolist() == [0.0, 1.0]
    reward = RaterReward(rater=f"{BREVITY}?limit=8", whole=False)
    assert reward(["p", "p"], ["short", [{"role": "assistant", "content": "much too long"}]]) == [0.0, 1.0]
    assert RaterReward(rater=f"{BREVITY}?limit=8")(["a prompt"], ["short"]) == [1.0]
    for prompts, said in ((["p"], []), (["p"], [3])):
        with pytest.raises(UserError):
            reward(prompts, said)
    verdict = RATERS.make("verdict")
    assert verdict.merits == (1.0, 0.0) and verdict.scale[0] == "just"
    with pytest.raises(UserError, match="does not say how good short, long are"):
        RaterReward(rater="tests.toys.rater:Brevity")(["a"], ["b"])
    with pytest.raises(UserError, match="2 numbers from 0 to 1"):
        mean_merit(Long(merits=(1.0,)), ["a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\na\n", "no column 'label'"),
        ("text,label\na,2\n", "line 2: label is '2'"),
        ("text,label\n ,1\n", "line 2: text is empty"),
        ("text,label\na,1\nb,1\n", "all 2 labels are 1"),
    ],
)
def test_bad_acts(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_acts(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("yes,no\n1,1\n", "no column 'text' or 'action'"),
        ("text,yes,no\na,0,0\n", "counts of people"),
        ("text,yes,no\na,x,1\n", "line 2, yes is 'x'"),
        ("text,yes,no\na,1,1\n", "10 or more are needed"),
    ],
)
def test_bad_crowds(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_shares(tmp_path / "bad.csv")


@pytest.mark.parametrize("wrong", [{"weights": "mine"}, {"half": "2"}])
def test_bad_arguments(wrong: dict[str, str]) -> None:
    with pytest.raises(UserError):
        Delphi(**wrong)
