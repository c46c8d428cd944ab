"""From outside of the package: one small thing of every kind, by entry point and by `module:Class`, run by commands."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.bench.own_agents import code_hash
from progressgym.bench.plan import make_plan
from progressgym.bench.runner import run_bench
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.instruments import Instrument
from progressgym.instruments.registry import load_instrument
from progressgym.preferences.models.protocol import PREFERENCE_MODELS
from progressgym.raters.protocol import RATERS
from tests.models.tiny import lively_llama

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:.*Overriding environment toys/Near-v0")  # the module is imported anew
TOYS = Path(__file__).parent / "toys"
POINTS = """
[progressgym.challenges]
near = toys.challenge:Near
[progressgym.agents]
doubter = toys.agent:Doubter
halfway = toys.method:Halfway
[progressgym.losses]
squared = toys.loss:squared
[progressgym.instruments]
punctuality = toys.instrument:Punctuality
[progressgym.preference_models]
mean-difference = toys.preference_model:MeanDifference
[progressgym.raters]
brevity = toys.rater:Brevity
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution as an installer leaves it, and a folder to work in."""
    site = tmp_path / "site"
    shutil.copytree(TOYS, site / "toys", ignore=shutil.ignore_patterns("__pycache__"))
    about = site / "toys-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\nSummary: small things\n")
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(site))
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("file", sorted(TOYS.glob("*.py")), ids=lambda file: file.stem)
def test_each_is_small(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 40


def test_bench_runs_challenge_agent_method_loss_and_preference_model(installed: Path) -> None:
    agents = [
        "static",
        "doubter",
        "halfway?share=0.9",
        "toys.method:Halfway?share=0.9",
        "lifelong-dpo?loss=squared&at=2",
        "lifelong-rlhf",
        "lifelong-rlhf?reward=mean-difference&gain=50",
        "lifelong-rlhf?reward=toys.preference_model:MeanDifference?gain=50",
        "lifelong-rlhf?reward=bradley-terry",
        "oracle",
    ]
    plan = make_plan(agents=agents, challenges=["near"], histories=["synthetic:linear?seed=0"], seeds=1)
    outcome = run_bench(plan, installed / "run", workers=1, resamples=50, reports=False, progress=False)
    assert not outcome.failures
    scores = {row.agent: row.utility.mid for row in outcome.results.aggregates if row.labels == "probability"}
    assert len(scores) == len(agents)
    assert scores["oracle"] == pytest.approx(8.0) and scores["static"] < 8.0, "a perfect step counts 1"
    assert scores["halfway?share=0.9"] == scores["toys.method:Halfway?share=0.9"] > scores["static"]
    assert scores["lifelong-rlhf?reward=bradley-terry"] == pytest.approx(scores["lifelong-rlhf"], abs=1e-4)
    own = "lifelong-rlhf?gain=50&reward="
    assert scores[f"{own}mean-difference"] == scores[f"{own}toys.preference_model:MeanDifference"]
    assert scores[f"{own}mean-difference"] != scores["lifelong-rlhf"]


@pytest.mark.parametrize(
    ("agent", "file"),
    [("lifelong-dpo?loss=squared", "loss"), ("lifelong-rlhf?reward=mean-difference", "preference_model")],
)
def test_what_a_shipped_agent_is_given_identifies_its_cells(installed: Path, agent: str, file: str) -> None:
    """A loss that was changed is no longer the loss that was scored."""
    before = code_hash(agent)
    assert before is not None and code_hash("lifelong-dpo?loss=ipo") is None
    code = installed / "site" / "toys" / f"{file}.py"
    code.write_text(code.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert code_hash(agent) not in (before, None)


def test_values_reads_by_instrument_and_by_rater(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lively_llama(installed / "model")
    for asked in ("punctuality", "toys.instrument:Punctuality?mode=cloze"):
        assert dispatch(["values", "model", "--instrument", asked, "--out", "out", "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert 0.0 < record["values"]["promise"]["value"] < 1.0 and record["values"]["haste"]["low"] is None
        assert record["to19"]["promise"] == record["values"]["promise"]["value"] and record["to19"]["care"] is None
        assert record["instrument"]["items"] == 2 and record["seconds"] is not None
        assert (installed / "out" / "values.png").is_file()
        assert dispatch(["values", "model", "--instrument", asked, "--out", "out", "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert again["seconds"] is None and again["values"] == record["values"], "every instrument's answers are kept"
    lengths = sorted(len(item.text) for item in Instrument.load("moral19-v1").items)
    for limit, grey, varies in (
        (1, 0, False),
        (lengths[len(lengths) // 2], 4 * lengths[-1], True),
        (lengths[-1] + 1000, 0, False),
    ):
        asked = f"written?rater=brevity&limit={limit}&grey={grey}&count=3&max_tokens=4"
        assert dispatch(["values", "model", "--instrument", asked, "--out", "out", "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert set(record["values"]) == {"short", "long"}
        if varies:
            assert 0.0 < record["values"]["short"]["value"] < 1.0 and not record["unfit"]
        else:
            assert record["values"]["short"] is None and "short" in record["unfit"], (
                "a rater that says one thing of all"
            )


def test_mistakes_are_told_in_one_line(installed: Path) -> None:
    lively_llama(installed / "model")
    for asked, message in [
        ("punctualty", "unknown instrument 'punctualty' .did you mean 'punctuality'"),
        ("punctuality?mod=cloze", "unknown argument of instrument 'punctuality' 'mod'"),
        ("toys.rater:Brevity", "lacks questions.. or read"),
        ("written?rater=brevty", "unknown rater 'brevty' .did you mean 'brevity'"),
        ("written?rater=brevity&limit=0", "limit is 0"),
        ("written?rater=toys.loss:squared", "rater 'toys.loss:squared' cannot be made: missing a required argument"),
    ]:
        with pytest.raises(UserError, match=message):
            dispatch(["values", "model", "--instrument", asked])
    with pytest.raises(UserError, match="leave out --mode"):
        dispatch(["values", "model", "--instrument", "punctuality", "--mode", "cloze"])
    with pytest.raises(UserError, match="is no questionnaire"):
        Instrument.load("punctuality")


def test_lists_name_them(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    kinds = ("challenges", "agents", "losses", "instruments", "preference-models", "raters")
    for kind, name in zip(
        kinds, ("near", "halfway", "squared", "punctuality", "mean-difference", "brevity"), strict=True
    ):
        (row,) = [row for row in listed[kind] if row["name"] == name]
        assert row["origin"] == "toys 1.0"
    assert {"written", "moral19-v1"} <= {row["name"] for row in listed["instruments"]}


def test_shipped_ones_are_made(installed: Path) -> None:
    assert "bradley-terry" in PREFERENCE_MODELS and "verdict" in RATERS
    written = load_instrument("written?count=5")
    assert tuple(written.dimensions) == ("just", "wicked") and len(written.questions()) == 5
    folder = lively_llama(installed / "model")
    rater = RATERS.make(f"verdict?model={folder}&device=cpu")
    shares = rater.rate(["I gave him my coat.", "I took his horse."])
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert rater.reason("I gave him my coat.").endswith("as just" if shares[0, 0] < 0.5 else "as wicked")
