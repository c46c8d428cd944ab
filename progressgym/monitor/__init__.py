"""Watching a run: progress on the terminal, TensorBoard logs, pictures. Nothing here knows what is being run."""
