"""The README's commands, top to bottom in one folder, by somebody who has installed no more than its lines say.

Extras that were not installed yet are hidden from the interpreter. What a reader puts in (a corpus, a result file, a
model of his own, a server) is made here, small; everything else is as it is printed.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.leaderboard.serving import free_port
from tests.models.endpoints.lettered import lettered_llama

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600
ELSEWHERE = ("pip ", "pytest")
"""Beginnings of commands that are not run: what they install is let in, and the tests are these."""
OF_THE_HUB = "PKU-Alignment/"
"""Eight billion weights from the hub, on a GPU."""
SERVES = "leaderboard serve"
HIDES = '''
import os, sys
HIDDEN = set(filter(None, os.environ.get("PROGRESSGYM_TEST_HIDDEN", "").split(",")))
class Without:
    """A finder that does not find some packages."""
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
'''
CORPUS = {1250: "the king went to the holy land", 1550: "the merchant did sell wares", 1950: "the people vote"}


def commands(page: str) -> list[str]:
    """Every command of the page's shell blocks, in order, without comments."""
    found: list[str] = []
    for block in re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            found += [part.strip() for part in re.sub(r"\s+#\s.*$", "", line).split("&&") if part.strip()]
    return found


distributions = functools.cache(packages_distributions)
"""Reads the metadata of every package, so it is asked once."""


def modules_of(extras: dict[str, list[str]], name: str) -> set[str]:
    """Names to import of everything that an extra asks for."""
    found: set[str] = set()
    for requirement in extras[name]:
        own = re.fullmatch(r"progress-gym\[([\w,-]+)\]", requirement)
        if own:
            found |= set().union(*(modules_of(extras, part) for part in own[1].split(",")))
            continue
        wanted = re.split(r"[\[<>=!~ ]", requirement)[0].lower().replace("_", "-")
        found |= {m for m, all_ in distributions().items() if wanted in {one.lower().replace("_", "-") for one in all_}}
    return found


class Reader:
    """Somebody with a fresh installation, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hooks = folder / "work", folder / "hooks"
        self.folder.mkdir()
        self.hooks.mkdir()
        (self.hooks / "sitecustomize.py").write_text(HIDES)
        self.extras: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
            "optional-dependencies"
        ]
        self.hidden = set().union(
            *(
                modules_of(self.extras, name)
                for name in ("lm", "rl", "ray", "sepsis", "postgres", "sign", "serve", "trackio", "wandb")
            )
        )

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.hooks), str(ROOT)])
        return os.environ | {"PYTHONPATH": path, "PROGRESSGYM_TEST_HIDDEN": ",".join(sorted(self.hidden))}

    def install(self, command: str) -> None:
        """Let in what the extras of a `pip install` bring."""
        for names in re.findall(r"\[([\w,-]+)\]", command):
            for name in names.split(","):
                self.hidden -= modules_of(self.extras, name)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command)
        assert words[0] == "progressgym", command
        return subprocess.run(
            [sys.executable, "-m", "progressgym.cli.main", *words[1:]],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def serve(self, command: str) -> None:
        """Start a server, see that it serves, end it."""
        log = self.folder / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "progressgym.cli.main", *shlex.split(command)[1:], "--port", str(free_port())],
                cwd=self.folder,
                env=self.environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 120
        try:
            while "http://127.0.0.1" not in (told := log.read_text(encoding="utf-8", errors="replace")):
                assert process.poll() is None and time.monotonic() < deadline, told
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) in (0, 143, -signal.SIGTERM), told
        finally:
            process.kill()
            process.wait()


def test_every_command_is_found() -> None:
    """The list that the test below goes through; a README without commands would pass it."""
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found[:2] == ["pip install -e .", "progressgym bench"]
    assert sum(line.startswith("progressgym ") for line in found) >= 15
    assert all(line.startswith(("progressgym ", *ELSEWHERE)) for line in found)


def test_hidden_packages_are_not_there(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    script = "import importlib.util as u; print([bool(u.find_spec(n)) for n in ('trl', 'sqlalchemy', 'numpy', 'peft')])"

    def told() -> str:
        return subprocess.check_output([sys.executable, "-c", script], env=reader.environment(), text=True).strip()

    assert told() == "[False, False, True, True]"
    reader.install('pip install -e ".[lm]"')
    assert told() == "[True, False, True, True]"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train lifelong-dpo --policy lm:smollm2-135m", "aligning a language model needs"),
        ("bench --agents lifelong-dpo --policy lm:smollm2-135m", "aligning a language model needs"),
        ("leaderboard serve --store board", "pip install 'progress-gym[serve]'"),
        ("leaderboard enrol me --store board", "pip install 'progress-gym[board]'"),
        (
            "leaderboard package runs/nothing --agent static --authors me --licence MIT --out a.zip",
            "run progressgym bench",
        ),
        ("bench --ray", "pip install 'progress-gym[ray]'"),
    ],
)
def test_what_is_missing_is_said_in_one_line_and_first(command: str, words: str, tmp_path: Path) -> None:
    """Before a model is fetched: the cache stays empty."""
    reader = Reader(tmp_path)
    cache = tmp_path / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROGRESSGYM_CACHE", str(cache))
        done = reader.run(f"progressgym {command}")
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 2 and words in line and not cache.exists()


@pytest.mark.heavy
def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    model = lettered_llama(tmp_path / "tiny")
    corpus = reader.folder / "CORPUS"
    corpus.mkdir()
    for year, words in CORPUS.items():
        passages = [
            {
                "creation_year": year,
                "source_dataset": "s",
                "title": f"w{n % 5}",
                "content": f"{chr(97 + n)} {words} " * 8,
            }
            for n in range(26)
        ]
        (corpus / f"Y0{year}.json").write_text(json.dumps(passages))
    vectors = {"examinee_vector": [[0.5] * 19] * 8, "actual_vector": [[0.5] * 19] * 8}
    result = {"LifelongDPO": {"Follow": {"score": 7.5, "supplementary_data": vectors}}}
    (reader.folder / "my_run.json").write_text(json.dumps(result))
    port = tmp_path / "port"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.models.endpoints.server", str(model), "--port-file", str(port)], cwd=ROOT
    )
    try:
        while not port.exists():
            assert server.poll() is None
            time.sleep(0.05)
        smaller = {
            "values smollm2-135m": f"values {model} --instrument people-core-v1",
            "smollm2-135m": str(model),
            "http://127.0.0.1:8000#my-model'": f"http://127.0.0.1:{port.read_text()}#tiny' --instrument people-core-v1",
            "train lifelong-dpo": "train 'lifelong-dpo?comparisons=4' --history runs/history",
            "history build CORPUS": "history build CORPUS --tokens 4000 --top-layers 1",
            "--out runs/history": "--out runs/history --instrument people-core-v1",
            "--out runs/mine": "--out runs/mine --workers 1",  # no number depends on it; `progressgym bench` takes more
        }
        for printed in commands((ROOT / "README.md").read_text(encoding="utf-8")):
            command = "progressgym bench --seeds 1 --challenges follow" if printed == "progressgym bench" else printed
            for theirs, ours in smaller.items():
                command = command.replace(theirs, ours)
            if command.startswith("pip "):
                reader.install(command)
            elif SERVES in command:
                reader.serve(command)
            elif not command.startswith(ELSEWHERE) and OF_THE_HUB not in command:
                began = time.monotonic()
                done = reader.run(command)
                assert done.returncode == 0, f"{printed}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
                print(f"{time.monotonic() - began:6.1f} s  {printed}")
    finally:
        server.kill()
        server.wait()
