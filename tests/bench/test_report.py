"""Logs and pictures of a benchmark: the tags that are promised, readable by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from progressgym.bench.runner import run_bench
from tests.bench.helpers import small_plan

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    outcome = run_bench(small_plan(), folder, workers=1, resamples=50, progress=False)
    assert not outcome.failures
    return folder


def test_tags(out: Path) -> None:
    log = EventAccumulator(str(out / "tensorboard" / "synthetic_linear+coherence=0.5" / "follow" / "lifelong-map"))
    log.Reload()
    tags = set(log.Tags()["scalars"])
    assert {"alignment/follow/score", "alignment/follow/skill", "alignment/follow/score_low"} <= tags
    assert {"values/care/human", "values/care/agent", "values/integrated/agent"} <= tags
    assert [event.step for event in log.Scalars("alignment/follow/score")] == list(range(1, 9))
    assert [event.step for event in log.Scalars("values/care/human")] == list(range(9))
    assert "hparam/skill" in tags and not list((out / "tensorboard").rglob("17*"))


def test_images_are_logged(out: Path) -> None:
    log = EventAccumulator(str(out / "tensorboard" / "synthetic_linear+coherence=0.5" / "follow"))
    log.Reload()
    assert set(log.Tags()["images"]) == {"values/heat_map", "values/trajectories"}


def test_pictures(out: Path) -> None:
    pictures = sorted((out / "plots").iterdir())
    assert [path.name for path in pictures] == [
        "synthetic_linear+coherence=0.5-follow-heat-map.png",
        "synthetic_linear+coherence=0.5-follow-trajectories.png",
    ]
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.width > 900 and np.asarray(picture).min() < 60  # something dark is drawn


def test_nothing_is_drawn_again(out: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix == ".png" or "tfevents" in path.name
    }
    run_bench(small_plan(), out, workers=1, resamples=50, progress=False)
    after = {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix == ".png" or "tfevents" in path.name
    }
    assert before == after
