"""What the learned forecasters are trained on: `research.attention` and `research.attention_v2` draw from here."""
