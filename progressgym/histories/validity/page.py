"""A validity report as a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from progressgym.histories.validity.check import Check
from progressgym.histories.validity.validity_report import Report
from progressgym.instruments.decisions import study_lines


def page(report: Report) -> str:
    """The whole page."""
    made = {check.name: check for check in report.checks if check.status != "skipped"}
    parts = [
        f"# Validity of {report.name}",
        "A check passes when its whole 95 % interval is above 0 and fewer than 5 % of permutations reach it.",
        _checks(report.checks),
    ]
    if "judgements" in made:
        parts.append(_judgements(report.labels, made["judgements"]))
    if "survey" in made:
        parts.append(_survey(report.labels, made["survey"]))
    if "practices" in made:
        parts.append(_practices(made["practices"]))
    if "multitrait-multimethod" in made:
        parts.append(_traits(made["multitrait-multimethod"]))
    if "instruments" in made:
        parts.append(_instruments(made["instruments"]))
    for title, study in report.studies.items():
        text = "\n".join(study_lines(title, study))
        parts.append(f"## Generalizability: {title}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _checks(checks: Sequence[Check]) -> str:
    rows = []
    for check in checks:
        if check.status == "skipped":
            rows.append((check.name, check.question, "skipped", check.skipped, ""))
        else:
            assert check.low is not None and check.high is not None and check.value is not None and check.p is not None
            interval = f"{check.value:.3f} [{check.low:.3f}, {check.high:.3f}]"
            status = f"**{check.status}**" if check.status == "FAIL" else check.status
            rows.append((check.name, check.question, status, interval, f"{check.p:.4f}"))
    return _table(("check", "question", "result", "value, 95 %", "p"), rows)


def _judgements(labels: Sequence[str], check: Check) -> str:
    readings: Mapping[str, Any] = check.detail["readings"]
    rows = []
    for name, row in readings.items():
        rank = row["spearman"]
        cells = [f"{value:.3f}" for value in row["agreement"]]
        rows.append((name, *cells, "" if rank is None else f"{rank:.2f}"))
    head = f"## People's judgement of {check.detail['actions']} actions\n\nCorrelation with the share of {check.detail['people']} people.\n\n"
    return head + _table(("reading", *labels, "Spearman with time"), rows)


def _survey(labels: Sequence[str], check: Check) -> str:
    rows = []
    for label, nearest, row in zip(labels, check.detail["nearest"], check.detail["agreement"], strict=True):
        span = f"{nearest['low']} to {nearest['high']}"
        rows.append((label, nearest["step"], span, f"{nearest['share']:.2f}", f"{row[0]:.3f}", f"{row[-1]:.3f}"))
    head = f"## A survey's years\n\nOver {check.detail['items']} questions of `gss-v1`.\n\n"
    steps = check.detail["steps"]
    names = ("model", "nearest", "95 %, items drawn anew", "share of draws", f"r {steps[0]}", f"r {steps[-1]}")
    return head + _table(names, rows)


def _practices(check: Check) -> str:
    detail = check.detail
    return (
        "## Practices\n\n| turn in history | change of the verdict, 95 % |\n|---|---|\n"
        + "".join("| {} | {:.3f} [{:.3f}, {:.3f}] |\n".format(side, *detail[side]) for side in ("rose", "fell"))
        + f"\n{detail['right way']} of {detail['practices']} moved the way history did, beyond what the controls "
        f"would have; before the controls are taken out the difference is {detail['before the controls are taken out']:.3f}. "
        "The controls' own change between the first and the last model has a standard deviation of "
        f"{detail['controls, standard deviation of their change']:.2f}."
    )


def _traits(check: Check) -> str:
    rows = [
        (pair, f"{row['convergent']:.3f}", f"{row['discriminant']:.3f}", "yes" if row["share no item"] else "no")
        for pair, row in check.detail["pairs"].items()
    ]
    names = ("methods", "convergent", "discriminant", "counts (no item in common)")
    return "## Multitrait-multimethod\n\nMean correlations over models.\n\n" + _table(names, rows)


def _instruments(check: Check) -> str:
    rows = [
        (
            f"{pair['first']} / {pair['second']}",
            str(pair["traits"]),
            f"{pair['convergent']:.3f}",
            f"{pair['discriminant']:.3f}",
            f"{pair['gain']:.3f} [{pair['low']:.3f}, {pair['high']:.3f}]",
            f"{pair['p']:.4f}",
        )
        for pair in check.detail["pairs"]
    ]
    names = ("instruments", "dimensions in common", "convergent", "discriminant", "difference, 95 %", "p")
    return "## Instruments\n\nMean correlations over models.\n\n" + _table(names, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
