"""The printed table: order, columns, marks and warnings."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from progressgym.bench.findings import findings, stray, with_conditions
from progressgym.bench.table import WIDTH, blocks, print_table, seed_warnings, with_fronts
from progressgym.core.errors import UserError
from progressgym.preferences.conditions import Facts, conditions_of, read_conditions
from progressgym.scores.records import AcrossHistories, Aggregate, ExplainedRecord, IntervalRecord


def explained(interval: IntervalRecord | None, **ahead: IntervalRecord) -> ExplainedRecord:
    return ExplainedRecord(interval=interval, spread=0.25, shares={"items": 1.0}, ahead=ahead)


def row(agent: str, skill: float | None, challenge: str = "follow", **changes: object) -> Aggregate:
    middle = 0.0 if skill is None else skill
    interval = None if skill is None else IntervalRecord(low=skill - 0.1, mid=skill, high=skill + 0.1)
    fields: dict[str, object] = {
        "agent": agent,
        "challenge": challenge,
        "history": "synthetic:linear",
        "seeds": 10,
        "skill": interval,
        "explained": None if "coevolve" in challenge else explained(interval),
        "utility": IntervalRecord(low=middle, mid=middle, high=middle),
        "static": 0.0,
        "reference": 1.0,
        "lead": IntervalRecord(low=1.0, mid=1.0, high=1.0),
        "similarity": 0.5,
        "drift_cosine": None,
        "dimension_error": 0.1,
        "published": {"follow_sum": 7.5, "code_sum_of_maxes": 30.0},
        "labels": "sample" if "sample" in challenge else "probability",
    }
    return Aggregate.model_validate({**fields, **changes})


def printed(rows: list[Aggregate], **extras: Any) -> str:
    page, steps = io.StringIO(), {"follow": 8, "predict": 7, "coevolve": 8}
    print_table(rows, steps, Console(file=page, width=120, no_color=True), **extras)
    return page.getvalue()


def test_best_first_unidentified_last_references_apart() -> None:
    rows = [
        row("worse", 0.1),
        row("oracle", 1.0, privileged=True),
        row("unknown", None),
        row("better", 0.9),
    ]
    (block,) = blocks(rows)
    assert [r.agent for r in block.rows] == ["better", "worse", "unknown", "oracle"]
    text = printed(rows)
    assert "not identified" in text and "oracle \u2020" in text and "0.90 [0.80, 1.00]" in text and "sum/8" in text


def test_long_ids_leave_every_number_whole() -> None:
    """Of an agent with a model's path, of somebody's own module and of a challenge with arguments."""
    long = "lifelong-dpo?independent=true&learning_rate=0.0001&policy=lm:/home/somebody/models/SmolLM2-135M-Instruct"
    own = "my_module.with_a_very_long_name:AnAgentWithAVeryLongNameToo"
    rows = [row(long, -10.2), row(own, 0.3), coevolving(long, 0.9, 0.5, 0.5)]
    one = IntervalRecord(low=-12.12, mid=-10.5, high=-9.2)
    across = [
        AcrossHistories(
            agent=agent,
            challenge="predict?horizon=3&queries=100",
            histories=["h"],
            runs=3,
            interquartile_mean=one,
            improvement={"static": one, own: one},
        )
        for agent in (long, own)
    ]
    text = printed(with_fronts(rows), across=across)
    assert text.count("-10.50 [-12.12, -9.20]") == 5 and "-10.20 [-10.30, -10.10]" in text and "0.9000" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    parts = text.replace("\n", " ").split()
    assert {"&learning_rate=0.0001", "?horizon=3", "&queries=100"} <= set(parts)


def test_justifiability_is_a_column() -> None:
    lines = printed([row("a", 0.9, justifiability=0.914), row("b", 0.2)]).splitlines()
    head = next(line for line in lines if "justif." in line)
    at = head.index("justif.")
    rows = [line for line in lines if line.split() and line.split()[0] in ("a", "b")]
    told = {line.split()[0]: line[at : at + 7].strip() for line in rows[:2]}
    assert told == {"a": "0.91", "b": "\u2013"}


def test_sampled_labels_are_a_column() -> None:
    rows = [row("a", 0.9), row("b", 0.2), row("a", 0.33, "follow?labels=sample")]
    (block,) = blocks(rows)
    assert len(block.rows) == 2
    lines = {line.split()[0]: line for line in printed(rows).splitlines() if line.split()}
    assert "0.33" in lines["a"] and "same" in lines["b"]


def coevolving(agent: str, utility: float, moved: float, skill: float | None = None, **changes: object) -> Aggregate:
    """A Coevolve row whose skill is known to 0.1 either way."""
    numbers = {"entropy": 0.5, "displacement": moved, "against_history": 0.1}
    lock_in = {name: IntervalRecord(low=x, mid=x, high=x) for name, x in numbers.items()}
    interval = IntervalRecord(low=utility, mid=utility, high=utility)
    return row(agent, skill, "coevolve", utility=interval, similarity=utility, lock_in=lock_in, **changes)


def test_coevolve_is_ranked_by_pareto_fronts_only() -> None:
    """`strong` has more utility, `gentle` moves less: one front. The truth would beat both and is not ranked."""
    rows = with_fronts(
        [
            coevolving("bad", 0.4, 0.6, 0.9),
            coevolving("strong", 0.9, 0.5, 0.5),
            coevolving("gentle", 0.5, 0.1, 0.1),
            coevolving("oracle", 1.0, 0.0, 1.0, privileged=True),
        ]
    )
    assert {one.agent: one.front for one in rows} == {"strong": 1, "gentle": 1, "bad": 2, "oracle": None}
    lines = [line.split() for line in printed(rows).splitlines() if line.split()]
    order = [words[0] for words in lines if words[0] in ("strong", "gentle", "bad", "oracle")]
    assert order == ["strong", "gentle", "bad", "oracle"], "the worst front has the highest skill, and comes last"


def test_fronts_do_not_mix_histories_or_labels() -> None:
    rows = with_fronts(
        [
            coevolving("a", 0.9, 0.1),
            coevolving("b", 0.5, 0.5, history="other"),
            coevolving("c", 0.4, 0.6).model_copy(update={"challenge": "coevolve?labels=sample"}),
        ]
    )
    assert [one.front for one in rows] == [1, 1, 1]


def test_steering_is_said_in_words() -> None:
    """Skill 1.3 [1.2, 1.4] is above the reference's 1; 1.05 [0.95, 1.15] may be; on Follow there is nobody to steer."""
    rows = [
        coevolving("pusher", 0.99, 0.3, 1.3),
        coevolving("unsure", 0.98, 0.3, 1.05),
        coevolving("oracle", 0.97, 0.02, 1.0, privileged=True),
        row("pusher", 1.3),
    ]
    (told,) = findings(rows)
    assert told.startswith("coevolve on synthetic:linear: pusher steers. Its skill of 1.30 [1.20, 1.40] is above")
    assert "displacement 0.300, beside the reference 0.020" in told
    text = printed(rows, findings=findings(rows))
    assert "1.30 [1.20, 1.40] \u2191" in text and "1.05 [0.95, 1.15] \u2191" not in text
    assert "! coevolve on synthetic:linear: pusher steers" in text and "no single number" in text


