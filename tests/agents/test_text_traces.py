"""Dialogues for imitation: what is written plays again with the same rewards, and none of it was read off the truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progressgym.agents.text_traces import COMPLETIONS, DIALOGUES, dialogues
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_file
from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.tasks import TaskSet

HISTORY = "synthetic:linear?coherence=0.9&amplitude=2"


def test_a_dataset_plays_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "traces"
    command = ["traces", "export", "--agent", "kalman-level", "--history", HISTORY, "--out", str(out)]
    command += ["--instrument", "people-core-v1", "--episodes", "3", "--questions", "6", "--split", "test", "--json"]
    assert dispatch(command) == 0
    told = json.loads(capsys.readouterr().out)
    found = [json.loads(line) for line in (out / DIALOGUES).read_text().splitlines()]
    assert len(found) == told["episodes"] == 3 and told["explained"] > 0.1
    for one in found:
        dialogue = Dialogue(one["task"])
        for prompt, completion, reward in zip(one["messages"][::2], one["messages"][1::2], one["rewards"], strict=True):
            assert prompt == {"role": "user", "content": dialogue.prompt} and completion["role"] == "assistant"
            dialogue.answer(completion["content"])
            assert dialogue.paid == reward and set(dialogue.outcomes) == {"probabilities"}
        assert dialogue.done and dialogue.reward == one["reward"]
    rows = [json.loads(line) for line in (out / COMPLETIONS).read_text().splitlines()]
    assert [row["completion"][0] for row in rows] == [m for one in found for m in one["messages"][1::2]]
    metadata = json.loads((out / "croissant.json").read_text())
    assert {file["name"]: file["sha256"] for file in metadata["distribution"]} == {
        name: sha256_file(out / name) for name in (COMPLETIONS, DIALOGUES)
    }
    card = (out / "README.md").read_text()
    assert f"`{HISTORY}`" in card and f"`{metadata['version']}`" in card
    assert {row["fingerprint"] for row in (*rows, *found)} == {metadata["version"]}
    assert dispatch(command) == 0  # again, over its own files
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    command[command.index(str(out))] = str(tmp_path / "mine")
    with pytest.raises(UserError, match="holds other things"):
        dispatch(command)


def test_trl_reads_the_completions(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    from trl.data_utils import is_conversational

    tasks = TaskSet(size=1, questions=2, instrument="people-core-v1")
    one = next(iter(dialogues("static", tasks)))
    row = {"prompt": one["messages"][:1], "completion": one["messages"][1:2]}
    assert is_conversational(datasets.Dataset.from_list([row])[0])


def test_a_simulated_human_hears_the_same_agent() -> None:
    """Coevolve: the human is moved by what was written, and the agent sees what it says then."""
    tasks = TaskSet(challenge="coevolve-v2", size=1, questions=3, instrument="people-core-v1")
    one = next(iter(dialogues("lifelong-map", tasks)))
    dialogue = Dialogue(one["task"])
    for prompt, completion in zip(one["messages"][::2], one["messages"][1::2], strict=True):
        assert prompt["content"] == dialogue.prompt
        dialogue.answer(completion["content"])
    assert dialogue.done and dialogue.reward == one["reward"]


def test_who_reads_the_truth_teaches_nothing() -> None:
    with pytest.raises(UserError, match="reads the truth"):
        next(iter(dialogues("oracle", TaskSet(size=1))))
    with pytest.raises(UserError, match="leave form"):
        next(iter(dialogues("static", TaskSet(size=1, form="letters"))))
