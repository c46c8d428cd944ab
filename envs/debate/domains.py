"""Domains by name, each with its own judge: `simulator`, `dilemmas?century=C017`, `icu`."""

from __future__ import annotations

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import unknown
from progressgym.core.ids import parse_id

NAMES = ("simulator", "dilemmas", "icu")


def make_domain(spec: str) -> tuple[Domain, Judge]:
    """A domain and the judge that goes with it.

    Args:
        spec: `simulator` (sepsis of Oberst and Sontag; exact Bayes judge), `dilemmas` (moral dilemmas; a century's
            value-vector judge) or `icu` (ICU-Sepsis), with arguments as in `simulator?rule=published`.

    Raises:
        UserError: unknown domain or argument.
    """
    variant = parse_id(spec)
    if variant.name not in NAMES:
        raise unknown("domain", variant.name, NAMES)
    raise NotImplementedError(variant.name)
