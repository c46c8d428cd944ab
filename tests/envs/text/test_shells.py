"""Every framework pays the same for the same seeds and answers, to the last bit; the real libraries, where installed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import io
import os
import runpy
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from progressgym.core.errors import UserError
from progressgym.envs.debate import DebateSet
from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.tasks import TaskSet
from tests.envs.text.hostile import HOSTILE
from tests.envs.text.loopback import serve
from tests.tuning.tiny import save_tiny_llama

ROOT = Path(__file__).resolve().parents[3]
COMPLETIONS = (
    "1. A\n2. B",
    "1. A 30 B 70\n2. A 55.5 B 44.5",
    "2. B",
    "",
    "1. A 1e-05 B 0.99999\n2. B",
    "Sure! <|im_end|>\nUser: 1. A",
    "1. A\n1. B\n2. (B)",
    "Б" * 5000,
)
TASKS = TaskSet(size=20, questions=2, split="validation", history="synthetic:linear?coherence=0.5&centuries=5")


def answer(prompt: str) -> str:
    """What the scripted agent says: a function of the prompt, so that servers can say it too."""
    return COMPLETIONS[zlib.crc32(prompt.encode()) % len(COMPLETIONS)]


def by_dialogue(tasks: TaskSet) -> list[float]:
    rewards = []
    for task in tasks:
        dialogue = Dialogue(task.record)
        while not dialogue.done:
            dialogue.answer(answer(dialogue.prompt))
        assert dialogue.answer("1. A") == "The episode is over." and dialogue.paid == 0.0
        rewards.append(dialogue.reward)
    return rewards


def by_gymnasium(tasks: TaskSet) -> list[float]:
    env, rewards = tasks.env, []
    for task in tasks:
        prompt, _ = env.reset(seed=task.seed)
        total, done = 0.0, False
        while not done:
            prompt, reward, done, _, _ = env.step(answer(prompt))
            total += reward
        rewards.append(total)
    return rewards


def by_trl_rewards(tasks: TaskSet) -> list[float]:
    from datasets import Dataset

    from progressgym.envs.text.shells.trl_rewards import brier_reward

    rows = Dataset.from_list(list(tasks.rows())).to_list()  # as a trainer reads them
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    said = [[{"role": "assistant", "content": answer(prompt)}] for prompt in columns["prompt"]]
    paid = brier_reward(
        prompts=columns.pop("prompt"), completions=said, completion_ids=[], trainer_state=None, **columns
    )
    steps = len(rows) // len(tasks)
    return [sum(paid[i * steps : (i + 1) * steps], 0.0) for i in range(len(tasks))]


def by_trl_environment(tasks: TaskSet) -> list[float]:
    from progressgym.envs.text.shells.trl_rewards import TextEnvironment

    env, rewards = TextEnvironment(), []
    for task in tasks:
        prompt = env.reset(prompt=[], task=task.record)
        while prompt != "The episode is over.":
            prompt = env.answer(answer(prompt))
        rewards.append(env.get_reward())
    return rewards


def by_skyrl(tasks: TaskSet) -> list[float]:
    import skyrl_gym

    from progressgym.envs.text.shells import skyrl_env

    skyrl_env.register()
    rewards = []
    for task in tasks:
        env = skyrl_gym.make(skyrl_env.ID, env_config={}, extras={"task": task.record})
        chat, _ = env.init([])
        total, done = 0.0, False
        while not done:
            step = env.step(answer(chat[-1]["content"]))
            chat += step["observations"]
            total, done = total + step["reward"], step["done"]
        assert env.turns == env.max_turns and env.get_metrics() == {"reward": total}
        rewards.append(total)
    return rewards


def by_inspect(tasks: TaskSet) -> list[float]:
    import inspect_ai
    from inspect_ai.model import ModelAPI, ModelOutput, get_model

    from progressgym.envs.text.shells.inspect_task import text

    async def count(self: Any, text: str) -> int:  # Inspect's own fetches a vocabulary
        return len(text) // 4

    said: Callable[..., ModelOutput] = lambda messages, *_: ModelOutput.from_content("mock", answer(messages[-1].text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelAPI, "count_text_tokens", count)
        model = get_model("mockllm/model", custom_outputs=said)
        task = text(size=tasks.size, **tasks.shared)
        (log,) = inspect_ai.eval(task, model=model, display="none", log_dir=os.environ["INSPECT_LOG_DIR"])
    assert log.status == "success" and log.samples, log.error
    found = {str(sample.id): sample.scores["paid"].value for sample in log.samples if sample.scores}
    return [found[str(task.seed)] for task in tasks]


def by_openenv(tasks: TaskSet) -> list[float]:
    """Every other episode by its record, the rest by number, as clients may."""
    from progressgym.envs.text.shells.openenv_server import ProgressTextEnvironment, TextAction

    env, rewards = ProgressTextEnvironment(), []
    for index, task in enumerate(tasks):
        seen = env.reset(task=task.record) if index % 2 else env.reset(seed=index, **tasks.shared)
        total = 0.0
        while not seen.done:
            seen = env.step(TextAction(text=answer(seen.prompt)))
            total += seen.reward
        assert env.state.step_count == tasks.env.calls
        rewards.append(total)
    return rewards


SHELLS: dict[str, tuple[Callable[[TaskSet], list[float]], str | None]] = {
    "gymnasium": (by_gymnasium, None),
    "trl reward functions": (by_trl_rewards, "datasets"),
    "trl environment": (by_trl_environment, None),
    "skyrl": (by_skyrl, "skyrl_gym"),
    "inspect": (by_inspect, "inspect_ai"),
    "openenv": (by_openenv, "openenv"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_all_shells_pay_the_same(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play, needed = SHELLS[shell]
    if needed is not None:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path))
    expected = by_dialogue(TASKS)
    assert len(set(expected)) > 15 and play(TASKS) == expected


def name_a_piece(prompt: str) -> str:
    """What is said in a debate, for the most part the number of a piece."""
    free = [line.partition(".")[0] for line in prompt.splitlines() if line[:1].isdigit()]
    said = ["no idea", *free, *free]
    return said[zlib.crc32(prompt.encode()) % len(said)]


def test_servers_play_debates() -> None:
    pytest.importorskip("openenv", reason="openenv is not installed")
    pytest.importorskip("skyrl_gym", reason="skyrl_gym is not installed")
    from progressgym.envs.text.shells.openenv_server import ProgressTextEnvironment, TextAction
    from progressgym.envs.text.shells.skyrl_env import ProgressTextEnv

    server = ProgressTextEnvironment()
    for index, debate in enumerate(DebateSet(size=4, domain="dilemmas?century=C015", split="test")):
        dialogue = Dialogue(debate)
        while not dialogue.done:
            dialogue.answer(name_a_piece(dialogue.prompt))
        seen, paid = server.reset(seed=index, **debate.shared), 0.0
        while not seen.done:
            seen = server.step(TextAction(text=name_a_piece(seen.prompt)))
            paid += seen.reward
        env, done = ProgressTextEnv(extras={"task": debate.record}), False
        messages, _ = env.init([])
        while not done:
            out = env.step(name_a_piece(messages[-1]["content"]))
            messages, done = out["observations"], out["done"]
        assert paid == env.get_metrics()["reward"] == dialogue.reward
    for domain in ("dilemmas?judge=model", "os:path", "dilemmas?history=/etc"):
        with pytest.raises(UserError, match="shipped domains"):
            server.reset(seed=0, domain=domain)


@pytest.mark.heavy
def test_verifiers_pays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process a completion, some seconds each: a few short episodes, by a model on loopback."""
    pytest.importorskip(
        "verifiers.v1", reason="verifiers is not installed (it and openenv need different versions of mcp)"
    )
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setenv("MODEL_API_KEY", "none")
    plugin = importlib.import_module("progressgym_text")
    tasks = TaskSet(size=3, questions=2, history="synthetic:linear?coherence=0.5&centuries=3")
    with serve(answer) as url:
        played = asyncio.run(plugin.play(url, "scripted", 3, tasks.shared))
    assert played == [[reward] for reward in by_dialogue(tasks)]


