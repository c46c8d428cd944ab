"""Preference models: what explains and predicts which of two things is preferred."""
