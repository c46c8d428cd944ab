"""What our code costs beside a language model's: text episodes of Follow, stepped together with a real generation.

    python benchmarks/text_overhead.py --model smollm2-135m --episodes 64 --centuries 1

Processor seconds of this process, so that what else a machine does makes no difference.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time

import torch

from progressgym.envs.text.tasks import TaskSet
from progressgym.models.load import load_language_model


def main() -> None:
    """Measure and print, with the dearest of our functions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--episodes", type=int, default=64)
    parser.add_argument("--centuries", type=int, default=1, help="played of each episode")
    parser.add_argument("--tokens", type=int, default=16, help="of a completion")
    parser.add_argument("--questions", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_language_model(arguments.model)
    tasks = TaskSet(size=arguments.episodes, questions=arguments.questions)
    envs = [task.make() for task in tasks]
    ours, theirs, profile = 0.0, 0.0, cProfile.Profile()
    start = time.process_time()
    prompts = [env.reset(seed=task.seed)[0] for env, task in zip(envs, tasks, strict=True)]
    ours += time.process_time() - start
    for _ in range(arguments.centuries):
        start = time.process_time()
        completions = model.sample(prompts, max_tokens=arguments.tokens)
        middle = time.process_time()
        profile.enable()
        prompts = [env.step(texts[0])[0] for env, texts in zip(envs, completions, strict=True)]
        profile.disable()
        ours, theirs = ours + time.process_time() - middle, theirs + middle - start
    print(
        f"{arguments.episodes} episodes, {arguments.centuries} centuries each, {arguments.tokens} tokens a completion"
    )
    print(
        f"generation {theirs:.2f} s, environments {ours:.3f} s with their resets: {100 * ours / (ours + theirs):.2f} %"
    )
    pstats.Stats(profile).sort_stats("cumulative").print_stats("progressgym", 8)


if __name__ == "__main__":
    main()
