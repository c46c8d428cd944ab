"""Reading weights: a transformers folder, a GGUF file, a PEFT adapter. Checked, and without any code of the model's.

Only safetensors and GGUF are read; `trust_remote_code` is off everywhere.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.core.seals import read_sealed
from progressgym.models import adapters, integrity

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
MOST_LAYERS, MOST_ROWS = 1000, 10**6
"""Of layers, and of any other size (words, heads, experts, width) in a configuration."""
_SIZE = re.compile(
    r"layers?$|(?:^|_)(?:hidden|vocab|intermediate|state|word_embed_proj|head)_(?:size|dim)$|_(?:heads|experts)$"
    r"|^n_(?:embd|head|inner)$|^(?:d_(?:model|inner|ff)|ffn_dim|head_dim|dff)$"
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and warnings of transformers for a while; errors still raise."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def load_folder(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """A causal language model from a folder in the transformers layout.

    Raises:
        UserError: no safetensors, not a causal language model, damaged or incomplete weights, NaN.
    """
    from transformers import AutoModelForCausalLM

    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise UserError(f"{folder / 'config.json'} is not a model configuration (a JSON object)")
    if "auto_map" in config and "model_type" not in config:
        raise UserError(f"{folder} needs code of its own to load; progressgym never runs a model's code")
    _check_sizes(config, folder)
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"{folder} has no *.safetensors weights; other formats are not read (they can hold code)")
    integrity.check_index(folder)
    try:
        with quiet():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                device_map={"": device} if device.type == "cuda" else None,
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
            model, info = loaded
    except Exception as error:  # noqa: BLE001  settings of a wrong type fail anywhere in transformers and torch
        raise UserError(f"cannot load the model in {folder}: {_first_line(error)}") from None
    missing = sorted(info["missing_keys"]) + sorted(str(key) for key in info.get("mismatched_keys", ()))
    if missing:
        raise UserError(f"the weights in {folder} are incomplete: {len(missing)} tensors missing, first {missing[0]}")
    integrity.check_all_used(model, info.get("unexpected_keys", ()), folder)
    integrity.check_numbers(model, config, folder)
    ready: PreTrainedModel = model.to(device).eval()
    check_finite(ready.state_dict(), str(folder))
    return ready


def _check_sizes(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse sizes that nobody's model has, before memory is taken for them.

    Raises:
        UserError: names the first.
    """
    for name, value in config.items():
        if isinstance(value, dict):
            _check_sizes(value, folder)
        elif not isinstance(value, bool) and isinstance(value, int) and _SIZE.search(name):
            most = MOST_LAYERS if name.endswith(("layers", "layer")) else MOST_ROWS
            if value > most:
                raise UserError(f"{folder / 'config.json'} says {name} = {str(value)[:40]}; at most {most} are read")


def load_gguf(file: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """A model from a GGUF file, its quantised blocks expanded to `dtype`.

    transformers marks the result as quantised and refuses to save it, so a plain model is rebuilt around its weights.

    Raises:
        UserError: not a GGUF file, an architecture that transformers cannot read, NaN.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with open(file, "rb") as head:
        if head.read(4) != b"GGUF":
            raise UserError(f"{file} is not a GGUF file (wrong first bytes)")
    try:
        with quiet(), contextlib.redirect_stderr(io.StringIO()):  # a progress bar that nothing else turns off
            expanded = AutoModelForCausalLM.from_pretrained(
                file.parent, gguf_file=file.name, dtype=torch.float32, trust_remote_code=False, local_files_only=True
            )
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, struct.error, MemoryError) as error:
        raise UserError(f"cannot read the GGUF file {file}: {_first_line(error)}") from None
    settings = expanded.config.to_dict()
    for entry in ("quantization_config", "_name_or_path", "dtype", "torch_dtype"):
        settings.pop(entry, None)
    config = AutoConfig.for_model(**settings)
    with quiet():
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    model.load_state_dict({name: tensor.to(dtype) for name, tensor in expanded.state_dict().items()})
    check_finite(model.state_dict(), str(file))
    ready: PreTrainedModel = model.to(device).eval()
    return ready


def load_tokenizer(folder: Path, gguf: Path | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, or the one inside of a GGUF file.

    Raises:
        UserError: none there, or damaged.
    """
    from transformers import AutoTokenizer

    where = gguf or folder
    extra: dict[str, Any] = {"gguf_file": gguf.name} if gguf else {}
    try:
        with quiet():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                where.parent if gguf else where, trust_remote_code=False, local_files_only=True, **extra
            )
    except Exception as error:  # noqa: BLE001  the tokenizers library raises bare Exception on damaged files
        raise UserError(f"cannot load the tokenizer of {where}: {_first_line(error)}") from None
    if tokenizer.vocab_size == 0:
        raise UserError(f"cannot load the tokenizer of {where}: its vocabulary is empty")
    integrity.check_tokenizer(tokenizer, str(where))
    return tokenizer


