"""Raters: whoever gives texts shares of a scale, and what is read of models by them."""
