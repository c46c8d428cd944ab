"""`progressgym train`: a run from the command line, and its mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from progressgym.cli.main import dispatch, main
from tests.tuning.century_models import save_history

torch.set_num_threads(1)


def test_a_run_and_its_continuation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, history, _ = save_history(tmp_path, centuries=2)
    capsys.readouterr()
    command = ["train", "lifelong-dpo?comparisons=4", "--history", str(history), "--policy", f"lm:{base}"]
    out = tmp_path / "out"
    assert dispatch([*command, "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "2 cells run, 0 reused" in shown.out and "tensorboard --logdir" in shown.out
    assert "C014: score" in shown.err and "Traceback" not in shown.err and "Warning" not in shown.err
    assert dispatch([*command, "--out", str(out), "--resume", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    agents = {row["agent"] for row in results["aggregates"]}
    assert agents == {"static", f"lifelong-dpo?comparisons=4&policy=lm:{base}&reference=uniform"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lifelong-dpo", "--policy", "smollm2-135m"], "unknown policy 'smollm2-135m'; use stance, or lm: and a model"),
        (["lifelong-dpo", "--challenge", "folow"], "did you mean 'follow'?"),
        (["lifelong-dpo", "--out", "nowhere", "--resume"], "nothing to resume"),
        (["lifelong-dpo?tuning=half"], "unknown tuning 'half'"),
    ],
)
def test_mistakes(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line
