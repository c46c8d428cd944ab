"""What a generalizability study says to people: shares of the variance, and the reliability that more would buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from progressgym.instruments.facets import Estimate, Study

SEED = "seed"
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


def decide(made: Study) -> tuple[tuple[Mapping[str, int], Estimate], ...]:
    """The decision study of the usual sizes, and of more seeds where these were a facet."""
    sizes = list(DECISIONS)
    if SEED in made.scores.levels:
        sizes += [{"seed": 1}, {"seed": 4}]
    return tuple((size, made.reliability(**size)) for size in sizes)


def study_record(made: Study) -> dict[str, Any]:
    """A study as a JSON object."""
    return {
        "object": " x ".join(made.object),
        "scores": {"items a dimension": round(made.items, 3), **made.scores.levels},
        "shares": {
            " x ".join(effect): {"variance": round(made.components[effect], 6), **_rounded(share)}
            for effect, share in made.shares.items()
        },
        "order": None,
        "fixed_facets": list(made.fixed),
        "decisions": [{"sizes": dict(size), "reliability": _rounded(value)} for size, value in decide(made)],
    }


def study_lines(title: str, made: Study) -> list[str]:
    """A generalizability and a decision study for a terminal."""
    sizes = ", ".join(f"{levels} {name}s" for name, levels in made.scores.levels.items() if name not in made.object)
    rows = [f"{title}: shares of the variance of single scores ({made.items:.0f} items a dimension, {sizes})"]
    for effect, share in sorted(made.shares.items(), key=lambda entry: -entry[1].value):
        rows.append(f"  {' x '.join(effect):<28} {share.text()}{'  <- meant' if effect == made.object else ''}")
    rows.append("  order                        none: options are never shown together")
    rows.append("  reliability with")
    for size, value in decide(made):
        with_ = ", ".join(f"{n} {k}{'s' if n > 1 else ''}" for k, n in size.items()) or "what was read"
        rows.append(f"    {with_:<26} {value.text()}")
    if made.fixed:
        rows.append(f"  intervals are conditional on the few levels that were read of: {', '.join(made.fixed)}")
    return rows


def _rounded(value: Estimate) -> dict[str, float]:
    return {name: round(number, 4) for name, number in asdict(value).items()}
