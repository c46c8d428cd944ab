"""The script that kills the commands: one kill of the cheapest one, and the comparison notices what it should."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.files import write_npz

SCRIPT = Path(__file__).resolve().parents[1] / "research" / "kills.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the repository, not an installed package")


@pytest.mark.heavy
def test_a_killed_study_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "1", "--only", "debate train"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0 and "1 kills, 0 of them with something wrong" in done.stdout, done.stdout + done.stderr


def test_times_are_not_compared_and_everything_else_is(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("kills", SCRIPT)
    assert spec is not None and spec.loader is not None
    kills: Any = importlib.util.module_from_spec(spec)
    sys.modules["kills"] = kills
    spec.loader.exec_module(kills)
    found = []
    for name, seconds, loss in (("a", 1.0, 0.5), ("b", 2.0, 0.5), ("c", 1.0, 0.25)):
        (tmp_path / name).mkdir()
        record = {"seconds": seconds, "rows": [{"loss": loss, "where": str(tmp_path / name)}]}
        (tmp_path / name / "x.json").write_text(json.dumps(record), encoding="utf-8")
        packed = np.frombuffer(json.dumps(record).encode(), np.uint8)
        write_npz(tmp_path / name / "x.npz", record=packed, scores=np.ones(2))
        found.append(kills.contents(tmp_path / name))
    assert found[0] == found[1]
    assert all(found[0][file] != found[2][file] for file in ("x.json", "x.npz"))
