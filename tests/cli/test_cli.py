"""The command line: help, one-line errors, exit codes, what each command writes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from progressgym import __version__
from progressgym.cli.main import COMMANDS, main
from progressgym.cli.options import parse
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
SMALL = "--challenges follow --history synthetic:linear --labels probability --workers 1 --seeds 2"


def call(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command line in this process: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_names_every_command_and_ends_in_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("", "--help", "-h", "help"):
        code, out, err = call(line, capsys)
        assert code == 0 and err == "" and all(name in out for name in COMMANDS)
    assert out.splitlines()[-1].strip() == "progressgym bench --help"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version", capsys)[:2] == (0, f"progressgym {__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_ends_in_examples_that_parse(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(f"{name} --help", capsys)
    examples = [line.strip() for line in COMMANDS[name].load().examples.strip().splitlines()]
    assert code == 0 and err == ""
    assert [line.strip() for line in out.splitlines()[-len(examples) :]] == examples
    for example in examples:
        words = shlex.split(example)
        assert words[0] == "progressgym"
        known = next(n for n in sorted(COMMANDS, key=len, reverse=True) if words[1 : 1 + len(n.split())] == n.split())
        kind = COMMANDS[known].load().options
        assert isinstance(parse(kind, "x", words[1 + len(known.split()) :], ""), kind)


def test_help_is_instant() -> None:
    """Nothing heavy is imported for it."""
    code = (
        "import sys\nfrom progressgym.cli.main import dispatch\ndispatch(['--help'])\ndispatch(['bench', '--help'])\n"
        "print([name for name in ('torch', 'transformers', 'matplotlib', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bnch", "unknown command 'bnch' (did you mean 'bench'?)"),
        ("history", "'history' needs a command: build, measure, collect, survey, validate, items, norms, votes, show"),
        ("history shw x", "unknown command 'history shw' (did you mean 'show'?)"),
        ("bench --sedes 3", "unrecognized options: --sedes, 3 (did you mean --seeds?); see progressgym bench --help"),
        ("bench --seeds many", "error parsing --seeds"),
        ("bench --seeds", "missing value for argument '--seeds'"),
        ("bench --seeds 0", "seeds must be a positive number"),
        ("bench --agents statc", "unknown agent 'statc' (did you mean 'static'?); known: static, random"),
        ("bench --challenges folow", "unknown challenge 'folow' (did you mean 'follow'?)"),
        ("bench --history synthetic:lin", "unknown synthetic family 'lin' (did you mean 'linear'?)"),
        ("bench --history nowhere", "unknown history 'nowhere'"),
        ("bench --policy lm:x", "unknown model 'x'"),
        ("bench --policy x", "unknown policy"),
        (f"bench --agents static {SMALL} --workers 0", "workers is 0"),
        (f"bench --agents static {SMALL} --device gpu", "unknown device 'gpu'"),
        ("bench --resume --out nowhere --history synthetic:linear", "nothing to resume"),
        ("import-upstream", "a FILE is missing; or use --paper"),
        ("import-upstream nowhere.json", "no such file: nowhere.json"),
        ("import-upstream .", "."),
        ("values", "missing from progressgym values: MODEL"),
        ("values smollm2", "unknown model 'smollm2' (did you mean 'smollm2-135m'?)"),
        ("history show synthetic:linear", "is a distribution of histories"),
        ("history show nowhere", "unknown history 'nowhere'"),
        ("history build x --out y --rank 0", "--rank is 0; a positive number is expected"),
        ("history measure nowhere --out x", "run `progressgym history build` first"),
        ("preferences export --history 'synthetic:linear?seed=1' --out x --queries 0", "queries is 0"),
        ("preferences export --history 'synthetic:linear?seed=1' --out x --labels some", "unknown kind of labels"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(line, capsys)
    assert code == 2 and out == ""
    assert err.startswith("progressgym: error: ") and err.count("\n") == 1 and message in err


def test_a_truncated_history_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    History.load("synthetic:linear?seed=1").save(tmp_path / "mine")
    path = tmp_path / "mine" / "answers.npz"
    path.write_bytes(path.read_bytes()[:1000])
    code, _, err = call(f"bench --history {tmp_path / 'mine'}", capsys)
    assert code == 2 and err.count("\n") == 1 and "truncated or damaged" in err


def test_bench_prints_a_table_and_leaves_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(f"bench --agents static,lifelong-map {SMALL} --out out", capsys)
    assert code == 0
    assert "follow on synthetic:linear, 2 seeds" in out and "lifelong-map" in out and "4 cells run, 0 reused" in out
    assert "[1/2] synthetic:linear  follow  static: 2 run, 0 reused" in err and "warning: intervals rest on 2" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"results.json", "plots", "tensorboard"}
    code, out, _ = call(f"bench --agents static,lifelong-map {SMALL} --out out --resume --json --quiet", capsys)
    assert code == 0 and len(json.loads(out)["cells"]) == 4


def test_import_upstream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight equal vectors but one NaN: seven cosines of 1, said to be the paper's Follow score, and not the file's 7.5."""
    same, failed = [0.5] * 19, [float("nan")] * 19
    vectors = {"examinee_vector": [failed, *[same] * 7], "actual_vector": [same] * 8}
    content = {
        "LifelongDPO": {"Follow": {"score": 7.5, "supplementary_data": vectors}},
        "LifelongRLHF": {"Follow": {"error": "<class 'ValueError'> no\nTraceback", "duration_seconds": 1.0}},
    }
    (tmp_path / "theirs.json").write_text(json.dumps(content))
    code, out, err = call("import-upstream theirs.json", capsys)
    assert code == 0 and err == ""
    lines = out.splitlines()
    assert lines[1].startswith("* follow_sum") and "7.000 of 8" in lines[1] and "( 0.875)" in lines[1]
    assert "table2_double_sum" in lines[3] and "formula printed" in lines[3]
    assert "1 failed (1)" in out and "7.500, which is none of these" in out
    assert "no scores: the run ended with an error: <class 'ValueError'> no" in out and "Traceback" not in out
    code, out, _ = call("import-upstream theirs.json --json --paper", capsys)
    record = json.loads(out)
    assert code == 0 and record["results"][0]["scores"]["follow_sum"] == pytest.approx(7.0)
    assert record["results"][0]["headline"] == "follow_sum" and record["results"][1]["scores"] is None
    assert "not comparable" in record["paper"]["caveat"] and len(record["paper"]["rows"]) == 12


