"""Ray runs the same cells to the same bits, and survives killed workers. On a real cluster of two nodes on this machine."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.bench.on_ray import Place, run_on_ray
from progressgym.bench.pool import Crashed
from progressgym.bench.runner import BenchOutcome, run_bench
from progressgym.core.errors import UserError
from progressgym.scores.records import Results, load_record
from tests.bench.helpers import bench, cells, small_plan

torch.set_num_threads(1)
pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two nodes of one core each."""
    if "CI" not in os.environ:
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'progress-gym[ray]'")
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PROGRESSGYM_TEST_MARKER", str(tmp_path_factory.mktemp("marker") / "died"))
        cluster = Cluster(initialize_head=True, head_node_args=node)
        cluster.add_node(**{name: value for name, value in node.items() if name != "include_dashboard"})
        yield str(cluster.address)
        cluster.shutdown()


@dataclass(frozen=True)
class Task:
    """Something to do on a worker."""

    kind: str
    marker: Path

    def __call__(self) -> int:
        if self.kind == "fails":
            raise ArithmeticError("one over nothing")
        if self.kind == "dies" or (self.kind == "dies once" and not self.marker.exists()):
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()


def on_ray(plan: Any, out: Path, address: str) -> BenchOutcome:
    return run_bench(plan, out, ray=address, resamples=50, reports=False, progress=False)


def test_killed_workers_are_replaced_and_only_the_guilty_task_fails(address: str, tmp_path: Path) -> None:
    kinds = ["well", "dies once", "fails", "dies", "well"]
    found: dict[int, Any] = {}
    (tmp_path / "proof").touch()
    tasks = [Task(kind, tmp_path / f"died-{number}") for number, kind in enumerate(kinds)]
    run_on_ray(tasks, 2, found.__setitem__, address=address, proof=tmp_path / "proof")
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert all(isinstance(found[index], int) and found[index] != os.getpid() for index in (0, 1, 4))
    assert isinstance(found[2], ArithmeticError) and isinstance(found[3], Crashed)


def test_the_same_cells_to_the_same_bits(address: str, tmp_path: Path) -> None:
    """With an agent that takes its worker down once; the pool then runs it whole."""
    plan = small_plan("static,lifelong-map,tests.bench.own:DiesOnce")
    outcome = on_ray(plan, tmp_path / "ray", address)
    assert not outcome.failures and outcome.fresh == 6
    assert Path(os.environ["PROGRESSGYM_TEST_MARKER"]).exists()
    bench(plan, tmp_path / "pool", workers=1)
    assert cells(tmp_path / "ray") == cells(tmp_path / "pool")
    rows = [
        [row.model_copy(update={"seconds": None}) for row in load_record(path, Results).aggregates]
        for path in (tmp_path / "ray" / "results.json", tmp_path / "pool" / "results.json")
    ]
    assert rows[0] == rows[1]
    assert on_ray(plan, tmp_path / "ray", address).reused == 6


def test_a_folder_that_is_not_shared_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="storage that all machines share"):
        Place.here(tmp_path / "nowhere" / ".lock").enter()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("127.0.0.1:9", "no Ray cluster at '127.0.0.1:9'"),
        ("somewhere", "is no address"),
        ("ray://x:y", "is no address"),
    ],
)
def test_no_cluster_is_one_line(where: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        on_ray(small_plan(), tmp_path, where)


def test_without_ray_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="pip install"):
        on_ray(small_plan(), tmp_path, "local")
