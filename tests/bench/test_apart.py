"""Own agents that end their process, or try to: their cell fails with a reason, every other one is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from progressgym.bench.apart import check
from progressgym.bench.own_agents import code_hash
from progressgym.core.errors import UserError
from tests.bench.helpers import LINEAR, bench, small_plan

LEAVERS = {
    "Leaves": "SystemExit: 0 (own.py:",
    "Interrupts": "KeyboardInterrupt: without a word (own.py:",
    "RaisesItsOwn": "Unheard: farewell (own.py:",
    "Exits": "the agent ended its process (exit code 0)",
    "Kills": "its process was killed",
    "LeavesAStrangeError": "half \\ud800 a pair (own.py:",
}


@pytest.mark.parametrize(("workers", "seeds", "leavers"), [(1, 2, tuple(LEAVERS)), (2, 2, ("Interrupts", "Kills"))])
def test_an_agent_that_leaves_costs_its_cell_alone(
    workers: int, seeds: int, leavers: tuple[str, ...], tmp_path: Path
) -> None:
    """Several workers meet only what differs for them: an interrupt, and an agent whose process is gone."""
    names = [f"tests.bench.own:{name}" for name in leavers]
    outcome = bench(small_plan(",".join(["static", *names]), seeds=seeds), tmp_path, workers=workers)
    assert len(outcome.failures) == len(leavers) and outcome.fresh == seeds + (seeds - 1) * len(leavers)
    for name in leavers:
        reason = LEAVERS[name]
        (line,) = [line for line in outcome.failures if f":{name} " in line]
        assert "seed 1: " in line and reason in line and "\n" not in line
    assert {row.agent: row.seeds for row in outcome.results.aggregates} == (
        dict.fromkeys(names, seeds - 1) | {"static": seeds}
    )


def test_what_an_agent_prints_and_closes_is_no_result(tmp_path: Path) -> None:
    outcome = bench(small_plan("tests.bench.own:ClosesItsStreams,tests.bench.own:Steady"), tmp_path)
    assert not outcome.failures
    first, second = outcome.results.aggregates
    assert first.utility == second.utility


def test_the_command_ends_in_part(tmp_path: Path) -> None:
    """One line on standard error, exit code 1, and standard output without the agent's words."""
    words = ["bench", "--agents", "static,tests.bench.own:Exits", "--challenges", "follow", "--history", LINEAR]
    words += ["--seeds", "2", "--labels", "probability", "--out", str(tmp_path / "out"), "--workers", "1", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "progressgym.cli.main", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "1 failures" in done.stderr and "3 cells run" in done.stdout


@pytest.mark.parametrize("ending", ["import sys; sys.exit(0)", "import os; os._exit(0)"])
def test_a_module_that_leaves_when_it_is_imported_is_refused(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaving_module.py").write_text(f"{ending}\nclass Mine: pass\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"importing its module failed|ended its process"):
        check("leaving_module:Mine")


def test_the_source_is_found_without_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "leaving_package" / "inner"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("import os; os._exit(3)", encoding="utf-8")
    (package / "agent.py").write_text("import os; os._exit(3)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before = code_hash("leaving_package.inner.agent:Mine")
    (package / "agent.py").write_text("import os; os._exit(4)", encoding="utf-8")
    assert code_hash("leaving_package.inner.agent:Mine") != before
    with pytest.raises(UserError, match="no module"):
        code_hash("leaving_package.nowhere:Mine")


@pytest.mark.skipif(not hasattr(os, "kill"), reason="needs signals")
def test_the_process_of_an_agent_ends_with_its_parent() -> None:
    code = "import os, signal; from progressgym.bench import apart as a; a.check('tests.bench.own:Steady');"
    code += "p = a._process('tests.bench.own:Steady', a.code_hash('tests.bench.own:Steady'));"
    code += "print(p._child.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    pid = int(done.stdout)
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        import time

        time.sleep(0.1)
    raise AssertionError("the agent's process outlived its parent")
