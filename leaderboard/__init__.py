"""The leaderboard: submissions, their verification and the standings. Not built yet; the folder keeps its place."""

if __name__ != "progressgym.leaderboard":
    raise ImportError(f"import this package as progressgym.leaderboard, not {__name__!r}")
