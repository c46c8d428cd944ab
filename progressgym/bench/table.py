"""The table that a benchmark prints: one block a history and challenge, best agents first, references apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from progressgym.bench.challenges import Challenge, parse_challenge
from progressgym.bench.findings import steers
from progressgym.scores.intervals import FEW_SEEDS
from progressgym.scores.pareto import fronts
from progressgym.scores.published import best_values
from progressgym.scores.records import AcrossHistories, Aggregate, IntervalRecord

DASH = "\u2013"
PRIVILEGED = "\u2020"
STEERS = "\u2191"
FAILS = "\u2021"
SAMPLED = "sample"
BEYOND = "*"
RIVAL = "kalman"
"""Every agent's drift explained is shown beside this one's."""
WIDTH = 120
"""The table is never squeezed into less."""
NAME_WIDTH, CHALLENGE_WIDTH = 24, 12
"""Longer ids take several lines, so that they leave the numbers their place."""


@dataclass(kw_only=True, frozen=True)
class Block:
    """The rows of one history and challenge."""

    history: str
    challenge: str
    """Id without the kind of labels."""
    rows: tuple[Aggregate, ...]
    """Best first; privileged references last."""
    sampled: dict[str, Aggregate]
    """Agent -> its row with sampled labels."""


def blocks(aggregates: Sequence[Aggregate]) -> list[Block]:
    """Sort rows into blocks, in the order in which they come."""
    keys = dict.fromkeys((row.history, parse_challenge(row.challenge).unlabelled) for row in aggregates)
    tables = []
    for history, challenge in keys:
        mine = [
            row
            for row in aggregates
            if row.history == history and parse_challenge(row.challenge).unlabelled == challenge
        ]
        sampled = {row.agent: row for row in mine if row.labels == SAMPLED}
        exact = [row for row in mine if row.labels != SAMPLED] or list(sampled.values())
        tables.append(
            Block(history=history, challenge=challenge, rows=tuple(sorted(exact, key=_order)), sampled=sampled)
        )
    return tables


def render(
    aggregates: Sequence[Aggregate],
    steps: dict[str, int],
    across: Sequence[AcrossHistories] = (),
    findings: Sequence[str] = (),
) -> Group:
    """The whole table, for a rich console.

    Args:
        aggregates: rows.
        steps: number of steps of every challenge id without its labels.
        across: rows over all histories; a small table of its own.
        findings: sentences that a reader must not miss.
    """
    parts: list[Table | Text] = []
    for block in blocks(aggregates):
        challenge = parse_challenge(block.challenge)
        parts += [
            _table(block, challenge, steps) if challenge.cost is None else _pair_table(block, challenge),
            Text(""),
        ]
    failing = {row.agent: row.unmet for row in aggregates if row.unmet}
    pooled = [one for one in across if one.labels != SAMPLED and not one.privileged and one.agent not in failing]
    if pooled:
        parts += [_across_table(pooled), Text("")]
    compute = _compute_table(aggregates, steps)
    parts += [] if compute is None else [compute, Text("")]
    parts += [Text(f"! {line}", style="bold") for line in findings]
    for agent, reasons in failing.items():
        parts.append(Text(f"{FAILS} {agent} fails conditions of its run and is not ranked: {'; '.join(reasons)}"))
    parts.append(Text(_legend(aggregates, bool(pooled)), style="dim"))
    return Group(*parts)


def print_table(
    aggregates: Sequence[Aggregate],
    steps: dict[str, int],
    console: Console | None = None,
    *,
    across: Sequence[AcrossHistories] = (),
    findings: Sequence[str] = (),
) -> None:
    """Print the table to standard output; see `render`."""
    own = console or Console(highlight=False, width=max(Console().width, WIDTH))
    own.print(render(aggregates, steps, across, findings))


def seed_warnings(aggregates: Sequence[Aggregate]) -> list[str]:
    """What a reader should know before trusting the intervals."""
    few = sorted({row.seeds for row in aggregates if row.seeds < FEW_SEEDS})
    if not few:
        return []
    counts = " or ".join(map(str, few))
    return [f"intervals rest on {counts} seed{'s' if few != [1] else ''}; use {FEW_SEEDS} or more (default 10)"]


def with_fronts(rows: Sequence[Aggregate]) -> list[Aggregate]:
    """Rows with their Pareto fronts where a challenge is ranked by a pair, references left out.

    Agents are compared within one challenge, kind of labels and history.
    """
    results = list(rows)
    pairs = [k for k, row in enumerate(rows) if _paired(row) and ranked(row)]
    for place in dict.fromkeys((rows[k].history, rows[k].challenge) for k in pairs):
        mine = [k for k in pairs if (rows[k].history, rows[k].challenge) == place]
        numbers = fronts([pareto_pair(rows[k]) for k in mine])
        for k, front in zip(mine, numbers.tolist(), strict=True):
            results[k] = rows[k].model_copy(update={"front": front})
    return results


def pareto_pair(row: Aggregate) -> tuple[float, float]:
    """What ranks a row of a pair, more is better in both: utility, and how little it cost."""
    return row.utility.mid, -cost_of(row).mid


def cost_of(row: Aggregate) -> IntervalRecord:
    """The measure that ranks beside the utility; only where a pair ranks."""
    return row.lock_in[parse_challenge(row.challenge).cost or ""]


def _paired(row: Aggregate) -> bool:
    return parse_challenge(row.challenge).cost is not None


def pareto_order(row: Aggregate) -> tuple[bool, bool, int, float]:
    """Order of rows that a pair ranks: ranked agents first, by front; on one front and among references more utility first."""
    return row.privileged, bool(row.unmet), row.front or 0, -row.utility.mid


def ranked(row: Aggregate) -> bool:
    """Whether a row has a place: references and runs that fail a condition have none."""
    return not (row.privileged or row.unmet)


def _table(block: Block, challenge: Challenge, steps: dict[str, int]) -> Table:
    if challenge.headline == "explained":
        return _explained_table(block, challenge, steps)
    scale, count = challenge.scale, steps[block.challenge]
    table = _start(block)
    table.add_column("skill [95 %]", justify="right", no_wrap=True)
    table.add_column("sampled", justify="right", no_wrap=True)
    beside = challenge.measures
    total = f"sum/{best_values(count, count + 1)[scale]:g}"
    names = [measure.short for measure in beside] or ["justif.", total]
    for title in ("agreement" if challenge.by_agreement else "cosine", "drift", "error", *names):
        table.add_column(title, justify="right", no_wrap=True)
    for row in block.rows:
        table.add_row(
            _name(row),
            _skill(row.skill),
            _sampled(row, block),
            f"{row.similarity:.4f}",
            _number(row.drift_cosine, 3),
            f"{row.dimension_error:.4f}",
            *(f"{row.lock_in[measure.name].mid:.3f}" for measure in beside),
            *([] if beside else [_number(row.justifiability, 2), _number(row.published.get(scale), 3)]),
            style="" if ranked(row) else "dim",
        )
    return table


def _explained_table(block: Block, challenge: Challenge, steps: dict[str, int]) -> Table:
    """Drift explained first, then how it compares; skill by cosine and the published scale behind it."""
    scale, count = challenge.scale, steps[block.challenge]
    table = _start(block)
    best = f"sum/{best_values(count, count + 1)[scale]:g}"
    debated = any(row.justifiability is not None for row in block.rows)
    titles = ("drift explained [95 %]", "spread", "- next", f"- {RIVAL}", "sampled", "skill", "cosine", "drift")
    beside = challenge.measures
    for title in (*titles, *(measure.short for measure in beside), *(["justif."] if debated else []), best):
        table.add_column(title, justify="right", no_wrap=True)
    for k, row in enumerate(block.rows):
        after = block.rows[k + 1].agent if k + 1 < len(block.rows) and ranked(block.rows[k + 1]) else None
        table.add_row(
            _name(row),
            _skill(_explained(row)),
            DASH if row.explained is None else f"{row.explained.spread:.2f}",
            _difference(row, after),
            _difference(row, RIVAL),
            _sampled(row, block),
            _mid(row.skill),
            f"{row.similarity:.3f}",
            _number(row.drift_cosine, 2),
            *(f"{row.lock_in[measure.name].mid:.2f}" for measure in beside),
            *([_number(row.justifiability, 2)] if debated else []),
            _number(row.published.get(scale), 3),
            style="" if ranked(row) else "dim",
        )
    return table


def _explained(row: Aggregate) -> IntervalRecord | None:
    return None if row.explained is None else row.explained.interval


def _difference(row: Aggregate, other: str | None) -> str:
    """How much more of the drift an agent explains than another; marked where the interval excludes 0."""
    interval = None if row.explained is None or other is None else row.explained.ahead.get(other)
    if interval is None:
        return DASH
    return f"{_mid(interval)}{BEYOND if interval.low > 0 or interval.high < 0 else ' '}"


def _headline(row: Aggregate) -> IntervalRecord | None:
    """What ranks a row."""
    return _explained(row) if parse_challenge(row.challenge).headline == "explained" else row.skill


def _pair_table(block: Block, challenge: Challenge) -> Table:
    """The Pareto pair first: skill is only one side of it."""
    table = _start(block)
    measures = sorted(challenge.measures, key=lambda measure: measure.name != challenge.cost)
    for title in ("front", "utility", *(measure.short for measure in measures), "skill [95 %]", "sampled"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in sorted(block.rows, key=pareto_order):
        table.add_row(
            _name(row),
            DASH if row.front is None else str(row.front),
            f"{row.similarity:.4f}",
            *(f"{row.lock_in[measure.name].mid:.3f}" for measure in measures),
            _skill(row.skill) + (f" {STEERS}" if steers(row) else ""),
            _sampled(row, block),
            style="" if ranked(row) else "dim",
        )
    return table


def _across_table(across: Sequence[AcrossHistories]) -> Table:
    """Compact: exact labels, ranked agents only; `results.json` has every pair."""
    counts = sorted({len(one.histories) for one in across})
    many = f"{counts[-1]} histories" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} histories"
    table = Table(
        title="agents against each other" if counts == [1] else f"agents across {many}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("challenge", overflow="fold")
    table.add_column("agent", overflow="fold")
    for title in ("IQM [95 %]", "beats static", "beats next"):
        table.add_column(title, justify="right", no_wrap=True)
    for challenge in dict.fromkeys(one.challenge for one in across):
        rows = [one for one in across if one.challenge == challenge]
        for k, one in enumerate(rows):
            after = rows[k + 1].agent if k + 1 < len(rows) else None
            table.add_row(
                in_lines(challenge, CHALLENGE_WIDTH) if k == 0 else "",
                in_lines(one.agent, CHALLENGE_WIDTH),
                _skill(one.interquartile_mean),
                _chance(one.improvement.get("static")),
                _chance(one.improvement.get(after) if after is not None else None),
                end_section=k + 1 == len(rows),
            )
    return table


def _compute_table(aggregates: Sequence[Aggregate], steps: dict[str, int]) -> Table | None:
    """What every agent's numbers cost: wall time of a decision, cheapest first; None where no time was kept."""
    times: dict[str, list[float]] = {}
    for row in aggregates:
        count = steps.get(parse_challenge(row.challenge).unlabelled)
        if row.seconds is not None and count:
            times.setdefault(row.agent, []).append(1000.0 * row.seconds / count)
    if not times:
        return None
    table = Table(
        title="compute, ms a decision",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("agent", overflow="fold")
    for title in ("mean", "least", "most"):
        table.add_column(title, justify="right", no_wrap=True)
    for agent, each in sorted(times.items(), key=lambda pair: sum(pair[1]) / len(pair[1])):
        table.add_row(in_lines(agent), *(f"{x:.3g}" for x in (sum(each) / len(each), min(each), max(each))))
    return table


def _start(block: Block) -> Table:
    seeds = sorted({row.seeds for row in block.rows})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    runs = "split" if any(row.splits for row in block.rows) else "seed"
    title = f"{block.challenge} on {block.history}, {count} {runs}{'s' if count != '1' else ''}"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    table.add_column("agent", overflow="fold")
    return table


def _name(row: Aggregate) -> str:
    return in_lines(row.agent) + (f" {PRIVILEGED}" if row.privileged else f" {FAILS}" if row.unmet else "")


def in_lines(name: str, width: int = NAME_WIDTH) -> str:
    """A long id in lines that end where an argument does; what is longer still is folded by the table.

    >>> print(in_lines("lifelong-dpo?comparisons=8&independent=true&reference=uniform"))
    lifelong-dpo
    ?comparisons=8
    &independent=true
    &reference=uniform
    """
    lines = [""]
    for part in re.split("(?=[?&])", name):
        if len(lines[-1] + part) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _skill(skill: IntervalRecord | None) -> str:
    if skill is None:
        return "not identified"
    mid, low, high = (round(x, 2) + 0.0 for x in (skill.mid, skill.low, skill.high))  # no "-0.00"
    return f"{mid:.2f} [{low:.2f}, {high:.2f}]"


def _mid(number: IntervalRecord | None) -> str:
    return DASH if number is None else f"{round(number.mid, 2) + 0.0:.2f}"


def _chance(probability: IntervalRecord | None) -> str:
    if probability is None:
        return DASH
    return f"{probability.mid:.2f} [{probability.low:.2f}, {probability.high:.2f}]"


def _sampled(row: Aggregate, block: Block) -> str:
    """What ranks the same agent with sampled labels."""
    if row.agent in block.sampled:
        return _mid(_headline(block.sampled[row.agent]))
    return "same" if block.sampled else DASH


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def _order(row: Aggregate) -> tuple[bool, bool, bool, float]:
    """Ranked agents first, best first; those without a number last."""
    headline = _headline(row)
    return row.privileged, bool(row.unmet), headline is None, -(headline.mid if headline is not None else 0.0)


def _legend(aggregates: Sequence[Aggregate], across: bool) -> str:
    lines = [
        "drift explained: 0 = never learns, 1 = the truth; intervals over items, runs and people, given the history.",
        "spread: standard deviation over runs, each a seed or a split of the items of its own.",
        f"- next, - {RIVAL}: paired difference to the next agent and to {RIVAL}; {BEYOND} its interval excludes 0.",
        "skill: the same scale by cosine, which is blind to how far values are from 0.",
        "sampled: with 0/1 labels instead of probabilities; same: the agent does not use labels.",
        "drift: cosine between the agent's and the human's change; error: mean difference a dimension.",
        "compute: wall time here, without scoring; mean over challenges and histories, its least and its most.",
        "justif.: share of changed answers that win a debate before the century's values, see docs/debate.md.",
        "sum: on the original ProgressGym's scale, of its best value; not comparable with its tables.",
        f"{PRIVILEGED} reads the truth: a reference, not ranked.",
    ]
    lines += dict.fromkeys(line for row in aggregates for line in parse_challenge(row.challenge).legend)
    if any(_paired(row) for row in aggregates):
        lines.append(f"{STEERS} steers: its interval of skill is above the reference's 1.")
    if across:
        lines += [
            "IQM: interquartile mean, of all runs on all histories but the lowest and the highest quarter;",
            "beats: chance that a run does better than one of `static`, and of the agent in the next line.",
        ]
    if _twins(aggregates):
        lines.append("DPO and RLHF of equal strength have one optimum on this policy: see docs/agents/rlhf.md.")
    return "\n".join(lines)


def _twins(aggregates: Sequence[Aggregate]) -> bool:
    """Whether a DPO and an RLHF row are equal to the last digit."""
    utility = {(row.history, row.challenge, row.agent): row.utility for row in aggregates}
    return any(
        "-dpo" in agent and utility.get((history, challenge, agent.replace("-dpo", "-rlhf"))) == mine
        for (history, challenge, agent), mine in utility.items()
    )
