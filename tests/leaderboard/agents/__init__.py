"""Agents that are run in the sandbox; no tests in here."""
