"""What a history of models, or one model, is worth: checks against people, against time and against itself."""
