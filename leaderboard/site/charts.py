"""Charts as SVG, made on the server: no script, no inline style, colours by class, a title and a description each.

Legend of shapes: T centuries, n steps, D = 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from progressgym.core.dimensions import DIMENSIONS, GROUPS
from progressgym.leaderboard.site.columns import number
from progressgym.leaderboard.site.portrait import Episode
from progressgym.scores.records import IntervalRecord

Values = Sequence[Sequence[float | None]]
BAR_LOW, BAR_HIGH = -1.0, 1.5
"""Skills beyond are drawn at the edge."""
SHADES = 4
"""Steps of colour on either side of 0 in a heat map."""
CELL_WIDTH, CELL_HEIGHT, NAMES_WIDTH, HEAD = 46, 22, 92, 24


def interval_bar(interval: IntervalRecord) -> Markup:
    """A skill on a line from -1 to 1.5, with marks at 0 (never updates) and 1 (the reference). The text beside it says
    the same, so it is hidden from screen readers."""
    width = 120.0

    def x(value: float) -> float:
        return round(2 + (min(max(value, BAR_LOW), BAR_HIGH) - BAR_LOW) / (BAR_HIGH - BAR_LOW) * (width - 4), 1)

    low, mid, high = x(interval.low), x(interval.mid), x(interval.high)
    return Markup(
        f'<svg class="bar" viewBox="0 0 {width:g} 14" width="{width:g}" height="14" aria-hidden="true" focusable="false">'
        f'<path class="bar-axis" d="M{x(0)} 1v12M{x(1)} 1v12"/>'
        f'<path class="bar-range" d="M{low} 7H{high}"/><circle class="bar-mid" cx="{mid}" cy="7" r="3.2"/></svg>'
    )


@dataclass(frozen=True)
class Panel:
    """One dimension's paths."""

    dimension: str
    group: str
    svg: Markup


def panels(episode: Episode, prefix: str) -> list[Panel]:
    """One small chart a dimension: the human's values and the agent's, all with the same vertical scale.

    Args:
        episode: which.
        prefix: of the ids inside of the page.
    """
    human, agent = episode.scores.human_values, episode.scores.agent_values
    span = vertical_span(episode)
    drawn = []
    for name, part in GROUPS.items():
        for d in range(part.start, part.stop):
            if _present(human, agent, d):
                drawn.append(Panel(DIMENSIONS[d], name, _panel(episode, d, span, f"{prefix}-{DIMENSIONS[d]}")))
    return drawn


def vertical_span(episode: Episode) -> float:
    """How much of the value scale every panel of an episode shows."""
    human, agent = episode.scores.human_values, episode.scores.agent_values
    return max(max(_reach(human, agent, d) for d in range(len(DIMENSIONS))) * 1.15, 0.05)


def _panel(episode: Episode, d: int, span: float, ident: str) -> Markup:
    human = [row[d] for row in episode.scores.human_values]
    agent = [row[d] for row in episode.scores.agent_values]
    there = _present(episode.scores.human_values, episode.scores.agent_values, d)
    middle = (min(there) + max(there)) / 2
    width, height, left, top, below = 180.0, 112.0, 8.0, 8.0, 16.0

    def point(at: int, value: float) -> str:
        x = left + at / max(len(human) - 1, 1) * (width - 2 * left)
        y = top + (0.5 - (value - middle) / span) * (height - 2 * top - below)
        return f"{x:.1f} {y:.1f}"

    ours = [point(episode.targets[at], value) for at, value in enumerate(agent) if value is not None]
    theirs = [point(at, value) for at, value in enumerate(human) if value is not None]
    dots = "".join(f'<circle cx="{p.split()[0]}" cy="{p.split()[1]}" r="2.3"/>' for p in ours)
    caption = (
        f"Human: {_move(human)} from {episode.labels[0]} to {episode.labels[-1]}. "
        f"Agent: {_move(agent)} over the same time, answering for {episode.compared[0]} to {episode.compared[-1]}."
    )
    return Markup(
        f"{_opening('panel', width, height, ident, DIMENSIONS[d], caption)}"
        f'<path class="frame" d="M{left} {height - below}H{width - left}"/>'
        f'<text class="tick" x="{left}" y="{height - 4}">{escape(episode.labels[0])}</text>'
        f'<text class="tick" x="{width - left}" y="{height - 4}" text-anchor="end">{escape(episode.labels[-1])}</text>'
        f'<path class="line human" d="M{" L".join(theirs)}"/><path class="line agent" d="M{" L".join(ours)}"/>'
        f'<g class="dots agent">{dots}</g></svg>'
    )