@pytest.mark.heavy
def test_verifiers_pays_both_sides_of_a_debate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as PettingZoo's environment, also where a side forfeits or never comes to its turn."""
    pytest.importorskip("verifiers.v1", reason="verifiers is not installed")
    from progressgym.envs.debate import text_aec

    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setenv("MODEL_API_KEY", "none")
    importlib.import_module("progressgym_debate")
    plugin = importlib.import_module("progressgym_text")
    asking: dict[str, Any] = {"turns": 2, "payoff": "shaped"}
    expected = []
    for seed in range(4):
        env: Any = text_aec.env(**asking)
        env.reset(seed=seed)
        sums = dict.fromkeys(env.possible_agents, 0.0)
        for agent in env.agent_iter():
            seen, reward, done, _, _ = env.last()
            sums[agent] += reward
            env.step(None if done else debate_answer(seen["prompt"]))
        expected.append([sums["debater_0"], sums["debater_1"]])
    with serve(debate_answer) as url:
        assert asyncio.run(plugin.play(url, "scripted", 4, asking, "debate")) == expected
    assert len({first for first, _ in expected}) == 3


def debate_answer(prompt: str) -> str:
    """A piece, or in one of four prompts nothing that can be read."""
    number = zlib.crc32(prompt.encode()) % 8
    free = [line.partition(".")[0] for line in prompt.splitlines() if line[:1].isdigit()]
    return "I will not." if number < 2 else free[number % len(free)]


