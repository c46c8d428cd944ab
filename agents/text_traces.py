"""Dialogues of an agent that computes, as a dataset from which language models learn by imitation.

The agent sees what it always sees; what it answers is written in whole percents, as the prompt asks, read and paid like any other
completion. A dataset is a folder:

    completions.jsonl   one completion a row: `prompt` and `completion` as messages, for TRL's SFT trainer
    dialogues.jsonl     one episode a row: `task`, `messages`, `rewards`, `reward`, as verifiers and its like keep rollouts
    README.md           the card
    croissant.json      metadata (Croissant 1.0) with the hashes of the files
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.agents.registry import check, make_for, spec_of
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_file, write_text
from progressgym.core.provenance import fingerprint
from progressgym.envs.actions import to_answers
from progressgym.envs.text.prompts import messages
from progressgym.envs.text.reading import in_hundred, longest
from progressgym.envs.text.tasks import TaskSet
from progressgym.instruments.forms import LETTERS

COMPLETIONS, DIALOGUES = "completions.jsonl", "dialogues.jsonl"


def dialogues(agent: str, tasks: TaskSet) -> Iterator[dict[str, Any]]:
    """Every episode of a task set as the agent plays it.

    Args:
        agent: a name or query string of a shipped or installed agent.
        tasks: asked for probabilities.

    Raises:
        UserError: no such agent, or one that reads the truth.
    """
    if spec_of(check(agent)).privileged:
        raise UserError(f"agent {agent!r} reads the truth: its answers cannot be learned from what a prompt tells")
    if tasks.form != "probabilities":
        raise UserError("an agent that computes states probabilities: leave form at 'probabilities'")
    env = tasks.env
    player = make_for(agent, env.horizon)
    for task in tasks:
        prompt, _ = env.reset(seed=task.seed)
        player.reset(env.task, task.seed)
        said, rewards, done = [], [], False
        while not done:
            answers = to_answers(player.act(env.numeric), env.task.instrument.mask)
            for _ in range(env.completions):
                completion = _percents(answers[env.asked], env.batch)
                said += [*messages(prompt), {"role": "assistant", "content": completion}]
                prompt, reward, done, _, info = env.step(completion)
                rewards.append(reward)
        yield {
            "task": task.record,
            "messages": said,
            "rewards": rewards,
            "reward": sum(rewards),
            "explained": info["scores"]["explained"],
        }


def export(agent: str, tasks: TaskSet, out: Path) -> dict[str, float]:
    """Write a dataset; returns the number of episodes, the mean reward and the mean drift explained on the items asked.

    Raises:
        UserError: as `dialogues`; a folder that holds other things.
    """
    if out.exists() and any(out.iterdir()) and not (out / DIALOGUES).exists():
        raise UserError(f"{out} holds other things; choose an empty folder")
    origin = fingerprint(agent=agent, tasks={**tasks.shared, "size": tasks.size})
    episodes = [{**one, "fingerprint": origin["sha256"]} for one in dialogues(agent, tasks)]
    rows = [
        {
            "prompt": [prompt],
            "completion": [completion],
            "task": one["task"],
            "reward": reward,
            "fingerprint": origin["sha256"],
        }
        for one in episodes
        for prompt, completion, reward in zip(one["messages"][::2], one["messages"][1::2], one["rewards"], strict=True)
    ]
    means = {
        "episodes": float(len(episodes)),
        "reward": float(np.mean([one["reward"] for one in episodes])),
        "explained": float(np.mean([one["explained"] for one in episodes])),
    }
    write_text(out / COMPLETIONS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_text(out / DIALOGUES, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in episodes))
    write_text(out / "croissant.json", json.dumps(_croissant(agent, out, origin["sha256"]), indent=2) + "\n")
    write_text(out / "README.md", _card(agent, tasks, means, origin))
    return means


def _percents(answers: np.ndarray[Any, Any], options: Any) -> str:
    """The completion that states these probabilities (B, K) in whole percents."""
    lines = []
    for number, (row, texts) in enumerate(zip(answers, options, strict=True), 1):
        shares = zip(LETTERS, in_hundred(row[: len(texts)]), strict=False)
        lines.append(f"{number}. " + " ".join(f"{letter} {share}" for letter, share in shares))
    text = "\n".join(lines)
    assert len(text) <= longest(len(lines))
    return text


def _croissant(agent: str, out: Path, version: str) -> dict[str, Any]:
    files = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "encodingFormat": "application/jsonlines",
            "sha256": sha256_file(out / name),
        }
        for name in (COMPLETIONS, DIALOGUES)
    ]
    return {
        "@context": {
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
        },
        "@type": "sc:Dataset",
        "name": "progressgym-traces",
        "description": f"Dialogues in which {agent} follows human values through the centuries.",
        "version": version,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "distribution": files,
    }


def _card(agent: str, tasks: TaskSet, means: dict[str, float], origin: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in origin["packages"].items())
    return f"""---
configs:
- config_name: completions
  data_files: {COMPLETIONS}
- config_name: dialogues
  data_files: {DIALOGUES}
tags: [progressgym, imitation, moral-progress]
---

# Dialogues of {agent}

{means["episodes"]:.0f} episodes of `{tasks.challenge}` on `{tasks.history}`, split `{tasks.split}`, written by
`progressgym traces export`. Mean reward of an episode {means["reward"]:+.4f}; mean drift explained on the items asked {means["explained"]:+.4f}
(0: answering as in the first century, 1: the truth). Answers are rounded to whole percents.

`{COMPLETIONS}`: `prompt` and `completion` as messages, `task`, `reward`. `{DIALOGUES}`: `task`, `messages`, `rewards`, `reward`, `explained`. Every row has the `fingerprint`
of code, packages, agent and task set, `{origin["sha256"]}`.
`task` is the record from which `progressgym.envs.text.tasks.TextTask.of` plays the same episode.

Task set: `{json.dumps(tasks.shared)}`, {tasks.size} episodes. Commit {origin["commit"] or "unknown"}; {versions}.
"""
