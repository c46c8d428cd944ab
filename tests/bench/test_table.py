"""The printed table: order, columns, marks and warnings."""

from __future__ import annotations

import io

from rich.console import Console

from progressgym.bench.table import blocks, pareto, print_table, seed_warnings
from progressgym.scores.records import Aggregate, IntervalRecord


def row(agent: str, skill: float | None, challenge: str = "follow", **changes: object) -> Aggregate:
    middle = 0.0 if skill is None else skill
    fields: dict[str, object] = {
        "agent": agent,
        "challenge": challenge,
        "history": "synthetic:linear",
        "seeds": 10,
        "skill": None if skill is None else IntervalRecord(low=skill - 0.1, mid=skill, high=skill + 0.1),
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


def printed(rows: list[Aggregate]) -> str:
    page = io.StringIO()
    print_table(rows, {"follow": 8, "predict": 7, "coevolve": 8}, Console(file=page, width=100, no_color=True))
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


def test_sampled_labels_are_a_column() -> None:
    rows = [row("a", 0.9), row("b", 0.2), row("a", 0.33, "follow?labels=sample")]
    (block,) = blocks(rows)
    assert len(block.rows) == 2
    lines = {line.split()[0]: line for line in printed(rows).splitlines() if line.split()}
    assert "0.33" in lines["a"] and "same" in lines["b"]


def test_coevolve_is_a_pareto_pair() -> None:
    def one(agent: str, utility: float, moved: float) -> Aggregate:
        lock_in = {"entropy": 0.5, "displacement": moved, "against_history": 0.1}
        interval = IntervalRecord(low=utility, mid=utility, high=utility)
        return row(agent, utility, "coevolve", utility=interval, lock_in=lock_in)

    rows = [one("strong", 0.9, 0.5), one("gentle", 0.5, 0.1), one("bad", 0.4, 0.6)]
    truth = one("oracle", 1.0, 0.0).model_copy(update={"privileged": True})
    assert pareto([*rows, truth]) == {"strong", "gentle"}
    text = printed([*rows, truth])
    assert "moved" in text and "skill above 1 means it does" in text


def test_few_seeds_are_warned_about() -> None:
    assert seed_warnings([row("a", 0.1)]) == []
    assert "intervals rest on 3 seeds" in seed_warnings([row("a", 0.1, seeds=3), row("b", 0.1)])[0]
    assert "on 1 seed;" in seed_warnings([row("a", 0.1, seeds=1)])[0]
