"""Make the standings of a store."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from progressgym.leaderboard.board import challenge_in, load_board
from progressgym.leaderboard.provenance import metric_sheets
from progressgym.leaderboard.ranking import Overall, Scored, overall, pareto_front, ranks, winners_by_weighting
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.reserved import BOARD, HOUSE
from progressgym.leaderboard.standings_data import GroupRow, Row, Standings
from progressgym.scores.records import IntervalRecord

if TYPE_CHECKING:  # pages of shipped standings need no database
    from progressgym.leaderboard.rows import Entry, Floats
    from progressgym.leaderboard.store import Store

GAP_SPREADS = 3.0
"""A gap between public and private skill is flagged beyond this many spreads of the honest agents' gaps."""
LEAST_SPREAD = 0.05
FEW_HONEST = 3
HONEST = (BOARD, HOUSE)


def make_standings(
    store: Store, board: str = "board-v1", *, split: str | None = None, honest: Sequence[str] = HONEST
) -> Standings:
    """The standings of one board.

    Args:
        store: where the entries are.
        board: name of the board.
        split: version of the private split that ranks; by default that of the newest reproduction. A private score is
            told by challenge and history as a public one, a hidden counterpart by the name of the shipped history.
        honest: submitters whose gaps between public and private skill are taken as what is normal.
    """
    grid = load_board(board)
    entries = [entry for entry in store.entries() if entry.board == board]
    public, private = store.scores("public"), store.scores("private")
    current = split or _newest_split(entries)
    there = [e for e in entries if e.rung == "reproduced" and e.private_split == current]
    ranked = [e for e in there if e.digest in private]
    hidden = sorted({score.id for e in ranked for score in private[e.digest]})
    names = [group.id for group in grid.groups]
    names += [name for name in hidden if name not in names]
    ranking = _Ranking(ranked, {e.digest: _by_id(private[e.digest]) for e in ranked}, store.samples("private"), hidden)
    limits = _gap_limits([e for e in entries if e.submitter in honest], public, private, names)
    rows = [_row(entry, public, private, ranking, limits, names) for entry in entries]
    commitments = next((e.reproduction.commitments for e in there if e.reproduction is not None), {})
    rows.sort(key=lambda row: (row.place is None, row.place or 0.0, row.agent.lower(), row.version, row.digest))
    return Standings(
        board=board,
        board_sha256=grid.digest,
        generated=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        split=current,
        revision=store.revision(),
        groups=names,
        rows=rows,
        winners=ranking.winners,
        notes=_notes(rows, ranking, names) + _commitment_notes(current, commitments),
        metrics=metric_sheets(),
        commitments=commitments,
    )


class _Ranking:
    """Places among reproduced entries."""

    def __init__(
        self,
        entries: Sequence[Entry],
        tables: dict[str, dict[str, GroupScore]],
        samples: dict[str, dict[str, Floats]],
        names: Sequence[str],
    ) -> None:
        self.index = {entry.digest: place for place, entry in enumerate(entries)}
        self.overall: Overall | None = None
        self.pareto: list[int] = []
        self.winners: dict[str, str] = {}
        self.by_group: dict[str, dict[str, float]] = {}
        self.unknown: list[str] = []
        """Groups in which some entry's merit is not identified."""
        if not entries or not names:
            return
        scored = _scored([tables[e.digest] for e in entries], names, [samples.get(e.digest, {}) for e in entries])
        merit = scored.merit()
        self.overall = overall(scored)
        self.pareto = pareto_front(scored)
        self.winners = {way: entries[best].id for way, best in winners_by_weighting(scored).items()}
        self.unknown = [name for at, name in enumerate(names) if np.isnan(merit[:, at]).any()]
        for at, name in enumerate(names):
            present = np.isfinite(merit[:, at])
            digests = [entry.digest for entry, there in zip(entries, present, strict=True) if there]
            places = ranks(merit[present, at])
            self.by_group[name] = {digest: float(rank) for digest, rank in zip(digests, places, strict=True)}


def _cost(score: GroupScore | None, group: str) -> float | None:
    """What an entry costs in a group that is ranked by a pair."""
    return None if score is None else score.lock_in.get(challenge_in(group).cost or "")


def _scored(
    tables: Sequence[dict[str, GroupScore]], groups: Sequence[str], drawn: Sequence[dict[str, Floats]]
) -> Scored:
    """Scores of several entries as arrays; NaN where there is none."""
    size = min((len(table[name]) for table in drawn for name in groups if len(table.get(name, ()))), default=0)

    def numbers(value: Callable[[GroupScore], float | None]) -> Floats:
        rows = [[None if (score := table.get(name)) is None else value(score) for name in groups] for table in tables]
        return np.array(rows, dtype=np.float64)

    skill = numbers(lambda score: None if score.skill is None else score.skill.mid)
    samples = np.repeat(skill[..., None], size, axis=2)
    for entry, table in enumerate(drawn):
        for group, name in enumerate(groups):
            if len(table.get(name, ())):
                samples[entry, group] = table[name][:size]
    return Scored(
        groups=groups,
        skill=skill,
        displacement=np.array(
            [[_cost(table.get(name), name) for name in groups] for table in tables], dtype=np.float64
        ),
        restraint=numbers(lambda score: score.restraint),
        samples=samples,
        of_merit=np.array(
            [
                [len(have.get(name, ())) > 0 and table[name].sampled == "merit" for name in groups]
                for table, have in zip(tables, drawn, strict=True)
            ],
            dtype=bool,
        ),
    )


