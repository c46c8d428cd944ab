"""The third rung: the board runs the agent itself, first on the public grid, then on the private split.

The public run must give the submitted actions bit for bit; then the private run gives the scores that rank. An agent
that fails anywhere fails with a reason. What it says while it sees private data is never repeated: its words could
carry them out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar, parse_id
from progressgym.envs.actions import to_answers
from progressgym.leaderboard.board import CellKey
from progressgym.leaderboard.channel import GuestFailure
from progressgym.leaderboard.play import Actions, Performer, Stage
from progressgym.leaderboard.private import PrivateGroup, PrivateSplit
from progressgym.leaderboard.problems import Findings
from progressgym.leaderboard.recompute import follow_path, score_group
from progressgym.leaderboard.records import GroupScore, Reproduction
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.reserved import reference_like
from progressgym.leaderboard.submission import Submission
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.verify import check_answers

MODEL = "policy"
"""Argument of agents that adjust a language model."""
READER = "reader"
"""Agent that asks a language model in text, and adjusts nothing."""


@dataclass
class Comparison:
    """How the public grid, run again, compares with what was submitted."""

    cells: int = 0
    equal: int = 0
    """Cells whose actions are the same bits."""
    largest: float = 0.0
    """Difference between answers (probabilities)."""

    def add(self, submitted: Actions, again: Actions, mask: np.ndarray) -> None:
        """One cell."""
        self.cells += 1
        if submitted.tobytes() == again.tobytes():
            self.equal += 1
            return
        difference = np.abs(to_answers(submitted, mask) - to_answers(again, mask)).max()
        self.largest = max(self.largest, float(difference))

    def matches(self, tolerance: float) -> bool:
        """Whether it is the same run."""
        return self.equal == self.cells or (tolerance > 0 and self.largest <= tolerance)

    def __str__(self) -> str:
        if self.equal == self.cells:
            return f"all {self.cells} cells match bit for bit"
        return f"{self.equal} of {self.cells} cells match bit for bit, answers differ by up to {self.largest:.2g}"


def reproduce(
    submission: Submission,
    split: PrivateSplit,
    performer: Performer,
    *,
    tolerance: float = 0.0,
    resamples: int = RESAMPLES,
    progress: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Run an agent on the public grid and on the private split.

    Args:
        submission: what it claims to answer; recomputed already.
        split: the board's own.
        performer: how its agent is run.
        tolerance: how far answers of the public grid may differ; 0: not in a single bit. Processors of other makes
            round the last bits of long sums differently.
        resamples: of the private intervals.
        progress: called with what begins.

    Raises:
        UserError: an agent that cannot be run here.
    """
    check_agent(submission, performer)
    began = time.monotonic()
    compared, groups, failure = Comparison(), list[GroupScore](), ""
    try:
        with Stage(performer) as stage:
            for group in submission.board.groups:
                progress(f"public: {group.id}")
                _compare(submission, stage, [CellKey(*group, seed) for seed in submission.board.seeds], compared)
            if compared.matches(tolerance):
                failure = "the private run failed"
                for private in split.groups:
                    progress(f"private: {private.group.id}")
                    groups.append(_score(stage, private, resamples))
                failure = ""
    except GuestFailure as error:
        progress(f"failed: {error}")
        failure = failure or f"the public run failed: {error}"
    whole = compared.cells == len(submission.board.cells)
    note = str(compared) if whole else ""
    return Reproduction(
        split=split.name,
        commitments=split.commitments,
        matches=whole and not failure and compared.matches(tolerance),
        largest_difference=compared.largest if whole else None,
        groups=[] if failure else groups,
        seconds=time.monotonic() - began,
        note="; ".join(part for part in (note, failure) if part),
    )


def check_agent(submission: Submission, performer: Performer, *, installed: bool = True) -> None:
    """Whether an agent can be run at all.

    Args:
        submission: which agent.
        performer: how it is run.
        installed: whether an own agent's code has to be there by now.

    Raises:
        UserError: a reference that reads the truth, an agent with a language model, or an own agent without its code.
    """
    agent = submission.record.agent.id
    variant = parse_id(agent)
    if variant.name in submission.board.privileged or reference_like(agent) is not None:
        raise UserError(f"{agent!r} is a reference that reads the truth; it is not reproduced")
    if installed and performer.own and not performer.code:
        raise UserError(f"{agent!r} is its submitter's own; install its code first (--code)")
    if variant.name == READER:
        _check_model(agent, variant.arguments, performer)
    if not performer.own and str(variant.arguments.get(MODEL, "stance")) != "stance":
        raise UserError(f"{agent!r} adjusts a language model, which the sandbox does not hold")


def _check_model(agent: str, arguments: Mapping[str, Scalar], performer: Performer) -> None:
    """Whether a language model that is asked in text can be run: whole weights, here, and no others.

    Raises:
        UserError: it cannot.
    """
    if not arguments.get("weights"):
        raise UserError(f"{agent!r} does not say which weights are its own; enter it with weights=DIGEST")
    if performer.model is None:
        raise UserError(f"{agent!r} is a language model; give the folder of its weights (--model), a server shows none")


def _compare(submission: Submission, stage: Stage, keys: list[CellKey], compared: Comparison) -> None:
    board = submission.board
    again = stage.play(board, keys[0].group, board.seeds)
    mask = episode_truth(board, keys[0]).instrument.mask
    for key, actions in zip(keys, again, strict=True):
        compared.add(submission.actions[key], actions, mask)


def _score(stage: Stage, private: PrivateGroup, resamples: int) -> GroupScore:
    """Private score of one group.

    Raises:
        GuestFailure: the agent failed, or its answers are the truth or none at all.
    """
    board = private.board
    stage.compute()  # what was played before is another group's
    actions = stage.play(board, private.group, private.agent_seeds)
    compute = stage.compute()
    keys = [CellKey(*private.group, seed) for seed in board.seeds]
    paths = {key: follow_path(episode_truth(board, key), table) for key, table in zip(keys, actions, strict=True)}
    findings = Findings()
    check_answers(board, paths, findings)
    if findings:
        raise GuestFailure(findings.problems[0].message)
    score, _ = score_group(board, private.group, paths, resamples)
    return score.model_copy(update={"compute": compute})
