"""The moral graph: edges for the head, ranks, cycles, refusals, a bloc that wins the vote and not the graph, a history to follow."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import progressgym
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.histories.moral_graph import PAPER, MoralGraph, Thresholds, Vote, lower_bound, read_votes
from research.moral_graph import WISEST, ask, run


def votes(*rows: tuple[str, str, str, int]) -> list[Vote]:
    """Start, end, kind, how many; every vote by somebody of their own."""
    return [
        Vote(user=f"{start}{end}{kind}{n}", start=start, end=end, vote=kind)
        for start, end, kind, many in rows
        for n in range(many)
    ]


def test_an_edge_for_the_head() -> None:
    """Six say wiser, one not, one is unsure, two say the reverse: (6 - 2) / 10."""
    graph = MoralGraph.fit(
        votes(("a", "b", "wiser", 6), ("a", "b", "not", 1), ("a", "b", "unsure", 1), ("b", "a", "wiser", 2))
    )
    (edge,) = graph.edges
    assert (edge.start, edge.end, edge.votes) == ("a", "b", 10) and edge.w == pytest.approx(0.4)
    assert edge.low == pytest.approx(4 / 12 - ((10 / 12 - (4 / 12) ** 2) / 12) ** 0.5) and graph.winner == "b"
    assert graph.rank.sum() == pytest.approx(1) and graph.unrepresented == pytest.approx(4 / 10)


def test_ranks_are_those_of_pagerank_without_leaks() -> None:
    """a -> b alone, where b passes on to both: r_b = .075 + .85 (r_a + r_b / 2), r_a + r_b = 1."""
    graph = MoralGraph.fit(votes(("a", "b", "wiser", 9)))
    b = (0.075 + 0.85) / (1 + 0.85 - 0.425)
    assert dict(zip(graph.cards, graph.rank, strict=True)) == pytest.approx({"a": 1 - b, "b": b})


def test_one_vote_is_no_edge_and_no_edge_is_no_winner() -> None:
    assert lower_bound(1, 0, 1, 1.0) < 0 < lower_bound(3, 0, 3, 1.0)
    for rows in ([("a", "b", "wiser", 1)], [("a", "b", "not", 9)], [("a", "b", "wiser", 5), ("b", "a", "wiser", 5)]):
        with pytest.raises(UserError, match="leave no edge"):
            MoralGraph.fit(votes(*rows))
    with pytest.raises(UserError, match="share the highest rank"):
        MoralGraph.fit(votes(("a", "b", "wiser", 9), ("c", "d", "wiser", 9))).winner  # noqa: B018
    with pytest.raises(UserError, match="leave no edge"):
        MoralGraph.fit([])


def test_thresholds_are_arguments() -> None:
    noisy = votes(("a", "b", "wiser", 50), ("a", "b", "not", 25), ("a", "b", "unsure", 15), ("b", "a", "wiser", 10))
    assert MoralGraph.fit(noisy).winner == "b"
    with pytest.raises(UserError, match="leave no edge"):
        MoralGraph.fit(noisy, PAPER)  # its entropy cut removes what is honestly noisy
    assert MoralGraph.fit(votes(("a", "b", "wiser", 1)), Thresholds(z=0.0)).winner == "b"
    for wrong in ({"z": -1.0}, {"least_wiser": 1.5}, {"most_entropy": float("nan")}):
        with pytest.raises(UserError):
            Thresholds(**wrong)  # type: ignore[arg-type]


def test_cycles_are_told() -> None:
    ring = votes(("a", "b", "wiser", 9), ("b", "c", "wiser", 9), ("c", "a", "wiser", 9), ("c", "d", "wiser", 9))
    assert MoralGraph.fit(ring).cycles() == [("a", "b", "c")]
    assert MoralGraph.fit(ring[:18]).cycles() == []


def test_a_bloc_wins_the_direct_vote_and_not_the_graph() -> None:
    """30 % of 200 users: never the graph, unless theirs is the second wisest card, whose one upgrade they vote down."""
    vote, graph, wisest, runs = 0, 0, 0, 0
    for seed in range(16):
        ballots, held, idol = ask(200, 0.05, 0.3, np.random.default_rng([seed, 5]))
        if idol == WISEST - 1:
            continue
        runs += 1
        vote += int(np.bincount(held).argmax()) == idol
        winner = MoralGraph.fit(ballots).winner
        graph += winner == str(idol)
        wisest += winner == str(WISEST)
    assert runs > 8 and vote >= 0.85 * runs and graph == 0 and wisest >= 0.8 * runs


def test_more_votes_help_without_the_entropy_cut() -> None:
    many, few = run(400, 0.25, 0.0, runs=12), run(50, 0.25, 0.0, runs=12)
    assert many["bound (default)"] > few["bound (default)"] and many["bound (default)"] > many["paper's"] + 0.3


@pytest.fixture
def ballot(tmp_path: Path) -> Path:
    """C013 to C021, where everybody finds each next century wiser, but C021."""
    labels = [f"C0{n}" for n in range(13, 22)]
    pairs = [*pairwise(labels[:-1]), ("C021", "C013")]
    rows = [f"u{n},{a},{b},wiser" for a, b in pairs for n in range(5)]
    file = tmp_path / "votes.csv"
    file.write_text("user,from,to,vote\n" + "\n".join(rows) + "\n")
    return file


@pytest.mark.parametrize("path", ["wisdom", "target"])
def test_follow_follows_it(ballot: Path, path: str) -> None:
    asked = f"moral-graph?votes={ballot}&path={path}"
    history, base = History.load(asked), History.load("histsmol-v1")
    if path == "wisdom":
        assert history.labels[0] == "C021" and history.labels[-1] == "C020"
        assert np.array_equal(history.answers[-1], base.answers[base.labels.index("C020")])
    else:
        graph = MoralGraph.fit(read_votes(ballot))
        target = graph.target(dict(zip(base.labels, base.answers, strict=True)))
        assert np.allclose(history.answers[-1], target, atol=1e-6) and np.array_equal(
            history.answers[0], base.answers[0]
        )
        values = graph.target(dict(zip(base.labels, base.values(), strict=True)))
        assert np.allclose(history.values()[-1], values, atol=1e-5), "values are linear in answers"
    env = gym.make("ProgressGym/Follow-v0", history=asked)
    env.reset(seed=0)
    _, reward, *_ = env.step(env.action_space.sample())
    assert np.isfinite(float(reward)) and progressgym


def test_the_command(ballot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["history", "votes", str(ballot)]) == 0
    text = capsys.readouterr().out
    assert "wisest: C020" in text and "no cycles" in text and "unrepresented" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user,from,to\nu,a,b\n", "no column 'vote'"),
        ("user,from,to,vote\nu,a,b,yes\n", "line 2: vote is 'yes'"),
        ("user,from,to,vote\n,a,b,wiser\n", "line 2: user, from or to is empty"),
        ("user,from,to,vote\nu,a,a,wiser\n", "with itself"),
        ("user,from,to,vote\n" + "u,1300,1400,wiser\n" * 5, "unknown century"),
    ],
)
def test_bad_votes(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "votes.csv"
    file.write_text(content)
    with pytest.raises(UserError, match=message):
        History.load(f"moral-graph?votes={file}")
    with pytest.raises(UserError, match="needs votes"):
        History.load("moral-graph")
