"""The report on control models: a planted respondent passes every check, a shuffled one none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.histories.validity.asked import Asking
from progressgym.histories.validity.check import Check, correlation, permutation, spearman
from progressgym.histories.validity.judgements import find_judgements, read_judgements
from progressgym.histories.validity.outside import judgements
from progressgym.histories.validity.page import page
from progressgym.histories.validity.pictures import draw, figures
from progressgym.histories.validity.run import known_seeds, make_asking, validate_models
from progressgym.histories.validity.validity_report import Report, lines, to_record
from progressgym.instruments.practices import read_practices, shipped_practices
from progressgym.instruments.questionnaire import Questionnaire
from research.controls import Shuffled
from tests.histories.validity.planted import Known, made_up_judgements, planted

CENTURIES = (13, 15, 16, 17, 18, 20, 21)


@pytest.fixture(scope="module")
def asking() -> Asking:
    """Every third item, judgements made up."""
    return replace(make_asking(Questionnaire.load("moral19-v1")), judgements=made_up_judgements())


def statuses(report: Report) -> dict[str, str]:
    """Check -> pass, FAIL or skipped."""
    return {check.name: check.status for check in report.checks}


def test_a_planted_history_passes_everything(asking: Asking, tmp_path: Path) -> None:
    """Seven models that agree with people ever more, turn as history did and drift by one stance; a second seed alike."""
    models = {f"C0{century}": lambda century=century: planted(asking, century) for century in CENTURIES}
    report = validate_models("planted", models, asking, seeds=[models])
    assert set(statuses(report).values()) == {"pass"}, lines(report)
    drift = report.studies["drift"]
    assert drift.reliability().value > 0.8 and drift.fixed == ("seed",)
    assert drift.reliability(item=1).value < drift.reliability().value
    record = json.loads(json.dumps(to_record(report), allow_nan=False))
    assert len(record["checks"]) == len(report.checks) and record["multitrait_multimethod"]["methods"]
    assert "**FAIL**" not in page(report) and "Multitrait-multimethod" in page(report)
    assert not draw(report, tmp_path) and {path.name for path in tmp_path.iterdir()} == set(figures(report))


def test_shuffled_answers_fail_everywhere(asking: Asking) -> None:
    """One century's model with its answers dealt out anew fails every check that can be made of one model."""
    report = validate_models("shuffled", {"one": lambda: Shuffled(planted(asking, 21))}, asking)
    found = statuses(report)
    assert set(found.values()) == {"FAIL", "skipped"}
    assert [name for name, status in found.items() if status == "skipped"] == [
        "judgements in time",
        "practices",
        "seeds",
        "multitrait-multimethod",
    ]
    assert "**FAIL**" in page(report) and any(line.startswith("FAIL") for line in lines(report))
    assert report.studies["values of one"].reliability().value < 0.3


@pytest.mark.heavy
def test_a_history_that_turns_the_wrong_way_fails(asking: Asking) -> None:
    """The planted history backwards: what rose falls, and the agreement with people with it."""
    models = {f"C0{century}": lambda mirror=34 - century: planted(asking, mirror) for century in CENTURIES}
    found = statuses(validate_models("backwards", models, asking))
    assert found["practices"] == found["judgements in time"] == "FAIL"
    assert found["controls"] == found["words"] == "pass"


def test_without_a_table_that_check_is_skipped_with_a_reason(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PROGRESSGYM_SHARED", raising=False)
    assert find_judgements(None) is None
    with pytest.raises(UserError, match="no table of judgements"):
        find_judgements(tmp_path / "nothing.csv")
    checks = judgements(["C021"], [], replace(asking, judgements=None))
    assert [check.status for check in checks] == ["skipped", "skipped"] and "--people" in checks[0].skipped


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("deed,yes,no\n1,2,3\n", "needs columns action, yes and no"),
        ("", "needs columns action, yes and no"),
        ("action,yes,no\neat,٣,1\n", "line 2"),
        (f"action,yes,no\neat,{'9' * 5000},1\n", "line 2"),
        (f"action,yes,no\n{'e' * 200000},1,1\n", "no CSV table"),
        ("action,yes,no\neat,3,-1\n", "line 2"),
        ("action,yes,no\neat,0,0\n", "line 2"),
        ("action,yes,no\neat,3\n", "line 2"),
        ("action,yes,no\n" + "eat,1,2\n" * 30, "20 different ones"),
    ],
)
def test_a_table_that_is_none_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "actions.csv").write_text(text)
    found = find_judgements(tmp_path)
    assert found is not None
    with pytest.raises(UserError, match=told):
        read_judgements(found)


