"""Inspect: `inspect eval progressgym/text -T history=gss-v1 -T size=5 --model ...`."""

from __future__ import annotations

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from progressgym.envs.text.dialogue import Dialogue, set_of, usual


@task  # type: ignore[untyped-decorator]  # ships no types that mypy is shown
def text(size: int = 10, split: str = "test", **arguments: Any) -> Task:
    """Episodes of a task set, paid drift explained, or debates where a `domain` is given; `arguments` are other fields."""
    tasks = set_of({"size": size, "split": split, **usual(arguments)})
    samples = [Sample(id=str(one.seed), input="begin", metadata={"task": one.record}) for one in tasks]
    return Task(dataset=MemoryDataset(samples), solver=play(), scorer=paid())


@solver  # type: ignore[untyped-decorator]
def play() -> Solver:
    """One generation a prompt; every prompt is a conversation of its own, as it tells all that is known."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        dialogue = Dialogue(state.metadata["task"])
        while not dialogue.done:
            state.messages = [ChatMessageUser(content=dialogue.prompt)]
            state = await generate(state)
            dialogue.answer(state.output.completion)
        state.metadata["reward"] = dialogue.reward
        return state

    return solve


@scorer(metrics=[mean(), stderr()])  # type: ignore[untyped-decorator]
def paid() -> Scorer:
    """Reward of the episode."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=state.metadata["reward"])

    return score