class openenv_server:
    """The server of the examples, as a process of its own on loopback."""

    def __enter__(self) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "server.app", "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        self.process = subprocess.Popen(command, cwd=ROOT / "examples" / "openenv", env=environment)
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.1)
        raise RuntimeError("the server did not answer within a minute")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.mark.heavy
@pytest.mark.skipif(importlib.util.find_spec("openenv") is None, reason="openenv is not installed")
def test_openenv_validates_the_folder_and_the_server() -> None:
    code, told = validate(str(ROOT / "examples/openenv"), "--level", "static")
    assert code == 0 and "Verdict: PASS" in told, told
    with openenv_server() as url:
        tasks = TaskSet(size=3, questions=2)
        assert by_openenv_client(url, tasks) == by_dialogue(tasks)
        code, told = validate("--url", url)
        assert code == 0 and "FAIL" not in told, told
        output = run("openenv_client.py", "--url", url)
    assert output.count("drift explained") == 3


def validate(*words: str) -> tuple[int, str]:
    """`openenv validate` in this process, which has the library loaded: exit code, and what it printed."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said), pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["openenv", "validate", *words])
        runpy.run_module("openenv.cli", run_name="__main__")
    return int(end.value.code or 0), said.getvalue()


def by_openenv_client(url: str, tasks: TaskSet) -> list[float]:
    """The same through the server."""
    from openenv.core import GenericEnvClient

    rewards = []
    for task in tasks:
        with GenericEnvClient(base_url=url).sync() as env:
            result, total = env.reset(task=task.record), 0.0
            while not result.done:
                result = env.step({"text": answer(result.observation["prompt"])})
                total += result.reward
        rewards.append(total)
    return rewards


def test_no_shell_is_longer_than_sixty_lines() -> None:
    shells = (ROOT / "progressgym" / "envs" / "text" / "shells").rglob("*.py")
    examples = [path for path in (ROOT / "examples").rglob("*.py") if "progressgym.envs.text" in path.read_text()]
    lengths = {path.name: len(path.read_text().splitlines()) for path in (*shells, *examples)}
    assert len(lengths) > 10
    code = {name: length for name, length in lengths.items() if length > 60}
    assert code == {}


SLOW = ("inspect", "openenv")


@pytest.mark.parametrize("shell", [pytest.param(n, marks=pytest.mark.heavy if n in SLOW else ()) for n in SHELLS])
def test_every_framework_hands_every_kind_on(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile completions of every kind come as they were written, and are paid as by the dialogue itself: the least that
    there is."""
    play, needed = SHELLS[shell]
    if needed is not None:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path))
    kinds, numbers = list(HOSTILE.values()), dict[str, int]()
    monkeypatch.setattr(
        sys.modules[__name__],
        "answer",
        lambda prompt: kinds[numbers.setdefault(prompt, len(numbers)) % len(kinds)],
    )
    tasks = TaskSet(size=20, questions=2, history="synthetic:linear?coherence=0.5&centuries=5", split="validation")
    rewards = play(tasks)
    assert len(numbers) >= len(kinds) and rewards == by_dialogue(tasks) == [-4.0] * len(tasks)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield save_tiny_llama(tmp_path_factory.mktemp("models") / "tiny")


