"""Write `docs/environments/*.md` from the docstrings of the environments.

    python docs/generate.py            writes the pages
    python docs/generate.py --check    exits with code 1 when a page is out of date

Every challenge has one page: a table of facts read from the registered environments, then the docstring of the
flavour that speaks in answers, then that of the numeric flavour and of the one in text. Debate, PettingZoo's, has one of the same kind.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pettingzoo

import progressgym  # noqa: F401  (registers the environments)
from progressgym.envs.challenge import CHALLENGES, parse_challenge

FOLDER = Path(__file__).resolve().parent / "environments"
EXAMPLE_HISTORY = "synthetic:linear?seed=0"
"""The sizes in the tables are those of nine centuries over the default instrument."""
DEBATE, DEBATE_TEXT = "ProgressGym/Debate-v0", "ProgressGym/DebateText-v0"
NOTE = "<!-- Generated from docstrings by docs/generate.py; do not edit. -->"
PARALLEL = {"ProgressGym/Coevolve-v0": "coevolve-parallel"}
"""PettingZoo ids of parallel environments and the names of their pages."""
BY_HAND = {
    "vectorised.md": "thousands of environments at once, on numpy, torch and with stable-baselines3",
    "clients.md": "stable-baselines3, CleanRL, TorchRL, Minari, RLlib: how each takes the environments",
    "text.md": "environments as dialogues: task sets, rewards, and the frameworks in which language models are trained",
    "training.md": "reinforcement learning without being paid for what is judged; kinds of labels",
}
"""Pages in the same folder that are written by hand, for the index."""
HEADINGS = (
    "Description",
    "Action Space",
    "Observation Space",
    "Rewards",
    "Starting State",
    "Episode End",
    "Information",
    "Arguments",
    "Version History",
)
"""What every environment's docstring has, in this order."""


def environment_ids() -> list[str]:
    """Registered Gymnasium ids of this package, in order of registration."""
    return [name for name in gym.registry if name.startswith("ProgressGym/")]


def docstring(environment_id: str) -> str:
    """The class docstring behind an id, without indentation."""
    return inspect.cleandoc(type(_make(environment_id)).__doc__ or "")


def facts(environment_id: str) -> str:
    """A table of spaces and steps."""
    env = _make(environment_id)
    rows = [
        ("Import", f'`gymnasium.make("{environment_id}")` after `import progressgym`'),
        ("Many at once", f'`gymnasium.make_vec("{environment_id}", num_envs=1024)`, see [vectorised](vectorised.md)'),
        ("Action space", f"`{_short(env.action_space)}`"),
        ("Observation space", f"`{_short(env.observation_space)}`"),
        ("Steps an episode", str(env.get_wrapper_attr("steps"))),
        ("Render modes", ", ".join(f"`{mode}`" for mode in env.metadata["render_modes"])),
    ]
    return _table(rows)


def debate_page(name: str, made: str, more: list[tuple[str, str]]) -> str:
    """The section of a PettingZoo environment of turns; `more` rows come after its first."""
    env = pettingzoo.make("aec", name).unwrapped
    agent = env.possible_agents[0]
    rows = [
        ("Import", f'`pettingzoo.make("aec", "{name}")` after `import progressgym`, or `{made}`'),
        *more,
        ("Agents", ", ".join(f"`{name}`" for name in env.possible_agents)),
        ("Action space", f"`{_short(env.action_space(agent))}`"),
        ("Observation space", f"`{_short(env.observation_space(agent))}`"),
        ("State space", f"`{_short(env.state_space)}`"),
        ("Render modes", ", ".join(f"`{mode}`" for mode in env.metadata["render_modes"])),
    ]
    return "\n\n".join([f"# {name}", _table(rows), inspect.cleandoc(type(env).__doc__ or "")]) + "\n"


def debate_pages(ids: list[str]) -> str:
    """Debate in pieces, in text for two, and the Gymnasium ids for one side."""
    both = f'`pettingzoo.make("parallel", "{DEBATE}")`, or `progressgym.envs.debate.parallel_env()`'
    parts = [
        NOTE + "\n",
        debate_page(DEBATE, "progressgym.envs.debate.env()", [("Parallel", both)]),
        debate_page(DEBATE_TEXT, "progressgym.envs.debate.text_aec.env()", []),
    ]
    one_side = page(ids).removeprefix(NOTE).strip().replace(f"# {DEBATE_TEXT}", f"# {DEBATE_TEXT} for one side", 1)
    return "\n".join([*parts, one_side]) + "\n"


