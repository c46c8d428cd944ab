"""The pictures of a validity report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.histories.validity.asked import TEMPLATES
from progressgym.histories.validity.validity_report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("judgements.png", "practices.png", "survey.png", "traits.png")


def draw(report: Report, folder: Path) -> list[str]:
    """Draw what the report has into a folder; returns what could not be drawn."""
    from progressgym.monitor import plots

    failures: list[str] = []
    for name, make in figures(report).items():
        with plots.extra(folder / name, failures):
            plots.save(make(), folder / name)
    return failures


def figures(report: Report) -> dict[str, Callable[[], Figure]]:
    """File name -> what draws it, for the checks that were made."""
    from progressgym.monitor import validity_plots as plots

    made = {check.name: check for check in report.checks if check.status != "skipped"}
    makers: dict[str, Callable[[], Figure]] = {}
    if "judgements in time" in made:
        readings: dict[str, Any] = {
            name: row["agreement"] for name, row in made["judgements"].detail["readings"].items()
        }
        makers["judgements.png"] = lambda: plots.in_time(
            report.labels,
            readings,
            bold=["panel", *(name for name, _, _ in TEMPLATES)],
            title="Agreement with people's judgement",
            subtitle=f"{report.name}; grey: single pairs of words of the panel",
        )
    if "practices" in made:
        makers["practices.png"] = lambda: plots.practice_bars(
            made["practices"].detail["drift"],
            title="Practices whose praise is known to have turned",
            subtitle=f"{report.name}; blue: rose in history, orange: fell",
        )
    if "survey" in made:
        detail = made["survey"].detail
        makers["survey.png"] = lambda: plots.survey_years(
            report.labels,
            detail["steps"],
            detail["agreement"],
            title="Which years of people is it nearest to?",
            subtitle=f"{report.name} against gss-v1, {detail['items']} questions; ring: the nearest",
        )
    matrix = report.matrix
    if matrix is not None:
        makers["traits.png"] = lambda: plots.trait_matrix(
            report.methods,
            matrix,
            title="Dimensions by methods",
            subtitle=f"{report.name}: correlations over models; diagonals of the outer blocks are convergent",
        )
    return makers