def run(example: str, *arguments: str) -> str:
    """What an example prints; in this process, which has the libraries loaded."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [example, *arguments])
        patch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
        runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
    return said.getvalue()


def test_example_skyrl() -> None:
    pytest.importorskip("skyrl_gym", reason="skyrl_gym is not installed")
    assert run("skyrl_episode.py").count("8 completions") == 3


@pytest.mark.heavy
def test_example_trl_rewards(tiny: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed")
    assert run("trl_grpo.py", "--model", str(tiny), "--steps", "2").count(": reward ") == 2


@pytest.mark.heavy
def test_example_trl_environment(tiny: Path, tmp_path: Path) -> None:
    """A tiny model with a template that knows tool calls; it makes none, which is paid the least."""
    pytest.importorskip("trl", reason="trl is not installed")
    import trl
    from transformers import AutoTokenizer

    folder = save_tiny_llama(tmp_path / "tiny")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text()
    tokenizer.save_pretrained(folder)
    output = run("trl_environment.py", "--model", str(folder), "--steps", "1", "--tokens", "16")
    assert "step 1: reward -1.000" in output


@pytest.mark.heavy
def test_example_inspect(tiny: Path) -> None:
    pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
    output = run("inspect_episodes.py", "--path", str(tiny), "--size", "1", "--tokens", "4")
    assert "mean" in output


@pytest.mark.heavy
def test_example_lm_eval_reads_the_values_of_our_own_reading(tiny: Path) -> None:
    pytest.importorskip("lm_eval", reason="lm_eval is not installed")
    from progressgym import load_model
    from progressgym.instruments.instrument import Instrument

    output = run("lm_eval_values.py", "--model", str(tiny))
    found = {line.split()[0]: float(line.split()[1]) for line in output.splitlines() if line[-5:-3] in ("0.", "1.")}
    model = load_model(str(tiny), dtype="float32")
    scores = model.option_logprobs
    # " A" is two of this model's tokens: the harness compares sums, our reading means
    model.option_logprobs = lambda prompts, options: [2.0 * row for row in scores(prompts, options)]  # type: ignore[method-assign]
    reading = Instrument.load("people-v1").read(model, "letter", orders="own")
    asked = Instrument.load(
        "people-v1"
    ).covered()  # letters of a random model are not fit to be values; the harness does not ask
    own = {name: value for name, value, there in zip(reading.dimensions, reading.values, asked, strict=True) if there}
    assert found == pytest.approx(own, abs=6e-4)


def test_stopping_early_is_not_read_and_pays_nothing() -> None:
    for reward in ("brier", "explained"):
        task = TaskSet(size=1, questions=2, reward=reward)[0]
        silent, early = Dialogue(task), Dialogue(task)
        early.answer("1. A\n2. B")
        whole = Dialogue(task)
        for completion in ("1. A\n2. B", *[""] * (whole.env.calls - 1)):
            whole.answer(completion)
        assert early.finish() == whole.reward and silent.finish() == {"brier": -8.0, "explained": -1.0}[reward]


def test_group_reward_pays_each_row_its_own_group() -> None:
    from progressgym.core.errors import UserError
    from progressgym.envs.text.shells.trl_rewards import group_reward

    columns = {"options": [[["a", "b"]]] * 5, "human": [[[0.35, 0.65]]] * 5}
    paid = group_reward(completions=["A", "B", " B", "x", "A"], row=["1", "1", "1", "2", "2"], **columns)
    assert paid == pytest.approx([0.7, 1.3 - 1, 1.3 - 1, -2.0, 0.7])
    with pytest.raises(UserError, match="at least 2"):
        group_reward(completions=["A"], row=["1"], options=[[["a", "b"]]], human=[[[0.35, 0.65]]])
