"""`preferences compare`: data sets by name and file, naive rules beside the models, mistakes in one line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.preferences.compare import compare
from progressgym.preferences.datasets import Absent, DataSet, load, read_rows
from progressgym.preferences.embedded import embedded
from progressgym.preferences.pairs import Pairs

torch.set_num_threads(1)
SHARED = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real"
needs = pytest.mark.skipif(
    not (SHARED / "gss-panel").is_dir(),
    reason="the data are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/",
)
GOOD = {"prompt": "p", "chosen": "I gave it back.", "rejected": "I kept it."}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_circles_need_a_model_that_holds_them() -> None:
    """Votes of three to one in a ring: nobody is right more often than .75 where the two are not even, .70 in all."""
    rows = {row.model: row for row in compare(load("planted-ring", None), ["bradley-terry", "hrc"], folds=2)}
    assert rows["hrc"].accuracy > 0.65 and rows["bradley-terry"].accuracy < 0.55
    assert rows["hrc"].log_likelihood > -0.64 and rows["majority"].baseline
    assert rows["majority"].log_likelihood == pytest.approx(-math.log(2.0), abs=0.005)


def test_intervals_hold_the_value_and_shrink_with_the_pairs() -> None:
    data = load("planted-chain", None)
    whole = compare(data, ["bradley-terry"], folds=2)[-1]
    part = DataSet(name="part", pairs=data.pairs[:100])
    few = compare(part, ["bradley-terry"], folds=2)[-1]
    for row in (whole, few):
        assert row.accuracy_interval[0] <= row.accuracy <= row.accuracy_interval[1]
        assert row.log_likelihood_interval[0] <= row.log_likelihood <= row.log_likelihood_interval[1]
    assert np.ptp(few.accuracy_interval) > 1.5 * np.ptp(whole.accuracy_interval)


def test_new_people_are_known_by_a_few_answers() -> None:
    data = load("planted-tastes", None)
    part = DataSet(name="part", pairs=data.pairs[data.pairs.group < 24], personal=True)
    none, few = (
        {row.model: row.accuracy for row in compare(part, ["pal?k=3&rounds=60"], folds=2, answers=n)} for n in (0, 6)
    )
    assert few["pal?k=3&rounds=60"] > none["pal?k=3&rounds=60"] + 0.1


def test_a_file_of_texts_with_a_rule_that_can_be_learned(tmp_path: Path) -> None:
    """Kind words are preferred, whatever the length: words alone find it, the longer side does not."""
    random = np.random.default_rng(0)
    rows = [
        {
            "prompt": f"p{n}",
            "chosen": "kind " + "so " * random.integers(9),
            "rejected": "harsh " + "so " * random.integers(9),
        }
        for n in range(80)
    ]
    found = {
        row.model: row.accuracy for row in compare(load(str(written(tmp_path / "a.jsonl", *rows)), None), ["feature"])
    }
    assert found["words alone"] == found["feature"] == 1.0 and found["longer wins"] < 0.7


class Counting:
    """An embedder that knows one thing of a text, and how often it was asked."""

    name, fingerprint = "counting", "0"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.texts += texts
        return np.array([[float("kind" in text), float(len(text))] for text in texts])


def test_vectors_of_texts_in_place_of_words(tmp_path: Path) -> None:
    """What both sides begin with is left out, a text is embedded once, and words alone stand beside it as before."""
    same = "A kind question.\n"
    rows = [
        {"chosen": f"{same}kind {'so ' * (n % 9)}", "rejected": f"{same}harsh {'so ' * (n % 7)}"} for n in range(90)
    ]
    data, embedder = load(str(written(tmp_path / "a.jsonl", *rows)), None), Counting()
    vectors = embedded(data, embedder, "counting")
    assert len(embedder.texts) == len(set(embedder.texts)) == 9 + 7 and not any(same in text for text in embedder.texts)
    assert vectors.name == "a.jsonl, counting" and vectors.words is data.words
    np.testing.assert_array_equal(vectors.pairs.target, data.pairs.target)
    rows_of = {row.model: row for row in compare(vectors, ["bradley-terry"], folds=3)}
    assert rows_of["bradley-terry"].accuracy == 1.0
    plain = load("planted-ring", None)
    assert embedded(plain, embedder, "counting") is plain


def test_a_file_of_features_and_users(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = []
    for n in range(120):
        user, better = n % 6, random.normal(size=2) + np.array([2.0, 0.0])
        sign = 1.0 if user % 2 else -1.0
        rows.append(
            GOOD
            | {
                "user": f"u{user}",
                "chosen_features": (sign * better).tolist(),
                "rejected_features": (0.0 * better).tolist(),
            }
        )
    found = {
        row.model: row.accuracy
        for row in compare(load(str(written(tmp_path / "a.jsonl", *rows)), None), ["pal", "feature"], folds=3)
    }
    assert found["pal"] > 0.9 > found["feature"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"chosen": "a"}], "line 1: there is no column 'rejected'; it has chosen"),
        ([GOOD, {"chosen": "a", "rejected": "b"}], "line 2: column 'prompt' stands in some lines only"),
        ([GOOD, GOOD | {"prompt": [{"content": "p"}]}], "line 2: prompt is a list, before it was a str"),
        ([GOOD | {"chosen": "I kept it."}], "line 1: chosen and rejected are the same; a tie"),
        ([GOOD | {"chosen": 3}], "line 1, chosen is neither a text nor a list of messages"),
        (
            [GOOD | {"chosen_features": [math.nan], "rejected_features": [1.0]}],
            "chosen_features: a list of 1 finite numbers",
        ),
        ([GOOD | {"chosen_features": [1.0], "rejected_features": [1.0, 2.0]}], "rejected_features: a list of 1 finite"),
        ([GOOD | {"chosen_features": [1.0]}], "rejected_features: a list of 1 finite"),
        ([["chosen", "rejected"]], "line 1 is no JSON object"),
        ([], "has no lines"),
    ],
)
def test_mistakes_of_a_file_name_their_line(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_rows(written(tmp_path / "a.jsonl", *rows))


def test_tables_that_are_not_as_they_should_be(tmp_path: Path) -> None:
    for name, text, message in [
        (
            "opinpref/train.csv",
            "preferred,one_words,two_words,one_a,two_a\n0,1,2,1,1\n",
            "line 2: preferred is '0'; 1 or 2",
        ),
        (
            "opinpref/train.csv",
            "preferred,one_words,two_words,one_a,two_a\n1,1,2,nan,1\n",
            "line 2, one_a is 'nan'; a finite",
        ),
        ("opinpref/train.csv", "preferred,two_words\n1,1\n", "has no column 'one_words'"),
        ("opinpref/train.csv", "preferred,one_words,two_words\n1,1\n", "not as many fields as the header"),
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            load("opinpref", tmp_path)


def test_the_command_skips_what_is_absent_and_refuses_what_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROGRESSGYM_SHARED", raising=False)
    assert dispatch(["preferences", "compare", "--data", "panel,planted-chain", "--models", "feature", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert "set PROGRESSGYM_SHARED or --folder" in records[0]["skipped"]
    assert [row["model"] for row in records[1:]] == ["majority", "feature"]
    for arguments, message in [
        (["--data", "planted"], "unknown data set 'planted'"),
        (["--models", "hrcc"], "unknown preference model 'hrcc'"),
        (["--folds", "1"], "folds is 1"),
        (["--folder", str(tmp_path / "none")], "no such folder"),
        (["--data", str(tmp_path / "none.jsonl")], "no such file"),
        (["--data", "planted-tastes", "--answers", "30", "--models", "feature"], "more than the 30 answers"),
    ]:
        with pytest.raises(UserError, match=message):
            dispatch(["preferences", "compare", *arguments])
    with pytest.raises(Absent):
        load("ethics", tmp_path)


def test_a_thing_beside_itself_is_no_pair() -> None:
    with pytest.raises(UserError, match="pair 1 compares option 3 of group 0 with itself"):
        Pairs.of(np.zeros((2, 1)), np.ones((2, 1)), options=[[0, 1], [3, 3]])


@needs
def test_rated_summaries_have_their_baselines_beside_them() -> None:
    """The gain of a learned reward over the longer summary and the plain mean is not there."""
    found = {row.model: row for row in compare(load("opinpref", SHARED), ["feature"])}
    assert found["longer wins"].accuracy == pytest.approx(0.7475, abs=1e-3)
    assert found["mean feature"].accuracy == pytest.approx(0.7369, abs=1e-3)
    assert found["feature"].accuracy == pytest.approx(0.741, abs=0.01)
    assert found["feature"].log_likelihood > found["longer wins"].log_likelihood


@needs
@pytest.mark.heavy
def test_people_who_were_not_asked_before() -> None:
    """Four answers of a new person: .74 at least, though only half of the others are known, where everybody alike stays at
    .705."""
    data = load("panel", SHARED)
    found = {row.model: row.accuracy for row in compare(data, ["pal?k=6", "user?ridge=1"], folds=2, answers=4)}
    assert found["majority"] < 0.715 and min(found["pal?k=6"], found["user?ridge=1"]) >= 0.74
