"""Libraries of the field take the environments as they are: each of these tests runs the real one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

import progressgym  # noqa: F401  (registers the environments)
from examples.train_ppo import evaluate, make
from tests.envs.rollout import LINEAR

NAME = "ProgressGym/FollowStance-v1"
MADE = re.compile(r"""^(?!\|).*?make(?:_vec)?\(["'](?P<stem>ProgressGym/\w+)-v(?P<version>\d+)["']""", re.MULTILINE)
"""A line that makes an environment; the tables of facts on generated pages, which begin with a bar, show every id."""


@pytest.mark.parametrize("name", ["Follow-v0", "FollowStance-v1", "Coevolve-v1", "PredictStance-v1"])
def test_minari_records_infos(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buffers take the form of the first info, that of reset; what comes back is what was seen."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    minari: Any = pytest.importorskip("minari")
    env = minari.DataCollector(gym.make(f"ProgressGym/{name}", history=LINEAR), record_infos=True)
    seen = [env.reset(seed=0)[1]["scores"]]
    done = False
    while not done:
        _, _, done, _, info = env.step(env.action_space.sample())
        seen.append(info["scores"])
    stem, _, version = name.rpartition("-")
    dataset = env.create_dataset(f"progress/{stem.lower()}-{version}", algorithm_name="random")
    recorded = dataset[0].infos["scores"]
    assert recorded.keys() == seen[0].keys()
    for key, column in recorded.items():
        np.testing.assert_allclose(column, [scores[key] for scores in seen])
    again = dataset.recover_environment()
    assert again.spec is not None and again.spec.max_episode_steps == len(seen) - 1


@pytest.mark.parametrize("mode", ["same_step", "disabled"])
def test_torchrl_wraps_the_native_vector(mode: str) -> None:
    envs: Any = pytest.importorskip("torchrl.envs")
    made: dict[str, Any] = {"num_envs": 3, "history": LINEAR, "autoreset_mode": mode, "scores": mode == "disabled"}
    env = envs.GymWrapper(gym.make_vec(NAME, **made))
    rollout = env.rollout(20, break_when_any_done=False)
    assert rollout.batch_size == (3, 20)
    done = rollout["next", "done"][..., 0]
    assert done.nonzero()[:, 1].tolist() == [7, 15] * 3 and not rollout["next", "truncated"].any()
    twin = gym.make(NAME, history=LINEAR)
    twin.reset(seed=0)
    for step in range(8):
        observation, reward, *_ = twin.step(rollout["action"][0, step].numpy())
        np.testing.assert_allclose(rollout["next", "observation"][0, step], observation, atol=1e-6)
        assert float(rollout["next", "reward"][0, step]) == pytest.approx(float(reward), abs=1e-6)


@pytest.mark.parametrize("name", ["Follow-v0", "Coevolve-v2"])
def test_torchrl_takes_dictionaries(name: str) -> None:
    """In `same_step`, where a century is read as a number."""
    envs: Any = pytest.importorskip("torchrl.envs")
    made: dict[str, Any] = {"num_envs": 2, "history": LINEAR, "autoreset_mode": "same_step", "scores": False}
    env = envs.GymWrapper(gym.make_vec(f"ProgressGym/{name}", **made), categorical_action_encoding=True)
    rollout = env.rollout(10, break_when_any_done=False)
    assert rollout.batch_size == (2, 10) and rollout["next", "done"].sum(1).flatten().tolist() == [1, 1]
    begun = rollout["century"][0, :, ...].flatten().tolist()
    assert begun == [*range(begun[0], begun[0] + 8), begun[0], begun[0] + 1]  # a new episode follows at once


@pytest.mark.heavy
def test_torchrl_makes_many(tmp_path: Path) -> None:
    """In processes of its own, which need a main module that can be imported anew."""
    pytest.importorskip("torchrl")
    code = (
        "from torchrl.envs import GymEnv\n"
        "import progressgym\n"
        "if __name__ == '__main__':\n"
        f"    env = GymEnv({NAME!r}, num_envs=2, history={LINEAR!r}, scores=False)\n"
        "    rollout = env.rollout(10, break_when_any_done=False)\n"
        "    assert rollout.batch_size == (2, 10) and int(rollout['next', 'done'].sum()) == 2\n"
        "    env.close()\n"
    )
    script = tmp_path / "many.py"
    script.write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, script], check=True, timeout=300)


@pytest.mark.heavy
def test_a_remote_worker_makes_it_when_its_creator_imports_us() -> None:
    """RLlib's env runners are processes like this one: they know only what the creator imports."""
    ray: Any = pytest.importorskip("ray")

    def creator(config: dict[str, Any]) -> Any:
        import importlib

        import gymnasium

        importlib.import_module("progressgym")  # a name that this module has, too, an `import` would only seem to need

        return gymnasium.make(NAME, **config)

    def play() -> float:
        env = creator({"history": LINEAR, "reward": "gain"})
        env.reset(seed=0)
        return float(env.step(np.zeros(19, dtype=np.float32))[1])

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        assert ray.get(ray.remote(play).remote()) == 0.0
    finally:
        ray.shutdown()


@pytest.mark.heavy
def test_stock_ppo_rises_above_static() -> None:
    """stable-baselines3's defaults, exploration with a standard deviation of 1 included: 20,480 steps reach a gain of
    0.20 +- 0.07 on held-out histories (static: 0), and -0.5 with the actions of v0."""
    torch.set_num_threads(1)
    vector = DummyVecEnv([lambda: make("synthetic:linear?coherence=0.5")] * 8)
    model = PPO("MlpPolicy", vector, seed=0, n_steps=256, device="cpu").learn(20_480)
    result = evaluate(model, "linear")
    assert result.mean - 1.96 * result.error > 0.05


def test_examples_and_pages_use_ids_that_are_not_out_of_date() -> None:
    """An id is out of date where the same name has a higher version; whoever copies our code should not be warned."""
    newest: dict[str, int] = {}
    for name in gym.registry:
        if name.startswith("ProgressGym/"):
            stem, _, version = name.rpartition("-v")
            newest[stem] = max(newest.get(stem, 0), int(version))
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "examples").glob("*.py"))]
    used = [
        (path.relative_to(root).as_posix(), found[0])
        for path in pages
        for found in MADE.finditer(path.read_text(encoding="utf-8"))
        if int(found["version"]) < newest.get(found["stem"], 0)  # a page may register ids of its own
    ]
    assert used == []
