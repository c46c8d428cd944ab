"""An automatic attacker: tries combinations against texts, submissions and the sandbox for a bounded time, and has to win nothing.

    python -m research.attacker --minutes 60 --seed 0

Exit code 1 and one line a find where something is won: a completion that is paid more than it may be, a submission that ranks
without a run or moves another entry, an agent that gets hold of the truth, the key or the board. A third of the time each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.leaderboard.sandbox import check_sandbox
from research.attacks.agents import Agents
from research.attacks.entries import Entries
from research.attacks.texts import Texts


def main() -> int:
    """Attack, and tell how often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tried, won, notes = attack(arguments.seed, 60.0 * arguments.minutes, Path(folder))
    print(
        ", ".join(f"{count} {name}" for name, count in tried.items()),
        f"in {arguments.minutes:g} minutes: {len(won)} won",
    )
    print(*notes, *won, sep="\n")
    return 1 if won else 0


def attack(seed: int, seconds: float, folder: Path) -> tuple[Counter[str], list[str], list[str]]:
    """Give each surface a third of the time.

    Returns:
        How often each was attacked, what was won, and notes.
    """
    texts, entries = Texts(seed), Entries(seed, folder)
    surfaces: dict[str, Callable[[], str | None]] = {"completions": texts.attack, "submissions": entries.attack}
    agents = None
    try:
        check_sandbox()
        agents = Agents(seed, folder)
        surfaces["agents in the sandbox"] = agents.attack
    except UserError as error:
        print(f"no agents are run: {error}", file=sys.stderr)
    tried, won, spent = Counter(dict.fromkeys(surfaces, 0)), list[str](), dict.fromkeys(surfaces, 0.0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = min(spent, key=lambda one: spent[one])
        start = time.monotonic()
        try:
            found = surfaces[name]()
        except Exception as error:  # noqa: BLE001  (a traceback is a find)
            found = f"{name}: {type(error).__name__}: {error}"
        spent[name] += time.monotonic() - start
        tried[name] += 1
        won += [] if found is None else [found[:400]]
    entries.close()
    notes = [
        f"{texts.read} answers in completions were read, none of them for more than it may be paid",
        f"{entries.accepted} submissions were accepted as open rows, of {len(entries.kinds)} combinations of moves",
    ]
    if agents is not None:
        notes.append(
            f"{agents.played} agents were stopped in all that they tried and answered as they had said they would"
        )
    return tried, won, notes


if __name__ == "__main__":
    sys.exit(main())
