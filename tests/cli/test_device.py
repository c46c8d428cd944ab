"""A GPU that is asked for and is not there is one line, before anything is run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch

from progressgym.cli.main import main

torch.set_num_threads(1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bench --agents lifelong-map --history synthetic:linear --device cuda --out out", "no CUDA GPU is available"),
        (
            "train lifelong-map --policy stance --history synthetic:linear --device cuda --out out",
            "no CUDA GPU is available",
        ),
        ("values smollm2-135m --device cuda", "offers 0 CUDA devices"),
        ("plan smollm2-135m --device cuda", "offers 0 CUDA devices"),
    ],
)
def test_no_gpu_is_one_line(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    err = capsys.readouterr().err
    assert ended.value.code == 2 and message in err and err.count("\n") <= 2 and "Traceback" not in err
    assert not list((tmp_path / "out").glob("*/*/*/*.zip"))
