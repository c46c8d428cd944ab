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
from progressgym.instruments.facets import Estimate, Study, main_scores, study
from progressgym.instruments.questionnaire import Questionnaire

CENTURY, SEED = "century", "seed"
DECISIONS: tuple[Mapping[str, int], ...] = (
    {},
    {"word": 1, "lead": 1},
    {"word": 1},
    {"lead": 1},
    {"word": 16, "lead": 8},
    {"item": 12},
    {"item": 48},
    {"item": 96},
)
"""Sizes of the decision study; what is not named stays as it was read."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Report:
    """What is known of the worth of a history's models, or of one model."""

    name: str
    labels: tuple[str, ...]
    checks: tuple[Check, ...]
    studies: Mapping[str, Study]
    """Generalizability: of the newest model's values, and of drift where there are several models."""
    decisions: Mapping[str, tuple[tuple[Mapping[str, int], Estimate], ...]]
    """For each study: what more or fewer items, words, leads and seeds would give."""
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
        decisions={title: decide(made) for title, made in studies.items()},
        matrix=correlations(methods) if several else None,
        methods=tuple(methods) if several else (),
    )


def _studies(
    labels: Sequence[str], asked: Sequence[Asked], instrument: Questionnaire, others: OtherSeeds
) -> dict[str, Study]:
    found = {f"values of {labels[-1]}": study(main_scores(instrument, asked[-1].items, ("lead", "word")))}
    if len(asked) >= FEWEST_MODELS:
        facets: tuple[str, ...] = (CENTURY, "lead", "word")
        scores = np.array([one.items for one in asked])
        if len(others.items) > 1:
            scores, facets = np.array(others.items), (SEED, *facets)
        found["drift"] = study(main_scores(instrument, scores, facets), time=CENTURY)
    return found


def decide(made: Study) -> tuple[tuple[Mapping[str, int], Estimate], ...]:
    """The decision study of the usual sizes, and of more seeds where these were a facet."""
    sizes = list(DECISIONS)
    if SEED in made.scores.levels:
        sizes += [{"seed": 1}, {"seed": 4}]
    return tuple((size, made.reliability(**size)) for size in sizes)


def to_record(report: Report) -> dict[str, Any]:
    """The report as a JSON object."""
    return {
        "name": report.name,
        "labels": list(report.labels),
        "rule": "a check passes when its whole 95 % interval is above 0 and p is below .05",
        "checks": [{"status": check.status, **asdict(check)} for check in report.checks],
        "generalizability": {
            title: {
                "object": " x ".join(made.object),
                "shares": {
                    " x ".join(effect): {"variance": round(made.components[effect], 6), **_rounded(share)}
                    for effect, share in made.shares.items()
                },
                "fixed_facets": list(made.fixed),
                "decisions": [
                    {"sizes": dict(size), "reliability": _rounded(value)} for size, value in report.decisions[title]
                ],
            }
            for title, made in report.studies.items()
        },
        "multitrait_multimethod": None
        if report.matrix is None
        else {
            "methods": list(report.methods),
            "correlations": [[None if np.isnan(x) else round(float(x), 3) for x in row] for row in report.matrix],
        },
    }


def lines(report: Report) -> list[str]:
    """The report for a terminal."""
    told = [f"validity of {report.name} ({', '.join(report.labels)})", ""]
    told += [check.line() for check in report.checks]
    for title, made in report.studies.items():
        told += ["", *study_lines(title, made, report.decisions[title])]
    return told


def study_lines(title: str, made: Study, decisions: Sequence[tuple[Mapping[str, int], Estimate]]) -> list[str]:
    """A generalizability and a decision study for a terminal."""
    sizes = ", ".join(f"{levels} {name}s" for name, levels in made.scores.levels.items() if name not in made.object)
    told = [f"{title}: shares of the variance of single scores ({made.items:.0f} items a dimension, {sizes})"]
    for effect, share in sorted(made.shares.items(), key=lambda entry: -entry[1].value):
        told.append(f"  {' x '.join(effect):<28} {share.told()}{'  <- meant' if effect == made.object else ''}")
    told.append("  order                        none: options are never shown together")
    told.append("  reliability with")
    for size, value in decisions:
        with_ = ", ".join(f"{n} {k}{'s' if n > 1 else ''}" for k, n in size.items()) or "what was read"
        told.append(f"    {with_:<26} {value.told()}")
    if made.fixed:
        told.append(f"  intervals are conditional on the {', '.join(made.fixed)}s that were read")
    return told


def _rounded(value: Estimate) -> dict[str, float]:
    return {name: round(number, 4) for name, number in asdict(value).items()}
