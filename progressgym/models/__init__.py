"""Placeholder docstring, replaced by this floor's builder."""
