"""Evaluate a model on episodes in text with Inspect; the same from the command line:

inspect eval progressgym/text --model hf/HuggingFaceTB/SmolLM2-135M-Instruct -T size=5 -T history=gss-v1

python examples/inspect_episodes.py --model hf/local --path my-model --size 2
"""

from __future__ import annotations

import argparse
import tempfile

from inspect_ai import eval as evaluate
from inspect_ai.model import get_model

import progressgym.envs.text.shells.inspect_task as shell


def main() -> None:
    """Evaluate and print the mean reward, drift explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hf/local", help="as Inspect names it")
    parser.add_argument("--path", help="folder of a local model")
    parser.add_argument("--history", default="synthetic:linear?coherence=0.5")
    parser.add_argument("--size", type=int, default=2, help="episodes")
    parser.add_argument("--tokens", type=int, default=24, help="of a completion")
    arguments = parser.parse_args()
    more = {"model_path": arguments.path, "tokenizer_path": arguments.path} if arguments.path else {}
    model = get_model(arguments.model, **more)
    task = shell.text(size=arguments.size, history=arguments.history, questions=1)
    with tempfile.TemporaryDirectory() as folder:
        (log,) = evaluate(task, model=model, max_tokens=arguments.tokens, display="none", log_dir=folder)
        if log.status != "success" or log.results is None:
            raise SystemExit(f"the evaluation ended as {log.status}: {log.error and log.error.message}")
        for score in log.results.scores:
            print({name: round(metric.value, 4) for name, metric in score.metrics.items()})


if __name__ == "__main__":
    main()
