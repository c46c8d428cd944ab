"""Helpers of the vector tests: Gymnasium's own loop over single environments is what vector environments must repeat."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

import progressgym  # noqa: F401  (registers the environments)

VECTOR_IDS = [
    name for name, spec in gym.registry.items() if str(spec.vector_entry_point).startswith("progressgym.envs.vector")
]
DISTINCT = list({gym.spec(name).entry_point: name for name in reversed(VECTOR_IDS)}.values())[::-1]
"""The first id of every class; the others differ from it in nothing but defaults."""
MODES = ("next_step", "same_step", "disabled")
EXACT = {"atol": 1e-9, "rtol": 1e-9}
"""float64: rewards and scores differ by rounding alone; matrix products of many rows add up in another order."""
OBSERVED = {"atol": 1.2e-7, "rtol": 1.2e-7}
"""Observations are float32: rounding before the cast may move the last place."""
COARSE = {"atol": 1e-4, "rtol": 1e-4}
"""float32."""


def native(name: str, num_envs: int, mode: str, **arguments: Any) -> Any:
    """The vector environment under test."""
    return gym.make_vec(
        name, num_envs=num_envs, vectorization_mode="vector_entry_point", autoreset_mode=mode, **arguments
    )


def looped(name: str, num_envs: int, mode: str, **arguments: Any) -> Any:
    """Gymnasium's loop over single environments."""
    vector = {"autoreset_mode": AutoresetMode[mode.upper()]}
    return gym.make_vec(name, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=vector, **arguments)


def taken(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Those of these arguments that an environment has: PredictStream has no choice of rewards."""
    module, _, entry = str(gym.spec(name).entry_point).partition(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), entry)).parameters
    return {key: value for key, value in arguments.items() if key in parameters}


def alike(envs: Any) -> Any:
    """Random actions, the same in every row, so that episodes end together."""
    actions = envs.action_space.sample()
    return np.repeat(actions[:1], len(actions), 0)


def plain(value: Any) -> Any:
    """Tensors as arrays, lists in object arrays as rows, so that both sides compare."""
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [plain(part) if part is None or isinstance(part, dict) else np.asarray(part) for part in value]
    return value


def assert_close(a: Any, b: Any, tolerance: dict[str, float], where: str = "") -> None:
    """Equal structures with numbers within the tolerance; where a mask says that nothing is there, nothing counts."""
    a, b = plain(a), plain(b)
    if isinstance(a, dict) and isinstance(b, list):  # observations that one side gives as arrays, the other row by row
        for row, expected in enumerate(b):
            if expected is not None:
                assert_close({key: value[row] for key, value in a.items()}, expected, tolerance, f"{where}/{row}")
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if f"_{key}" in a and not isinstance(a[key], dict):
                has = np.asarray(a[f"_{key}"])
                for i in np.flatnonzero(has):
                    assert_close(a[key][i], b[key][i], tolerance, f"{where}/{key}/{i}")
            else:
                assert_close(a[key], b[key], tolerance, f"{where}/{key}")
    elif isinstance(a, tuple):
        for n, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_close(x, y, tolerance, f"{where}[{n}]")
    elif np.asarray(a).dtype == np.bool_ or np.asarray(b).dtype.kind in "iu":
        np.testing.assert_array_equal(a, b, err_msg=where)
    else:
        last_place = np.asarray(b).dtype == np.float32 and tolerance is EXACT
        allowed = OBSERVED if last_place else tolerance
        np.testing.assert_allclose(a, b, err_msg=where, atol=allowed["atol"], rtol=allowed["rtol"])


def assert_same_story(
    name: str, mode: str, steps: int, tolerance: dict[str, float] = EXACT, *, rows: int = 3, **arguments: Any
) -> None:
    """Both sides, the same seeds and random actions, through several episodes, with rows that go out of step."""
    backend = {key: arguments.pop(key) for key in ("array_backend", "dtype", "device") if key in arguments}
    ours, theirs = native(name, rows, mode, **arguments, **backend), looped(name, rows, mode, **arguments)
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.action_space == theirs.action_space and ours.observation_space == theirs.observation_space
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is AutoresetMode[mode.upper()]
    a, b = ours.reset(seed=11), theirs.reset(seed=11)
    assert_close(a, b, tolerance, "reset")
    theirs.action_space.seed(5)
    some = np.arange(rows) % 2 == 0
    for n in range(steps):
        actions = theirs.action_space.sample()
        given = torch.tensor(actions) if backend.get("array_backend") == "torch" else actions
        a, b = ours.step(given), theirs.step(actions)
        assert_close(a, b, tolerance, f"step {n}")
        if n == 2:  # the others go on, so from here on episodes end at different steps
            a, b = ours.reset(options={"reset_mask": some}), theirs.reset(options={"reset_mask": some.copy()})
            assert_close(a[0], b[0], tolerance, "masked reset")
        elif mode == "disabled" and np.any(b[2]):
            a, b = (env.reset(options={"reset_mask": b[2].copy()}) for env in (ours, theirs))
            assert_close(a[0], b[0], tolerance, "reset of what is over")
