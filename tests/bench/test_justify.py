"""Justifiability: which changed answers win a debate before the target century."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.agents.debate.labels import debate_comparisons, debate_rows
from progressgym.agents.debate.solver import solve
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import Trace, replay
from progressgym.bench.justify import justifiability
from progressgym.bench.scoring import baseline, score_cell
from progressgym.envs.actions import to_action
from progressgym.envs.base import ProgressEnv
from progressgym.envs.debate.dilemmas import DilemmaDomain, century_judges
from progressgym.envs.debate.rules import Rules
from progressgym.histories.history import History
from progressgym.preferences.export import history_rows


def environment() -> ProgressEnv:
    env = parse_challenge("follow").make("histsmol-v1")
    env.reset(seed=0)
    return env


def changed(env: ProgressEnv, items: list[int]) -> Trace:
    """Century 0's answers, but for some items, whose least likely option is taken for sure."""
    answers = np.repeat(env.history.answers[:1], env.steps, axis=0).copy()
    for item in items:
        worst = int(np.where(env.history.instrument.mask[item], answers[0, item], 2.0).argmin())
        answers[:, item] = np.eye(answers.shape[2])[worst]
    return replay(env, 0, to_action(answers))


def test_it_is_the_share_of_exact_debates_that_are_won() -> None:
    """Ten changed answers, every century's debate solved by search over both openers."""
    env = environment()
    evaluation = env.history.instrument.evaluation
    items = evaluation[::21][:10].tolist()
    trace = changed(env, items)
    static = baseline(env, 0).static
    found = justifiability(trace, static)
    domain = DilemmaDomain(env.history.instrument)
    mine, theirs = (answers[0, items].argmax(1) for answers in (trace.answers, static.answers))
    cases = domain.dilemmas(np.array(items), np.stack([mine, theirs], axis=1))
    judges = century_judges(domain, env.history)
    for n, share in enumerate(found):
        values = solve(judges[1 + n], cases, Rules(turns=4), np.zeros(10, dtype=np.int64)).value
        assert share == pytest.approx(float((0.5 * (1 + np.sign(values.round(9)))).mean()))
    assert len({round(share or 0.0, 6) for share in found}) > 1, "centuries rule differently"


def test_no_change_has_nothing_to_justify() -> None:
    env = environment()
    base = baseline(env, 0)
    assert justifiability(base.static, base.static) == [None] * 8
    elicitation = env.history.instrument.elicitation[:5].tolist()
    assert justifiability(changed(env, elicitation), base.static) == [None] * 8, "only evaluation items count"


def test_it_is_in_the_record_of_a_cell() -> None:
    env = environment()
    base = baseline(env, 0)
    scores = score_cell(parse_challenge("follow"), base.reference, base)
    assert len(scores.justifiability) == 8
    assert all(share is None or 0.0 <= share <= 1.0 for share in scores.justifiability)
    assert score_cell(parse_challenge("follow"), base.static, base).justifiability == [None] * 8


def test_preferences_labelled_by_debate() -> None:
    """The same pairs as stated preferences, chosen by the winner of the debate."""
    history = History.load("histsmol-v1")
    rows, stated = debate_rows(history, queries=40, seed=2), history_rows(history, queries=40, seed=2)
    assert [row["prompt"] for row in rows] == [row["prompt"] for row in stated]
    assert {row["weight"] for row in rows} <= {0.0, 1.0}
    assert any(row["chosen"] != other["chosen"] for row, other in zip(rows, stated, strict=True))
    domain = DilemmaDomain(history.instrument)
    for judge, comparisons in zip(
        century_judges(domain, history), debate_comparisons(history, queries=40), strict=True
    ):
        cases = domain.dilemmas(comparisons.pairs[:, 0], comparisons.pairs[:, 1:])
        values = solve(judge, cases, Rules(turns=4), np.ones(len(cases), dtype=np.int64)).value.round(9)
        np.testing.assert_array_equal(comparisons.labels, 0.5 * (1 + np.sign(values)))
