"""Placeholder docstring, replaced by this floor's builder."""

if __name__ != "progressgym.envs":
    raise ImportError(f"import this package as progressgym.envs, not {__name__!r}")
