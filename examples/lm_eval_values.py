"""The 19 values of a model by lm-evaluation-harness; the same from the command line, with the folder that this prints:

lm_eval --model hf --model_args pretrained=my-model --include_path FOLDER --tasks progressgym_moral19

python examples/lm_eval_values.py --model HuggingFaceTB/SmolLM2-135M-Instruct --task progressgym_people
"""

from __future__ import annotations

import argparse

import lm_eval
from lm_eval.tasks import TaskManager

from progressgym.envs.text.shells.harness import FOLDER


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct", help="hub id or folder")
    parser.add_argument("--task", default="progressgym_people", help="progressgym_people or progressgym_moral19")
    arguments = parser.parse_args()
    found = lm_eval.simple_evaluate(
        "hf",
        model_args={"pretrained": arguments.model, "device": "cpu", "dtype": "float32"},
        tasks=[arguments.task],
        task_manager=TaskManager(include_path=str(FOLDER), include_defaults=False),
        bootstrap_iters=0,
    )
    print(f"tasks in {FOLDER}")
    for name, value in found["results"][arguments.task].items():
        if name.endswith(",none") and "stderr" not in name:
            print(f"{name.removesuffix(',none'):12} {value:+.3f}")


if __name__ == "__main__":
    main()
