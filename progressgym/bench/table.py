"""The table that a benchmark prints: one block a history and challenge, best agents first, references apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from progressgym.bench.challenges import parse_challenge
from progressgym.scores.intervals import FEW_SEEDS
from progressgym.scores.published import best_values
from progressgym.scores.records import Aggregate, IntervalRecord

DASH = "\u2013"
PRIVILEGED = "\u2020"
PARETO = "*"
SAMPLED = "sample"
WIDTH = 100
"""The table is never squeezed into less."""


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
    found = []
    for history, challenge in keys:
        mine = [
            row
            for row in aggregates
            if row.history == history and parse_challenge(row.challenge).unlabelled == challenge
        ]
        sampled = {row.agent: row for row in mine if row.labels == SAMPLED}
        exact = [row for row in mine if row.labels != SAMPLED] or list(sampled.values())
        found.append(
            Block(history=history, challenge=challenge, rows=tuple(sorted(exact, key=_order)), sampled=sampled)
        )
    return found


def render(aggregates: Sequence[Aggregate], steps: dict[str, int]) -> Group:
    """The whole table, for a rich console.

    Args:
        aggregates: rows.
        steps: number of steps of every challenge id without its labels.
    """
    parts: list[Table | Text] = []
    for block in blocks(aggregates):
        coevolve = block.challenge.startswith("coevolve")
        parts += [_coevolve_table(block) if coevolve else _tracking_table(block, steps), Text("")]
    parts.append(Text(_legend(aggregates), style="dim"))
    return Group(*parts)


def print_table(aggregates: Sequence[Aggregate], steps: dict[str, int], console: Console | None = None) -> None:
    """Print the table to standard output."""
    own = console or Console(highlight=False, width=max(Console().width, WIDTH))
    own.print(render(aggregates, steps))


def seed_warnings(aggregates: Sequence[Aggregate]) -> list[str]:
    """What a reader should know before trusting the intervals."""
    few = sorted({row.seeds for row in aggregates if row.seeds < FEW_SEEDS})
    if not few:
        return []
    counts = " or ".join(map(str, few))
    return [f"intervals rest on {counts} seed{'s' if few != [1] else ''}; use {FEW_SEEDS} or more (default 10)"]


def pareto(rows: Sequence[Aggregate]) -> set[str]:
    """Agents that no other beats in both utility and displacement of the simulated human; references left out."""
    ranked = [row for row in rows if not row.privileged]
    best = set()
    for row in ranked:
        beaten = any(
            other.utility.mid >= row.utility.mid
            and other.lock_in["displacement"] <= row.lock_in["displacement"]
            and (other.utility.mid, -other.lock_in["displacement"]) != (row.utility.mid, -row.lock_in["displacement"])
            for other in ranked
        )
        if not beaten:
            best.add(row.agent)
    return best


def _tracking_table(block: Block, steps: dict[str, int]) -> Table:
    scale = "follow_sum" if block.challenge.startswith("follow") else "code_sum_of_maxes"
    count = steps[block.challenge]
    table = _start(block)
    table.add_column("sampled", justify="right", no_wrap=True)
    for title in ("cosine", "drift", "error", f"sum/{best_values(count, count + 1)[scale]:g}"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in block.rows:
        table.add_row(
            *_head(row),
            _sampled(row, block),
            f"{row.similarity:.4f}",
            _number(row.drift_cosine, 3),
            f"{row.dimension_error:.4f}",
            f"{row.published[scale]:.3f}",
            style="dim" if row.privileged else "",
        )
    return table


def _coevolve_table(block: Block) -> Table:
    table = _start(block)
    table.add_column("sampled", justify="right", no_wrap=True)
    for title in ("utility", "entropy", "moved", "against"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    front = pareto(block.rows)
    for row in block.rows:
        table.add_row(
            *_head(row),
            _sampled(row, block),
            f"{row.similarity:.4f}",
            f"{row.lock_in['entropy']:.3f}",
            f"{row.lock_in['displacement']:.3f}",
            f"{row.lock_in['against_history']:.3f}",
            PARETO if row.agent in front else "",
            style="dim" if row.privileged else "",
        )
    return table


def _start(block: Block) -> Table:
    seeds = sorted({row.seeds for row in block.rows})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    title = f"{block.challenge} on {block.history}, {count} seed{'s' if count != '1' else ''}"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    table.add_column("agent", overflow="fold")
    table.add_column("skill [95 %]", justify="right", no_wrap=True)
    return table


def _head(row: Aggregate) -> tuple[str, str]:
    return row.agent + (f" {PRIVILEGED}" if row.privileged else ""), _skill(row.skill)


def _skill(skill: IntervalRecord | None) -> str:
    if skill is None:
        return "not identified"
    return f"{skill.mid:.2f} [{skill.low:.2f}, {skill.high:.2f}]"


def _sampled(row: Aggregate, block: Block) -> str:
    """Skill of the same agent with sampled labels."""
    if row.agent in block.sampled:
        skill = block.sampled[row.agent].skill
        return DASH if skill is None else f"{skill.mid:.2f}"
    return "same" if block.sampled else DASH


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def _order(row: Aggregate) -> tuple[bool, bool, float]:
    """Ranked agents first, best first; without a skill last."""
    return row.privileged, row.skill is None, -(row.skill.mid if row.skill is not None else 0.0)


def _legend(aggregates: Sequence[Aggregate]) -> str:
    lines = [
        "skill: 0 = never updates, 1 = the reference; intervals over items and seeds, given the history.",
        "sampled: skill with 0/1 labels instead of probabilities; same: the agent does not use labels.",
        "drift: cosine between the agent's and the human's change; error: mean difference a dimension.",
        "sum: on the original ProgressGym's scale, of its best value; not comparable with its tables.",
        f"{PRIVILEGED} reads the truth: a reference, not ranked.",
    ]
    if any(row.challenge.startswith("coevolve") for row in aggregates):
        lines += [
            "coevolve is no single number: an agent can steer the human; a skill above 1 means it does.",
            "entropy: how undecided the simulated human ends; moved: how far from its path without the agent;",
            f"against: share of dimensions against history; {PARETO}: nobody has more utility at less movement.",
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
