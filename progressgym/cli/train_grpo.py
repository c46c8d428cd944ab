"""`progressgym train grpo`: a language model on the environments in text, evaluated on histories that it never saw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from progressgym.cli.options import listed
from progressgym.cli.shared import Json, Quiet, option
from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.core.ids import format_id, safe_name
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.bench.plan import Plan

EXAMPLES = """
progressgym train grpo --steps 100
progressgym train grpo --model ./my-model --history 'synthetic:cyclic?coherence=0.5' --tuning full --out runs/mine
progressgym train grpo --instrument people-core-v1 --evaluate gss-v1 --steps 20
"""
READER = "reader"


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train a language model on an environment in text by GRPO, with live TensorBoard logs.

    The same command goes on where a killed one stopped. OUT/results.json compares the trained model with the untrained one
    and with never learning; OUT/model has a card. Needs the extra lm.
    """

    model: Annotated[str, option("M", "smollm2-135m, a folder or a hub id.")] = "smollm2-135m"
    challenge: Annotated[str, option("C", "follow or predict, by name or query string.")] = "follow"
    history: Annotated[str, option("H", "What to train on: a distribution.")] = "synthetic:linear?coherence=0.5"
    instrument: Annotated[str | None, option("I", "Questionnaire of synthetic histories.")] = None
    method: Annotated[str, option("M", "grpo, or rloo, dpo or sft on the same rows.")] = "grpo"
    steps: Annotated[int, option("N", "Optimiser steps.")] = 100
    prompts: Annotated[int, option("N", "Prompts a step.")] = 2
    group: Annotated[int, option("N", "Completions of a prompt, where any are drawn.")] = 64
    learning_rate: Annotated[float, option("R")] = 5e-4
    """Peak, for an adapter; all weights want less."""
    tuning: Annotated[str, option("T", "lora or full.")] = "lora"
    checkpoint_steps: Annotated[int, option("N", "Steps from one checkpoint to the next.")] = 10
    prior: Annotated[str, option("P", "first: the model moves century 0's odds; none: it says all.")] = "first"
    preferences: Annotated[int, option("N", "Preferences told for every question.")] = 2
    seed: Annotated[int, option("N")] = 0
    tracker: Annotated[str, option("T", "none, trackio or wandb, beside TensorBoard and offline.")] = "none"
    evaluate: Annotated[str, option("H,...", "Histories to evaluate on, or none.")] = "gss-v1"
    evaluation_seeds: Annotated[int, option("N", "Episodes of each.")] = 1
    out: Annotated[str, option("DIR", "Folder of the run.")] = "runs/grpo"
    json: Json = False
    quiet: Quiet = False


def run(options: Options) -> int:
    """Train, evaluate, write the card."""
    from progressgym.agents.text_grpo import LOG, GrpoRecipe, train, write_card

    recipe, out = GrpoRecipe(**{one.name: getattr(options, one.name) for one in fields(GrpoRecipe)}), Path(options.out)
    if options.evaluate != "none":
        _plan(options, out)  # what cannot be evaluated is said before the training
    if not options.quiet:
        print(f"watch     tensorboard --logdir {out / 'training' / 'tensorboard'}", file=sys.stderr, flush=True)
    model = train(recipe, out, None if options.quiet else _tell, options.tracker)
    evaluation, failed = (
        ("None was asked for.", False) if options.evaluate == "none" else _evaluate(options, model, out)
    )
    write_card(recipe, out, evaluation)
    if options.json and options.evaluate != "none":
        print_json((out / "results.json").read_text(encoding="utf-8"))
    else:
        print(f"model     {model}")
        peak = read_json(out / "training" / LOG)["peak_bytes"]
        if peak is not None:
            print(f"memory    {peak / 1e9:.1f} GB at the training's peak")
    return 1 if failed else 0


def _tell(logged: dict[str, float]) -> None:
    name = "distance" if "distance" in logged else "loss"
    print(f"step {logged['step']:.0f}  {name} {logged[name]:.3f}", file=sys.stderr, flush=True)


def _plan(options: Options, out: Path, readers: Sequence[str] = ()) -> Plan:
    """The evaluation of language models beside `static`, on seeds that training never drew.

    Raises:
        UserError: no such history, or no seeds.
    """
    from progressgym.bench.plan import make_plan
    from progressgym.envs.text.sets import SEEDS

    if options.evaluation_seeds < 1:
        raise UserError(f"evaluation_seeds is {options.evaluation_seeds}; use 1 or more")
    return make_plan(
        agents=["static", *readers],
        challenges=[options.challenge],
        histories=_histories(options, out),
        seeds=[2 * SEEDS + number for number in range(options.evaluation_seeds)],
        splits="shipped",
        labels=["probability"],
    )


def _histories(options: Options, out: Path) -> list[str]:
    """What is evaluated on; synthetic histories of another questionnaire than their own are written beside the run."""
    from progressgym.envs.text.sets import SEEDS
    from progressgym.histories.history import SYNTHETIC
    from progressgym.histories.source import resolve_history
    from progressgym.histories.synthetic import SyntheticSpec

    histories = []
    for name in listed(options.evaluate):
        if options.instrument is None or not name.startswith(SYNTHETIC):
            histories.append(name)
            continue
        spec = SyntheticSpec.parse(name)
        drawn = spec if spec.seed is not None else replace(spec, seed=2 * SEEDS)
        folder = out / "histories" / safe_name(drawn.id)
        if not folder.exists():
            made = resolve_history(drawn.id, options.instrument).fixed
            assert made is not None
            made.save(folder)
        histories.append(str(folder))
    return histories


def _evaluate(options: Options, model: Path, out: Path) -> tuple[str, bool]:
    """Benchmark the trained and the untrained model beside `static`: the table as Markdown, and whether a cell failed."""
    from progressgym.bench.runner import run_bench, steps_of
    from progressgym.bench.table import print_table

    readers = [
        format_id(READER, model=spec, preferences=options.preferences, prior=options.prior)
        for spec in (options.model, str(model))
    ]
    plan = _plan(options, out, readers)
    outcome = run_bench(plan, out, workers=1, progress=not options.quiet, command=sys.argv)
    if not options.json and outcome.results.aggregates:
        print_table(outcome.results.aggregates, steps_of(plan))
    for line in outcome.failures:
        print(f"progressgym: warning: {line}", file=sys.stderr)
    lines = ["| model | history | drift explained (95 %) |", "|---|---|---|"]
    for row in outcome.results.aggregates:
        interval = row.explained.interval if row.explained is not None else None
        said = (
            "not identified"
            if interval is None
            else f"{interval.mid:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
        )
        name = "static" if row.agent == "static" else "trained" if str(model) in row.agent else "untrained"
        lines.append(f"| {name} | {row.history} | {said} |")
    return "\n".join(lines), bool(outcome.failures)
