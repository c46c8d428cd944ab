"""A file of preferences: what its columns become, its mistakes in one line, and a run from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.cli.main import dispatch, main
from progressgym.core.errors import UserError
from progressgym.losses import parts_of
from progressgym.models import load_language_model
from progressgym.tuning.parts import degraded, key_phrases
from progressgym.tuning.preference_file import read_contrasts
from tests.tuning.test_text_losses import rows_of_a_file
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
ROW: dict[str, Any] = {"prompt": "The sky is", "chosen": " blue today", "rejected": " green cheese"}


def written(path: Path, *rows: Any) -> Path:
    file = path / "rows.jsonl"
    file.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return file


def test_plain_rows_and_implicit_prompts(tmp_path: Path) -> None:
    (row,) = read_contrasts(written(tmp_path, ROW))
    assert (row.prompt, row.chosen, row.rejected, row.target, row.end) == (*ROW.values(), 1.0, True)
    for chosen, rejected in ((" blue", " black"), (" blue", " blue cheese"), ("", "n't")):
        given = {"chosen": f"The sky is{chosen}", "rejected": f"The sky is{rejected}"}
        (implicit,) = read_contrasts(written(tmp_path, given))
        assert implicit.prompt == ("The sky is" if chosen else "The sky")
        assert (implicit.prompt + implicit.chosen, implicit.prompt + implicit.rejected) == tuple(given.values())
    assert read_contrasts(written(tmp_path, ROW | {"weight": 0.5}))[0].target == 0.75


def test_columns_become_parts(tmp_path: Path) -> None:
    path = written(tmp_path, *rows_of_a_file(4))
    (lag, length, fares) = (
        read_contrasts(path, parts_of(loss))[3].numbers for loss in ("latency", "length-controlled", "gpo")
    )
    assert (
        lag == {"lag": (0.5,)}
        and fares == {"fares": (0.5, -0.5)}
        and length["length"][0] == pytest.approx(-0.2876820724)
    )
    good, bad = read_contrasts(path, parts_of("steerlm"))[0].terms
    assert good.prompt == "[brief 0, honest 4] Deed 0" and bad.prompt == "[brief 2, honest 0] Deed 0" and good.bare
    assert {row.prompt.partition(" Deed")[0] for row in read_contrasts(path, user="person")} == {"[anna]", "[ben]"}
    both = {"rationale_chosen": "it is", "rationale_rejected": "it is not"}
    terms = read_contrasts(written(tmp_path, ROW | both), parts_of("rdpo"))[0].terms
    assert [term.continuation for term in terms] == [" it is", " it is not"]
    assert ["more" in terms[0].prompt, "less" in terms[1].prompt] == [True, True]


def test_key_phrases_leave_a_text_one_after_the_other() -> None:
    text = " The solemn promise of an old king, and a lie."
    assert key_phrases(text)[:2] == ["solemn promise", "old king"]
    assert degraded(text, 2) == [" The of an old king, and a lie.", " The of an, and a lie."]
    assert degraded(" just", 3) == [] and degraded(" it is so", 3) == []


@pytest.mark.parametrize(
    ("rows", "loss", "user", "words"),
    [
        ([], "sigmoid", None, "has no lines"),
        (["[1]"], "sigmoid", None, "line 1 is no JSON object"),
        (["{"], "sigmoid", None, "line 1 is not valid JSON"),
        (
            [{"prompt": "a", "chosen": " b"}],
            "sigmoid",
            None,
            "line 1: there is no column 'rejected'; it has chosen, prompt",
        ),
        ([ROW, ROW | {"rejected": ROW["chosen"]}], "sigmoid", None, "line 2: chosen and rejected are the same; a tie"),
        ([ROW, ROW | {"prompt": ["The sky is"]}], "sigmoid", None, "line 2: prompt is a list, as of a conversation"),
        (
            [ROW, {key: ROW[key] for key in ("chosen", "rejected")}],
            "sigmoid",
            None,
            "line 2: column 'prompt' stands in some",
        ),
        ([ROW | {"chosen": ""}], "sigmoid", None, "line 1: chosen is empty"),
        ([ROW | {"chosen": 3}], "sigmoid", None, "line 1: chosen is a number; a text is expected"),
        ([ROW | {"weight": 2}], "sigmoid", None, "line 1: weight is 2.0; a number from 0"),
        ([ROW], "rdpo", None, "needs the column rationale or rationale_chosen and rationale_rejected; it has chosen"),
        ([ROW], "mapl", None, "needs the column other_prompt"),
        ([ROW | {"other_prompt": ROW["prompt"]}], "mapl", None, "other_prompt is the prompt itself"),
        ([ROW], "latency", None, "needs the columns chosen_lag and rejected_lag"),
        (['{"prompt":"a","chosen":" b","rejected":" c","chosen_lag":NaN,"rejected_lag":1}'], "latency", None, "line 1"),
        ([ROW | {"chosen_lag": "x", "rejected_lag": 1}], "latency", None, "chosen_lag is a text; a finite number"),
        (
            [ROW | {"chosen_attributes": {}, "rejected_attributes": {}}],
            "steerlm",
            None,
            "an object of names and numbers",
        ),
        ([ROW], "sigmoid", "annotator", "there is no column 'annotator' of users"),
        ([ROW | {"annotator": None}], "sigmoid", "annotator", "annotator is null; a name"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, rows: list[Any], loss: str, user: str | None, words: str) -> None:
    with pytest.raises(UserError) as error:
        read_contrasts(written(tmp_path, *rows), parts_of(loss), user=user)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_run_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It learns what it is shown, leaves a model that loads, and refuses to run over it."""
    base, out = save_tiny_llama(tmp_path / "base"), tmp_path / "out"
    data = written(tmp_path, *rows_of_a_file(12))
    command = ["train", "dpo", "--data", str(data), "--model", str(base), "--out", str(out), "--loss", "rdpo?gamma=0.1"]
    assert (
        dispatch([*command, "--tuning", "full", "--learning-rate", "0.01", "--epochs", "3", "--held-out", "0.25"]) == 0
    )
    printed = capsys.readouterr()
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["rows"] == 9 and results["after"]["rows"] == 3 and results["steps"] == 6
    assert results["after"]["log_odds"] > results["before"]["log_odds"] and "held-out rows right" in printed.out
    ((likely, unlikely),) = load_language_model(out / "model", device="cpu").option_logprobs(
        ["Deed 0"], [[" kept a promise", " told some lie"]]
    )
    assert likely > unlikely
    with pytest.raises(SystemExit) as ended:
        main(command)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2 and "holds a run" in line
