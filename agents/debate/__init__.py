"""Debaters: random, greedy, exact and trained ones, exact solutions of small debates, how debates are measured, and
policies whose decisions hold in debates."""
