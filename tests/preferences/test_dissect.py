"""Dissecting: planted weights come back, zeros are zeros, people's weights are the published ones, bad files are told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.preferences.dissect import dissect, judge_similarity, longer, manipulation_audit, of_file

SHARED = os.environ.get("PROGRESSGYM_SHARED")
PEOPLE = None if SHARED is None else Path(SHARED) / "real" / "opinpref" / "train.csv"
needs_people = pytest.mark.skipif(PEOPLE is None or not PEOPLE.is_file(), reason="needs opinpref/train.csv")


def planted(pairs: int, seed: int, properties: int = 29) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.laplace(0.0, 0.3, properties)
    signs = rng.integers(-1, 2, (pairs, properties)).astype(float)
    labels = (rng.random(pairs) < 1 / (1 + np.exp(-signs @ weights))).astype(float)
    return labels, signs, weights


@pytest.mark.parametrize(("pairs", "least"), [(200, 0.6), (1000, 0.9)])
def test_planted_weights_come_back(pairs: int, least: float) -> None:
    """Their correlation with the true ones: .75 / .96 / .994 where another generator planted them."""
    names = [f"p{n}" for n in range(29)]
    agreement = []
    for seed in range(3):
        labels, signs, weights = planted(pairs, seed)
        agreement.append(np.corrcoef(dissect(labels, signs, names, resamples=0).weights, weights)[0, 1])
    assert np.mean(agreement) > least


def test_the_mode_is_where_its_slopes_say() -> None:
    """Of a weight that is not 0 the slope of the likelihood is 1 / b; of one that is 0 it is not more."""
    labels, signs, _ = planted(400, 3, 6)
    weights = dissect(labels, signs, "abcdef", resamples=0, scale=0.05).weights
    slope = signs.T @ (labels - 1 / (1 + np.exp(-signs @ weights)))
    assert np.allclose(slope[weights != 0], 20 * np.sign(weights[weights != 0]), atol=1e-4)
    assert (np.abs(slope[weights == 0]) <= 20 + 1e-6).all() and (weights == 0).any() and (weights != 0).any()


def test_one_property_for_the_head() -> None:
    """Three of four choices for more of it, 4,000 of them: log 3, less what the prior takes."""
    labels, signs = np.tile([1.0, 1.0, 1.0, 0.0], 1000), np.ones((4000, 1))
    result = dissect(labels, signs, ["it"], resamples=20)
    assert result.weights[0] == pytest.approx(np.log(3), abs=0.02) and result.chances[0] == pytest.approx(
        0.75, abs=0.01
    )
    assert result.interval[0, 0] < result.weights[0] < result.interval[1, 0]
    assert dissect(1 - labels, signs, ["it"], resamples=0).weights[0] == pytest.approx(-result.weights[0])


@needs_people
def test_what_weighs_for_people() -> None:
    """Length most, then language; nothing for faithfulness, coverage and relevance."""
    assert PEOPLE is not None
    judged = of_file(PEOPLE, least=150)
    assert len(judged.judges) > 2
    result = dissect(*judged.judges["all"], judged.properties, resamples=100)
    weights = dict(zip(judged.properties, result.weights, strict=True))
    low, high = dict(zip(judged.properties, result.interval.T, strict=True))["words"]
    assert max(weights, key=weights.__getitem__) == "words" and weights["words"] == pytest.approx(0.906, abs=5e-4)
    assert low == pytest.approx(0.74, abs=0.06) and high == pytest.approx(1.08, abs=0.06)
    assert weights["language-correctness"] == pytest.approx(0.569, abs=5e-4)
    assert [weights[name] for name in ("opinion-faithfulness", "opinion-coverage", "relevance")] == [0.0, 0.0, 0.0]


def test_judges_who_weigh_alike_and_a_property_that_wins() -> None:
    rng, names = np.random.default_rng(1), "abcde"
    signs = rng.integers(-1, 2, (1500, 5)).astype(float)
    labels = (rng.random(1500) < 1 / (1 + np.exp(-signs @ [0.9, 0.3, 0.0, -0.2, -0.8]))).astype(float)
    one, two = (dissect(labels[half], signs[half], names, resamples=0) for half in (slice(None, 750), slice(750, None)))
    other = dissect(1 - labels, signs, names, resamples=0)
    similarity = judge_similarity([one, two, other])
    assert similarity[0, 1] > 0.9 and similarity[0, 2] < -0.9 and np.allclose(np.diag(similarity), 1)
    top, bottom = manipulation_audit(labels, signs, names)
    assert (top.property, bottom.property) == ("a", "e")
    assert top.gain > 2 * top.standard_error and bottom.gain < -2 * bottom.standard_error
    noise = (np.random.default_rng(0).random(300) < 0.5).astype(float)
    assert manipulation_audit(noise, signs[:300], names, scale=0.01) == (), "nothing weighs"


def test_a_history_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.csv"
    rows = [
        f"{a},{b},{1 if a > b else 2},{'xy'[n % 2]}" for n, (a, b) in enumerate([(3, 1), (1, 2), (4, 2), (1, 5)] * 30)
    ]
    file.write_text("one_clear,two_clear,preferred,judge\n" + "\n".join(rows))
    command = [
        "preferences",
        "dissect",
        "--data",
        str(file),
        "--history",
        "gss-v1",
        "--least",
        "10",
        "--resamples",
        "10",
    ]
    assert dispatch([*command, "--json"]) == 0
    people, centuries = json.loads(capsys.readouterr().out)
    assert set(people["judges"]) == {"all", "x", "y"} and people["judges"]["all"]["weights"][0] > 1
    assert len(centuries["judges"]) > 5 and "words" in centuries["properties"]
    assert dispatch(command) == 0
    assert "judges alike" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("preferred\n1\n", "no columns one_NAME"),
        ("one_a,two_a,preferred\n1,2,3\n", "line 2: preferred is '3'"),
        ("one_a,two_a,preferred\n1,x,1\n", "line 2, two_a is 'x'"),
        ("one_a,preferred\n1,1\n", "two_a is ''"),
        ("one_a,two_a\n1,2\n", "no column 'preferred'"),
        ("one_a,two_a,preferred\n", "no rows"),
        ("one_a,two_a,preferred\n1,2\n", "line 2 has not as many fields"),
    ],
)
def test_bad_files(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        of_file(tmp_path / "bad.csv")


def test_bad_arrays_and_lengths() -> None:
    for labels, signs, names, scale in (
        ([1.0], [[2.0]], "a", 0.1),
        ([1.5], [[1.0]], "a", 0.1),
        ([], np.zeros((0, 1)), "a", 0.1),
        ([1.0], [[1.0]], "ab", 0.1),
        ([1.0], [[1.0]], "a", 0.0),
    ):
        with pytest.raises(UserError):
            dissect(labels, signs, names, scale=scale)
    assert longer([10, 10], [9, 9.1]).tolist() == [1.0, 0.0]
    with pytest.raises(UserError, match="nothing to dissect"):
        dispatch(["preferences", "dissect"])
