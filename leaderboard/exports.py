"""An entry's results in the formats of other tools.

* Hugging Face: the list that belongs into `.eval_results/*.yaml` of a model's repository, one item a challenge and
  history. Source: `huggingface_hub._eval_results`, https://huggingface.co/docs/hub/eval-results.
* lm-evaluation-harness: a results JSON (`lm_eval.result_schema.EvalResults`) with the filters `private` and `public`.

Both say in every item how far it has been verified: an open row stays open, wherever it is shown.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from progressgym.core.errors import UserError
from progressgym.core.ids import safe_name
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.standings_data import GroupRow, Row, Standings

NORMAL = 1.959964
"""Half of a 95 % interval in standard errors."""
_DATASET = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def find_row(standings: Standings, named: str) -> Row:
    """The row whose id begins so, or whose agent is called so.

    Raises:
        UserError: none or several.
    """
    rows = [row for row in standings.rows if row.digest.startswith(named) and len(named) >= 8]
    rows = rows or [row for row in standings.rows if named in (row.agent, f"{row.agent} {row.version}")]
    if len(rows) != 1:
        several = f"several entries are called {named!r}; give the id: {', '.join(row.id for row in rows)}"
        raise UserError(several if rows else f"there is no entry {named!r}; progressgym leaderboard show lists them")
    return rows[0]


def task_id(group: GroupRow) -> str:
    """A challenge and history as one word, such as `follow-histsmol-v1`."""
    return f"{group.challenge}-{safe_name(group.history)}"


def to_eval_results(row: Row, dataset: str, *, source: str | None = None) -> str:
    """YAML for `.eval_results/`.

    Args:
        row: which entry.
        dataset: id of the benchmark's dataset on the hub, `owner/name`.
        source: address of the entry's page.

    Raises:
        UserError: not such an id or address, or nothing was scored.
    """
    if not _DATASET.fullmatch(dataset):
        raise UserError(f"{dataset!r} is no dataset of the hub; give owner/name")
    if source is not None and not re.fullmatch(r"https?://[^\s'\"<>]{1,300}", source):
        raise UserError(f"{source!r} is no address; give https://...")
    items = []
    for group, side, score in _scored(row):
        item: dict[str, Any] = {
            "dataset": {"id": dataset, "task_id": task_id(group)},
            "value": round(_mid(score), 6),
            "date": row.received,
        }
        if source is not None:
            item["source"] = {"url": source, "name": "progressgym leaderboard"}
        item["notes"] = _note(row, side, score)
        items.append(item)
    if not items:
        raise UserError(f"{row.agent} {row.version} has no skill that is identified, so there is nothing to export")
    return str(yaml.safe_dump(items, sort_keys=False, allow_unicode=True, width=1000))


def to_lm_eval(standings: Standings, row: Row) -> str:
    """Results JSON of the lm-evaluation-harness."""
    tasks = {task_id(group): group for group in row.groups if group.public is not None or group.private is not None}
    results = {name: _metrics(name, group) for name, group in tasks.items()}
    record = {
        "results": results,
        "group_subtasks": {name: [] for name in tasks},
        "configs": {
            name: {"task": name, "dataset_name": group.history, "output_type": "multiple_choice"}
            for name, group in tasks.items()
        },
        "versions": {name: standings.board for name in tasks},
        "n-shot": {name: 0 for name in tasks},
        "higher_is_better": {name: {"skill": True, "utility": True, "follow_sum": True} for name in tasks},
        "n-samples": {name: {"original": _seeds(group), "effective": _seeds(group)} for name, group in tasks.items()},
        "config": {"model": row.agent, "model_args": f"version={row.version}", "model_revision": row.code_commit},
        "git_hash": row.code_commit,
        "date": datetime.datetime.fromisoformat(row.received).timestamp(),
        "model_source": "progressgym",
        "model_name": row.agent,
        "model_name_sanitized": safe_name(row.agent),
        "task_hashes": {name: standings.board_sha256 for name in tasks},
        "progressgym": {"id": row.id, "digest": row.digest, "status": row.status, "ranked": not row.open},
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _metrics(name: str, group: GroupRow) -> dict[str, Any]:
    metrics: dict[str, Any] = {"name": name, "alias": name, "sample_len": _seeds(group)}
    for side, score in (("private", group.private), ("public", group.public)):
        if score is None:
            continue
        if score.skill is not None:
            metrics[f"skill,{side}"] = score.skill.mid
            metrics[f"skill_stderr,{side}"] = (score.skill.high - score.skill.low) / (2 * NORMAL)
        metrics[f"utility,{side}"] = score.utility.mid
        metrics[f"utility_stderr,{side}"] = (score.utility.high - score.utility.low) / (2 * NORMAL)
        metrics |= {f"{key},{side}": value for key, value in {**score.published, **score.lock_in}.items()}
    return metrics


def _scored(row: Row) -> Iterator[tuple[GroupRow, str, GroupScore]]:
    """Groups with a skill: the private one where there is one."""
    for group in row.groups:
        for side, score in (("private", group.private), ("public", group.public)):
            if score is not None and score.skill is not None:
                yield group, side, score
                break


def _note(row: Row, side: str, score: GroupScore) -> str:
    assert score.skill is not None
    sentence = f"skill on the {side} grid, 95 % interval {score.skill.low:.3f} to {score.skill.high:.3f}, {row.status}"
    unranked = ", open: not ranked" if row.open else ", not ranked" if side == "public" else ""
    return f"{sentence}{unranked}, entry {row.id}"


def _mid(score: GroupScore) -> float:
    assert score.skill is not None
    return score.skill.mid


def _seeds(group: GroupRow) -> int:
    score = group.private or group.public
    return 0 if score is None else score.seeds
