"""Preferences: comparisons elicited from a century, their labels, their export as a preference dataset."""
