"""Environments as dialogues, for language models: a prompt of text, a completion, and the numeric environments beneath.

`flavour` is the environment, `prompts` writes what it asks, `reading` reads what is answered, `reward` pays for it, `tasks`
names episodes, `shells` hands them to the frameworks in which language models are trained and judged.
"""
