"""A language model on the board: entered with the digest of its weights and its prompt, and run again in the sandbox."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.agents import make
from progressgym.agents.text_reader import PLACE, PROMPT, _loaded, digest
from progressgym.core.errors import UserError
from progressgym.leaderboard.board import CellKey, load_board
from progressgym.leaderboard.channel import GuestLimits
from progressgym.leaderboard.installation import lay_out
from progressgym.leaderboard.packaging import About, _check_model
from progressgym.leaderboard.play import Performer
from progressgym.leaderboard.private import PrivateSplit, new_key
from progressgym.leaderboard.reproduce import check_agent, reproduce
from progressgym.leaderboard.submission import Submission
from tests.agents.test_text_models import save_letters
from tests.leaderboard.stores import verdict
from tests.leaderboard.test_escapes import sandboxed

torch.set_num_threads(1)
LIMITS = GuestLimits(start_seconds=300, step_seconds=300, run_seconds=900)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of a few thousand weights with a prompt of its own."""
    folder = save_letters(tmp_path / "weights")
    (folder / PROMPT).write_text("You are a careful reader.\n")
    monkeypatch.setenv(PLACE, str(folder))
    _loaded.cache_clear()
    return folder


def entered(agent: str, seeds: int = 1) -> Submission:
    """The agent's own answers on one challenge, one history and few seeds of the board."""
    board = load_board()
    small = replace(board, histories=board.histories[:1], challenges=board.challenges[:1], seeds=tuple(range(seeds)))
    actions = {}
    for key in small.cells:
        env, player, taken = small.make(key), make(agent), []
        observation, _ = env.reset(seed=key.seed)
        player.reset(env.task, key.seed)
        for _ in range(env.steps):
            taken.append(np.asarray(player.act(observation, {}), dtype=np.float32))
            observation = env.step(taken[-1])[0]
        actions[CellKey(*key.group, key.seed)] = np.stack(taken)
    told, _ = verdict(name="theirs")
    assert told.record is not None
    record = told.record.model_copy(update={"agent": told.record.agent.model_copy(update={"id": agent})})
    return Submission(record=record, digest="0" * 64, signer=None, board=small, actions=actions, files={})


@pytest.mark.heavy
@pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())
def test_a_model_and_its_prompt_are_reproduced_bit_for_bit_and_others_are_not(place: Path, tmp_path: Path) -> None:
    agent = f"reader?model=mine&preferences=0&weights={digest('mine')[:9]}"
    one = entered(agent)
    split = PrivateSplit(key=new_key(tmp_path / "board.key", "1"), board=one.board)
    done = reproduce(
        one, split, Performer(agent=agent, model=lay_out(place, tmp_path / "a"), limits=LIMITS), resamples=20
    )
    assert done.matches and done.note == "all 1 cells match bit for bit" and len(done.groups) == 1
    other = shutil.copytree(place, tmp_path / "other")
    (other / PROMPT).write_text("You are a careless reader.\n")
    done = reproduce(
        one, split, Performer(agent=agent, model=lay_out(other, tmp_path / "b"), limits=LIMITS), resamples=20
    )
    assert not done.matches and "and not x" in done.note and not done.groups


def test_a_prompt_comes_before_every_question_and_belongs_to_the_digest(place: Path) -> None:
    from tests.agents.test_text_models import Certain

    before = digest("mine")
    assert before.startswith("x") and len(before) == 65
    (place / PROMPT).unlink()
    assert digest("mine") != before
    with pytest.raises(UserError, match="and not x00000000"):
        run_one("reader?model=mine&weights=x00000000")
    (place / PROMPT).write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        digest("mine")
    (place / PROMPT).write_text("x" * 20_001)
    with pytest.raises(UserError, match="at most 20000"):
        digest("mine")
    (place / PROMPT).write_text(" Think. \n")
    model: Any = Certain()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("progressgym.agents.text_reader._loaded", lambda _: model)
        run_one("reader?model=mine")
    assert model.prompts and all(prompt.startswith("Think.\n\nWhat people prefer") for prompt in model.prompts)


def run_one(agent: str) -> None:
    env = load_board().make(load_board().cells[0])
    observation, _ = env.reset(seed=0)
    player = make(agent)
    player.reset(env.task, 0)
    player.act(observation, {})


@pytest.mark.parametrize("weights", ["x1234567", "12345678", "xABCDEF01", "1e5"])
def test_digests_that_are_none_are_named(weights: str) -> None:
    with pytest.raises(UserError, match=r"give x and 8 digits or more|weights"):
        make(f"reader?model=mine&weights={weights}")


def test_what_cannot_be_run_is_said_before_the_attempt(tmp_path: Path, place: Path) -> None:
    with_weights = "reader?model=mine&weights=x01234567"
    for agent, folder, message in (
        ("reader?model=mine", place, "does not say which weights"),
        (with_weights, None, r"give the folder of its weights \(--model\)"),
    ):
        told: Any = argparse.Namespace(record=verdict(name="theirs")[0].record, board=load_board())
        told.record = told.record.model_copy(update={"agent": told.record.agent.model_copy(update={"id": agent})})
        with pytest.raises(UserError, match=message):
            check_agent(told, Performer(agent=agent, model=folder))
    with pytest.raises(UserError, match="merge an adapter into its base"):
        lay_out(tmp_path, tmp_path / "out")
    for name in ("evil.py", "weights.bin"):
        (place / name).write_text("import os")
    (place / "merges.txt").symlink_to(place / PROMPT)  # as in the hub's cache
    laid = lay_out(place, tmp_path / "out")
    names = {path.name for path in laid.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", PROMPT, "merges.txt"} <= names
    assert not names & {"evil.py", "weights.bin"} and not any(path.is_symlink() for path in laid.iterdir())
    for about, message in (
        (About(agent="reader?model=mine"), "does not say which weights"),
        (About(agent=with_weights), "hub id or address"),
    ):
        with pytest.raises(UserError, match=message):
            _check_model(about)
    _check_model(About(agent=with_weights, base_model="org/name", base_revision="abc"))


def test_a_model_that_brings_code_runs_none(place: Path, tmp_path: Path) -> None:
    """Neither where it is laid out for the sandbox, nor where its submitter's folder is loaded as it is."""
    ran = tmp_path / "ran"
    config = json.loads((place / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    (place / "config.json").write_text(json.dumps(config))
    (place / "evil.py").write_text(f"open({str(ran)!r}, 'w').write('x')\nclass Config: pass\nclass Model: pass\n")
    with contextlib.suppress(UserError):
        digest("mine")
    laid = lay_out(place, tmp_path / "out")
    assert not ran.exists() and not list(laid.glob("*.py"))
