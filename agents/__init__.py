"""Placeholder docstring, replaced by this floor's builder."""

if __name__ != "progressgym.agents":
    raise ImportError(f"import this package as progressgym.agents, not {__name__!r}")
