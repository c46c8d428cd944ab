"""A task and its observations as frames, for an agent that runs in another process: what it may know and no more.

Legend of shapes: B episodes of a batch, N items, K options, Q comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.frames import Frame
from progressgym.envs.task import Task
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.storage import from_record, to_record
from progressgym.preferences.comparisons import Comparisons

INSTRUMENT, RESET, ACT, READY, ACTIONS, FAILED = "instrument", "reset", "act", "ready", "actions", "failed"
"""Kinds of frames: the first three go to the agent, the others come from it."""
_SHARED = ("challenge", "steps", "horizon", "rng_scheme", "reading")


def instrument_frame(instrument: Questionnaire) -> Frame:
    """What will be asked."""
    return Frame(kind=INSTRUMENT, fields=to_record(instrument))


def read_instrument(frame: Frame) -> Questionnaire:
    """The instrument of a frame."""
    return from_record(dict(frame.fields))


def reset_frame(tasks: Sequence[Task], seeds: Sequence[int], agent: str) -> Frame:
    """The tasks of a batch.

    Language models of a history stay with whoever sends this: `first_model` does not travel.

    Args:
        tasks: B tasks of one challenge and instrument.
        seeds: B seeds of the agent's own randomness.
        agent: its id.
    """
    first = tasks[0]
    shared = {name: getattr(first, name) for name in _SHARED}
    assert all({name: getattr(task, name) for name in _SHARED} == shared for task in tasks)
    return Frame(
        kind=RESET,
        fields={
            "agent": agent,
            "seeds": list(seeds),
            "century_labels": list(first.century_labels),
            "parameters": dict(first.parameters),
            **shared,
        },
        arrays={
            "initial_answers": np.stack([task.initial_answers for task in tasks]),
            "pairs": np.stack([task.initial_preferences.pairs for task in tasks]),
            "labels": np.stack([task.initial_preferences.labels for task in tasks]),
        },
    )


def read_tasks(frame: Frame, instrument: Questionnaire) -> list[Task]:
    """The tasks of a frame."""
    fields, arrays = frame.fields, frame.arrays
    return [
        Task(
            instrument=instrument,
            century_labels=tuple(fields["century_labels"]),
            parameters=dict(fields["parameters"]),
            initial_answers=arrays["initial_answers"][row],
            initial_preferences=Comparisons(pairs=arrays["pairs"][row], labels=arrays["labels"][row]),
            **{name: fields[name] for name in _SHARED},
        )
        for row in range(len(fields["seeds"]))
    ]


def act_frame(observations: Sequence[Mapping[str, Any]]) -> Frame:
    """The observations of a batch."""
    return Frame(
        kind=ACT, arrays={name: np.stack([o[name] for o in observations]) for name in ("century", "pairs", "labels")}
    )


def read_observations(frame: Frame) -> dict[str, NDArray[Any]]:
    """The observations of a frame, as arrays that an agent may write to: `century` (B,), `pairs` (B, Q, 3), `labels`."""
    return {name: array.copy() for name, array in frame.arrays.items()}


def actions_frame(actions: NDArray[np.float32]) -> Frame:
    """Actions (B, N, K)."""
    return Frame(kind=ACTIONS, arrays={"actions": actions})


def read_actions(frame: Frame, shape: tuple[int, int, int], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Actions of a frame that came from a stranger.

    Args:
        frame: what came.
        shape: (B, N, K) that it must have.
        mask: (N, K), True on real options.

    Raises:
        UserError: not such actions, or NaN on a real option.
    """
    if frame.kind != ACTIONS or frame.fields or list(frame.arrays) != ["actions"]:
        raise UserError(f"expected actions and nothing else, got a frame of kind {frame.kind[:20]!a}")
    actions = frame.arrays["actions"]
    if actions.dtype != np.dtype("<f4") or actions.shape != shape:
        raise UserError(f"the actions are {actions.dtype} of shape {actions.shape}, expected float32 of shape {shape}")
    if (np.isnan(actions) & mask).any():
        raise UserError("the actions hold NaN")
    return actions
