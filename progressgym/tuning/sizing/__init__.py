"""How much memory and time training takes, computed from a model's shape before anything is loaded."""
