"""TensorBoard logs: gaps instead of zeros, layouts, and no point twice after a resume."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from progressgym.monitor.tensorboard import RunLog


def read(folder: Path) -> EventAccumulator:
    log = EventAccumulator(str(folder))
    log.Reload()
    return log


def test_undefined_values_are_gaps_and_counted(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        for step, value in enumerate([1.0, None, float("nan"), 2.0]):
            log.scalar("alignment/follow/score", value, step)
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("alignment/follow/score")] == [(0, 1.0), (3, 2.0)]
    assert [e.value for e in events.Scalars("gaps/alignment/follow/score")] == [1.0, 2.0]


def test_a_resumed_log_has_no_point_twice(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        for step in range(4):
            log.scalar("x", 1.0, step)
    with RunLog(tmp_path, first_step=2) as log:
        for step in range(2, 6):
            log.scalar("x", 2.0, step)
    assert [(e.step, e.value) for e in read(tmp_path).Scalars("x")] == [(0, 1), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)]


def test_what_is_written_can_be_read_at_once(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.values(0, "human", np.arange(19.0))
    log.flush()
    assert read(tmp_path).Scalars("values/integrated/human")[0].value == 18.0
    log.close()


def test_layout_hparams_images_and_text_need_no_folder_of_their_own(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.layout(["follow"])
        log.image("values/heat_map", np.zeros((4, 6, 3), dtype=np.uint8))
        log.text("note", "*text*")
        log.outcome({"agent": "static", "seeds": (1, 2)}, {"hparam/skill": None, "hparam/score": 0.5})
    assert [path for path in tmp_path.rglob("*") if path.is_dir()] == []
    events = read(tmp_path)
    assert events.Tags()["images"] == ["values/heat_map"]
    assert "custom_scalars__config__" in events.Tags()["tensors"]
    assert "hparam/skill" not in events.Tags()["scalars"]


def test_a_full_disk_is_one_error(tmp_path: Path) -> None:
    """Raised where the log is flushed or closed, and told by no thread of the writer's own."""
    code = f"""
import resource
from progressgym.monitor.tensorboard import RunLog
log = RunLog({str(tmp_path / "log")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    for step in range(1000):
        log.scalar("x", 1.0, step)
    log.close()
except OSError as error:
    print(error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "File too large" and "Traceback" not in done.stderr
