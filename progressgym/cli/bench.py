"""`progressgym bench`: run every cell, print the table, leave scores, logs and pictures."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from progressgym.cli.options import listed
from progressgym.cli.shared import option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

EXAMPLES = """
progressgym bench
progressgym bench --agents static,lifelong-map --challenges follow --history 'synthetic:linear?coherence=0.5' --seeds 5
progressgym bench --agents lifelong-dpo,'lifelong-dpo?reference=uniform' --challenges 'predict?horizon=2'
progressgym bench --ray --workers 2 --seeds 3 --out runs/on-ray
progressgym bench --agents static,lifelong-dpo --history histsmol-v1 --policy lm:smollm2-135m --seeds 1 --workers 1
progressgym bench --agents my_module:MyAgent --history 'synthetic:reversal?seed=3' --json
"""
KINDS_IN_HELP = ("agents", "challenges")


@dataclass(kw_only=True, frozen=True)
class Options:
    """Run agents on challenges and histories, and print a scored table.

    A folder that holds finished cells is continued: only what is missing is run. Scores go to OUT/results.json, pictures
    to OUT/plots, TensorBoard logs to OUT/tensorboard.
    """

    agents: Annotated[str, tyro.conf.arg(metavar="A,B")] = ""
    """Agents by name or query string, or module:Class; those of the headline tables by default."""
    challenges: Annotated[str, option("C,D", "Challenges by name or query string; all by default.")] = ""
    history: Annotated[str, tyro.conf.arg(metavar="H,I")] = ""
    """Shipped names, folders, npz files or synthetic ids; by default gss-v1 and synthetic:linear?coherence=0.5."""
    seeds: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Number of seeds; by default 10, and 32 where every seed has a split of its own."""
    splits: Annotated[str, tyro.conf.arg(metavar="S")] = "each"
    """each: on a fixed history every seed divides the items anew; shipped: all use the split that it comes with."""
    labels: Annotated[str, tyro.conf.arg(metavar="KINDS")] = "probability,sample"
    """Kinds of labels; the second becomes a column of the table."""
    measures: Annotated[str, tyro.conf.arg(metavar="M,N")] = "justifiability"
    """What is measured beside the scores: justifiability, or none."""
    policy: Annotated[str, tyro.conf.arg(metavar="P")] = "stance"
    """What agents adjust: stance, or lm: and a model for DPO and RLHF agents."""
    device: Annotated[str, option("D", "auto, cpu or cuda.")] = "auto"
    out: Annotated[str, option("DIR", "Folder of the benchmark.")] = "runs/bench"
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes; by default one a core, at most four. The numbers do not depend on it."""
    ray: Annotated[list[str] | None, tyro.conf.arg(metavar="[ADDRESS]")] = None
    """Run the cells on Ray: on this machine, or on the cluster at an address (auto, HOST:PORT, ray://HOST:PORT)."""
    folders: bool = False
    """Keep every cell as a folder of files with a readable log, not as one .zip."""
    resume: bool = False
    """Go on with what OUT holds: what happens anyway; said explicitly, an empty OUT is an error."""
    json: Annotated[bool, option(text="Print results.json instead of the table.")] = False
    quiet: Annotated[bool, option(text="Show no progress.")] = False


def run(options: Options) -> int:
    """Run it; 1 when cells failed."""
    from progressgym.bench.on_ray import LOCAL
    from progressgym.bench.plan import make_plan
    from progressgym.bench.runner import RESULTS, run_bench, steps_of
    from progressgym.bench.table import print_table

    out = Path(options.out)
    if options.resume and not out.is_dir():
        raise UserError(f"nothing to resume: there is no folder {out}")
    plan = make_plan(
        agents=listed(options.agents),
        challenges=listed(options.challenges),
        histories=listed(options.history),
        seeds=options.seeds,
        splits=options.splits,
        labels=listed(options.labels),
        policy=options.policy,
        measures=listed(options.measures),
    )
    if options.ray is not None and len(options.ray) > 1:
        raise UserError(f"--ray takes one address, not {' '.join(options.ray)}")
    outcome = run_bench(
        plan,
        out,
        workers=options.workers,
        ray=None if options.ray is None else (options.ray or [LOCAL])[0],
        device=options.device,
        progress=not options.quiet,
        folders=options.folders,
        command=sys.argv,
    )
    if options.json:
        print_json((out / RESULTS).read_text(encoding="utf-8"))
    else:
        if outcome.results.aggregates:
            results = outcome.results
            print_table(results.aggregates, steps_of(plan), across=results.across, findings=results.findings)
        print(f"{outcome.fresh} cells run, {outcome.reused} reused, {outcome.results.seconds:.0f} s")
        print(f"scores    {out / RESULTS}")
        print(f"pictures  {out / 'plots'}")
        print(f"logs      tensorboard --logdir {out / 'tensorboard'}")
    for warning in outcome.results.warnings:
        print(f"progressgym: warning: {warning}", file=sys.stderr)
    if outcome.failures:
        print(f"progressgym: {len(outcome.failures)} failures; run again to repeat what is missing", file=sys.stderr)
    return 1 if outcome.failures else 0