def test_the_papers_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("import-upstream --paper", capsys)
    assert code == 0 and "a single run without error bars" in out and "not comparable" in out
    assert "7.034" in out and "38.959" in out and "\u2265 7.912" in out and "broke down" in out


def test_import_upstream_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom progressgym.cli.main import dispatch\ndispatch(['import-upstream', '--paper'])\n"
        "print([name for name in ('torch', 'transformers', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_failed_cells_give_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(f"bench --agents tests.bench.own:Broken {SMALL} --out out", capsys)
    assert code == 1 and "an odd seed" in err and "Traceback" not in err and "1 seed" in out


def test_history_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("history show 'synthetic:linear?seed=3' --plot here/map.png", capsys)
    assert code == 0 and "C013" in out and "integrated" in out and (tmp_path / "here" / "map.png").is_file()
    code, out, _ = call("history show 'synthetic:linear?seed=3' --json", capsys)
    assert json.loads(out)["labels"][0] == "C013"


def test_preferences_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "preferences export --history 'synthetic:linear?seed=3' --queries 20 --labels sample --out p.jsonl"
    code, out, _ = call(line, capsys)
    rows = [json.loads(row) for row in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert code == 0 and out.startswith("180 comparisons") and len(rows) == 180
    assert set(rows[0]) == {"prompt", "chosen", "rejected", "weight", "century"}


def test_values_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A tiny model on every tenth item; the second time nothing is measured."""
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    save_tiny_llama(tmp_path / "tiny")
    whole = Questionnaire.load("moral19-v1")
    part = Questionnaire.from_items(whole.items[:360:10], name="part-v1", version="1", config=whole.config)
    part.save(tmp_path / "part")
    code, out, err = call(f"values {tmp_path / 'tiny'} --instrument part --out out", capsys)
    assert code == 0 and "measuring" in err and "integrated   not measured" in out
    record = json.loads((tmp_path / "out" / "values.json").read_text())
    assert record["values"]["integrated"] is None and -1 <= record["values"]["care"]["value"] <= 1
    assert record["seconds"] is not None and (tmp_path / "out" / "values.png").is_file()
    code, out, _ = call(f"values {tmp_path / 'tiny'} --instrument part --out out --json", capsys)
    again = json.loads(out)
    assert code == 0 and again["seconds"] is None and again["values"] == record["values"]


def _heed_interrupts() -> None:
    """Tests that run in the background of a shell inherit an ignored SIGINT, and so would the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
@pytest.mark.parametrize("workers", [1, 2])
def test_interruption_keeps_what_is_finished(number: signal.Signals, code: int, workers: int, tmp_path: Path) -> None:
    options = f"bench --challenges follow --history synthetic:linear --seeds 4 --workers {workers} --out out"
    process = subprocess.Popen(
        [sys.executable, "-m", "progressgym.cli.main", *options.split()],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509  (it only sets a signal; no threads run here)
    )
    deadline = time.monotonic() + 300
    while not list((tmp_path / "out").glob("*/*/*/[0-9]*.zip")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert "interrupted; run the same command again" in err
    assert not (tmp_path / "out" / "results.json").exists()
    assert list((tmp_path / "out").glob("*/*/*/[0-9]*.zip"))
