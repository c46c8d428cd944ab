"""The ladder: `validated` (the form is right), `recomputed` (the scores are what the answers give).

The third rung, `reproduced`, is not here: it runs the agent on the private split, see `Store.record_reproduction`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from progressgym.leaderboard.board import Board, CellKey
from progressgym.leaderboard.problems import Findings, Problem, Refused, pointer
from progressgym.leaderboard.recompute import Trace, follow_paths, score_group
from progressgym.leaderboard.records import CellScore, GroupScore, Rung, Verdict
from progressgym.leaderboard.refusals import blended_steps, constant_answers, fingerprint, no_answers
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.submission import STEPS, Submission, validate
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.unpack import read_submission

CLAIM_TOLERANCE = 1e-6
"""How far a claimed utility may be from the recomputed one: the last bits of exp and log differ between machines."""


@dataclass(kw_only=True)
class Recomputed:
    """What the second rung found."""

    groups: list[GroupScore] = field(default_factory=list)
    cells: list[CellScore] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def verify(
    source: Path | str, *, rung: Rung = "recomputed", resamples: int = RESAMPLES
) -> tuple[Verdict, bytes | None]:
    """Climb the ladder with a stranger's folder or .zip, in this process; see `verify_apart` for a limited one.

    Args:
        source: the submission.
        rung: how far, `validated` or `recomputed`.
        resamples: of the intervals.

    Returns:
        The verdict, never an exception for anything inside of the submission, and its evidence (one zip) if accepted.
    """
    submission: Submission | None = None
    try:
        submission = validate(read_submission(Path(source)))
        recomputed = recompute(submission, resamples) if rung != "validated" else Recomputed()
    except Refused as refused:
        return _refusal(submission, refused.problems), None
    verdict = Verdict(
        digest=submission.digest,
        rung="validated" if rung == "validated" else "recomputed",
        problems=[],
        warnings=recomputed.warnings,
        record=submission.record,
        signer=submission.signer,
        groups=recomputed.groups,
        cells=recomputed.cells,
    )
    return verdict, submission.evidence()


def recompute(submission: Submission, resamples: int = RESAMPLES) -> Recomputed:
    """The second rung: comparisons replayed, scores from raw actions, answers that are the truth refused.

    Raises:
        Refused: with every reason found.
    """
    findings = Findings()
    check_comparisons(submission, findings)
    findings.settle()
    board, paths = submission.board, follow_paths(submission.board, submission.actions)
    check_answers(board, paths, findings)
    findings.settle()
    result = Recomputed(warnings=_warnings(paths))
    claims = {CellKey(c.history, c.challenge, c.seed): (i, c.utility) for i, c in enumerate(submission.record.cells)}
    for group in board.groups:
        score, cells = score_group(board, group, paths, resamples)
        result.groups.append(score)
        for seed, cell in zip(board.seeds, cells, strict=True):
            key = CellKey(*group, seed)
            index, claim = claims[key]
            if claim is not None and abs(claim - cell.utility) > CLAIM_TOLERANCE:
                where = f"{SUBMISSION}#{pointer('cells', index, 'utility')}"
                findings.add("claim", where, f"claims {claim:.9g}, but the answers give {cell.utility:.9g}")
            result.cells.append(
                CellScore(
                    history=key.history,
                    challenge=key.challenge,
                    seed=seed,
                    utility=cell.utility,
                    fingerprint=fingerprint(episode_truth(board, key), paths[key]),
                )
            )
    findings.settle()
    return result


def check_comparisons(submission: Submission, findings: Findings) -> None:
    """Comparisons replayed from the seed must be the recorded ones: no question edited, left out or in other order."""
    for index, cell in enumerate(submission.record.cells):
        key = CellKey(cell.history, cell.challenge, cell.seed)
        if cell.comparisons != episode_truth(submission.board, key).comparisons:
            findings.add(
                "comparisons",
                f"{SUBMISSION}#{pointer('cells', index, 'comparisons')}",
                f"the board's replay of {key.folder} asks other questions or gives other labels",
            )


def check_answers(board: Board, paths: Mapping[CellKey, Trace], findings: Findings) -> None:
    """Answers that are the truth or a blend of it are refused, and so are none at all."""
    for key, path in paths.items():
        if no_answers(episode_truth(board, key), path):
            reason = "every option of every item is as likely as any other: these are no answers"
            findings.add("no-answers", f"{key.folder}/{STEPS}", reason)
            continue
        steps = blended_steps(episode_truth(board, key), path)
        if steps:
            findings.add(
                "truth",
                f"{key.folder}/{STEPS}",
                f"step{'s' if len(steps) > 1 else ''} {', '.join(str(step + 1) for step in steps)}: the answers are the "
                "human's own or a blend of them, which no agent can know",
            )


def _warnings(paths: Mapping[CellKey, Trace]) -> list[str]:
    constant = [key for key, path in paths.items() if constant_answers(path)]
    warning = f"the answers never change in {len(constant)} of {len(paths)} cells"
    return [warning] if constant else []


def _refusal(submission: Submission | None, problems: Sequence[Problem]) -> Verdict:
    return Verdict(
        digest=None if submission is None else submission.digest,
        rung=None,
        problems=list(problems),
        record=None if submission is None else submission.record,
    )
