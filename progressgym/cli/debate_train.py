"""`progressgym debate train`: train judges, debaters and their confusers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from progressgym.cli.options import listed
from progressgym.cli.shared import Json, Quiet, option

EXAMPLES = """
progressgym debate train --domain simulator --methods maxmin --seeds 1
progressgym debate train --domain icu --out runs/debate/icu
progressgym debate train --domain icu --methods isolated,maxmin --seeds 1 --updates 100 --out runs/debate/quick
"""
TURNS = {"icu": 6, "simulator": 4}


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train judges, debaters and their confusers.

    Every network is one file; a folder is continued where it stopped. TensorBoard logs go to OUT/tensorboard. The
    domain icu needs the extra sepsis.
    """

    domain: Annotated[str, option("D", "icu or simulator.")] = "simulator"
    methods: Annotated[str, option("M,N")] = "isolated,precommit,self-play,maxmin"
    """Ways to train a debater; each gets a confuser of its own."""
    seeds: Annotated[int, option("N", "Debaters of each.")] = 3
    turns: Annotated[int | None, option("L")] = None
    """Pieces of evidence in a debate, even; by default 6 for icu, 4 for the simulator."""
    updates: Annotated[int, option("N", "PPO updates of a debater.")] = 300
    confuser_updates: Annotated[int, option("N", "PPO updates of a confuser.")] = 300
    games: Annotated[int, option("B", "Debates an update.")] = 512
    hidden: Annotated[int, option("H", "Units of each hidden layer.")] = 128
    judge_steps: Annotated[int, option("N", "Training steps of a learned judge.")] = 1500
    held_out: Annotated[str, option("PART")] = "test"
    """States that nothing trains on: test, or validation while a recipe is being chosen."""
    out: Annotated[str, option("DIR", "Folder of the study.")] = "runs/debate/study"
    json: Json = False
    quiet: Quiet = False


def run(options: Options) -> int:
    """Train what is missing."""
    from progressgym.agents.debate.study import Study, StudyConfig

    plan = StudyConfig(
        domain=options.domain,
        methods=tuple(listed(options.methods)),
        seeds=options.seeds,
        turns=TURNS.get(options.domain, 4) if options.turns is None else options.turns,
        updates=options.updates,
        confuser_updates=options.confuser_updates,
        games=options.games,
        hidden=options.hidden,
        judge_steps=options.judge_steps,
        held_out=options.held_out,
    )
    study = Study(plan, Path(options.out))
    fresh = study.train(quiet=options.quiet)
    if options.json:
        print(json.dumps({"folder": options.out, "stages": list(study.stages()), "trained": fresh}, indent=2))
    else:
        print(f"{fresh} of {len(study.stages())} networks trained, the others were there")
        print(f"networks  {options.out}")
        print(f"logs      tensorboard --logdir {Path(options.out) / 'tensorboard'}")
        print(f"next      progressgym debate evaluate {options.out}")
    return 0
