"""Exports are what the other tools read: the hub's own parser, the lm-evaluation-harness's own table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.leaderboard.exports import find_row, to_eval_results, to_lm_eval
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import Standings, shipped_standings
from progressgym.leaderboard.store import Store
from tests.leaderboard.serving import fill


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Standings:
    store = Store.open(tmp_path_factory.mktemp("exports") / "board")
    fill(store, 2, 1)
    made = make_standings(store)
    store.close()
    return made


def test_the_hub_reads_what_we_write() -> None:
    standings = shipped_standings()
    row = find_row(standings, "lifelong-map")
    text = to_eval_results(row, "owner/board", source="https://example.org/entries/1")
    data = yaml.safe_load(text)
    entries = parse_eval_result_entries(data)
    assert all(isinstance(entry, EvalResultEntry) for entry in entries) and eval_result_entries_to_yaml(entries) == data
    scores = [(group.private or group.public) for group in row.groups]
    numbers = [score.ranked.mid for score in scores if score is not None and score.ranked is not None]
    assert [entry.value for entry in entries] == pytest.approx(numbers, abs=1e-6)
    assert len({entry.task_id for entry in entries}) == len(entries)
    assert all(row.id in str(entry.notes) for entry in entries)
    for entry, group in zip(entries, row.groups, strict=True):
        assert ("not ranked" in str(entry.notes)) == (group.private is None)


def test_private_skill_goes_before_public(ranked: Standings) -> None:
    row = next(row for row in ranked.rows if not row.open)
    entries = parse_eval_result_entries(yaml.safe_load(to_eval_results(row, "owner/board")))
    first = row.groups[0].private
    assert first is not None and first.ranked is not None and "drift explained on the" in str(entries[0].notes)
    assert entries[0].value == pytest.approx(first.ranked.mid, abs=1e-6) and "private grid" in str(entries[0].notes)
    assert "not ranked" not in str(entries[0].notes)


def test_the_harness_s_form(ranked: Standings) -> None:
    row = next(row for row in ranked.rows if not row.open)
    record = json.loads(to_lm_eval(ranked, row))
    tasks = set(record["results"])
    for key in ("versions", "n-shot", "higher_is_better", "n-samples", "configs", "group_subtasks", "task_hashes"):
        assert set(record[key]) == tasks, key
    one = record["results"]["follow-gss-v1"]
    assert {"name", "alias", "sample_len", "skill,private", "explained,private", "explained,public"} <= set(one)
    assert one["explained_stderr,private"] == pytest.approx(0.2 / (2 * 1.959964)), "its interval is +- 0.1"
    assert record["progressgym"] == {"id": row.id, "digest": row.digest, "status": "reproduced", "ranked": True}


def test_the_harness_prints_its_table(ranked: Standings) -> None:
    utils = pytest.importorskip("lm_eval.utils", reason="the lm-evaluation-harness is not installed")
    table = utils.make_table(json.loads(to_lm_eval(ranked, ranked.rows[0])))
    assert "follow-gss-v1" in table and "private" in table and "±" in table


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / ".eval_results" / "board.yaml"
    options = ["leaderboard", "export", "kalman", "--format", "hf", "--dataset", "owner/board"]
    assert dispatch([*options, "--out", str(out)]) == 0 and dispatch(options) == 0
    assert capsys.readouterr().out == out.read_text()
    assert dispatch(["leaderboard", "export", "kalman", "--format", "lm-eval"]) == 0
    assert json.loads(capsys.readouterr().out)["model_name"] == "kalman"
    for wrong, told in (
        (["nobody", "--format", "lm-eval"], "there is no entry"),
        (["kalman", "--format", "hf", "--dataset", "x"], "owner/name"),
        (["kalman", "--format", "hf", "--dataset", "a/b", "--source", "javascript:x"], "no address"),
    ):
        with pytest.raises(UserError, match=told):
            dispatch(["leaderboard", "export", *wrong])
