"""Query-string ids: `lifelong-dpo?independent=true`, `synthetic:linear?coherence=0.5&seed=3`, `predict?horizon=2`.

One spelling serves tables, paths and the command line, so a variant is never named twice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from progressgym.core.errors import UserError
from progressgym.core.reading import LONGEST_WHOLE

Scalar = str | int | float | bool
_WHOLE = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
"""Plain digits: Python would also take `1_0`, ` 10` and the digits of other scripts, which are slips here."""
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class VariantId:
    """A name with arguments."""

    name: str
    """What is asked for, for example `lifelong-dpo`."""
    arguments: dict[str, Scalar] = field(default_factory=dict)
    """Its arguments, parsed to bool, int, float or str."""

    def __str__(self) -> str:
        return format_id(self.name, **self.arguments)


def parse_scalar(text: str) -> Scalar:
    """Read a bool, int, float or str, in this order.

    >>> [parse_scalar(text) for text in ("true", "3", "0.5", "stage")]
    [True, 3, 0.5, 'stage']
    >>> [parse_scalar(text) for text in ("1_0", "\u0663", " 3")]
    ['1_0', '\u0663', ' 3']
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text) and len(text) <= LONGEST_WHOLE:
        return int(text)
    return float(text) if _REAL.fullmatch(text) else text


def parse_id(text: str) -> VariantId:
    """Split an id into its name and arguments.

    Raises:
        UserError: when a part is not `key=value`, a key is repeated, the name is empty or a number is endless.

    >>> parse_id("synthetic:linear?seed=3&coherence=0.5")
    VariantId(name='synthetic:linear', arguments={'seed': 3, 'coherence': 0.5})
    """
    name, _, query = text.partition("?")
    if not name:
        raise UserError(f"empty name in id {text!r}; write name?key=value&key=value")
    try:
        pairs = parse_qsl(query, strict_parsing=True, keep_blank_values=True) if query else []
    except ValueError:
        raise UserError(f"cannot read the arguments of {text!r}; write name?key=value&key=value") from None
    arguments = {key: parse_scalar(value) for key, value in pairs}
    if len(arguments) != len(pairs):
        raise UserError(f"an argument is given twice in {text!r}")
    for key, value in arguments.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{key} of {name!r} is no finite number; what an id counts has bounds")
    return VariantId(name, arguments)


def format_id(name: str, **arguments: Scalar) -> str:
    """Write an id with its keys sorted, so that equal variants have equal names.

    >>> format_id("lifelong-dpo", reference="stage", independent=True)
    'lifelong-dpo?independent=true&reference=stage'
    """
    if not arguments:
        return name
    parts = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in sorted(arguments.items())
    ]
    return f"{name}?{'&'.join(parts)}"


def safe_name(text: str) -> str:
    """An id as one path component that every file system takes.

    >>> safe_name("synthetic:linear?seed=3")
    'synthetic_linear+seed=3'
    """
    return re.sub(r"[^A-Za-z0-9._+=,@-]", "_", text.replace("?", "+").replace("&", ",")).strip(".") or "_"


def is_own(agent: str) -> bool:
    """Whether an id has the form `module:Class`, with or without arguments: code of its user's own.

    >>> is_own("my_agent:Mine"), is_own("my_agent:Mine?patience=3"), is_own("lifelong-map")
    (True, True, False)
    """
    return _OWN.fullmatch(agent.partition("?")[0]) is not None
