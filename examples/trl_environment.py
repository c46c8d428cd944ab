"""Whole episodes by TRL's `environment_factory`: the model answers with a tool call a century. The model's chat template must
know tool calls, which those of small and base models do not; these are trained by `trl_grpo.py`.

    python examples/trl_environment.py --model Qwen/Qwen3-0.6B --steps 10
"""

from __future__ import annotations

import argparse
import tempfile

from datasets import Dataset
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from progressgym.envs.text import TaskSet
from progressgym.envs.text.shells import TextEnvironment

RULES = "Answer each prompt with the tool `answer`, until the episode is over.\n\n"


def main() -> None:
    """Train, and print the reward of every step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="Qwen/Qwen3-0.6B", help="hub id or folder")
    parser.add_argument("--challenge", default="follow")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=1024, help="of an episode's answers")
    arguments = parser.parse_args()
    tasks = TaskSet(challenge=arguments.challenge, questions=2, size=arguments.steps, reward="explained")
    rows = [{"prompt": [{"role": "user", "content": RULES}], "task": task.record} for task in tasks]
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=arguments.model,
            processing_class=AutoTokenizer.from_pretrained(arguments.model),
            environment_factory=TextEnvironment,
            train_dataset=Dataset.from_list(rows),
            args=GRPOConfig(
                output_dir=folder,
                max_steps=arguments.steps,
                per_device_train_batch_size=4,
                num_generations=4,
                max_completion_length=arguments.tokens,
                logging_steps=1,
                report_to=[],
                bf16=False,
            ),
        )
        trainer.train()
        for entry in trainer.state.log_history:
            if "reward" in entry:
                print(f"step {entry['step']}: reward {entry['reward']:+.3f}")


if __name__ == "__main__":
    main()
