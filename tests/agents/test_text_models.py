"""A language model in text as an agent, and its training by GRPO: what it is asked, and that a killed run ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.agents import text_reader
from progressgym.agents.text_reader import TextReader
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.challenge import parse_challenge
from tests.forked import exit_code
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]


class Certain:
    """Says A of everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[np.ndarray]:
        self.prompts += prompts
        return [np.array([0.0, *[-60.0] * (len(letters) - 1)]) for letters in options]


@pytest.mark.parametrize(
    ("name", "target"), [("follow", "C014"), ("predict?horizon=2", "C016"), ("coevolve-v2", "C014")]
)
def test_a_model_is_asked_every_item_that_counts(name: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Certain()
    monkeypatch.setattr(text_reader, "_loaded", lambda spec: model)
    challenge = parse_challenge(name)
    env = challenge.make("histsmol-v1")
    observation, info = env.reset(seed=0)
    agent = TextReader(model="anything", preferences=1)
    agent.reset(env.task, seed=0)
    instrument, items = env.task.instrument, challenge.counted(env.task.instrument)
    action = agent.act(observation, info)
    answers, static = (to_answers(one, instrument.mask) for one in (action, to_action(env.task.initial_answers)))
    assert len(model.prompts) == len(items) and (answers[items, 0] > 0.999).all()
    others = np.setdiff1d(np.arange(len(instrument.items)), items)
    np.testing.assert_array_equal(answers[others], static[others])
    assert f"nswer as one person of {target} would" in model.prompts[0]
    assert instrument.items[items[0]].text in model.prompts[0]
    model.prompts.clear()
    agent.act(env.step(action)[0], {})
    seen = env.task.century_labels[1 if challenge.simulates_human else 2]
    assert f"to {seen} (so many in 100" in model.prompts[0]


def test_with_a_prior_a_model_without_preferences_answers_as_century_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that likes a letter e times as much moves the odds by e."""

    class Even(Certain):
        lean = 0.0

        def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[np.ndarray]:
            return [np.array([self.lean, *[0.0] * (len(letters) - 1)]) - 5.0 for letters in options]

    model = Even()
    monkeypatch.setattr(text_reader, "_loaded", lambda spec: model)
    challenge = parse_challenge("follow")
    env = challenge.make("gss-v1")
    observation, info = env.reset(seed=0)
    instrument, items = env.task.instrument, challenge.counted(env.task.instrument)
    first, mask = env.task.initial_answers[items], instrument.mask[items]

    def answers(prior: str) -> np.ndarray:
        agent = TextReader(model="anything", preferences=0, prior=prior)
        agent.reset(env.task, seed=0)
        return to_answers(agent.act(observation, info), instrument.mask)[items]

    np.testing.assert_allclose(answers("none"), mask / mask.sum(-1, keepdims=True), atol=1e-6)
    floored = np.where(mask, np.maximum(first, 0.01), 0.0)
    np.testing.assert_allclose(answers("first"), floored / floored.sum(-1, keepdims=True), atol=1e-6)
    model.lean = 1.0
    moved = floored * np.where(np.arange(mask.shape[1]) == 0, np.e, 1.0)
    np.testing.assert_allclose(answers("first"), moved / moved.sum(-1, keepdims=True), atol=1e-6)
    with pytest.raises(UserError, match="unknown prior 'last'"):
        TextReader(prior="last")


def test_the_distance_to_the_people_is_estimated_from_the_draws() -> None:
    from progressgym.agents.text_methods import paid

    logged: dict[str, float] = {}
    given: dict[str, Any] = {"row": ["r"] * 3, "options": [[["x", "y"]]] * 3, "human": [[[0.5, 0.5]]] * 3}
    given["first"] = [[[0.2, 0.8]]] * 3
    assert paid([" A", " A", " B"], **given, log_metric=logged.__setitem__) == [0.0, 0.0, 1.0]
    assert logged["static"] == pytest.approx(2 * 0.3**2)
    assert logged["distance"] == pytest.approx(0.5 - (1.0 - (0.5 + 0.5 + 0.0) / 3))
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        letters = [f" {'AB'[n]}" for n in (rng.random(8) < 0.3).astype(int)]
        columns: dict[str, Any] = {"row": ["r"] * 8, "options": [[["x", "y"]]] * 8, "human": [[[0.2, 0.8]]] * 8}
        paid(letters, **columns, first=columns["human"], log_metric=logged.__setitem__)
        drawn.append(logged["distance"])
    assert np.mean(drawn) == pytest.approx(2 * 0.5**2, abs=0.05)


def test_bad_settings_are_named() -> None:
    from progressgym.agents.text_grpo import GrpoRecipe

    for arguments, message in (
        ({"group": 1}, "use 2 or more"),
        ({"steps": 0}, "steps is 0"),
        ({"tuning": "half"}, "unknown tuning 'half'"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
    ):
        with pytest.raises(UserError, match=message):
            GrpoRecipe(**arguments)
    with pytest.raises(UserError, match="play whole episodes"):
        next(GrpoRecipe(challenge="coevolve-v2").tasks.rows())


def test_synthetic_histories_are_evaluated_in_the_questionnaire_of_the_run(tmp_path: Path) -> None:
    from progressgym.cli.train_grpo import Options, _plan
    from progressgym.histories import History

    options = Options(instrument="people-core-v1", evaluate="gss-v1,synthetic:linear?centuries=4")
    for _ in range(2):  # a run that goes on finds them there
        plan = _plan(options, tmp_path)
    (folder,) = (tmp_path / "histories").iterdir()
    history = History.load(folder)
    assert history.instrument.name == "people-core-v1" and len(history.answers) == 4
    assert history.card["synthetic"].endswith("seed=200000000")
    assert [group.history.id.partition("@")[0] for group in plan.groups] == ["gss-v1", folder.name]


def test_a_training_that_collapsed_is_ended() -> None:
    """Where all of every group agree for long, the gradient is 0 and stays so; not where people agree themselves."""
    from progressgym.agents.text_grpo import ALIKE, Alike

    alike = Alike()
    for step in range(3 * ALIKE):
        alike.check({"step": step, "frac_reward_zero_std": 1.0 if step % ALIKE else 0.5, "distance": 1.0})
    alike = Alike()
    for step in range(3 * ALIKE):
        alike.check({"step": step, "frac_reward_zero_std": 1.0, "distance": 0.001})
    alike = Alike()
    with pytest.raises(UserError, match=r"one letter.*\(step 9\); use another --out with a lower --learning-rate"):
        for step in range(ALIKE):
            alike.check({"step": step, "frac_reward_zero_std": 1.0, "distance": 0.3 * (step % 2)})


def save_letters(folder: Path) -> Path:
    """A tiny model to which " A" is one token."""
    save_tiny_llama(folder)
    path = folder / "tokenizer.json"
    tokenizer: dict[str, Any] = json.loads(path.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    for index, letter in enumerate("ABCD"):
        vocabulary["Ġ" + letter] = vocabulary.pop("ĀāĂă"[index])  # control signs, which no prompt holds
        tokenizer["model"]["merges"].append(["Ġ", letter])
    path.write_text(json.dumps(tokenizer))
    return folder


def command(base: Path, out: Path, method: str = "grpo") -> list[str]:
    options = {
        "--method": method,
        "--model": base,
        "--out": out,
        "--steps": 4,
        "--group": 8,
        "--preferences": 0,
        "--learning-rate": 1e-2,
        "--instrument": "people-core-v1",
        "--evaluate": "none",
        "--tuning": "full",
        "--checkpoint-steps": 2,
    }
    return ["train", "grpo", *(str(part) for pair in options.items() for part in pair)]


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["grpo", "dpo", "sft"])
def test_a_killed_run_ends_with_the_numbers_of_one_that_was_not(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl", reason="trl is not installed")
    base = save_letters(tmp_path / "base")
    assert dispatch([*command(base, tmp_path / "whole", method), "--quiet"]) == 0
    from progressgym.agents.text_grpo import GrpoRecipe, train

    def die(logged: dict[str, float]) -> None:
        if logged["step"] == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    recipe = GrpoRecipe(**json.loads((tmp_path / "whole" / "training" / "recipe.json").read_text()))
    assert exit_code(lambda: train(recipe, tmp_path / "killed", die)) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model").exists()
    assert dispatch([*command(base, tmp_path / "killed", method), "--quiet"]) == 0
    done = [json.loads((tmp_path / name / "model" / "DONE.json").read_text()) for name in ("whole", "killed")]
    curve = done[0]["reward" if method == "grpo" else "loss"]
    assert done[0] == done[1] and done[0]["steps"] == 4 and len(set(curve)) > 1
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]
    card = (tmp_path / "whole" / "model" / "README.md").read_text()
    assert card.startswith("---\nbase_model: ") and '"steps": 4' in card
    training = tmp_path / "killed" / "training"
    (origin,) = json.loads((training / "fingerprints.json").read_text())
    assert (
        origin["recipe"]["seed"] == 0 and origin["packages"]["trl"] and list(origin["weights"]) == ["model.safetensors"]
    )
    assert (
        json.loads((training / "log.json").read_text())["fingerprints"] == [origin["sha256"]] == done[1]["fingerprints"]
    )
    assert origin["sha256"] in card
    assert any(origin["sha256"].encode() in path.read_bytes() for path in training.rglob("*tfevents*"))
    capsys.readouterr()
    with pytest.raises(UserError, match="another recipe"):
        dispatch([*command(base, tmp_path / "whole", method), "--seed", "1"])


@pytest.mark.heavy
@pytest.mark.parametrize("tracker", ["trackio", "wandb"])
def test_trackers_are_told_offline(tracker: str, tmp_path: Path) -> None:
    """By the trainer's own hook, in a process of its own; the run's name holds its fingerprint."""
    for name in ("trl", tracker):
        pytest.importorskip(name, reason=f"{name} is not installed")
    base, out = save_letters(tmp_path / "base"), tmp_path / "run"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "TRACKIO"))}
    subprocess.run(
        [sys.executable, "-m", "progressgym.cli.main", *command(base, out), "--steps", "2", "--tracker", tracker],
        env={**environment, "TRACKIO_DIR": str(tmp_path / "trackio")},
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (origin,) = json.loads((out / "training" / "fingerprints.json").read_text())
    place = {"wandb": out / "training" / "wandb", "trackio": tmp_path / "trackio"}[tracker]
    files = [path for path in place.rglob("*") if path.is_file()]
    assert any(origin["sha256"][:12].encode() in path.read_bytes() for path in files)
    assert tracker == "trackio" or list(place.glob("offline-run-*"))
