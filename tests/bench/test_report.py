"""Logs and pictures of a benchmark: the tags that are promised, readable by TensorBoard itself."""

from __future__ import annotations

import json
import shutil
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


def read(folder: Path) -> EventAccumulator:
    log = EventAccumulator(str(folder))
    log.Reload()
    return log


def test_one_run_an_agent_and_one_of_the_human(out: Path) -> None:
    runs = {path.parent.relative_to(out / "tensorboard").as_posix() for path in out.rglob("events.out.tfevents.*")}
    assert runs == {"static", "lifelong-map", "human", "pictures"}
    log = read(out / "tensorboard" / "lifelong-map")
    tags, where = set(log.Tags()["scalars"]), "follow/synthetic_linear+coherence=0.5"
    assert {f"alignment/{where}/{name}" for name in ("score", "score_low", "score_high", "skill")} <= tags
    assert [event.step for event in log.Scalars(f"alignment/{where}/score")] == list(range(1, 9))
    assert f"values/{where}/care" in tags and f"hparam/{where}/skill" in tags
    human = read(out / "tensorboard" / "human")
    assert [event.step for event in human.Scalars(f"values/{where}/care")] == list(range(9))
    assert [event.step for event in log.Scalars(f"values/{where}/care")] == list(range(1, 9))


def test_tensorboard_itself_offers_charts_and_settings(out: Path) -> None:
    """What its own server answers, of the folder that the command names."""
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    runs = EventMultiplexer().AddRunsFromDirectory(str(out / "tensorboard")).Reload()
    assert set(runs.Runs()) == {"static", "lifelong-map", "human", "pictures"}
    assert runs.PluginRunToTagToContent("hparams").keys() == {"static", "lifelong-map"}
    assert runs.PluginRunToTagToContent("custom_scalars").keys() == {"static", "lifelong-map"}


def test_images_are_logged(out: Path) -> None:
    tags = read(out / "tensorboard" / "pictures").Tags()["images"]
    assert {tag.rpartition("/")[2] for tag in tags} == {"heat_map", "trajectories"} and len(tags) == 2


def test_more_seeds_leave_no_point_twice(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "more")
    run_bench(small_plan(seeds=3), tmp_path / "more", workers=1, resamples=50, progress=False)
    log = read(tmp_path / "more" / "tensorboard" / "static")
    (tag,) = (tag for tag in log.Tags()["scalars"] if tag.startswith("alignment/") and tag.endswith("/skill"))
    assert len(log.Scalars(tag)) == 1


def test_pictures(out: Path) -> None:
    pictures = sorted((out / "plots").iterdir())
    assert [path.name for path in pictures] == [
        "synthetic_linear+coherence=0.5-follow-heat-map.png",
        "synthetic_linear+coherence=0.5-follow-trajectories.png",
    ]
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.width > 900 and np.asarray(picture).min() < 60  # something dark is drawn
            origin = json.loads(picture.info["Comment"])
        runs = {cell["config"]["sha256"] for cell in json.loads((out / "results.json").read_text())["cells"]}
        assert set(origin["runs"]) <= runs and origin["packages"]["numpy"] and len(origin["sha256"]) == 64
    logs = [path.read_bytes() for path in (out / "tensorboard" / "static").glob("*tfevents*")]
    assert any(b"fingerprint/text_summary" in log and b'"runs": ["' in log for log in logs)


def test_nothing_is_drawn_again(out: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix == ".png" or "tfevents" in path.name
    }
    run_bench(small_plan(), out, workers=1, resamples=50, progress=False)
    after = {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix == ".png" or "tfevents" in path.name
    }
    assert before == after
