"""Debaters that learn by playing, and policies that learn to make decisions which debates defend."""
