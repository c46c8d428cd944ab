"""How the leaderboard's commands print what verification says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.leaderboard.records import GroupScore, Rung, Verdict


def check(path: str, rung: Rung, *, json: bool) -> int:
    """Verify a submission in a limited process and print the verdict; 1 when it is refused."""
    from progressgym.leaderboard.limited import verify_apart

    if not Path(path).exists():
        raise UserError(f"there is no {path}; give a folder or a .zip made by progressgym leaderboard package")
    verdict, _ = verify_apart(path, rung=rung)
    if json:
        print_json(verdict.model_dump_json(indent=2))
    else:
        show_verdict(path, verdict)
    return 0 if verdict.accepted else 1


def show_verdict(path: str, verdict: Verdict) -> None:
    """Reasons of a refusal on standard error; scores on standard output."""
    if not verdict.accepted:
        for one in verdict.problems:
            print(f"progressgym: refused: {one}", file=sys.stderr)
        return
    assert verdict.record is not None and verdict.digest is not None
    agent = verdict.record.agent
    print(f"{path}: {agent.name} {agent.version}, {verdict.rung}, id {verdict.digest[:16]}")
    if verdict.signer is not None:
        print(f"signed by {verdict.signer}")
    for warning in verdict.warnings:
        print(f"progressgym: warning: {warning}", file=sys.stderr)
    for group in verdict.groups:
        print(f"  {group.id:<34} skill {skill_text(group)}")


def skill_text(group: GroupScore | None) -> str:
    """A skill with its interval."""
    if group is None:
        return "-"
    if group.skill is None:
        return "not identified"
    return f"{group.skill.mid:.2f} [{group.skill.low:.2f}, {group.skill.high:.2f}]"
