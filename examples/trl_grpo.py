"""GRPO by TRL on Follow in text: every century a prompt, letters paid by group so that the optimum is the human's distribution.

    python examples/trl_grpo.py --model HuggingFaceTB/SmolLM2-135M-Instruct --steps 20

`progressgym train grpo` does the same with evaluation on held-out histories, live logs and a run that can be resumed.
"""

from __future__ import annotations

import argparse
import tempfile

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from progressgym.envs.text import TaskSet
from progressgym.envs.text.shells import group_reward


def main() -> None:
    """Train, and print the reward of every step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct", help="hub id or folder")
    parser.add_argument("--history", default="synthetic:linear?coherence=0.5")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    tasks = TaskSet(history=arguments.history, split="train", questions=1, form="letters", size=4 * arguments.steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=arguments.model,
            reward_funcs=group_reward,
            train_dataset=Dataset.from_list(list(tasks.rows())),
            args=GRPOConfig(
                output_dir=folder,
                max_steps=arguments.steps,
                per_device_train_batch_size=16,
                num_generations=16,
                max_completion_length=2,  # a space and a letter
                scale_rewards="none",  # dividing by the deviation would move the optimum
                learning_rate=1e-5,
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