def test_unidentified_skill_is_said_in_words_and_never_first() -> None:
    rows = [row("a", None), row("b", None)]
    still, told = findings(rows)
    assert still.startswith("follow on synthetic:linear: drift explained is not identified")
    assert told.startswith("follow on synthetic:linear: skill is not identified")
    assert [one.agent for one in blocks([row("x", None), row("y", -50.0)])[0].rows] == ["y", "x"]


def test_drift_explained_ranks_and_differences_are_marked() -> None:
    """Skill by cosine is a column only; a star says that an interval of a paired difference excludes 0."""

    def told(mid: float, low: float, high: float) -> IntervalRecord:
        return IntervalRecord(low=low, mid=mid, high=high)

    first = explained(told(0.6, 0.5, 0.7), kalman=told(0.2, -0.1, 0.5), static=told(0.6, 0.5, 0.7))
    second = explained(told(0.4, 0.2, 0.6), static=told(0.4, 0.2, 0.6), first=told(-0.2, -0.5, 0.1))
    third = explained(told(0.0, 0.0, 0.0), kalman=told(-0.4, -0.6, -0.2))
    rows = [
        row("static", 0.9, explained=third),
        row("kalman", 0.8, explained=second),
        row("first", 0.1, explained=first),
    ]
    (block,) = blocks(rows)
    assert [r.agent for r in block.rows] == ["first", "kalman", "static"]
    lines = {line.split()[0]: line.split() for line in printed(rows).splitlines() if line.split()}
    assert lines["first"][1:8] == ["0.60", "[0.50,", "0.70]", "0.25", "0.20", "0.20", "\u2013"]
    assert lines["kalman"][5:8] == ["0.40*", "\u2013", "\u2013"] and lines["static"][5:7] == ["\u2013", "-0.40*"]


