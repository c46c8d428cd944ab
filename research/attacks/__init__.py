"""What the automatic attacker tries: completions, submissions, and agents in the sandbox."""