def test_seeds_that_shipped_are_read_on_the_items_asked(asking: Asking) -> None:
    """histsmol-v1 ships its second seed's answers; on other labels they are not taken."""
    labels = [f"C0{century}" for century in range(13, 22)]
    known = known_seeds("histsmol-v1", labels, asking)
    assert known is not None and [a.shape for a in known.answers] == [(9, len(asking.instrument), 4)] * 2
    assert known_seeds("histsmol-v1", labels[1:], asking) is None and known_seeds("gss-v1", labels, asking) is None


def test_statistics_by_hand() -> None:
    """Ranks 1 2 3 against 3 1 2: r = -1/2. Of 6 orders of three, the best is reached by one: p near 1/6."""
    assert float(spearman(np.array([1.0, 2.0, 30.0]), np.array([3.0, 1.0, 2.0]))) == pytest.approx(-0.5)
    assert float(correlation(np.array([1.0, 2.0]), np.array([5.0, 5.0]))) == 0.0
    time = np.arange(3.0)
    assert permutation(3, lambda order: correlation(time[order], time), "by hand") == pytest.approx(1 / 6, abs=0.03)
    assert Check(name="a", question="b", value=0.5, low=0.1, high=0.9, p=0.06).status == "FAIL"
    assert Check(name="a", question="b", value=0.5, low=-0.1, high=0.9, p=0.01).status == "FAIL"


def test_practices_are_a_list_with_sources(tmp_path: Path) -> None:
    """At least 40 turns with a dated source each, both ways, and controls both ways; a faulty line is named."""
    listed = shipped_practices()
    turned = [practice for practice in listed if not practice.control]
    assert len(turned) >= 40 and all(any(sign.isdigit() for sign in practice.source) for practice in turned)
    assert min(sum(p.kind == kind for p in listed) for kind in ("rose", "fell", "praised", "blamed")) >= 20
    assert len({practice.deed for practice in listed}) == len(listed)
    for line, told in (
        ('{"id": "a", "deed": "a", "kind": "grew"}', "kind is 'grew'"),
        ('{"id": "a", "deed": "a", "kind": "rose", "since": 18, "until": 17, "source": "x"}', "later until"),
        ('{"id": "a", "deed": "a", "kind": "rose", "since": true}', "since must be of type int"),
        ('["a"]', "an object with id, deed"),
        ('{"id": "a", "deed": "a", "kind": "praised"}\n' * 2, "stands in line 1, too"),
    ):
        (tmp_path / "list.jsonl").write_text(line + "\n")
        with pytest.raises(UserError, match=told):
            read_practices(tmp_path / "list.jsonl")


def test_a_thinner_instrument_keeps_its_balance() -> None:
    """Every third item: each dimension 4 times in each half, all items whole."""
    whole = Questionnaire.load("moral19-v1")
    thin = whole.thinned(3)
    assert len(thin) == 144
    mains = [[thin.items[i].main for i in half] for half in (thin.elicitation, thin.evaluation)]
    assert all(half.count("care") == 4 and half.count("worldview") == 12 for half in mains)
    assert whole.thinned(1) is whole and thin.hash != whole.hash
    with pytest.raises(UserError, match="every is 0"):
        whole.thinned(0)


def test_known_answers_of_the_double() -> None:
    """Approving words are likelier of the better deed."""
    (good,), (bad,) = (
        Known({"To help": 2.0, "To harm": -2.0}, noise=0.0).framed_option_logprobs([deed], [" is"], [[" good", " bad"]])
        for deed in ("To help", "To harm")
    )
    assert good[0, 0] - good[0, 1] == pytest.approx(2.0) and bad[0, 0] - bad[0, 1] == pytest.approx(-2.0)