def parallel_page(environment_id: str) -> tuple[str, str]:
    """The page of a PettingZoo environment, and its summary."""
    env = pettingzoo.make("parallel", environment_id, history=EXAMPLE_HISTORY)
    text = inspect.cleandoc(type(env).__doc__ or "")
    rows = [
        ("Import", f'`pettingzoo.make("parallel", "{environment_id}")` after `import progressgym`'),
        ("Agents", ", ".join(f"`{agent}`" for agent in env.possible_agents)),
        *((f"Action space of `{agent}`", f"`{_short(env.action_space(agent))}`") for agent in env.possible_agents),
        *(
            (f"Observation space of `{agent}`", f"`{_short(env.observation_space(agent))}`")
            for agent in env.possible_agents
        ),
        ("Render modes", ", ".join(f"`{mode}`" for mode in env.metadata["render_modes"])),
    ]
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    title = f"# {environment_id} for two agents"
    return f"{NOTE}\n\n{title}\n\n{table}\n\n{text}\n", text.split("\n\n")[0].replace("\n", " ")


def page(ids: list[str]) -> str:
    """One challenge: its flavours, one after the other."""
    parts = [NOTE]
    shown: dict[str, str] = {}
    for environment_id in ids:
        text, kwargs = docstring(environment_id), gym.spec(environment_id).kwargs
        again = shown.setdefault(text, environment_id)
        if again != environment_id:
            settings = " and ".join(f"`{key}={value!r}`" for key, value in kwargs.items())
            text = f"`{again}` with other defaults: {settings}."
        parts += [f"# {environment_id}", facts(environment_id), text]
    return "\n\n".join(parts) + "\n"


def challenge_table() -> list[str]:
    """What can be asked of an agent by name, in a benchmark, on a board and in ids."""
    lines = [
        "| challenge | environment | the agent should | shown beside the score | ranked by |",
        "|---|---|---|---|---|",
    ]
    for name in CHALLENGES:
        one = parse_challenge(name)
        beside = ", ".join(measure.title.lower() for measure in one.measures) or "nothing"
        ranked = "score" if one.cost is None else f"the pair of score and {one.cost}, of which less is better"
        arguments = ", ".join(f"`{key}={value}`" for key, value in one.arguments)
        lines.append(f"| `{name}`: {arguments} | `{one.environment}` | {one.summary} | {beside} | {ranked} |")
    return lines


def pages() -> dict[str, str]:
    """File name -> content of every page."""
    challenges: dict[str, list[str]] = {}
    for environment_id in environment_ids():
        name = (
            environment_id.removeprefix("ProgressGym/").rpartition("-")[0].removesuffix("Stance").removesuffix("Text")
        )
        challenges.setdefault(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower(), []).append(environment_id)
    debates = challenges.pop("debate")
    written = {f"{name}.md": page(ids) for name, ids in challenges.items()}
    lines = [NOTE, "", "# Environments", "| page | what the agent does |", "|---|---|"]
    for name, ids in challenges.items():
        summary = docstring(ids[0]).split("\n\n")[0].replace("\n", " ")
        lines.append(f"| [{name}]({name}.md) | {summary} |")
    for environment_id, name in PARALLEL.items():
        written[f"{name}.md"], summary = parallel_page(environment_id)
        lines.append(f"| [{name}]({name}.md) | {summary} |")
    lines += [f"| [{name.removesuffix('.md')}]({name}) | {summary} |" for name, summary in BY_HAND.items()]
    written["debate.md"] = debate_pages(debates)
    summary = inspect.cleandoc(type(pettingzoo.make("aec", DEBATE).unwrapped).__doc__ or "").split("\n\n")[0]
    lines.append(f"| [debate](debate.md) | {summary} |")
    lines += ["", "# Challenges", "", *challenge_table()]
    written["index.md"] = "\n".join([*lines[:3], "", *lines[3:]]) + "\n"
    return written


def main() -> int:
    """Write the pages, or with `--check` say which differ."""
    stale = [name for name, text in pages().items() if _read(FOLDER / name) != text]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"out of date: docs/environments/{name}; run python docs/generate.py")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote docs/environments/{name}")
    return 0


def _make(environment_id: str) -> gym.Env[Any, Any]:
    """An environment as the pages show it; those over histories get the example."""
    entry = gym.spec(environment_id).entry_point
    module, _, name = str(entry).partition(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), name).__init__).parameters
    arguments: dict[str, Any] = {"history": EXAMPLE_HISTORY} if "history" in parameters else {}
    return gym.make(environment_id, **arguments).unwrapped


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _short(space: gym.Space) -> str:  # type: ignore[type-arg]
    """A space in one line; bounds that are arrays are shown by their extremes."""
    if isinstance(space, gym.spaces.Dict):
        return "Dict(" + ", ".join(f"{key}: {_short(part)}" for key, part in space.items()) + ")"
    if isinstance(space, gym.spaces.Box):
        return f"Box({space.low.min():g}, {space.high.max():g}, {space.shape}, {space.dtype})"
    if isinstance(space, gym.spaces.Text):
        return f"Text({space.min_length}, {space.max_length})"
    return str(space)


if __name__ == "__main__":
    sys.exit(main())
