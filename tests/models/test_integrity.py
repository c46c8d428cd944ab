"""What a loader would drop or mistake in silence is refused in one line: biases, scales, whole numbers, files elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model
from tests.models.tiny import lively_llama

QUERY = "model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return lively_llama(tmp_path_factory.mktemp("plain") / "llama")


def tensors(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        held = load_file(folder / "model.safetensors")
        change(held)
        save_file(held, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def settings(file: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        held = json.loads((folder / file).read_text())
        change(held)
        (folder / file).write_text(json.dumps(held))

    return edit


def index(place: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        names = {"weight_map": {"model.norm.weight": place}, "metadata": {}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(names))

    return edit


REPEATED = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 2,
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {},
}
FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (tensors(lambda held: held.update({f"{QUERY}.bias": torch.ones(32)})), rf"hold {QUERY}\.bias, which a model"),
    (tensors(lambda held: held.update({f"{QUERY}.weight_scale": torch.ones(1)})), "weight_scale, which a model"),
    (tensors(lambda held: held.update({"model.norm.bias": torch.ones(32)})), r"hold model\.norm\.bias, which"),
    (tensors(lambda held: held.update({f"{QUERY}.weight": held[f"{QUERY}.weight"].view(torch.int32)})), "as I32, which"),
    (tensors(lambda held: held.update({f"{QUERY}.weight": held[f"{QUERY}.weight"].to(torch.float8_e4m3fn)})), "as F8_E4M3"),
    (settings("config.json", lambda held: held.update(quantization_config={"quant_method": "own"})), "quantised in a way"),
    (settings("config.json", lambda held: held.update(is_encoder_decoder=True)), "an encoder with a decoder"),
    (index("../llama/model.safetensors"), "names '../llama/model.safetensors', which is no file of its own folder"),
    (index("/etc/passwd"), "names '/etc/passwd'"),
    (lambda folder: (folder / "model.safetensors.index.json").write_text("[]"), "is not an index of weights"),  # type: ignore[list-item]
    (settings("tokenizer.json", lambda held: held["model"].update(dropout=0.5)), "at random"),
    (settings("tokenizer.json", lambda held: held.update(post_processor=REPEATED)), "once and in their order"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), FAULTS, ids=[told[:30] for _, told in FAULTS])
def test_it_is_refused(edit: Callable[[Path], None], told: str, plain: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "model"))
    edit(folder)
    with pytest.raises(UserError, match=told) as refused:
        load_language_model(folder, "cpu", "float32")
    assert "\n" not in str(refused.value)


def test_what_no_module_owns_is_left_out(plain: Path, tmp_path: Path) -> None:
    """Frequencies and masks that older versions wrote, and another model's head, change nothing."""
    folder = Path(shutil.copytree(plain, tmp_path / "model"))
    more = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4), "score.weight": torch.ones(2, 32)}
    tensors(lambda held: held.update(more))(folder)
    ours, theirs = (
        load_language_model(where, "cpu", "float32").option_logprobs(["He asks."], [[" Yes."]])[0]
        for where in (folder, plain)
    )
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_whole_numbers_in_an_adapter(plain: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file, save_file
    from transformers import LlamaForCausalLM

    get_peft_model(LlamaForCausalLM.from_pretrained(plain), LoraConfig(target_modules=["q_proj"])).save_pretrained(
        tmp_path
    )
    file = tmp_path / "adapter_model.safetensors"
    save_file({name: (100 * part).to(torch.int8) for name, part in load_file(file).items()}, file)
    with pytest.raises(UserError, match="int8, which is no weight as it stands"):
        load_language_model(tmp_path, "cpu", "float32", base=plain)
