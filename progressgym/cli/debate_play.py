"""`progressgym debate play`: argue against a debater in the terminal and see the judge's ruling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from progressgym.cli.shared import option
from progressgym.core.bounds import LARGEST_SEED, whole
from progressgym.core.errors import UserError, unknown

if TYPE_CHECKING:
    from progressgym.agents.debate.debaters import Debater
    from progressgym.core.debate import CaseText, Judge
    from progressgym.envs.debate.vector import VectorDebate

NAMES = ("debater_0", "debater_1")
"""You are the first."""
OPPONENTS = ("minimax", "greedy", "random")
EXAMPLES = """
progressgym debate play
progressgym debate play --domain simulator --opponent greedy --seed 7
progressgym debate play --domain 'dilemmas?century=C017' --opens first
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Argue for one of two decisions against a debater; a judge who sees only what was shown rules.

    In turn you and your opponent put pieces of evidence on the table; you type the number of the one that you show, or
    q to leave.
    """

    domain: Annotated[str, option("D")] = "dilemmas"
    """dilemmas?century=C017 (judged by a century's values), simulator (treatments of sepsis) or icu (the same with 44
    pieces of evidence; needs the extra sepsis, and an opponent that is greedy or random)."""
    opponent: Annotated[str, option("O", "minimax (plays perfectly), greedy or random.")] = "minimax"
    turns: Annotated[int, option("L", "Pieces shown in all, an even number.")] = 4
    opens: Annotated[str, option("WHO", "Who opens: random, first (you) or second (your opponent).")] = "random"
    seed: Annotated[int | None, option("N", "Of the case; another one each time by default.")] = None


def run(options: Options) -> int:
    """Play one debate."""
    from progressgym.agents.debate.debaters import choose
    from progressgym.agents.debate.sets import solvable
    from progressgym.agents.debate.solver import solve
    from progressgym.envs.debate.domains import make_domain
    from progressgym.envs.debate.rules import Rules
    from progressgym.envs.debate.transcript import MARK, Transcript, draw_text, ruling, said
    from progressgym.envs.debate.vector import VectorDebate

    if options.opponent not in OPPONENTS:
        raise unknown("opponent", options.opponent, OPPONENTS)
    domain, judge = make_domain(options.domain)
    rules = Rules(turns=options.turns, opening=options.opens)
    games = VectorDebate(domain, judge, num_envs=1, rules=rules)
    games.reset(seed=None if options.seed is None else whole("--seed", options.seed, 0, LARGEST_SEED))
    text = domain.text(games.cases, 0)
    opponent = _opponent(options.opponent, judge, options.seed)
    margin = 0.0
    print(draw_text(Transcript(text=text, names=NAMES, shown=(), turns=rules.turns, margin=None)))
    print(f"you are {NAMES[0]}")
    while not games.done:
        side = int(games.mover[0])
        piece = _ask(games, text) if side == 0 else int(choose(games, (opponent, opponent))[0])
        turn = games.step(np.array([piece]))
        print(f"{MARK} {NAMES[side]}: {said(text, NAMES, piece)}")
        margin = 0.0 if turn.margin is None else float(turn.margin[0])
    print(ruling(NAMES, margin))
    if not solvable(domain.pieces, rules.turns):
        return 0
    value = float(solve(judge, games.cases, rules, games.openers).value[0])
    print(f"with best play on both sides your margin would have been {value:+.3f}")
    return 0


def _opponent(name: str, judge: Judge, seed: int | None) -> Debater:
    from progressgym.agents.debate.debaters import GreedyDebater, MinimaxDebater, RandomDebater

    if name == "minimax":
        return MinimaxDebater(judge)
    return GreedyDebater(judge) if name == "greedy" else RandomDebater(seed)


def _ask(games: VectorDebate, text: CaseText) -> int:
    """The piece that the person shows; asks again until it is one that may be shown.

    Raises:
        UserError: the input ended.
        KeyboardInterrupt: the person leaves.
    """

    from progressgym.envs.debate.transcript import said

    free = np.flatnonzero(games.mask()[0]).tolist()
    print("you may show:")
    for piece in free:
        print(f"  {piece + 1:>2}  {said(text, NAMES, piece)}")
    while True:
        try:
            typed = input("which one? ").strip()
        except EOFError:
            raise UserError(
                "the input ended before the debate did; type the number of a piece, or q to leave"
            ) from None
        if typed.lower() in ("q", "quit"):
            raise KeyboardInterrupt
        if typed.isdecimal() and int(typed) - 1 in free:
            return int(typed) - 1
        print(f"{typed!r} is none of {', '.join(str(piece + 1) for piece in free)}; q leaves")
