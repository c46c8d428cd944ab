"""`progressgym plan`, and docs/scale.md, whose outputs are the planner's own."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from progressgym.cli.main import main

torch.set_num_threads(1)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
SHOWN = re.findall(r"^```console\n\$ (progressgym plan .*?)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def call(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line)[1:])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_the_page_shows_both_large_models() -> None:
    commands = " ".join(command for command, _ in SHOWN)
    assert "HistLlama3-8B" in commands and "HistLlama3-70B" in commands and len(SHOWN) >= 4


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_the_page_shows_what_the_planner_says(command: str, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cards that are not here are planned from their data sheets, so the output is the same on every machine."""
    code, out, err = call(command, capsys)
    assert out == output and err == "" and code == (1 if "does not fit" in output else 0)


@pytest.mark.parametrize(
    "line",
    [
        "progressgym plan llama3-70b --device h100",
        "progressgym plan llama3-8b --full --device a100-80",
        "progressgym plan llama3-8b --device rtx-4090 --rows 64 --length 1024",
    ],
)
def test_advice_is_true(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(line, capsys)
    advice = re.search(r"it fits .*?(--.*)", out)
    assert code == 1 and advice is not None
    given = re.sub(r"--rows \d+", "", line) if "--rows" in advice[1] else line
    assert call(f"{given} {advice[1]}", capsys)[0] == 0


def test_a_plan_for_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("progressgym plan smollm2-135m --device cpu --json", capsys)
    record = json.loads(out)
    assert record["parameters"] == 134515008 and record["device"]["kind"] == "cpu" and record["seconds"] > 0
    assert code == (0 if record["fits"] else 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("progressgym plan", "give either MODEL or --parameters"),
        ("progressgym plan lama3-8b", "did you mean 'llama3-8b'"),
        ("progressgym plan llama3-8b --device tpu", "unknown device 'tpu'"),
        ("progressgym plan llama3-8b --rows 0", "rows is 0"),
        ("progressgym plan --parameters 5", "write a number such as 8e9"),
        ("progressgym plan llama3-8b --method ppo", "invalid choice"),
    ],
)
def test_mistakes_are_one_line(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(line, capsys)
    assert code == 2 and out == "" and err.count("\n") == 1 and message in err
