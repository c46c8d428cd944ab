"""Debaters: random, greedy and exact ones, exact solutions of small debates, and how debates are measured."""
