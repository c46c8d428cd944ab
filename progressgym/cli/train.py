"""`progressgym train`: one agent on one challenge, watched live; above all for language-model policies."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from progressgym.cli.shared import option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.bench.plan import Plan

EXAMPLES = """
progressgym train lifelong-dpo --challenge follow --policy lm:smollm2-135m
progressgym train 'lifelong-rlhf?independent=true' --challenge predict --policy lm:smollm2-135m --seed 1
progressgym train 'lifelong-dpo?tuning=full' --policy lm:./my-model --device cuda --out runs/mine
"""
KINDS_IN_HELP = ("agents", "challenges")


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train an agent through all centuries of one challenge, with live TensorBoard logs.

    Every finished century is a checkpoint: the same command goes on where the last one stopped. What comes out is a
    benchmark of one cell, beside `static`, in OUT.
    """

    agent: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="AGENT")]
    """lifelong-dpo, lifelong-rlhf, extrapolative-dpo or extrapolative-rlhf, by name or query string."""
    challenge: Annotated[str, option("C", "Any challenge, by name or query string.")] = "follow"
    policy: Annotated[str, tyro.conf.arg(metavar="P")] = "lm:smollm2-135m"
    """lm: and a model (short name, folder, GGUF file or hub id), or stance."""
    history: Annotated[str, option("H", "Shipped name, folder, npz file or synthetic id.")] = "histsmol-v1"
    seed: Annotated[int, option("N", "Of the episode, and of everything that is drawn in training.")] = 0
    labels: Annotated[str, option("KIND", "probability or sample.")] = "probability"
    device: Annotated[str, option("D", "auto, cpu or cuda.")] = "auto"
    out: Annotated[str, option("DIR", "Folder of the run.")] = "runs/train"
    resume: bool = False
    """Go on with what OUT holds: what happens anyway; said explicitly, an empty OUT is an error."""
    json: Annotated[bool, option(text="Print results.json instead of the table.")] = False
    quiet: Annotated[bool, option(text="Show no progress.")] = False


def run(options: Options) -> int:
    """Train; 1 when the run failed."""
    from progressgym.agents.registry import STANCE
    from progressgym.bench.plan import has_model, make_plan
    from progressgym.bench.runner import RESULTS, run_bench, steps_of
    from progressgym.bench.table import print_table
    from progressgym.tuning.processes import own_device, rank

    out = Path(options.out)
    if options.resume and not out.is_dir():
        raise UserError(f"nothing to resume: there is no folder {out}")
    plan = make_plan(
        agents=["static", options.agent],
        challenges=[options.challenge],
        histories=[options.history],
        seeds=[options.seed],
        splits="shipped",
        labels=[options.labels],
        policy=options.policy,
    )
    if options.policy != STANCE and not has_model(plan.groups[-1].agent):
        raise UserError(f"agent {options.agent!r} adjusts no language model; say --policy {STANCE}")
    device = own_device(options.device)
    if rank() > 0:
        return _along(plan, out, device)
    outcome = run_bench(plan, out, workers=1, device=device, progress=not options.quiet, live=True, command=sys.argv)
    if options.json:
        print_json((out / RESULTS).read_text(encoding="utf-8"))
    elif outcome.results.aggregates:
        print_table(outcome.results.aggregates, steps_of(plan))
        print(f"{outcome.fresh} cells run, {outcome.reused} reused, {outcome.results.seconds:.0f} s")
        print(f"scores    {out / RESULTS}")
        print(f"logs      tensorboard --logdir {out / 'tensorboard'}")
    for warning in outcome.results.warnings:
        if not warning.startswith("intervals rest on"):  # one seed is what was asked for
            print(f"progressgym: warning: {warning}", file=sys.stderr)
    if outcome.failures:
        print("progressgym: the run failed; the same command goes on from its last century", file=sys.stderr)
    return 1 if outcome.failures else 0


def _along(plan: Plan, out: Path, device: str) -> int:
    """What every process of `torchrun` but the first one does: train with it, and leave files and words to it."""
    from progressgym.bench.execute import execute_along
    from progressgym.bench.pool import model_threads

    for group in plan.groups:
        execute_along(group, out, device, threads=model_threads(1))
    return 0