def _row(
    entry: Entry,
    public: dict[str, list[GroupScore]],
    private: dict[str, list[GroupScore]],
    ranking: _Ranking,
    limits: dict[str, float],
    names: Sequence[str],
) -> Row:
    open_scores, hidden = _by_id(public.get(entry.digest, [])), _by_id(private.get(entry.digest, []))
    at = ranking.index.get(entry.digest)
    places = ranking.overall if at is not None else None
    record = entry.record
    return Row(
        id=entry.id,
        digest=entry.digest,
        agent=entry.agent,
        version=entry.version,
        summary=record.agent.summary,
        authors=record.authors,
        licence=record.licence,
        code_url=record.code.url,
        code_commit=record.code.commit,
        submitter=entry.submitter,
        signer=entry.signer,
        status=entry.rung,
        open=entry.rung != "reproduced",
        received=entry.received,
        created=record.created,
        base_model=None if record.base_model is None else f"{record.base_model.name} {record.base_model.revision}",
        training_data=record.training_data,
        hardware=record.hardware,
        compute_seconds=record.compute_seconds,
        queries=sum(score.queries for score in open_scores.values()),
        warnings=entry.warnings,
        place=None if places is None or at is None else float(places.place[at]),
        place_interval=None
        if places is None or at is None
        else IntervalRecord(low=float(places.low[at]), mid=float(places.place[at]), high=float(places.high[at])),
        score=None if places is None or at is None else float(places.score[at]),
        pareto=at is not None and at in ranking.pareto,
        groups=[_group_row(entry, name, open_scores.get(name), hidden.get(name), ranking, limits) for name in names],
        reproduction=entry.reproduction,
    )


def _group_row(
    entry: Entry,
    name: str,
    public: GroupScore | None,
    private: GroupScore | None,
    ranking: _Ranking,
    limits: dict[str, float],
) -> GroupRow:
    challenge, _, history = name.partition(" on ")
    gap = _gap(public, private)
    return GroupRow(
        group=name,
        history=history,
        challenge=challenge,
        rank=ranking.by_group.get(name, {}).get(entry.digest),
        private=private,
        public=public,
        gap_flag=gap is not None and name in limits and gap > limits[name] and _apart(public, private),
    )


def _apart(public: GroupScore | None, private: GroupScore | None) -> bool:
    """Whether chance alone does not make the gap: the intervals do not overlap."""
    if public is None or private is None or public.skill is None or private.skill is None:
        return False
    return public.skill.low > private.skill.high


def _gap_limits(
    honest: Sequence[Entry],
    public: dict[str, list[GroupScore]],
    private: dict[str, list[GroupScore]],
    names: Sequence[str],
) -> dict[str, float]:
    """Group -> largest gap between public and private skill that is normal; absent where too few honest entries say."""
    limits = {}
    for name in names:
        pairs = [
            (_by_id(public.get(e.digest, [])).get(name), _by_id(private.get(e.digest, [])).get(name)) for e in honest
        ]
        gaps = [gap for pair in pairs if (gap := _gap(*pair)) is not None]
        if len(gaps) >= FEW_HONEST:
            spread = max(float(np.median(np.abs(np.array(gaps) - np.median(gaps)))) * 1.4826, LEAST_SPREAD)
            limits[name] = float(np.median(gaps)) + GAP_SPREADS * spread
    return limits


def _gap(public: GroupScore | None, private: GroupScore | None) -> float | None:
    if public is None or private is None or public.skill is None or private.skill is None:
        return None
    return public.skill.mid - private.skill.mid


def _notes(rows: Sequence[Row], ranking: _Ranking, names: Sequence[str]) -> list[str]:
    notes = []
    still_open = sum(row.open for row in rows)
    if still_open:
        notes.append(
            f"{still_open} of {len(rows)} entries are open: recomputed from submitted answers, but the public truth "
            "ships with the package, so they are listed and not ranked"
        )
    if len(set(ranking.winners.values())) > 1:
        called = {row.id: row.agent for row in rows}
        ways: dict[str, list[str]] = {}
        for way, winner in ranking.winners.items():
            ways.setdefault(called[winner], []).append(way)
        words = "; ".join(f"{agent} by {', '.join(how)}" for agent, how in ways.items())
        notes.append(f"who wins depends on the weighting: {words}")
    if ranking.unknown:
        notes.append(f"not identified for every ranked entry, and counted as 0 then: {', '.join(ranking.unknown)}")
    flagged = [row.agent for row in rows if any(group.gap_flag for group in row.groups)]
    if flagged:
        notes.append(f"public skill far above private skill: {', '.join(flagged)}")
    notes += dict.fromkeys(note for name in names if (note := challenge_in(name).ranking_note))
    return notes


def _commitment_notes(split: str | None, commitments: Mapping[str, str]) -> list[str]:
    if not commitments:
        return []
    words = ", ".join(f"{name} {digest}" for name, digest in commitments.items())
    return [f"ranks follow the private split {split}; its owner has committed to (sha256) {words}"]


def _newest_split(entries: Sequence[Entry]) -> str | None:
    """Split of the entry that was reproduced last."""
    runs = [(e.reproduced, e.private_split) for e in entries if e.reproduced is not None]
    return max(runs)[1] if runs else None


def _by_id(groups: Sequence[GroupScore]) -> dict[str, GroupScore]:
    return {score.id: score for score in groups}
