"""Where an entry's numbers disagree is said on its page, and nothing is said where they do not."""

from __future__ import annotations

import pytest

from progressgym.leaderboard.provenance import metric_sheets
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.site.conflicts import METRICS, Conflict, conflicts
from progressgym.leaderboard.standings_data import Standings, shipped_standings

FOLLOW = "follow on gss-v1"


@pytest.fixture(scope="module")
def board() -> Standings:
    return shipped_standings()


def planted(board: Standings, numbers: dict[str, dict[str, float]]) -> Standings:
    """The board with some public numbers of some entries in `FOLLOW` put in the place of their own."""
    at = board.groups.index(FOLLOW)
    rows = []
    for row in board.rows:
        public = row.groups[at].public
        if row.agent in numbers and public is not None:
            own = dict(numbers[row.agent])
            published = public.published | {"follow_sum": own.pop("follow_sum", public.published["follow_sum"])}
            skill = own.pop("skill", None)
            changed: dict[str, object] = {**own, "published": published}
            if skill is not None and public.skill is not None:
                changed["skill"] = public.skill.model_copy(update={"mid": skill})
            groups = list(row.groups)
            groups[at] = groups[at].model_copy(update={"public": public.model_copy(update=changed)})
            row = row.model_copy(update={"groups": groups})
        rows.append(row)
    return board.model_copy(update={"rows": rows})


def of(board: Standings, agent: str) -> Conflict:
    row = next(row for row in board.rows if row.agent == agent)
    return next(one for one in conflicts(board, row) if one.group == FOLLOW)


def test_every_number_has_its_sheet() -> None:
    assert {metric.sheet for metric in METRICS} <= {sheet.id for sheet in metric_sheets()}


def test_who_is_best_in_everything_is_first_under_any_weighting(board: Standings) -> None:
    best = {"skill": 0.99, "drift_cosine": 0.99, "dimension_error": 0.0, "follow_sum": 9.0}
    scores = [row.groups[board.groups.index(FOLLOW)].public for row in board.rows]
    top = max((one for one in scores if one is not None and one.explained), key=lambda one: one.explained.mid)  # type: ignore[union-attr]
    agent = next(row.agent for row in board.rows if top in [group.public for group in row.groups])
    one = of(planted(board, {agent: best}), agent)
    assert (one.best, one.worst) == (1, 1) and set(one.places.values()) == {1.0} and not one.contradiction
    assert one.entries == len(board.rows)


def test_a_high_published_sum_beside_a_negative_skill_is_a_contradiction(board: Standings) -> None:
    one = of(planted(board, {"lifelong-dpo": {"skill": -0.4, "follow_sum": 9.5}}), "lifelong-dpo")
    places = {metric.title: place for metric, place in one.places.items()}
    assert places["published sum"] == 1.0 and places["skill"] > 5.0 and one.best == 1 and one.worst > 5
    better, _, worse = one.contradiction.partition("; ")
    assert "published sum" in better and "skill" in worse


def test_no_entry_is_compared_with_itself_alone(board: Standings) -> None:
    lonely = board.model_copy(update={"rows": board.rows[:1]})
    assert conflicts(lonely, lonely.rows[0]) == []
    assert all(isinstance(group.public, GroupScore) for group in board.rows[0].groups)
