"""The leaderboard: submissions, their verification, the store and the standings.

A submission holds an agent's raw answers; everything else is recomputed against truth that the board holds. How far a
row has been verified is its status: `validated`, `recomputed`, `reproduced`. Only reproduced rows are ranked, because
the public truth ships with this package.

Importing the package loads neither SQLAlchemy nor cryptography: packaging and validating work without them.
"""

if __name__ != "progressgym.leaderboard":
    raise ImportError(f"import this package as progressgym.leaderboard, not {__name__!r}")

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.leaderboard.board import load_board
    from progressgym.leaderboard.exports import find_row, to_eval_results, to_lm_eval
    from progressgym.leaderboard.packaging import About, package, write_submission
    from progressgym.leaderboard.standings import make_standings
    from progressgym.leaderboard.standings_data import Standings, shipped_standings, to_csv
    from progressgym.leaderboard.store import Store

__all__ = [
    "About",  # what the run itself does not know
    "Standings",  # everything that a page shows
    "Store",  # all entries of a leaderboard
    "find_row",  # the row whose id begins so, or whose agent is called so
    "load_board",  # a board by name
    "make_standings",  # the standings of one board
    "package",  # the files of a submission
    "shipped_standings",  # the standings of the entries that come with the package, as they were when it was made
    "to_csv",  # standings as CSV
    "to_eval_results",  # YAML for `.eval_results/`
    "to_lm_eval",  # results JSON of the lm-evaluation-harness
    "write_submission",  # write a submission whole: a .zip when `out` ends so, else a folder
]
__getattr__ = lazy(
    __name__,
    {
        "board": "load_board",
        "exports": "find_row to_eval_results to_lm_eval",
        "packaging": "About package write_submission",
        "standings": "make_standings",
        "standings_data": "Standings shipped_standings to_csv",
        "store": "Store",
    },
)
