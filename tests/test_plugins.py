"""A package of somebody else's: its names stand in lists, errors and tables, and what they name is run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from progressgym import History
from progressgym.agents import check, make, names, spec_of
from progressgym.agents.learner import Learner
from progressgym.agents.methods import Dpo
from progressgym.bench.plan import make_plan
from progressgym.bench.runner import BenchOutcome, run_bench
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.envs.debate.domains import DOMAINS, make_domain
from progressgym.instruments import Questionnaire
from progressgym.losses import loss_of

torch.set_num_threads(1)
CODE = '''
"""Everything that a package may add, as small as it gets."""
from dataclasses import dataclass

import numpy as np

from progressgym.agents.methods import Map
from progressgym.agents.references import Oracle
from progressgym.core.arguments import Positive
from progressgym.histories.families import Family
from progressgym.histories.history import History
from progressgym.instruments import Instrument


@dataclass(kw_only=True)
class Sceptic:
    """Answers as century 0, only less surely."""

    doubt: Positive = 2.0

    def reset(self, task, seed=None):
        self.logits = np.log(np.maximum(task.initial_answers, 1e-30)) / self.doubt

    def act(self, observation, info):
        return self.logits


@dataclass(kw_only=True, frozen=True)
class Halfway(Map):
    """Goes half of the way that MAP goes."""

    share: Positive = 0.5

    def update(self, stage):
        return stage.start + self.share * (super().update(stage) - stage.start)


class Peeker(Oracle):
    """Claims to be an agent like others."""


def squared(given, *, at: Positive = 1.0):
    return given.target * (given.margin - at) ** 2 + (1.0 - given.target) * (given.margin + at) ** 2


def still(*, centuries: int = 3):
    instrument = Instrument.load("moral19-v1")
    answers = np.repeat(instrument.uniform()[None], centuries, 0).astype(np.float32)
    return History(name="still", labels=tuple(f"C{13 + t:03}" for t in range(centuries)), answers=answers, instrument=instrument)


def short(*, items: int = 40):
    return Instrument.from_items(Instrument.load("moral19-v1").items[::432 // items], name="short")


SQUARE_ROOT = Family(draws=lambda centuries: 1, courses=lambda z, shared, n: np.sqrt(np.linspace(0, 1, n))[:, None] * z[0])


@dataclass(kw_only=True, frozen=True)
class Bench:
    history: str = "synthetic:linear?seed=0"

    def make(self):
        from progressgym.envs.debate.domains import make_domain

        return make_domain(f"dilemmas?history={self.history}")
'''
POINTS = """
[progressgym.agents]
sceptic = guests:Sceptic
halfway = guests:Halfway
peeker = guests:Peeker
broken = guests_that_are_not_there:Broken
static = guests:Sceptic
[progressgym.losses]
squared = guests:squared
[progressgym.histories]
still = guests:still
[progressgym.instruments]
short = guests:short
[progressgym.families]
root = guests:SQUARE_ROOT
[progressgym.domains]
bench = guests:Bench
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution as an installer leaves it: a module, and a folder with its metadata."""
    (tmp_path / "guests.py").write_text(CODE, encoding="utf-8")
    about = tmp_path / "guests-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: guests\nVersion: 1.2\nSummary: doubts of guests\n")
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "guests", raising=False)
    return tmp_path


pytestmark = pytest.mark.filterwarnings("ignore:agent 'static' of guests 1.2")


def test_lists_name_what_is_installed(installed: Path) -> None:
    assert {"sceptic", "halfway", "broken"} < set(names()) and names()[0] == "static"
    row = spec_of("sceptic?doubt=3")
    assert (row.summary, row.origin, row.privileged) == ("doubts of guests", "guests 1.2", False)
    with pytest.raises(UserError, match=r"unknown agent 'scepti' \(did you mean 'sceptic'"):
        check("scepti")


def test_a_name_that_ships_keeps_its_meaning(installed: Path) -> None:
    assert make("static").name == "static" and spec_of("static").origin == ""
    with pytest.warns(UserWarning, match="agent 'static' of guests 1.2 is a name of progressgym; write guests:Sceptic"):
        names()


def test_its_arguments_are_the_fields_of_its_dataclass(installed: Path) -> None:
    assert check("sceptic?doubt=3") == "sceptic?doubt=3"
    for text, message in [
        ("sceptic?dobt=3", "unknown argument of agent 'sceptic' 'dobt' .did you mean 'doubt'"),
        ("sceptic?doubt=0", "doubt is 0; a positive number is expected"),
        ("halfway?share=much", "share is 'much'; a positive number is expected"),
        ("halfway?policy=lm:x", "adjusts a stance only"),
        ("sceptic?policy=lm:x", "unknown argument of agent 'sceptic' 'policy'"),
        ("broken", "no module 'guests_that_are_not_there'"),
        ("lifelong-dpo?loss=squared&at=0", "at is 0; a positive number is expected"),
        ("lifelong-dpo?loss=sigmoid&at=1", "unknown argument of agent 'lifelong-dpo' 'at'"),
    ]:
        with pytest.raises(UserError, match=message):
            check(text)


def test_nobody_else_is_told_the_truth(installed: Path) -> None:
    with pytest.raises(UserError, match="reads the truth"):
        make("peeker")


def test_a_method_is_learned_by(installed: Path) -> None:
    agent = make("halfway", share=0.25)
    assert isinstance(agent, Learner) and agent.name == "halfway?share=0.25"


def test_a_loss_takes_its_arguments_beside_the_agents(installed: Path) -> None:
    """The minimum of an even comparison is at 0, that of a certain one at `at`."""
    assert check("lifelong-dpo?loss=squared&at=2") == "lifelong-dpo?at=2&loss=squared"
    assert check("lifelong-dpo?loss=squared?at=2") == "lifelong-dpo?at=2&loss=squared"
    agent = make("lifelong-dpo?loss=squared&at=2")
    assert isinstance(agent, Learner) and isinstance(agent.method, Dpo) and agent.method.loss == "squared?at=2"
    assert callable(loss_of("squared?at=2"))


def test_histories_families_instruments_and_domains_are_made(installed: Path) -> None:
    assert len(History.load("still?centuries=4")) == 4
    assert len(History.load("guests:still")) == 3
    assert Questionnaire.load("short").name == "short"
    assert len(History.load("synthetic:root?seed=0")) == 9
    assert "bench" in DOMAINS and make_domain("bench")[0].name.startswith("dilemmas")
    with pytest.raises(UserError, match="unknown argument of history 'still' 'century'"):
        History.load("still?century=4")


def test_a_benchmark_runs_them(installed: Path, tmp_path: Path) -> None:
    agents = [
        "static",
        "sceptic",
        "guests:Sceptic?doubt=4",
        "halfway",
        "guests:Halfway?share=0.5",
        "lifelong-dpo?loss=squared",
    ]
    plan = make_plan(
        agents=agents, challenges=["follow"], histories=["synthetic:root?seed=0"], seeds=1, labels=["probability"]
    )

    def run() -> BenchOutcome:
        return run_bench(plan, tmp_path / "run", workers=1, resamples=50, reports=False, progress=False)

    outcome = run()
    assert not outcome.failures
    scores = {row.agent: row.utility.mid for row in outcome.results.aggregates}
    assert scores["guests:Halfway?share=0.5"] == scores["halfway"]
    assert set(scores) == set(agents) and scores["sceptic"] != scores["static"] != scores["halfway"]
    assert run().fresh == 0
    code = installed / "guests.py"
    code.write_text(code.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert run().fresh > 0, "changed code is run again"


def test_help_names_them(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["bench", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "sceptic" in shown and "coevolve-v1" in shown and shown.index("sceptic") < shown.index("examples:")


def test_the_command_lists_them_without_torch(installed: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from progressgym.cli.main import dispatch\n"
        "dispatch(['list', '--json']); sys.stderr.write(str('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    listed = json.loads(done.stdout)
    found = {row["name"]: row for row in listed["agents"]}
    assert found["sceptic"]["origin"] == "guests 1.2" and found["sceptic"]["arguments"] == {"doubt": 2.0}
    assert found["extrapolative-dpo"]["arguments"]["forecast"] == 1
    assert {"still", "synthetic:root", "histsmol-v1"} <= {row["name"] for row in listed["histories"]}
    assert "short" in {row["name"] for row in listed["instruments"]}
    assert {row["name"] for row in listed["losses"]} == {"sigmoid", "ipo", "hinge", "squared"}
    assert done.stderr == "False"
