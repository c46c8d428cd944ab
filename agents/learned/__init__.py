"""A forecaster learned on synthetic paths: attention over the centuries seen."""
