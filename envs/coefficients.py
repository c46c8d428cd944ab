"""How far a human moves in a step of Coevolve. Every pair belongs to a version of the environment for good."""

PULL = 0.3
"""v0, a placeholder: one epoch of training on the next century's answers moves the human 30 % of the way."""
INFLUENCE = 0.51
"""v0, a placeholder: two such epochs on the assistant's answers, 1 - 0.7 ** 2."""
FITTED_PULL = 0.09
"""v1: fitted to a human who is a language model and is really fine-tuned, see docs/model-tier.md."""
FITTED_INFLUENCE = 0.05
"""v1, fitted likewise."""
