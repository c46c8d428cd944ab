"""The metric suite: a winner under every weighting or a warning, contradictions that are named, sheets for all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progressgym.bench.suite import METRICS, consistency
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.scores.records import IntervalRecord
from tests.bench.helpers import bench, small_plan
from tests.bench.test_table import explained, row


def test_one_that_is_best_in_everything_wins_whatever_the_weights() -> None:
    (report,) = consistency([row("best", 0.9), row("static", 0.0), row("oracle", 1.0, privileged=True)])
    assert report.agents == ("best", "static") and report.ranks.always == 0 and report.warning is None
    assert report.ranks.worst_place.tolist() == [1, 2], "whoever reads the truth is not ranked"


def test_a_winner_that_depends_on_the_weighting_is_a_warning() -> None:
    (report,) = consistency([row("near", 0.5), row("loud", 0.3, dimension_error=0.01), row("static", 0.0)])
    assert report.warning == "who wins depends on the weighting: near, loud"
    assert report.tau[report.metrics.index("skill"), report.metrics.index("closeness")] < 1
    near = dict(zip(report.metrics, report.ranks.winners[0], strict=True))
    assert near["closeness"] < 0.5


def test_a_metric_that_somebody_lacks_is_left_out() -> None:
    (report,) = consistency([row("a", 0.5, drift_cosine=0.3), row("b", None)])
    assert report.metrics == ("closeness", "published sum")
    assert consistency([row("oracle", 1.0, privileged=True)]) == []


def test_a_high_published_sum_beside_negative_skill_is_flagged() -> None:
    """As `last-century`, which jumps ahead: its sum is nearly the best, and it is worse than never learning."""
    below = IntervalRecord(low=-0.28, mid=-0.19, high=-0.10)
    jumper = row("last-century", -0.19).model_copy(
        update={
            "utility": IntervalRecord(low=4.0, mid=4.0, high=4.0),  # eight steps of .5
            "published": {"follow_sum": 7.8, "code_sum_of_maxes": 35.0},
            "skill": below,
            "explained": explained(below),
            "privileged": True,
        }
    )
    (report,) = consistency([row("static", 0.0), row("good", 0.5), jumper])
    (flag,) = report.flags
    assert flag.startswith(
        "last-century (reads the truth) is worse than never learning by skill (-0.19 [-0.28, -0.10])"
    )
    assert "98% of the best follow_sum" in flag and "above static in published sum" in flag
    low = row("random", -2.0, published={"follow_sum": 1.0}, utility=jumper.utility)
    assert consistency([row("static", 0.0), low])[0].flags == (), "bad by all metrics is no contradiction"


def test_every_metric_has_its_sheet() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert all(isinstance(value, bool) or value for value in vars(metric).values()), metric.name


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench(small_plan("static,lifelong-map,last-century"), tmp_path / "run")
    assert dispatch(["bench", "report", str(tmp_path / "run"), "--sheets"]) == 0
    text = capsys.readouterr().out
    assert "follow on synthetic:linear?coherence=0.5" in text and "lifelong-map" in text
    assert "lifelong-map wins under every weighting" in text
    assert "Kendall's tau" in text and "stakeholders" in text and "last-century  " not in text
    assert dispatch(["bench", "report", str(tmp_path / "run" / "results.json"), "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert report["agents"][0]["seconds"] > 0 and report["always"] == "lifelong-map"
    with pytest.raises(UserError, match="nothing-there"):
        dispatch(["bench", "report", str(tmp_path / "nothing-there")])
