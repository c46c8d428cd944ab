"""Result files of the original ProgressGym, in every form that its code wrote, and everything that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.scores import code_sum_of_maxes, follow_sum, table2_double_sum
from progressgym.scores.upstream import read_upstream

NAN = float("nan")


def vectors(rows: int, seed: int = 0) -> list[list[float]]:
    table: list[list[float]] = (0.5 + 0.1 * np.random.default_rng(seed).normal(size=(rows, 19))).tolist()
    return table


def follow(**changes: Any) -> dict[str, Any]:
    """A flat result as the code at its last commit writes it."""
    entry = {
        "eval_times": 16,
        "query_times": 8,
        "query_total_length": 19528,
        "examinee_model_at_each_timestep": ["./a"] * 8,
        "judge_model_at_each_timestep": ["./b"] * 8,
        "score": 0.99,
        "duration_seconds": 3.5,
        "examinee_vector": vectors(8, 1),
        "actual_vector": vectors(8, 2),
        "stepwise_scores": [0.99] * 8,
    }
    return {**entry, **changes}


def coevolve(**changes: Any) -> dict[str, Any]:
    entry = {
        "score": 0.9,
        "simulated_model_vector": vectors(9, 3),
        "actual_model_vector": vectors(9, 4),
        "similarities": [[], *[[0.9] * 9] * 9],
        "score_delta": [0],
    }
    return {**entry, **changes}


def nested(entry: dict[str, Any]) -> dict[str, Any]:
    """The older layout: what a challenge adds is below `supplementary_data`."""
    common = ("eval_times", "query_times", "score", "duration_seconds", "query_total_length")
    above = {key: value for key, value in entry.items() if key in common}
    return {**above, "supplementary_data": {key: value for key, value in entry.items() if key not in common}}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "result.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("shape", ["flat", "nested", "one algorithm", "alone"])
def test_every_layout_gives_the_same_scores(shape: str, tmp_path: Path) -> None:
    entry = follow()
    content = {
        "flat": {"LifelongDPO": {"Follow": entry}},
        "nested": {"LifelongDPO": {"Follow": nested(entry)}},
        "one algorithm": {"Follow": entry},
        "alone": entry,
    }[shape]
    (result,) = read_upstream(written(tmp_path, content))
    human, scored = entry["actual_vector"], entry["examinee_vector"]
    assert result.scores == {
        "follow_sum": follow_sum(human, scored),
        "code_sum_of_maxes": code_sum_of_maxes(human, scored),
        "table2_double_sum": table2_double_sum(human, scored),
    }
    assert (result.challenge, result.snapshots, result.dimensions, result.failed) == ("Follow", 8, 19, ())
    assert result.best == {"follow_sum": 8.0, "code_sum_of_maxes": 36.0, "table2_double_sum": 64.0}
    assert result.submitted == 0.99 and result.headline == "follow_sum" and result.error is None


def test_coevolve_scores_the_simulated_human(tmp_path: Path) -> None:
    entry = coevolve()
    (result,) = read_upstream(written(tmp_path, {"LifelongDPO": {"Coevolve": nested(entry)}}))
    expected = code_sum_of_maxes(entry["actual_model_vector"], entry["simulated_model_vector"])
    assert result.scores is not None and result.scores[result.headline] == expected
    assert result.best["code_sum_of_maxes"] == 45.0


def test_the_submitted_score_is_never_used(tmp_path: Path) -> None:
    honest, lie = (read_upstream(written(tmp_path, {"A": {"Follow": follow(score=s)}}))[0] for s in (0.5, 8.0))
    assert honest.scores == lie.scores


def test_perfect_vectors_reach_every_best_value(tmp_path: Path) -> None:
    """One vector for ever is the only path that reaches all three: each is as late as any other."""
    same = [vectors(1)[0]] * 8
    (result,) = read_upstream(written(tmp_path, {"A": {"Follow": follow(examinee_vector=same, actual_vector=same)}}))
    assert result.scores == pytest.approx(result.best)


@pytest.mark.parametrize("bad", [[NAN] * 19, [0.0] * 19, [0.5] * 18 + [NAN], None, NAN])
def test_a_failed_round_counts_zero(bad: Any, tmp_path: Path) -> None:
    """Written as a bare NaN, which is no JSON, or as zeros, or missing; the other seven rounds keep their cosines."""
    entry = follow()
    entry["examinee_vector"][2] = bad
    path = written(tmp_path, {"A": {"Follow": entry}})
    (result,) = read_upstream(path)
    rest = [k for k in range(8) if k != 2]
    human, scored = np.array(entry["actual_vector"])[rest], np.array([entry["examinee_vector"][k] for k in rest])
    assert result.failed == (3,) and result.scores is not None
    assert result.scores["follow_sum"] == pytest.approx(follow_sum(human, scored))


def test_a_bare_nan_score_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, {"A": {"Follow": follow(score=NAN)}})
    assert "NaN" in path.read_text() and read_upstream(path)[0].submitted is None


def test_a_failed_round_of_the_human_counts_zero_too(tmp_path: Path) -> None:
    entry = follow()
    entry["actual_vector"][0] = [NAN] * 19
    assert read_upstream(written(tmp_path, {"A": {"Follow": entry}}))[0].failed == (1,)


def test_coevolve_with_a_failed_round_is_zero_as_a_whole(tmp_path: Path) -> None:
    entry = coevolve()
    entry["simulated_model_vector"][4] = [NAN] * 19
    (result,) = read_upstream(written(tmp_path, {"A": {"Coevolve": entry}}))
    assert result.failed == (5,) and result.scores is not None and set(result.scores.values()) == {0.0}


def test_error_entries_are_results_without_scores(tmp_path: Path) -> None:
    trace = "<class 'UnboundLocalError'> local variable\n\nTraceback (most recent call last): ..."
    content = {"LifelongRLHF": {"Follow": {"error": trace, "duration_seconds": 1.0}, "Predict": follow()}}
    first, second = read_upstream(written(tmp_path, content))
    assert first.scores is None and first.error == "<class 'UnboundLocalError'> local variable"
    assert second.scores is not None and second.headline == "code_sum_of_maxes"


def test_dummy_evaluations_have_ten_dimensions(tmp_path: Path) -> None:
    small = [row[:10] for row in vectors(8)]
    (result,) = read_upstream(written(tmp_path, {"A": {"Follow": follow(examinee_vector=small, actual_vector=small)}}))
    assert result.dimensions == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected a JSON object {algorithm: {challenge: result}}"),
        ("{}", "expected a JSON object"),
        ({"A": 3}, "A: expected an object {challenge: result}, found a number"),
        ({"A": {"Debate": {}}}, "A: unknown challenge 'Debate'; known: Follow, Predict, Coevolve"),
        ({"A": {"Follow": []}}, "A, Follow: expected a result object, found an empty list"),
        ({"A": {"Follow": {"score": 1.0}}}, "A, Follow: no actual_vector"),
        ({"A": {"Follow": follow(actual_vector="x")}}, "actual_vector is a text, expected a list of vectors"),
        ({"A": {"Follow": follow(actual_vector=[[1.0], [1.0, 2.0]])}}, "vectors of one length, found lengths [1, 2]"),
        ({"A": {"Follow": follow(examinee_vector=[[1.0, True]])}}, "examinee_vector[0][1] is true or false"),
        ({"A": {"Follow": follow(examinee_vector=[[1.0]])}}, "19 numbers a vector and examinee_vector 1"),
        ({"A": {"Follow": follow(examinee_vector=vectors(9))}}, "9 vectors in examinee_vector but only 8"),
        ({"A": {"Follow": follow(examinee_vector=[None])}}, "vectors of one length, found lengths none"),
        ({"A": {"Follow": {"supplementary_data": 3}}}, "supplementary_data is a number, expected an object"),
    ],
)
def test_wrong_files_are_refused_in_one_line(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_upstream(written(tmp_path, content))
    assert message in str(error.value) and "result.json" in str(error.value) and "\n" not in str(error.value)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(follow())), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=50)
@given(anything, st.sampled_from(["Follow", "Predict", "Coevolve"]))
def test_no_content_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, content: Any, challenge: str) -> None:
    """Whatever stands in a file: scores, or one line that says why not."""
    path = written(tmp_path_factory.getbasetemp(), {"A": {challenge: content}})
    try:
        for result in read_upstream(path):
            assert result.scores is None or np.isfinite(list(result.scores.values())).all()
    except UserError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "value", ["1e308", "-1e308", "1e200", "1e-308", "9" * 41, "9" * 400, "1e999", "Infinity", "-Infinity"]
)
@pytest.mark.parametrize("key", ["actual_vector", "examinee_vector"])
def test_numbers_whose_squares_leave_the_range_are_refused(value: str, key: str, tmp_path: Path) -> None:
    """Their cosine would be NaN or 0 without a word; numbers without bound do not even parse."""
    entry = follow(**{key: [*vectors(7), ["@"] * 19]})
    text = json.dumps({"A": {"Follow": entry}}).replace('"@"', value)
    with pytest.raises(UserError) as caught:
        read_upstream(written(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1


def test_a_claimed_score_of_many_digits_is_shown(tmp_path: Path) -> None:
    (result,) = read_upstream(written(tmp_path, {"A": {"Follow": follow(score=10**30)}}))
    assert result.submitted == 1e30


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    text = json.dumps({"A": {"Follow": follow()}})
    plain = read_upstream(written(tmp_path, text))
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_upstream(tmp_path / "marked.json") == plain