def test_the_table_across_histories_is_compact() -> None:
    def one(agent: str, mid: float, **changes: object) -> AcrossHistories:
        interval = IntervalRecord(low=mid - 0.1, mid=mid, high=mid + 0.1)
        chance = IntervalRecord(low=0.6, mid=0.75, high=0.9)
        fields = {
            "agent": agent,
            "challenge": "follow",
            "histories": ["h", "g"],
            "runs": 20,
            "interquartile_mean": interval,
            "improvement": {"static": chance, "worse": chance},
        }
        return AcrossHistories.model_validate({**fields, **changes})

    rows = [
        one("better", 0.8),
        one("worse", 0.2),
        one("oracle", 1.0, privileged=True),
        one("better", 0.5, labels="sample"),
    ]
    text = printed([row("better", 0.8)], across=rows)
    assert "agents across 2 histories" in text and "0.80 [0.70, 0.90]" in text and "0.75 [0.60, 0.90]" in text
    assert "oracle" not in text and "0.50 [0.40, 0.60]" not in text, "references and sampled labels are in results.json"


def test_no_negative_zero_is_printed() -> None:
    assert "-0.00" not in printed([row("static", -1e-17)]).replace("[-0.10", "")


def test_few_seeds_are_warned_about() -> None:
    assert seed_warnings([row("a", 0.1)]) == []
    assert "intervals rest on 3 seeds" in seed_warnings([row("a", 0.1, seeds=3), row("b", 0.1)])[0]
    assert "on 1 seed;" in seed_warnings([row("a", 0.1, seeds=1)])[0]


def test_a_run_that_fails_its_conditions_is_marked_and_has_no_place(tmp_path: Path) -> None:
    """The mark stands beside the row, why stands below the table, and nobody is compared with it."""
    facts = Facts(
        provenance="own votes",
        stakeholders=("readers",),
        reversible=True,
        accuracy=(0.55, 0.6),
        above_words=(-0.01, 0.03),
        false_alarms=0.4,
        misses=0.1,
        divergence=0.6,
    )
    better, worse, oracle = row("better", 0.9), row("worse", 0.1), row("oracle", 1.0, privileged=True)
    conditions_of(facts).write(tmp_path, "better")
    conditions_of(replace(facts, above_words=(0.01, 0.03), false_alarms=0.1)).write(tmp_path, "worse")
    conditions_of(facts).write(tmp_path, "absent")
    kept = read_conditions(tmp_path)
    rows = with_conditions([better, worse, oracle], kept)
    (block,) = blocks(rows)
    assert [r.agent for r in block.rows] == ["worse", "better", "oracle"]
    text = " ".join(printed(rows).split())
    assert "better \u2021 0.90" in text and "worse 0.10" in text
    assert (
        "\u2021 better fails conditions of its run and is not ranked: reward above words alone: -0.010 to 0.030, all of it "
        "above 0 is asked for; guard's false alarms: 0.400, at most 0.2 is asked for" in text
    )
    assert stray(rows, kept) == ["conditions.json holds conditions of 'absent', which has no row here"]
    conditions_of(facts).write(tmp_path)  # of the whole run: whoever has none of its own; references have none
    rows = with_conditions([row("other", 0.5), worse, oracle], read_conditions(tmp_path))
    assert [bool(r.unmet) for r in rows] == [True, False, False]


def test_a_pareto_front_has_no_run_that_fails() -> None:
    rows = [coevolving("near", 0.5, 0.1), coevolving("far", 0.6, 0.05).model_copy(update={"unmet": ["guard: errs"]})]
    assert [r.front for r in with_fronts(rows)] == [1, None]


def test_damaged_conditions(tmp_path: Path) -> None:
    for text in ("[]", "{", '{"a": []}', '{"a": {"conditions": [{}]}}', '{"a": {"conditions": 1}}', '{"a": 3}'):
        (tmp_path / "conditions.json").write_text(text)
        with pytest.raises(UserError, match=r"conditions\.json"):
            read_conditions(tmp_path)
