"""A submission that is whole: schema, hashes, every required cell once, every step there. The rung `validated`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.files import canonical_json
from progressgym.leaderboard.arrays import read_actions
from progressgym.leaderboard.board import Board, CellKey, load_board
from progressgym.leaderboard.manifest import check_manifest, pack
from progressgym.leaderboard.problems import Findings, Refused, plain, pointer, refuse
from progressgym.leaderboard.reserved import agent_name_problem, reference_like
from progressgym.leaderboard.schema import SUBMISSION, SubmissionRecord, parse_model
from progressgym.leaderboard.signing import check_signature
from progressgym.leaderboard.truth import EpisodeTruth, episode_truth
from progressgym.leaderboard.unpack import Files, read_submission
from progressgym.scores.records import RunConfig

CONFIG, STEPS = "config.json", "steps.npz"


@dataclass(kw_only=True, frozen=True, eq=False)
class Submission:
    """A validated submission. Its numbers are still only what the submitter says."""

    record: SubmissionRecord
    digest: str
    """sha256 of the manifest; names the content."""
    signer: str | None
    """Public key, when it is signed."""
    board: Board
    actions: Mapping[CellKey, NDArray[np.float32]]
    """(n, N, K) of every required cell."""
    files: Files

    @property
    def id(self) -> str:
        """Short name of the content, for people and addresses."""
        return self.digest[:16]

    def evidence(self) -> bytes:
        """All files as one zip, the same bytes for the same content."""
        return pack(self.files)


def load_submission(path: Path | str) -> Submission:
    """Read and validate a folder or .zip.

    Raises:
        Refused: with every reason found.
    """
    return validate(read_submission(Path(path)))


def validate(files: Files) -> Submission:
    """Check everything that can be checked without recomputing a score.

    Raises:
        Refused: with every reason found.
    """
    if SUBMISSION not in files:
        raise refuse("submission-missing", SUBMISSION, f"there is no {SUBMISSION}; is this a packaged submission?")
    record = parse_model(files[SUBMISSION], SubmissionRecord, SUBMISSION)
    digest = check_manifest(files)
    signer = check_signature(files, digest)
    board = _board(record)
    _check_agent(record, board)
    findings = Findings()
    _check_cells(record, board, findings)
    findings.settle()
    _check_files(files, board, findings)
    findings.settle()
    actions = {key: _read_cell(files, record, board, key, findings) for key in board.cells}
    findings.settle()
    whole = {key: table for key, table in actions.items() if table is not None}
    return Submission(record=record, digest=digest, signer=signer, board=board, actions=whole, files=files)


def _board(record: SubmissionRecord) -> Board:
    try:
        board = load_board(record.board.name)
    except ValueError as error:
        raise refuse("board-unknown", f"{SUBMISSION}#/board/name", str(error)) from None
    if record.board.sha256 != board.digest:
        raise refuse(
            "board-version",
            f"{SUBMISSION}#/board/sha256",
            f"was made for other content of {board.name} ({record.board.sha256[:12]}, here {board.digest[:12]}): "
            "its histories, instrument or grid differ; run it again with the board's version of progressgym",
        )
    return board


def _check_agent(record: SubmissionRecord, board: Board) -> None:
    for field, name in (("id", record.agent.id), ("name", record.agent.name)):
        base = name.partition("?")[0]
        if (reference := base if base in board.privileged else reference_like(name)) is not None:
            likeness = "is" if base == reference else f"looks like {reference!r},"
            raise refuse(
                "privileged",
                f"{SUBMISSION}#/agent/{field}",
                f"{name!r} {likeness} a reference that reads the truth; references are shown in tables, not entered",
            )
    if (reason := agent_name_problem(record.agent.name, record.agent.id)) is not None:
        raise refuse("name-reserved", f"{SUBMISSION}#/agent/name", reason)


def _check_cells(record: SubmissionRecord, board: Board, findings: Findings) -> None:
    required, seen = set(board.cells), set()
    for index, cell in enumerate(record.cells):
        key = CellKey(cell.history, cell.challenge, cell.seed)
        where = f"{SUBMISSION}#{pointer('cells', index)}"
        if cell.history not in board.histories:
            findings.add("cell-history", where + "/history", f"{plain(cell.history, 60)!r} is not on {board.name}")
        elif cell.challenge not in [challenge.id for challenge in board.challenges]:
            findings.add(
                "cell-challenge", where + "/challenge", f"{plain(cell.challenge, 60)!r} is not on {board.name}"
            )
        elif key not in required:
            findings.add("cell-seed", where + "/seed", f"{cell.seed} is not one of the seeds of {board.name}")
        elif key in seen:
            findings.add("cell-twice", where, f"{key.folder} is listed a second time; every cell counts once")
        seen.add(key)
    missing = [key for key in board.cells if key not in seen]
    for key in missing[:5]:
        findings.add("cell-missing", f"{SUBMISSION}#/cells", f"{key.folder} is missing; no cell may be left out")
    if len(missing) > 5:
        findings.add("cell-missing", f"{SUBMISSION}#/cells", f"and {len(missing) - 5} more cells are missing")
    if not findings and [CellKey(c.history, c.challenge, c.seed) for c in record.cells] != list(board.cells):
        findings.add("cell-order", f"{SUBMISSION}#/cells", "the cells are not in the board's order")


def _check_files(files: Files, board: Board, findings: Findings) -> None:
    wanted = {f"{key.folder}/{name}" for key in board.cells for name in (CONFIG, STEPS)}
    present = {name for name in files if name.startswith("cells/")}
    for name in sorted(wanted - present)[:5]:
        findings.add("cell-file-missing", name, "is missing")
    for name in sorted(present - wanted)[:5]:
        findings.add("cell-file-extra", name, f"belongs to no cell of {board.name}")


def _read_cell(
    files: Files, record: SubmissionRecord, board: Board, key: CellKey, findings: Findings
) -> NDArray[np.float32] | None:
    truth = episode_truth(board, key)
    try:
        config = parse_model(files[f"{key.folder}/{CONFIG}"], RunConfig, f"{key.folder}/{CONFIG}")
        _check_config(config, record, board, key, truth, findings)
        where = f"{key.folder}/{STEPS}"
        actions = read_actions(files[f"{key.folder}/{STEPS}"], truth.shape, where)
    except Refused as refused:
        findings.take(refused.problems)
        return None
    nan = np.isnan(actions) & truth.instrument.mask
    if nan.any():
        step, item, option = (int(x) for x in np.argwhere(nan)[0])
        findings.add(
            "actions-nan", where, f"NaN at step {step + 1}, item {item}, option {option} ({int(nan.sum())} in all)"
        )
        return None
    return actions


def _check_config(
    config: RunConfig, record: SubmissionRecord, board: Board, key: CellKey, truth: EpisodeTruth, findings: Findings
) -> None:
    """The cell's own record must say what the board asks."""
    where = f"{key.folder}/{CONFIG}#"
    challenge = board.challenge(key.challenge)
    expected = {
        "environment": challenge.environment,
        "arguments": {"history": key.history, **dict(challenge.arguments)},
        "challenge": key.challenge,
        "agent": record.agent.id,
        "seed": key.seed,
        "rng_scheme": board.rng_scheme,
        "live": False,
    }
    for field, value in expected.items():
        own = getattr(config, field)
        if canonical_json(own) != canonical_json(value):  # == takes true for 1
            findings.add("config", f"{where}/{field}", f"is {plain(repr(own), 100)}, the board expects {value!r}")
    for field, source, (name, digest) in (
        ("history", config.history, (truth.history.name, truth.history.hash)),
        ("instrument", config.instrument, (truth.instrument.name, truth.instrument.hash)),
    ):
        if (source.name, source.hash) != (name, digest):
            findings.add(
                "config-source",
                f"{where}/{field}",
                f"{plain(source.name, 60)} {source.hash[:12]}, but the board's seed {key.seed} gives {name} {digest[:12]}",
            )
    if config.digest() != config.sha256:
        findings.add("config-hash", f"{where}/sha256", "does not match the rest of the file")
