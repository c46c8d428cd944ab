"""Debate: two agents show evidence for competing decisions, a judge who sees only the evidence rules."""
