"""The leaderboard: submissions, their verification, the store and the standings.

A submission holds an agent's raw answers; everything else is recomputed against truth that the board holds. How far a
row has been verified is its status: `validated`, `recomputed`, `reproduced`. Only reproduced rows are ranked, because
the public truth ships with this package.

Importing the package loads neither SQLAlchemy nor cryptography: packaging and validating work without them.
"""

if __name__ != "progressgym.leaderboard":
    raise ImportError(f"import this package as progressgym.leaderboard, not {__name__!r}")
