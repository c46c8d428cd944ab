"""The leaderboard's commands, end to end: a packaged entry is verified, submitted and shown; bad input is one line."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.standings_data import Standings
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import base_files, edited, make_files
from tests.leaderboard.test_escapes import sandboxed


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "nudged.zip"
    path.write_bytes(pack(base_files()))
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.zip"
    path.write_bytes(pack(edited(dict(base_files()), lambda record: record.update(licence=7))))
    return path


def test_submit_and_show(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "board")
    assert dispatch(["leaderboard", "submit", str(good), "--store", store, "--submitter", "ada"]) == 0
    assert "accepted: " in capsys.readouterr().out
    assert dispatch(["leaderboard", "show", "--store", store]) == 0
    shown = capsys.readouterr().out
    assert "nudged" in shown and "open" in shown and "recomputed" in shown
    assert dispatch(["leaderboard", "show", "--store", store, "--json"]) == 0
    standings = Standings.model_validate_json(capsys.readouterr().out)
    assert standings.rows[0].agent == "nudged" and standings.rows[0].place is None
    assert dispatch(["leaderboard", "show", "--store", store, "--csv", "--out", str(tmp_path / "s.csv")]) == 0
    assert "nudged" in (tmp_path / "s.csv").read_text()
    assert dispatch(["leaderboard", "enrol", "ada", "--store", store]) == 0
    assert len(capsys.readouterr().out.strip()) > 30
    withdraw = ["leaderboard", "withdraw", standings.rows[0].id, "--store", store, "--because", "a mistake"]
    with pytest.raises(UserError, match="belongs to ada"):
        dispatch([*withdraw, "--submitter", "bob"])
    assert dispatch(withdraw) == 0 and "withdrawn" in capsys.readouterr().out


def test_refusals_exit_with_1_and_reasons(bad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["leaderboard", "validate", str(bad), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["rung"] is None and told["problems"][0]["code"] == "schema"
    assert dispatch(["leaderboard", "submit", str(bad), "--store", str(tmp_path / "b"), "--submitter", "ada"]) == 1
    assert "submission.json#/licence" in capsys.readouterr().err


def test_shipped_standings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["leaderboard", "show"]) == 0
    shown = capsys.readouterr().out
    assert "board-v2" in shown and "extrapo" in shown and "public and private" in shown
    assert dispatch(["leaderboard", "show", "--board", "board-v1"]) == 0
    assert "board-v1, 9 entries" in capsys.readouterr().out


@pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())
def test_an_agent_that_nobody_knows_is_not_reproduced(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, key = str(tmp_path / "board"), str(tmp_path / "board.key")
    assert dispatch(["leaderboard", "submit", str(good), "--store", store, "--submitter", "ada"]) == 0
    assert dispatch(["leaderboard", "key", "new", key]) == 0
    assert dispatch(["leaderboard", "reproduce", "all", "--store", store, "--key-file", key]) == 1
    told = capsys.readouterr()
    assert "nudged 1: not reproduced, the public run failed: the agent failed: UserError: unknown agent" in told.out
    assert "12 groups" in told.err
    assert dispatch(["leaderboard", "show", "--store", store, "--json"]) == 0
    (row,) = Standings.model_validate_json(capsys.readouterr().out).rows
    assert row.open and row.reproduction is not None and "unknown agent" in row.reproduction.note


@pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())
def test_a_strangers_code_is_installed_and_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, key, code = tmp_path / "board", tmp_path / "board.key", tmp_path / "code"
    code.mkdir()
    (code / "theirs.py").write_text(
        "class Agent:\n"
        "    def reset(self, task, seed=None): pass\n"
        "    def act(self, observation, info): raise ArithmeticError('my own fault')\n",
        encoding="utf-8",
    )
    files = edited(dict(make_files(name="theirs:Agent")), lambda record: record["agent"].update(name="theirs"))
    (tmp_path / "theirs.zip").write_bytes(pack(files))
    path = str(tmp_path / "theirs.zip")
    assert dispatch(["leaderboard", "submit", path, "--store", str(store), "--submitter", "ada"]) == 0
    assert dispatch(["leaderboard", "key", "new", str(key)]) == 0
    reproduce = ["leaderboard", "reproduce", "all", "--store", str(store), "--key-file", str(key)]
    assert dispatch([*reproduce, "--code", str(code)]) == 1
    assert "theirs 1: not reproduced, the public run failed: the agent failed: ArithmeticError: my own fault" in (
        capsys.readouterr().out
    )
    with pytest.raises(UserError, match=r"there is no folder .* with the agent's code"):
        dispatch([*reproduce, "--code", str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match="NOT_SET is not set"):
        dispatch([*reproduce, "--code", str(code), "--install-env", "NOT_SET"])
    assert dispatch([*reproduce, "--code", str(code), "--attempts", "1"]) == 1
    assert "theirs 1: not attempted, ada has used 1 of 1 attempts" in capsys.readouterr().out


def _renamed(record: dict[str, Any], *, name: str) -> None:
    record["agent"]["name"] = name


@pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())
def test_a_batch_goes_on_after_each_member_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One whose code cannot be fetched, one whose evidence is gone, one that nobody knows: all are written down."""
    where, key = tmp_path / "board", str(tmp_path / "board.key")
    for name, agent in (("unreachable", "theirs:Agent"), ("lost", "nudged"), ("nobody", "nudged")):
        files = edited(dict(make_files(name=agent)), partial(_renamed, name=name))
        (tmp_path / f"{name}.zip").write_bytes(pack(files))
        path = str(tmp_path / f"{name}.zip")
        assert dispatch(["leaderboard", "submit", path, "--store", str(where), "--submitter", f"of-{name}"]) == 0
    store = Store.open(where)
    lost = next(entry for entry in store.entries() if entry.agent == "lost")
    store.evidence.path(lost.digest).unlink()
    assert dispatch(["leaderboard", "key", "new", key]) == 0
    assert dispatch(["leaderboard", "reproduce", "all", "--store", str(where), "--key-file", key]) == 1
    told = capsys.readouterr().out
    assert "unreachable 1: not reproduced, git failed while installing the agent" in told
    assert "lost 1: not attempted, the evidence of" in told
    assert "nobody 1: not reproduced, the public run failed: the agent failed: UserError: unknown agent" in told
    names = {entry.digest: entry.agent for entry in store.entries()}
    logged = [(one.action, names[str(one.digest)]) for one in store.log() if one.action not in ("accepted", "enrolled")]
    assert sorted(logged) == [
        ("attempted", "nobody"),
        ("attempted", "unreachable"),
        ("not-attempted", "lost"),
        ("not-reproduced", "nobody"),
        ("not-reproduced", "unreachable"),
    ]
    assert all(one.reasons for one in store.log() if one.action.startswith("not-"))
    assert store.count("of-unreachable", "attempted", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)) == 1
    store.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["reproduce", "all", "--store", "x", "--key-file", "nowhere.key"], "cannot read the key nowhere.key"),
        (["key", "show", "nowhere.key"], "cannot read the key nowhere.key"),
        (["private", "x", "--items", "y", "--store", "z", "--stands-for", "other"], "unknown history of board-v1"),
        (["validate", "nowhere.zip"], "there is no nowhere.zip"),
        (["show", "--json", "--csv"], "exclude each other"),
        (["show", "--store", "a", "--entries", "b"], "exclude each other"),
        (["show", "--entries", "nowhere"], "there is no folder"),
        (["package", "nowhere", "--agent", "a", "--out", "x", "--authors", "A", "--licence", "MIT"], "not a finished cell"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(given: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        dispatch(["leaderboard", *given])
    assert "\n" not in str(caught.value)


def test_validating_needs_no_database_and_no_torch() -> None:
    code = (
        "import sys, progressgym.cli.leaderboard, progressgym.leaderboard.verify, progressgym.leaderboard.packaging;"
        "print([m for m in ('sqlalchemy', 'alembic', 'cryptography', 'torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
