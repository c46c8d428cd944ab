"""`progressgym debate evaluate`: measure a study's debaters, plan justifiable policies, draw the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.options import listed
from progressgym.cli.shared import Json, Number, Quiet, option
from progressgym.core.errors import UserError

EXAMPLES = """
progressgym debate evaluate runs/debate/study
progressgym debate evaluate runs/debate/icu --learner-steps 6000 --learner-seeds 3
progressgym debate evaluate runs/debate/icu --scale 5 --lambdas 0,0.25,0.5,0.75,1 --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure debaters and justifiable policies of a study, and draw its report.

    Writes report.json, report.md (tables beside the published values), accuracy.png and lambda.png into the study's
    folder. What was measured before with the same settings is read, not repeated.
    """

    study: Annotated[Positional[str], option("STUDY", "Folder of progressgym debate train.")] = "runs/debate/study"
    games: Annotated[int, option("N", "Debates of each figure and seed.")] = 2000
    greedy_games: Annotated[int, option("N", "Debates with the greedy confuser, of each figure and seed.")] = 500
    lambdas: Annotated[str, option("X,Y")] = "0,0.02,0.05,0.1,0.25,0.5,0.75,1"
    """Weights of the debate's reward in planning."""
    scale: Annotated[float, option("S", "What the debate's reward is multiplied by (the environment's by 15).")] = 1.0
    planning_seeds: Number = 0
    """Seeds of debaters whose debates policies are planned for; 0 takes all."""
    learner_steps: Number = 0
    """Gradient steps of the offline learner; 0 leaves it out, the paper takes 25000."""
    learner_rate: Annotated[float, option("R", "Its learning rate; the default is the paper's.")] = 1e-4
    learner_polyak: Annotated[float, option("P")] = 1e-3
    """How far its target network moves each step; fewer steps need a larger number."""
    learner_episodes: Annotated[int, option("N", "Recorded episodes of the clinicians that it learns from.")] = 18_000
    learner_seeds: Annotated[int, option("N", "Seeds of the offline learner.")] = 1
    json: Json = False
    quiet: Quiet = False


def run(options: Options) -> int:
    """Measure, write, print."""
    from progressgym.agents.debate.study import Study
    from progressgym.agents.debate.study_report import ReportConfig, make_report, markdown

    for name in ("games", "greedy_games", "learner_episodes", "learner_seeds"):
        if getattr(options, name) < 1:
            raise UserError(f"{name} is {getattr(options, name)}; give 1 or more")
    for name in ("planning_seeds", "learner_steps"):
        if getattr(options, name) < 0:
            raise UserError(f"{name} is {getattr(options, name)}; give 0 or more")
    for name in ("learner_rate", "learner_polyak"):
        if not 0.0 < getattr(options, name) <= 1.0:
            raise UserError(f"{name} is {getattr(options, name)}; give a number above 0 and at most 1")
    settings = ReportConfig(
        games=options.games,
        greedy_games=options.greedy_games,
        lambdas=_numbers(options.lambdas),
        scale=options.scale,
        planning_seeds=options.planning_seeds,
        learner_steps=options.learner_steps,
        learner_rate=options.learner_rate,
        learner_polyak=options.learner_polyak,
        learner_episodes=options.learner_episodes,
        learner_seeds=options.learner_seeds,
    )
    report = make_report(Study.load(Path(options.study)), settings, quiet=options.quiet)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print(markdown(report))
        print(f"report    {Path(options.study) / 'report.json'}, report.md, accuracy.png, lambda.png")
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in listed(text))
    except ValueError:
        raise UserError(f"lambdas are {text!r}; give numbers from 0 to 1 between commas") from None
    if not numbers or not all(0.0 <= number <= 1.0 for number in numbers):
        raise UserError(f"lambdas are {text!r}; give numbers from 0 to 1 between commas")
    return numbers
