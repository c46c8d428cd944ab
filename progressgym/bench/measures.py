"""What a benchmark can measure of an episode beside its scores, where it is asked to.

A measure is a function of an agent's episode and of the same episode answered as in century 0; it gives one number a
step, None where there is nothing to measure, and no numbers at all where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from progressgym.bench.episodes import Trace
from progressgym.core.errors import unknown
from progressgym.core.targets import load_target

Measured = Sequence[float | None]
MEASURES = {"justifiability": "progressgym.bench.justify:justifiability"}
"""Name, which is that of its field in records -> `module:function`."""
DEFAULT = ("justifiability",)
"""What is measured when nothing is said."""
NOTHING = "none"


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Names of measures, `none` for none at all.

    Raises:
        UserError: an unknown one.

    >>> check_measures(["none"]), check_measures(["justifiability"])
    ((), ('justifiability',))
    """
    if list(names) == [NOTHING]:
        return ()
    for name in names:
        if name not in MEASURES:
            raise unknown("measure", name, [*MEASURES, NOTHING])
    return tuple(dict.fromkeys(names))


def measure(name: str, trace: Trace, static: Trace) -> Measured:
    """Take a measure of an agent's episode, beside that of `static`."""
    function: Callable[[Trace, Trace], Measured] = load_target(MEASURES[name])
    return function(trace, static)