def heat_map(episode: Episode, kind: str, ident: str) -> Markup:
    """Century x dimension: the agent's values (`agent`) or the agent's minus the human's (`gap`), with numbers."""
    gap = kind == "gap"
    human, agent = episode.scores.human_values, episode.scores.agent_values
    table = [
        [_difference(a, h if gap else 0.0) for a, h in zip(row, human[episode.targets[step]], strict=True)]
        for step, row in enumerate(agent)
    ]
    largest = max((abs(x) for row in table for x in row if x is not None), default=1.0)
    scale = max(largest, 0.05)
    width = NAMES_WIDTH + CELL_WIDTH * len(table) + 4
    height = HEAD + CELL_HEIGHT * len(DIMENSIONS) + 4
    title = "Agent minus human" if gap else "Values of the agent"
    caption = (
        f"{title}, {len(DIMENSIONS)} dimensions by {len(table)} steps; "
        f"{'largest difference' if gap else 'largest value'} {largest:.2f}. The numbers are in the table below."
    )
    parts: list[str] = [_opening("heat", width, height, ident, title, caption, fixed=True)]
    for step, label in enumerate(episode.compared):
        x = NAMES_WIDTH + CELL_WIDTH * step + CELL_WIDTH / 2
        begin = label.partition("-")[0]  # of several years the first: the table below has both
        parts.append(f'<text class="heat-head" x="{x:g}" y="15" text-anchor="middle">{escape(begin)}</text>')
    for d, name in enumerate(DIMENSIONS):
        y = HEAD + CELL_HEIGHT * d
        parts.append(f'<text class="heat-name" x="{NAMES_WIDTH - 8}" y="{y + 15}" text-anchor="end">{name}</text>')
        for step, row in enumerate(table):
            parts.append(_heat_cell(row[d], scale, NAMES_WIDTH + CELL_WIDTH * step, y))
    return Markup("".join(parts) + "</svg>")


def _heat_cell(value: float | None, scale: float, x: float, y: float) -> str:
    if value is None:
        return ""
    shade = round(max(-1.0, min(1.0, value / scale)) * SHADES)
    name = f"{'n' if shade < 0 else 'p'}{abs(shade)}"
    return (
        f'<rect class="h-{name}" x="{x:g}" y="{y:g}" width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}" rx="3"/>'
        f'<text class="t-{name}" x="{x + CELL_WIDTH / 2 - 1:g}" y="{y + 14.5:g}" text-anchor="middle">'
        f"{number(value)}</text>"
    )


def scatter(points: Sequence[tuple[str, float, float, bool]], ident: str, cost: str) -> Markup:
    """The two numbers of a pair against each other.

    Args:
        points: name, skill, cost, and whether no other is as good in both.
        ident: of the elements inside of the page.
        cost: what it is called, a measure of the human.
    """
    width, height, left, bottom, top, right = 560.0, 300.0, 46.0, 40.0, 14.0, 90.0
    skills = [min(max(p[1], BAR_LOW), BAR_HIGH) for p in points]
    low, high = min([*skills, 0.0]) - 0.05, max([*skills, 1.0]) + 0.05
    furthest = max([p[2] for p in points], default=0.0) * 1.08 or 1.0

    def x(value: float) -> float:
        return round(left + value / furthest * (width - left - right), 1)

    def y(value: float) -> float:
        return round(top + (high - value) / (high - low) * (height - top - bottom), 1)

    front = ", ".join(p[0] for p in points if p[3])
    caption = f"Not beaten in both: {front}. All numbers are in the table."
    axes = (
        f'<path class="frame" d="M{left} {y(0)}H{width - right}M{left} {y(1)}H{width - right}'
        f'M{left} {top}V{height - bottom}"/>'
        f'<text class="axis" x="{left - 6}" y="{y(0) + 4}" text-anchor="end">0</text>'
        f'<text class="axis" x="{left - 6}" y="{y(1) + 4}" text-anchor="end">1</text>'
        f'<text class="axis" x="{left}" y="{height - 10}">{escape(cost)} of the human: 0 to {furthest:.2f}</text>'
        f'<text class="axis" x="6" y="{top + 2}">skill</text>'
    )
    parts: list[str] = [_opening("scatter", width, height, ident, f"Skill against {cost}", caption), axes]
    taken: list[tuple[float, float]] = []
    for (name, _, moved, best), skill in sorted(zip(points, skills, strict=True), key=lambda pair: not pair[0][3]):
        px, py = x(moved), y(skill)
        parts.append(f'<circle class="{"front" if best else "behind"}" cx="{px}" cy="{py}" r="{5 if best else 3.5}"/>')
        if len(taken) < 14 and all(abs(px - tx) > 110 or abs(py - ty) > 13 for tx, ty in taken):
            taken.append((px, py))
            parts.append(f'<text class="axis" x="{px + 8}" y="{py + 4}">{escape(name[:24])}</text>')
    return Markup("".join(parts) + "</svg>")


def _opening(
    kind: str, width: float, height: float, ident: str, title: str, caption: str, *, fixed: bool = False
) -> Markup:
    """The beginning of a picture that screen readers hear as its title and description."""
    size = f' width="{width:g}" height="{height:g}"' if fixed else ""
    name = escape(ident)
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}"{size} role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(caption)}</desc>'
    )


def _present(human: Values, agent: Values, d: int) -> list[float]:
    return [value for row in (*human, *agent) if (value := row[d]) is not None]


def _reach(human: Values, agent: Values, d: int) -> float:
    there = _present(human, agent, d)
    return max(there) - min(there) if there else 0.0


def _move(path: Sequence[float | None]) -> str:
    there = [value for value in path if value is not None]
    return f"{there[0]:.2f} to {there[-1]:.2f}" if there else "nothing"


def _difference(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other
