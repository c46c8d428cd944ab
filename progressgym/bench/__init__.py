"""The benchmark: agents x challenges x histories x seeds, run in cells that are written whole, scored and tabulated."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.bench.plan import Plan, make_plan
    from progressgym.bench.runner import run_bench, steps_of
    from progressgym.bench.table import print_table

__all__ = [
    "Plan",  # the groups of a benchmark, in the order in which they run
    "make_plan",  # what a benchmark consists of, checked
    "print_table",  # print the table to standard output
    "run_bench",  # run a benchmark
    "steps_of",  # number of steps of every challenge of a plan, by id without labels
]
__getattr__ = lazy(
    __name__,
    {
        "plan": "Plan make_plan",
        "runner": "run_bench steps_of",
        "table": "print_table",
    },
)
