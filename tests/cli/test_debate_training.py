"""`progressgym debate train` and `evaluate`: a tiny study from training to report, resumed, refused, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from progressgym.cli.main import main

TINY = ("--domain", "simulator", "--methods", "isolated,maxmin", "--updates", "2", "--confuser-updates", "1")
LEAST = ("--learner-episodes", "300", "--quiet")
SMALL = ("--games", "16", "--hidden", "8", "--quiet")


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["debate", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "s"
    assert call("train", *TINY, *SMALL, "--seeds", "2", "--out", str(out)) == 0
    return out


def test_only_what_is_missing_is_trained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = folder / "seed1" / "maxmin.safetensors"
    kept = folder / "seed0" / "maxmin.safetensors"
    before, same = load_file(lost), kept.stat().st_mtime_ns
    lost.unlink()
    assert call("train", *TINY, *SMALL, "--seeds", "2", "--out", str(folder), "--json") == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 1
    after = load_file(lost)
    assert all(torch.equal(after[key], before[key]) for key in before), "training is not reproducible"
    assert kept.stat().st_mtime_ns == same
    assert list((folder / "tensorboard").rglob("events.out.tfevents.*"))


def test_another_study_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", *TINY, *SMALL, "--turns", "2", "--out", str(folder)) == 2
    assert "holds another study" in capsys.readouterr().err


def test_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = ("--games", "60", "--greedy-games", "20", "--lambdas", "0,0.05", "--learner-steps", "2")
    assert call("evaluate", str(folder), *some, *LEAST, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((folder / "report.json").read_text())
    for method in ("isolated", "maxmin"):
        row = report["debaters"][method]["alone"]
        assert row["low"] <= row["mid"] <= row["high"] and len(row["seeds"]) == 2
    assert report["exact"]["maxmin"] >= report["debaters"]["maxmin"]["worst_case"]["mid"]
    assert report["planned"][0][0]["debate_feedback"]["value"] == pytest.approx(0.561, abs=0.002)
    assert len(report["learned"]) == 5 and report["learned"][0]["effective"] > 0
    table = (folder / "report.md").read_text()
    assert "0.881 -> 0.381" not in table and "0.895 -> 0.227" in table, "published values stand beside their methods"
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in ("accuracy.png", "lambda.png"))


def test_pieces_are_kept(folder: Path) -> None:
    """A second report reads the pieces: changing one changes the report."""
    some = ("--games", "60", "--greedy-games", "20", "--lambdas", "0,0.05", "--learner-steps", "2")
    file = next((folder / "measured").glob("seed0-maxmin-*.json"))
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "alone": 0.123}))
    assert call("evaluate", str(folder), *some, *LEAST) == 0
    assert 0.123 in json.loads((folder / "report.json").read_text())["debaters"]["maxmin"]["alone"]["seeds"]


def test_confusers_may_be_missing(folder: Path) -> None:
    for file in folder.glob("seed*/confuser-isolated.safetensors"):
        file.rename(file.with_suffix(".away"))
    assert call("evaluate", str(folder), "--games", "20", "--greedy-games", "5", "--lambdas", "0", "--quiet") == 0
    assert json.loads((folder / "report.json").read_text())["debaters"]["isolated"]["confused"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--domain", "icy"), "did you mean 'icu'"),
        (("train", "--methods", "maxmim"), "did you mean 'maxmin'"),
        (("train", "--turns", "3"), "cannot be shared by two debaters"),
        (("train", "--updates", "0"), "updates is 0"),
        (("evaluate", "nowhere"), "holds no study"),
        (("evaluate", "nowhere", "--lambdas", "0,2"), "give numbers from 0 to 1"),
        (("evaluate", "nowhere", "--games", "0"), "games is 0"),
        (("evaluate", "nowhere", "--learner-rate", "0"), "learner_rate is 0"),
        (("evaluate", "nowhere", "--planning-seeds", "-1"), "planning_seeds is -1"),
        (("train", "--held-out", "tset"), "did you mean 'test'"),
    ],
)
def test_bad_input(
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_damaged_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = folder / "plan.json"
    before = plan.read_text()
    plan.write_text('{"domain": "simulator"}')
    assert call("evaluate", str(folder)) == 2
    assert "is not the plan of a study" in capsys.readouterr().err
    plan.write_text(before)
    (folder / "seed0" / "isolated.safetensors").write_bytes(b"cut")
    assert call("evaluate", str(folder), "--games", "19", "--greedy-games", "5", "--lambdas", "0", "--quiet") == 2
    assert "is not a trained debater" in capsys.readouterr().err
