"""A task that has travelled is the same task, without what an agent may not know."""

from __future__ import annotations

import io

import gymnasium as gym
import numpy as np
import pytest

import progressgym  # noqa: F401  (registers the environments)
from progressgym.bench.guest import serve
from progressgym.core.errors import UserError
from progressgym.core.frames import PREFIX, Frame, decode_all, encode, lengths
from progressgym.envs import messages
from progressgym.envs.base import ProgressEnv


def environment(challenge: str, history: str) -> ProgressEnv:
    env: ProgressEnv = gym.make(challenge, history=history, disable_env_checker=True).unwrapped  # type: ignore[assignment]
    return env


@pytest.mark.parametrize("history", ["histsmol-v1", "synthetic:linear?coherence=0.5", "resampled:histsmol-v1?seed=2"])
@pytest.mark.parametrize("challenge", ["Follow", "Predict", "Coevolve"])
def test_a_task_travels_whole(challenge: str, history: str) -> None:
    env = environment(f"ProgressGym/{challenge}-v0", history)
    env.reset(seed=3)
    task = env.task
    (told,) = messages.instrument_frames([task, task])
    instrument = messages.read_instrument(decode_all(encode(told)))
    assert instrument == task.instrument and instrument.name == task.instrument.name
    assert instrument.loadings.tobytes() == task.instrument.loadings.tobytes()
    sent = decode_all(encode(messages.reset_frame([task, task], [3, 4], "static")))
    for back in messages.read_tasks(sent, [instrument]):
        assert back.initial_answers.tobytes() == task.initial_answers.tobytes()
        assert back.initial_preferences.pairs.tobytes() == task.initial_preferences.pairs.tobytes()
        assert back.initial_preferences.labels.tobytes() == task.initial_preferences.labels.tobytes()
        plain = ("challenge", "century_labels", "steps", "horizon", "parameters", "rng_scheme", "reading")
        assert all(getattr(back, name) == getattr(task, name) for name in plain)
        assert back.first_model is None, "models stay at home"
        assert not back.initial_answers.flags.writeable


def test_nothing_but_task_and_seed_is_sent() -> None:
    env = environment("ProgressGym/Follow-v0", "synthetic:linear?coherence=0.5&seed=7")
    observation, _ = env.reset(seed=3)
    sent = messages.reset_frame([env.task], [11], "static")
    assert set(sent.fields) == {
        *(
            "agent",
            "seeds",
            "instruments",
            "century_labels",
            "parameters",
            "challenge",
            "steps",
            "horizon",
            "rng_scheme",
            "reading",
        )
    }
    assert set(sent.arrays) == {"initial_answers", "pairs", "labels"}
    assert "synthetic" not in str(sent.fields) and env.history.hash not in str(sent.fields)
    assert set(messages.act_frame([observation]).arrays) == {"century", "pairs", "labels"}


def test_the_agents_side_gives_what_the_agent_gives_here() -> None:
    """The guest's loop without a sandbox: frames in, frames out, the same bits as a batch in this process."""
    from progressgym.agents import make

    envs = [environment("ProgressGym/Predict-v0", "synthetic:linear?coherence=0.5") for _ in range(2)]
    observations = [env.reset(seed=seed)[0] for seed, env in enumerate(envs)]
    tasks = [env.task for env in envs]
    requests = [*messages.instrument_frames(tasks), messages.reset_frame(tasks, [0, 1], "lifelong-map")]
    requests += [messages.act_frame(observations)]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(map(encode, requests))), answers)
    ready, acted = split(answers.getvalue())
    assert ready.kind == messages.READY
    shape, mask = (2, *tasks[0].action_shape), tasks[0].instrument.mask
    agent = make("lifelong-map")
    agent.reset(tasks, seed=[0, 1])
    batch = {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    assert messages.read_actions(acted, shape, mask).tobytes() == agent.act(batch, {}).tobytes()


def split(data: bytes) -> list[Frame]:
    frames = []
    while data:
        size = PREFIX.size + sum(lengths(data[: PREFIX.size], len(data), len(data)))
        frames.append(decode_all(data[:size]))
        data = data[size:]
    return frames


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (Frame(kind="ready"), "expected actions and nothing else"),
        (Frame(kind="actions"), "expected actions and nothing else"),
        (Frame(kind="actions", arrays={"actions": np.zeros((1, 2, 2))}), "are float64 of shape"),
        (Frame(kind="actions", arrays={"actions": np.zeros((2, 2), np.float32)}), "of shape"),
        (Frame(kind="actions", arrays={"actions": np.full((1, 2, 2), np.nan, np.float32)}), "hold NaN"),
        (Frame(kind="actions", fields={"x": 1}, arrays={"actions": np.zeros((1, 2, 2), np.float32)}), "nothing else"),
    ],
)
def test_answers_that_are_none(frame: Frame, told: str) -> None:
    with pytest.raises(UserError, match=told):
        messages.read_actions(frame, (1, 2, 2), np.array([[True, True], [True, False]]))


def test_padding_may_hold_anything() -> None:
    actions = np.zeros((1, 2, 2), np.float32)
    actions[0, 1, 1] = np.nan
    mask = np.array([[True, True], [True, False]])
    assert messages.read_actions(messages.actions_frame(actions), (1, 2, 2), mask).shape == (1, 2, 2)


def test_splits_travel_in_one_batch() -> None:
    """Two splits of a questionnaire with as many questions: each task keeps its own halves, sent once."""
    from progressgym.agents import make

    every = [environment("ProgressGym/Follow-v0", f"gss-v1?split={n}") for n in range(1, 10)]
    sizes = [env.config.chooser.queries for env in every]
    envs = [env for env, size in zip(every, sizes, strict=True) if size == max(sizes, key=sizes.count)][:2]
    observations = [env.reset(seed=seed)[0] for seed, env in enumerate(envs)]
    tasks = [env.task for env in envs]
    assert tasks[0].instrument != tasks[1].instrument and len(messages.instrument_frames([*tasks, *tasks])) == 2
    requests = [*messages.instrument_frames(tasks), messages.reset_frame(tasks, [0, 1], "kalman")]
    requests += [messages.act_frame(observations)]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(map(encode, requests))), answers)
    acted = split(answers.getvalue())[1]
    agent = make("kalman")
    agent.reset(tasks, seed=[0, 1])
    batch = {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    mask = tasks[0].instrument.mask
    assert messages.read_actions(acted, (2, *tasks[0].action_shape), mask).tobytes() == agent.act(batch, {}).tobytes()
