"""`progressgym history votes`: the moral graph of votes on which of two cards is wiser."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from progressgym.cli.shared import Json, Number, Real, option
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.histories.moral_graph import MoralGraph

EXAMPLES = """
progressgym history votes votes.csv
progressgym history votes votes.csv --z 1.645 --json
progressgym bench --agents static,kalman --challenges follow --history 'moral-graph?votes=votes.csv'
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Make the moral graph of votes: what is wiser than what, the ranks, who goes round in circles, who is not heard.

    The file has columns user, from, to and vote (wiser, not, unsure), and `context` where there are several. What the votes call
    wiser is a history to follow: moral-graph?votes=FILE, where the cards are the centuries of a history.
    """

    votes: Annotated[Positional[str], option("FILE")]
    z: Real = 1.0
    """Standard errors that an edge must be above 0 by."""
    least_wiser: Number = 0
    """Votes `wiser` that an edge must have."""
    least_w: Real = 0.0
    """What an edge must weigh."""
    most_entropy: Real = 2.0
    """Bits by which its votes may differ; 2 cuts nothing."""
    json: Json = False


def run(options: Options) -> int:
    """Make it."""
    from progressgym.histories.moral_graph import MoralGraph, Thresholds, read_votes

    limits = Thresholds(
        z=options.z, least_wiser=options.least_wiser, least_w=options.least_w, most_entropy=options.most_entropy
    )
    votes = read_votes(Path(options.votes))
    contexts = list(dict.fromkeys(vote.context for vote in votes))
    graphs = {context: MoralGraph.fit(votes, limits, context) for context in contexts}
    if options.json:
        print_json(
            json.dumps({context: _record(graph) for context, graph in graphs.items()}, indent=2, allow_nan=False)
        )
    else:
        print("\n\n".join(_text(context, graph) for context, graph in graphs.items()))
    return 0


def _text(context: str, graph: MoralGraph) -> str:
    ranks = sorted(zip(graph.rank.tolist(), graph.cards, strict=True), reverse=True)
    first = [card for rank, card in ranks if rank >= ranks[0][0] - 1e-9]
    cycles = graph.cycles()
    return "\n".join(
        [
            *([f"context: {context}"] if context else []),
            f"wisest: {', '.join(first)}" + (" (a tie)" if len(first) > 1 else ""),
            *(f"  {rank:.3f}  {card}" for rank, card in ranks),
            f"{len(graph.edges)} edges",
            *(
                f"  {edge.start} -> {edge.end}  {edge.w:.2f}, at least {edge.low:.2f}, {edge.votes} votes"
                for edge in graph.edges
            ),
            *(f"! round in a circle: {', '.join(cards)}" for cards in cycles),
            *([] if cycles else ["no cycles"]),
            f"unrepresented: {graph.unrepresented:.0%} of the users stand behind no edge",
        ]
    )


def _record(graph: MoralGraph) -> dict[str, Any]:
    return {
        "ranks": dict(zip(graph.cards, graph.rank.tolist(), strict=True)),
        "edges": [asdict(edge) for edge in graph.edges],
        "cycles": [list(cards) for cards in graph.cycles()],
        "unrepresented": graph.unrepresented,
    }
