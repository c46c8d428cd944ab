"""Placeholder docstring, replaced by this floor's builder."""

if __name__ != "progressgym.leaderboard":
    raise ImportError(f"import this package as progressgym.leaderboard, not {__name__!r}")
