"""Measure a study, piece by piece, and write its report: numbers, a table beside published values, pictures.

Pieces are files under `measured/`; running again with the same settings computes only what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from progressgym import __version__
from progressgym.agents.debate import published
from progressgym.agents.debate.debaters import Debater, GreedyDebater, MinimaxDebater
from progressgym.agents.debate.evaluation import JudgeAccuracy, measure_debater, measure_judges
from progressgym.agents.debate.justify import LAMBDAS, Process, process
from progressgym.agents.debate.measures import wins
from progressgym.agents.debate.offline import DqnRecipe
from progressgym.agents.debate.sets import evidence_sets
from progressgym.agents.debate.solver import minimax, set_margins, turn_order
from progressgym.agents.debate.study import Study
from progressgym.agents.debate.sweep import OfflineRecipe, Rulings, learned, planned, rulings
from progressgym.agents.debate.trained import worst_case
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_json, sha256_bytes, write_json, write_text
from progressgym.envs.debate.rules import Rules
from progressgym.envs.debate.simulator import SimulatorDomain
from progressgym.monitor.debate_plots import Bar
from progressgym.monitor.progress import Progress

COLUMNS = ("alone", "confused", "greedy", "confused_drop", "greedy_drop", "wrong_side")
"""Of the table of debaters."""


@dataclass(kw_only=True, frozen=True)
class ReportConfig:
    """How much is measured."""

    games: int = 2000
    """Debates of each figure and seed."""
    greedy_games: int = 500
    """Debates with a greedy adversary, of each figure and seed."""
    lambdas: tuple[float, ...] = LAMBDAS
    """Weights of the debate's reward in planning."""
    scale: float = 1.0
    """What the debate's reward is multiplied by."""
    planning_seeds: int = 0
    """Seeds of debaters whose debates policies are planned for; 0 takes all."""
    learner_steps: int = 0
    """Gradient steps of the offline learner (25,000 in the paper); 0 leaves it out."""
    learner_rate: float = 1e-4
    """Its learning rate; the paper's."""
    learner_polyak: float = 1e-3
    """How far its target network moves each step; the paper's. Fewer steps than the paper's need larger ones."""
    learner_episodes: int = 18_000
    """Recorded episodes that it learns from."""
    learner_seeds: int = 1
    """Seeds of the offline learner."""
    learner_lambdas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Its lambdas."""


@dataclass(kw_only=True, frozen=True)
class Spread:
    """A mean over seeds with its 95 % interval (Student's t over seeds; none from one seed)."""

    mid: float
    """Mean."""
    low: float | None
    """2.5 % bound."""
    high: float | None
    """97.5 % bound."""
    seeds: tuple[float, ...]
    """The seeds' numbers."""


def spread(numbers: Sequence[float]) -> Spread:
    """Mean and interval.

    >>> spread([0.5]).low, round(spread([0.4, 0.5, 0.6]).low, 3)
    (None, 0.252)
    """
    from scipy.stats import t

    values = np.asarray(numbers, dtype=np.float64)
    mid = float(values.mean())
    if len(values) < 2:
        return Spread(mid=mid, low=None, high=None, seeds=tuple(values.tolist()))
    reach = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Spread(mid=mid, low=mid - reach, high=mid + reach, seeds=tuple(values.tolist()))


def make_report(study: Study, settings: ReportConfig, *, quiet: bool = False) -> dict[str, Any]:
    """Measure what is missing and write `report.json`, `report.md` and the pictures into the study's folder.

    Raises:
        UserError: networks are missing.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        report = _measure(study, settings, quiet)
    finally:
        torch.set_num_threads(threads)
    write_json(study.folder / "report.json", report)
    write_text(study.folder / "report.md", markdown(report))
    draw(report, study.folder)
    return report


def _measure(study: Study, settings: ReportConfig, quiet: bool) -> dict[str, Any]:
    plan = study.plan
    missing = [name for name in study.stages() if "confuser" not in name and not (study.folder / name).exists()]
    if missing:
        raise UserError(f"{len(missing)} networks are missing; run: progressgym debate train --out {study.folder}")
    judge, ideal, test = study.judge(), study.ideal(), study.domain(plan.held_out)
    runs = [(method, seed) for method in plan.methods for seed in range(plan.seeds)]
    planning_seeds = min(settings.planning_seeds or plan.seeds, plan.seeds)
    count = 2 + len(runs) + planning_seeds + (settings.learner_seeds if settings.learner_steps else 0)
    with Progress(count, "measuring", quiet=quiet) as progress:

        def piece(name: str, make: Callable[[], Any], **given: Any) -> Any:
            made = _kept(study.folder / "measured", name, make, given)
            progress.advance(name)
            return made

        sizes = {"games": settings.games, "greedy_games": settings.greedy_games}
        judges = {
            name: piece(
                f"judges-{part}",
                partial(measure_judges, study.domain(part), judge, ideal, plan.turns, **sizes, seed=0),
                **sizes,
            )
            for name, part in (("train", plan.trained_on), ("test", plan.held_out))
        }
        debaters: dict[str, list[Any]] = {method: [] for method in plan.methods}
        for method, seed in runs:
            debaters[method].append(
                piece(
                    f"seed{seed}-{method}",
                    partial(_debater, study, test, method, seed, sizes),
                    confuser=study.confuser(seed, method) is not None,
                    **sizes,
                )
            )
        sweeps = {"lambdas": list(settings.lambdas), "scale": settings.scale}
        mdp = process(plan.domain)
        cache: dict[int, Rulings] = {}

        def ruled(seed: int) -> Rulings:
            if seed not in cache:
                cache[seed] = rulings(mdp, judge, ideal, _advocate(study, seed), plan.turns)
            return cache[seed]

        def sweep(seed: int) -> Any:
            return planned(mdp, ruled(seed), settings.lambdas, settings.scale)

        planning = [piece(f"planned-{seed}", partial(sweep, seed), **sweeps) for seed in range(planning_seeds)]
        learning = _learn(study, settings, mdp, ruled, piece)
    return {
        "schema": 1,
        "version": __version__,
        "plan": {**asdict(plan), "methods": list(plan.methods)},
        "settings": asdict(settings),
        "judge": judge.fingerprint,
        "judges": judges,
        "debaters": {method: {key: _spread_of(rows, key) for key in rows[0]} for method, rows in debaters.items()},
        "exact": _exact(study) if plan.domain == "simulator" else None,
        "planned": planning,
        "learned": learning,
    }


def _spread_of(rows: list[Any], key: str) -> dict[str, Any] | None:
    """Over the seeds that have the number; None where none has."""
    numbers = [row[key] for row in rows if row[key] is not None]
    return asdict(spread(numbers)) if numbers else None


def _learn(
    study: Study,
    settings: ReportConfig,
    mdp: Process,
    ruled: Callable[[int], Rulings],
    piece: Callable[..., Any],
) -> list[Any]:
    """Policies of the offline learner; the debates are those of the study's first seed."""
    if settings.learner_steps == 0:
        return []
    how = DqnRecipe(steps=settings.learner_steps, learning_rate=settings.learner_rate, polyak=settings.learner_polyak)
    offline = OfflineRecipe(episodes=settings.learner_episodes, dqn=how)
    rows: list[Any] = []

    def learn(seed: int) -> Any:
        return learned(mdp, ruled(0), settings.learner_lambdas, settings.scale, offline, seed=seed)

    for seed in range(settings.learner_seeds):
        rows += piece(
            f"learned-{seed}",
            partial(learn, seed),
            lambdas=list(settings.learner_lambdas),
            dqn=asdict(how),
            episodes=settings.learner_episodes,
            scale=settings.scale,
        )
    return rows


def _kept(folder: Path, name: str, make: Callable[[], Any], given: dict[str, Any]) -> Any:
    """A piece that was measured before with the same settings, or a fresh one."""
    file = folder / f"{name}-{sha256_bytes(canonical_json(given).encode())[:8]}.json"
    if not file.is_file():
        made = make()
        write_json(file, asdict(made) if isinstance(made, JudgeAccuracy) else made)
    return read_json(file)


def _debater(study: Study, test: Any, method: str, seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    debater, confuser = study.debater(seed, method), study.confuser(seed, method)
    judge, turns = study.judge(), study.plan.turns
    measured = asdict(measure_debater(test, judge, debater, confuser, method, turns, **sizes, seed=seed))
    if study.plan.domain == "simulator" and method in ("self-play", "maxmin"):
        cases, weights, finals = _all_cases(study)
        measured["worst_case"] = worst_case(debater, finals, cases, weights, Rules(turns=turns))
    # What an adversary takes from the judge's accuracy, seed by seed, so that its interval is that of the difference.
    for key in ("confused", "greedy"):
        measured[f"{key}_drop"] = None if measured[key] is None else measured["alone"] - measured[key]
    return measured


def _advocate(study: Study, seed: int) -> Debater:
    """Who debates decisions: the trained maxmin debater; on the simulator the exact one."""
    if study.plan.domain == "simulator":
        return MinimaxDebater(study.judge())
    methods = study.plan.methods
    return study.debater(seed, "maxmin" if "maxmin" in methods else methods[-1])


def _all_cases(study: Study) -> tuple[Any, Any, Any]:
    """All held-out cases of the simulator, their probabilities, and margins under all full evidence sets."""
    cases, weights = SimulatorDomain(part=study.plan.held_out).all_pairs()
    cases, weights = cases[weights > 0], weights[weights > 0]
    finals = set_margins(study.judge(), cases, evidence_sets(7, study.plan.turns), study.plan.turns)
    return cases, weights, finals


def _exact(study: Study) -> dict[str, float]:
    """On held-out states: the exact minimax value, and what a greedy debater keeps against its best response."""
    cases, weights, finals = _all_cases(study)
    sets, rules = evidence_sets(7, study.plan.turns), Rules(turns=study.plan.turns)
    values = [
        float(weights @ wins(minimax(finals, sets, turn_order(rules, np.full(len(cases), opener))).value))
        for opener in (0, 1)
    ]
    greedy = worst_case(GreedyDebater(study.judge()), finals, cases, weights, rules)
    return {"maxmin": float(np.mean(values)), "greedy": greedy}


def markdown(report: dict[str, Any]) -> str:
    """The report's tables."""
    plan, settings = report["plan"], report["settings"]
    lines = [
        f"# Debates on {plan['domain']}, {plan['turns']} pieces of evidence",
        "",
        _trained(plan),
        "",
        "| judge | states trained on | held out | published |",
        "|---|---|---|---|",
    ]
    train, test = report["judges"]["train"], report["judges"]["test"]
    for k, (a, b) in enumerate(zip(train["random"], test["random"], strict=True)):
        reference = f"{published.RANDOM_EVIDENCE:.3f}" if k == plan["turns"] == 6 else ""
        lines.append(f"| {k} random pieces | {a:.3f} | {b:.3f} | {reference} |")
    for key, name in (
        ("ideal", "all pieces (ideal judge)"),
        ("greedy_alone", "greedy advocate of the preferred option, alone"),
        ("greedy_wrong", "greedy advocate of the other option, alone"),
        ("greedy_both", "greedy against greedy"),
    ):
        lines.append(f"| {name} | {train[key]:.3f} | {test[key]:.3f} | |")
    lines += [
        "",
        (
            "| debater | undisturbed | its trained confuser | greedy confuser | drop, trained | drop, greedy | on the wrong side"
            " | published |"
        ),
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for method, row in report["debaters"].items():
        cells = " | ".join(_interval(row[key]) for key in COLUMNS)
        reference = " -> ".join(f"{x:.3f}" for x in published.ACCURACY.get(method, ()))
        lines.append(f"| {method} | {cells} | {reference} |")
    if report["exact"]:
        exact, greedy = report["exact"]["maxmin"], report["exact"]["greedy"]
        lines += [
            "",
            (
                f"The exact minimax value is {exact:.3f}. A greedy debater, which looks one piece ahead and learns nothing, keeps"
                f" {greedy / exact:.1%} of it against its exact best response."
            ),
        ]
        for method, row in report["debaters"].items():
            if "worst_case" in row:
                share = row["worst_case"]["mid"] / exact
                lines += [
                    "",
                    f"{method} against its exact best response: {_interval(row['worst_case'])}, {share:.1%} of it.",
                ]
    scale = f"environment reward x 15, debate reward x {settings['scale']:g}, gamma .99"
    lines += ["", f"Planned policies ({scale}; mean over {len(report['planned'])} seeds of debaters):", ""]
    lines += [
        "| lambda | return | decisions changed | preferred after debate | by the ideal judge | ideal judge as reward: return / preferred |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for k, lam in enumerate(settings["lambdas"]):
        rows = [seed[k] for seed in report["planned"]]
        ours = [_mean([row["debate_feedback"][key] for row in rows]) for key in ("value", "differs", "debate", "ideal")]
        ideal = [_mean([row["ideal_feedback"][key] for row in rows]) for key in ("value", "ideal")]
        lines.append(f"| {lam:g} | {' | '.join(_number(x) for x in ours)} | {' / '.join(map(_number, ideal))} |")
    if report["learned"]:
        lines += [
            "",
            f"Learned offline ({settings['learner_steps']} steps, rate {settings['learner_rate']:g}, {scale}):",
            "",
        ]
        lines += [
            "| lambda | return | decisions changed | preferred after debate | by the ideal judge | softmax: exact / estimated |"
        ]
        lines += ["|---|---|---|---|---|---|"]
        for lam in settings["learner_lambdas"]:
            rows = [row for row in report["learned"] if row["lambda"] == lam]
            ours = [_mean([row["assessment"][key] for row in rows]) for key in ("value", "differs", "debate", "ideal")]
            soft = [_mean([row[key] for row in rows]) for key in ("softmax_value", "estimate")]
            lines.append(f"| {lam:g} | {' | '.join(_number(x) for x in ours)} | {' / '.join(map(_number, soft))} |")
    lines += [
        "",
        "Published (other patients; debate reward x 5):",
        "",
        "| lambda | preferred after debate | return by WIS |",
    ]
    lines += ["|---|---|---|"]
    for lam, value in published.RETURN.items():
        lines.append(f"| {lam:g} | {_number(published.PREFERENCE.get(lam))} | {value:.3f} |")
    return "\n".join(lines) + "\n"


def _trained(plan: dict[str, Any]) -> str:
    return (
        f"Debaters: {plan['updates']} updates of {plan['games']} debates, {plan['seeds']} seeds, confusers"
        f" {plan['confuser_updates']} updates. Held-out states ({plan['held_out']}). Intervals: 95 %, Student's t over"
        " seeds."
    )


def draw(report: dict[str, Any], folder: Path) -> None:
    """Write `accuracy.png` and `lambda.png`."""
    from progressgym.monitor.debate_plots import curves, grouped_bars
    from progressgym.monitor.plots import extra, save

    methods = list(report["debaters"])
    names = {"alone": "undisturbed", "confused": "its trained confuser", "greedy": "greedy confuser"}
    bars = {name: [_bar(report["debaters"][m][key]) for m in methods] for key, name in names.items()}
    references: dict[str, list[float | None]] = {
        name: [published.ACCURACY[m][k] if m in published.ACCURACY else None for m in methods]
        for k, name in enumerate(("undisturbed", "its trained confuser"))
    }
    with extra(folder / "accuracy.png"):
        figure = grouped_bars(
            methods,
            bars,
            published=references,
            line=("ideal judge", report["judges"]["test"]["ideal"]),
            title=f"Judge accuracy on {report['plan']['domain']}, {report['plan']['turns']} pieces",
            label="share of cases ruled for the preferred option",
        )
        save(figure, folder / "accuracy.png")
    with extra(folder / "lambda.png"):
        save(_lambda_figure(report, curves), folder / "lambda.png")


def _bar(entry: dict[str, Any] | None) -> Bar | None:
    return None if entry is None else Bar(mid=entry["mid"], low=entry["low"], high=entry["high"])


def _lambda_figure(report: dict[str, Any], curves: Callable[..., Any]) -> Any:
    lambdas = report["settings"]["lambdas"]

    def planned_curve(feedback: str, key: str) -> dict[float, float]:
        points = {lam: _mean([seed[k][feedback][key] for seed in report["planned"]]) for k, lam in enumerate(lambdas)}
        return {lam: value for lam, value in points.items() if value is not None}

    def learned_curve(key: str) -> dict[float, float]:
        points = {
            lam: _mean([row["assessment"][key] for row in report["learned"] if row["lambda"] == lam])
            for lam in report["settings"]["learner_lambdas"]
        }
        return {lam: value for lam, value in points.items() if value is not None}

    returns = {"planned, debate": planned_curve("debate_feedback", "value")}
    returns["planned, ideal judge"] = planned_curve("ideal_feedback", "value")
    shares = {
        "planned: judge after debate": planned_curve("debate_feedback", "debate"),
        "planned: ideal judge": planned_curve("debate_feedback", "ideal"),
    }
    if report["learned"]:
        returns["learned offline"] = learned_curve("value")
        shares["learned offline: judge after debate"] = learned_curve("debate")
        shares["learned offline: ideal judge"] = learned_curve("ideal")
    shares["published: judge after debate"] = dict(published.PREFERENCE)
    scale = report["settings"]["scale"]
    return curves(
        {"exact return": returns, "preferred to the baseline where they differ": shares},
        title=f"Policies on {report['plan']['domain']} against lambda",
        label=f"lambda (debate reward x {scale:g}, environment x 15; published x 5 and x 15)",
        dashed=("published: judge after debate",),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if abs(value) < 1 else f"{value:.3f}"


def _interval(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return ""
    if entry["low"] is None:
        return f"{entry['mid']:.3f}"
    return f"{entry['mid']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"
