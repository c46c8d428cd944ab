"""Numbers that a stranger gives: whole where they must be whole, and never without bound."""

from __future__ import annotations

from progressgym.core.errors import UserError

LARGEST_SEED = 2**63 - 1


def whole(name: str, value: object, least: int, most: int) -> int:
    """A whole number within bounds.

    Args:
        name: what it is, for the error.
        value: what was given.
        least: smallest that is allowed.
        most: largest that is allowed.

    Raises:
        UserError: no whole number, or out of bounds.

    >>> whole("order", 2, 0, 100)
    2
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        text = f"{value!r}"[:60] if not isinstance(value, int) or abs(value) < 10**40 else "a number without end"
        raise UserError(f"{name} is {text}; use a whole number from {least} to {most}")
    return value


def number(name: str, value: object, least: float, most: float) -> float:
    """A real number within bounds.

    Raises:
        UserError: no number, or out of bounds.

    >>> number("noise", 1, 0, 30)
    1.0
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise UserError(f"{name} is {value!r}"[:80] + f"; use a number from {least:g} to {most:g}")
    return float(value)
