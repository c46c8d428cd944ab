"""The validity report: every check of a history's models or of one model, as a record and as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.histories.validity.asked import Asked, Asking
from progressgym.histories.validity.check import Check
from progressgym.histories.validity.inside import internal, seeds
from progressgym.histories.validity.matrix import correlations, matrix, methods_of
from progressgym.histories.validity.outside import FEWEST_MODELS, controls, judgements, practices, survey
from progressgym.instruments.decisions import SEED, study_lines, study_record
from progressgym.instruments.facets import Study, main_scores, study
from progressgym.instruments.questionnaire import Questionnaire

CENTURY = "century"


@dataclass(kw_only=True, frozen=True, eq=False)
class Report:
    """What is known of the worth of a history's models, or of one model."""

    name: str
    labels: tuple[str, ...]
    checks: tuple[Check, ...]
    studies: Mapping[str, Study]
    """Generalizability: of the newest model's values, and of drift where there are several models."""
    matrix: Floats | None
    """(Q D, Q D) correlations over models."""
    methods: tuple[str, ...]
    """Q names."""


@dataclass(kw_only=True, frozen=True, eq=False)
class OtherSeeds:
    """Other training seeds of the same models."""

    answers: tuple[Floats, ...]
    """S answers (M, N, K), the history's own first, all read in the same way."""
    how: str
    """How they were read."""
    items: tuple[Floats, ...] = ()
    """Panel scores (M, L, W, N, K) of every seed, where they were read."""


def make_report(
    name: str,
    labels: Sequence[str],
    asked: Sequence[Asked],
    asking: Asking,
    *,
    others: OtherSeeds,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Make every check and both studies.

    Args:
        name: of the history or model.
        labels: of the models, in order of time.
        asked: what each answered.
        asking: what was asked.
        others: answers of other training seeds.
        progress: called with what is being done.
    """
    say = progress or (lambda _: None)
    say("checks against people, laws and known deeds")
    checks = [
        *judgements(labels, asked, asking),
        survey(labels, asked, asking),
        controls(labels, asked, asking),
        practices(labels, asked, asking),
    ]
    say("checks of words, leads, readings, seeds and items")
    checks += internal(asked, asking)
    checks.append(seeds(others.answers, asking.instrument, others.how))
    checks.append(matrix(labels, asked, asking))
    say("variance components")
    studies = _studies(labels, asked, asking.instrument, others)
    several = len(asked) >= FEWEST_MODELS
    methods = methods_of(asked, asking)
    return Report(
        name=name,
        labels=tuple(labels),
        checks=tuple(checks),
        studies=studies,
        matrix=correlations(methods) if several else None,
        methods=tuple(methods) if several else (),
    )


def _studies(
    labels: Sequence[str], asked: Sequence[Asked], instrument: Questionnaire, others: OtherSeeds
) -> dict[str, Study]:
    one = main_scores(instrument, asked[-1].items, ("lead", "word"))
    studies = {} if one is None else {f"values of {labels[-1]}": study(one)}
    if one is not None and len(asked) >= FEWEST_MODELS:
        seeds = others.items if len(others.items) > 1 else ()
        table = np.array(seeds) if seeds else np.array([answers.items for answers in asked])
        facets = (*((SEED,) if seeds else ()), CENTURY, "lead", "word")
        if (scores := main_scores(instrument, table, facets)) is not None:
            studies["drift"] = study(scores, time=CENTURY)
    return studies


def to_record(report: Report) -> dict[str, Any]:
    """The report as a JSON object."""
    return {
        "name": report.name,
        "labels": list(report.labels),
        "rule": "a check passes when its whole 95 % interval is above 0 and p is below .05",
        "checks": [{"status": check.status, **asdict(check)} for check in report.checks],
        "generalizability": {title: study_record(made) for title, made in report.studies.items()},
        "multitrait_multimethod": None
        if report.matrix is None
        else {
            "methods": list(report.methods),
            "correlations": [[None if np.isnan(x) else round(float(x), 3) for x in row] for row in report.matrix],
        },
    }


def lines(report: Report) -> list[str]:
    """The report for a terminal."""
    rows = [f"validity of {report.name} ({', '.join(report.labels)})", ""]
    rows += [check.line() for check in report.checks]
    for title, made in report.studies.items():
        rows += ["", *study_lines(title, made)]
    return rows
