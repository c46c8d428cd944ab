"""Bayesian filters of the stance: state-space models of drift, their evidence, and what they expect to come."""
