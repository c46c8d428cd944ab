"""Whether a stranger's folder is read as it was meant: what a loader would leave out or take for something else in silence.

transformers loads what fits and warns of the rest. A bias that the configuration does not ask for, the scales of quantised
weights, whole numbers in place of weights, weights of another folder, a tokenizer that draws at random: each gives numbers of
a model that nobody made, so each is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.files import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

INDEX = "model.safetensors.index.json"
_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_PROBE = "one two  three"


def check_index(folder: Path) -> None:
    """An index names files of its own folder only.

    Raises:
        UserError: no index, or one that leads elsewhere.
    """
    if not (folder / INDEX).is_file():
        return
    index = read_json(folder / INDEX)
    files = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise UserError(f"{folder / INDEX} is not an index of weights: it needs a weight_map of file names")
    for name in sorted(set(files.values())):
        if Path(name).name != name:
            raise UserError(f"{folder / INDEX} names {name!r}, which is no file of its own folder")


def check_all_used(model: PreTrainedModel, unexpected: Iterable[str], folder: Path) -> None:
    """Tensors that the model has no place for are left out; those of its own modules may not be.

    Raises:
        UserError: a layer that the configuration leaves out, or a part of a module that the model has (a bias, a scale).
    """
    state = model.state_dict()
    unused = _layers(unexpected) - _layers(state)
    if unused:
        raise UserError(f"the weights in {folder} hold layer {max(unused)}, which its config.json leaves out")
    modules = {name.rpartition(".")[0] for name in state}
    parts = sorted(name for name in unexpected if name.rpartition(".")[0] in modules)
    if parts:
        raise UserError(f"the weights in {folder} hold {parts[0]}, which a model of its config.json does not use")


def check_numbers(model: PreTrainedModel, config: Mapping[str, Any], folder: Path) -> None:
    """Weights are numbers as they stand, unless the model knows how they were quantised; and the model is a decoder.

    Raises:
        UserError: whole or 8-bit numbers, an unknown quantisation, an encoder.
    """
    if getattr(model.config, "is_encoder_decoder", False):
        raise UserError(f"the model in {folder} is an encoder with a decoder; a causal language model is expected")
    if getattr(model, "is_quantized", False):
        return
    if config.get("quantization_config"):
        scheme = json.dumps(config["quantization_config"])[:80]
        raise UserError(f"the weights in {folder} are quantised in a way that is not known here: {scheme}")
    for file in sorted(folder.glob("*.safetensors")):
        for name, entry in _header(file).items():
            if name.endswith("weight") and isinstance(entry, dict) and entry.get("dtype") not in _FLOATS:
                raise UserError(
                    f"{file} holds {name} as {str(entry.get('dtype'))[:20]}, which is no weight as it stands"
                )


def check_tokenizer(tokenizer: PreTrainedTokenizerBase, where: str) -> None:
    """One text has one row of tokens, each part of the text once.

    Raises:
        UserError: a tokenizer that draws at random, or repeats a text.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return
    if getattr(backend.model, "dropout", None):
        raise UserError(f"the tokenizer of {where} leaves merges out at random (dropout); set its dropout to null")
    starts = [start for start, _ in backend.encode(_PROBE, add_special_tokens=False).offsets]
    if starts != sorted(starts):
        raise UserError(f"the tokenizer of {where} does not give a text's parts once and in their order")


def _layers(names: Iterable[str]) -> set[int]:
    """Numbers of the layers that tensors belong to."""
    return {int(match[1]) for name in names if (match := re.search(r"\.(\d+)\.", f".{name}"))}


def _header(file: Path) -> dict[str, Any]:
    """Names, kinds and places of the tensors of a file that the library could read."""
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header: dict[str, Any] = json.loads(stream.read(length))
    return header
