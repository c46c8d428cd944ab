"""Which preference model and method explains the drift ahead, with votes only? Every model under every method, on many histories.

    python -m research.drift_models --out runs/drift-models [--histories H,H] [--seeds 8] [--panel DIR]

One vote a question and step (`labels=sample`), Predict one, two and four steps ahead: 5, 10 and 20 years on `gss-v1` and the
planted family, one, two and four centuries on the century models; with --panel, a folder of `progressgym history survey
--panel`, also three communities of its new people, one wave (two years) ahead. Every method has an own setting, the one
of `SETTINGS` that explains most of 8 other histories of the planted family `people-v1`, two steps ahead; so nothing is chosen
on what is reported. Drift explained with 95 % intervals over items, runs and people. A folder that exists is continued.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from progressgym.bench import make_plan, run_bench
from progressgym.core.ids import safe_name

MODELS = ("bradley-terry", "feature?hidden=4", "hrc", "gpm", "pal?k=3", "user", "denoised", "meta")
LOSSES = ("sigmoid", "ipo", "rdpo", "spo", "mapl", "length-controlled")
SETTINGS = (
    ("stage", 1, 100),
    ("stage", 10, 100),
    ("stage", 100, 0.1),
    ("uniform", 1, 10),
    ("uniform", 1, 30),
    ("uniform", 1, 100),
)
"""Reference, strength and ridge."""
STRENGTHS = {"dpo": "beta_dpo", "rlhf": "beta_kl", "gpo": "beta", "conditional-dpo": "beta_dpo"}
KNOWN = ("static", "lifelong-map", "kalman", "kalman-pooled", "attention-v2")
PLANTED, CHOSEN_ON = "synthetic:people-v1", range(1000, 1008)
HISTORIES = ("gss-v1", PLANTED, "histsmol-v2", "histsmol-v1")
AHEAD = (1, 2, 4)
RESAMPLES = 20
"""Of skill's interval, which is not used here; that of drift explained is not drawn."""


def methods() -> dict[str, list[str]]:
    """Every lifelong method with every model or loss: its id without a setting -> the ids with each setting."""
    parts = [("lifelong-dpo", "loss", loss) for loss in LOSSES]
    parts += [("lifelong-rlhf", "reward", model) for model in MODELS]
    parts += [("lifelong-gpo", "model", model) for model in MODELS if model != "bradley-terry"]
    parts += [("conditional-dpo", "", "")]
    found = {}
    for name, key, value in parts:
        own = [f"{key}={value.replace('?', '&')}"] if key else []
        strength = STRENGTHS[name.rpartition("-")[2] if key else name]
        found["?".join([name, *own])] = [
            f"{name}?" + "&".join([*own, f"reference={reference}", f"{strength}={size:g}", f"ridge={ridge:g}"])
            for reference, size, ridge in SETTINGS
        ]
    return found


EXTRAPOLATED = (
    "lifelong-dpo?loss=sigmoid",
    "lifelong-dpo?loss=rdpo",
    "lifelong-rlhf?reward=hrc",
    "lifelong-rlhf?reward=pal&k=3",
    "lifelong-rlhf?reward=user",
    "lifelong-gpo?model=hrc",
    "conditional-dpo",
)
"""Methods that are run on forecast preferences, too."""


def extrapolative(agent: str) -> str:
    """The same method on forecast preferences."""
    return f"extrapolative-{agent.removeprefix('lifelong-')}"


def explained(
    agents: Sequence[str], history: str, ahead: int, seeds: int | Sequence[int], out: Path
) -> dict[str, tuple[float, float, float] | None]:
    """Drift explained by each agent, in their order: low, mid, high; None where there is no drift to explain."""
    plan = make_plan(
        agents=list(agents), challenges=[f"predict?horizon={ahead}&labels=sample"], histories=[history], seeds=seeds,
        measures=["none"],
    )  # fmt: skip
    outcome = run_bench(plan, out, workers=1, reports=False, progress=False, resamples=RESAMPLES)
    if outcome.failures:
        raise SystemExit("\n".join(outcome.failures))
    rows = {row.agent: row.explained for row in outcome.results.aggregates}
    return {
        agent: None if (own := rows[group.agent]) is None or own.interval is None
        else (own.interval.low, own.interval.mid, own.interval.high)
        for agent, group in zip(agents, plan.groups, strict=True)
    }  # fmt: skip


def chosen(out: Path, seeds: Sequence[int]) -> dict[str, str]:
    """The setting of every method."""
    ids = methods()
    flat = [one for each in ids.values() for one in each]
    scores = explained(flat, PLANTED, 2, seeds, out / "choose")
    mids = {one: -float("inf") if (found := scores[one]) is None else found[1] for one in flat}
    return {name: max(each, key=mids.__getitem__) for name, each in ids.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose, then print a table for every history."""
    parser = argparse.ArgumentParser(description="Which preference model explains the drift ahead?")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--histories", default=",".join(HISTORIES))
    parser.add_argument("--ahead", default=",".join(map(str, AHEAD)), help="steps ahead")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--choose", type=int, default=len(CHOSEN_ON), help="histories that settings are chosen on")
    parser.add_argument("--panel", help="folder of a panel, or planted")
    options = parser.parse_args(arguments)
    settings = chosen(options.out, CHOSEN_ON[: options.choose])
    ahead = tuple(map(int, options.ahead.split(",")))
    places = [(history, ahead) for history in options.histories.split(",") if history]
    if options.panel:
        places += [(f"people?panel={options.panel}&community={n}&k=3", (1,)) for n in range(3)]
    for history, ahead in places:
        agents = [*KNOWN, *settings.values(), *(extrapolative(settings[name]) for name in EXTRAPOLATED)]
        table = [explained(agents, history, n, options.seeds, options.out / safe_name(f"{history}-{n}")) for n in ahead]
        print(f"\n{history}, {options.seeds} runs; steps ahead: {', '.join(map(str, ahead))}")
        total = {agent: sum(one[1] for column in table if (one := column[agent]) is not None) for agent in agents}
        for agent in sorted(agents, key=lambda agent: -total[agent]):
            cells = (
                "not identified" if one is None else f"{one[1]:6.2f} [{one[0]:6.2f}, {one[2]:5.2f}]"
                for one in (c[agent] for c in table)
            )
            print("  ".join([*cells, agent]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
