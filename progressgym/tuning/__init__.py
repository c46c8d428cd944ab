"""Fine-tuning of language models, shared by the history builder, live humans and agents. Uses transformers and PEFT."""
