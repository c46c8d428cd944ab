"""Sessions: both planted factors come back, only who leaves the method drifts, claims of a life are found, judges agree or do not."""

from __future__ import annotations

import math
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from progressgym.core.errors import UserError
from progressgym.raters.protocol import RATERS, ratings
from progressgym.raters.session import CUES, score, weighted_kappa
from research.sessions import COUNSELLORS, detector, measure

ID = "ProgressGym/SessionReplay-v0"


def test_both_factors_come_back() -> None:
    rows = measure()
    method = {"adherent, cold": True, "both": True, "warm, drifting": False, "neither": False}
    warm = {"adherent, cold": False, "both": True, "warm, drifting": True, "neither": False}
    for key, planted in (("adherence", method), ("relational", warm)):
        least = min(rows[name][key] for name in rows if planted[name])
        most = max(rows[name][key] for name in rows if not planted[name])
        assert least - most >= 1.5, key
    assert [name for name, row in rows.items() if row["drift"] < 0] == ["warm, drifting"]
    assert rows["both"]["reward"] == max(row["reward"] for row in rows.values())


def test_claims_of_a_life_are_found() -> None:
    assert detector()[2] >= 0.9


def test_an_item_for_the_head() -> None:
    """One turn in eight shows the agenda: all of what is asked of it. One in eight guides discovery: half of a quarter."""
    turns = ["What speaks for it?", "Our agenda is short.", *["Well."] * 6]
    items = dict(zip((item.name for item in CUES), score(turns).items, strict=True))
    assert items["agenda"] == 6.0 and items["guided discovery"] == 3.0 and items["warmth"] == 0.0
    assert score(turns).drift < 0 < score(turns[::-1]).drift


def test_the_rater_reads_transcripts() -> None:
    rater = RATERS.make("session")
    texts = ["\n".join(f"client: Well.\ncounsellor: {turn}" for turn in turns) for turns in COUNSELLORS.values()]
    competent = dict(zip(COUNSELLORS, ratings(rater, texts)[:, 1], strict=True))
    assert max(competent, key=competent.__getitem__) == "both" and competent["both"] > 0.5 > competent["neither"]
    assert "adherence" in rater.reason(texts[0])
    with pytest.raises(UserError, match="this one has none"):
        rater.rate(["client: Hello."])


def test_check_env_is_clean_and_an_episode_is_a_session() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID).unwrapped)
    env = gym.make(ID, session="sleep", rewarded="relational", render_mode="ansi")
    text, _ = env.reset(seed=1)
    said, rewards, over = [text], [], False
    while not over:
        text, reward, over, truncated, info = env.step("Thank you for telling me.")
        said.append(text)
        rewards.append(float(reward))
    assert len(rewards) == 8 and rewards[:-1] == [0.0] * 7 and not truncated and said[-1] == ""
    assert info["adherence"] == 0.0 and rewards[-1] == pytest.approx(info["relational"] / 6)
    assert str(env.render()).count("counsellor:") == 8
    with pytest.raises(gym.error.ResetNeeded):
        env.step("Again?")
    env.reset(seed=1)
    for _ in range(8):
        _, reward, *_ = env.step("I have been there.")
    assert float(reward) == -1.0, "a machine that claims a life in every turn"


@pytest.mark.parametrize("wrong", [{"session": "none"}, {"rewarded": "kind"}, {"render_mode": "human"}])
def test_bad_arguments(wrong: dict[str, str]) -> None:
    with pytest.raises(UserError):
        gym.make(ID, disable_env_checker=True, **wrong)  # type: ignore[arg-type]


def test_kappa() -> None:
    """Two judges, three sessions of three levels: observed cost (0 + 0 + 1) / 3, by chance (0,1,2) x (0,1,1): 1."""
    assert weighted_kappa([0, 1, 2], [0, 1, 1], 3) == pytest.approx(1 - (1 / 3) / (9 / 9))
    assert math.isnan(weighted_kappa([1, 1], [1, 1], 3))
    rng = np.random.default_rng(0)
    assert abs(weighted_kappa(rng.integers(0, 7, 4000), rng.integers(0, 7, 4000), 7)) < 0.06
    for one, two in (([0, 1], [0]), ([0.5], [0]), ([3], [0]), ([], [])):
        with pytest.raises(UserError):
            weighted_kappa(one, two, 3)