def read_adapter(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Configuration and weights of a PEFT adapter, checked.

    Raises:
        UserError: a file missing or damaged, NaN, or weights that are not those of their seal.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    config = read_json(folder / ADAPTER_CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("base_model_name_or_path"), str):
        raise UserError(f"{folder / ADAPTER_CONFIG} names no base model (base_model_name_or_path)")
    weights = folder / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise UserError(f"{folder} has no {ADAPTER_WEIGHTS}; other formats are not read (they can hold code)")
    data = read_sealed(weights, foreign=True)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"corrupted adapter: cannot read {weights}: {_first_line(error)}") from None
    check_finite(tensors, f"corrupted adapter: {weights}")
    if whole := sorted(name for name, tensor in tensors.items() if not tensor.is_floating_point()):
        kind = str(tensors[whole[0]].dtype).removeprefix("torch.")
        raise UserError(f"corrupted adapter: {weights} holds {whole[0]} as {kind}, which is no weight as it stands")
    return config, tensors


def merge_adapter(
    model: PreTrainedModel, folder: Path, config: Mapping[str, Any], tensors: dict[str, torch.Tensor]
) -> PreTrainedModel:
    """Add an adapter into the weights of its base: the sum is formed in float32 and rounded once.

    Raises:
        UserError: the adapter does not fit the base, or the sum would be another model than PEFT makes of the two.
    """
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    adapters.check_settings(config, str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # settings of the machine that it was trained on are left out
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will go
            settings = LoraConfig.from_pretrained(folder)
            settings.inference_mode = True
            settings.init_lora_weights = True  # none of the allowed ways changes the base; the values are loaded next
            settings.base_model_name_or_path = None  # known by now; peft would warn that it is called otherwise
            wrapped = get_peft_model(model, settings).eval()
            loaded = set_peft_model_state_dict(wrapped, tensors)
            unset = get_peft_model_state_dict(wrapped, save_embedding_layers=False).keys() - tensors.keys()
            odd = sorted([*loaded.unexpected_keys, *unset])
            if odd:
                raise UserError(
                    f"corrupted adapter: {len(odd)} tensors of {folder} do not fit its base, first {odd[0]}"
                )
            applied = adapters.probe_logits(wrapped)
            adapters.part_tied(wrapped)
            merged: PreTrainedModel = wrapped.merge_and_unload()
            adapters.check_equal(adapters.probe_logits(merged), applied, merged.dtype, str(folder))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  a stranger's settings fail in peft, torch or re in any way
        raise UserError(f"the adapter in {folder} does not fit its base: {_first_line(error)}") from None
    check_finite(merged.state_dict(), str(folder))
    merged.eval()
    return merged


def check_finite(tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Refuse weights that hold NaN or infinite numbers.

    Raises:
        UserError: names the first such tensor.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise UserError(f"{where}: tensor {name} holds NaN or infinite numbers")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0][:300]}" if lines else type(error).__name__
