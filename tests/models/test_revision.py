"""An adapter belongs to one revision of its base: that one is loaded, as PEFT loads it, or the adapter is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model, locate
from tests.models.tiny import lively_llama

OLD, NEW = "0" * 39 + "1", "12345e6" + "0" * 33
"""Commits; one looks like a number."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local cache of the hub with one model in two revisions; `main` is the newer one, `v1` the older."""
    from safetensors.torch import load_file, save_file

    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("hub")
    model = home / "models--org--base"
    (model / "refs").mkdir(parents=True)
    lively_llama(model / "snapshots" / OLD)
    shutil.copytree(model / "snapshots" / OLD, model / "snapshots" / NEW)
    weights = model / "snapshots" / NEW / "model.safetensors"
    save_file({name: 1.5 * part for name, part in load_file(weights).items()}, weights, metadata={"format": "pt"})
    for commit, ref in ((OLD, "v1"), (NEW, "main")):
        (model / "refs" / ref).write_text(commit)
    return home


@pytest.fixture
def cached(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(hub))
    return hub


def make_adapter(hub: Path, folder: Path, **changes: Any) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    torch.manual_seed(3)
    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    plain = LlamaForCausalLM.from_pretrained(hub / "models--org--base" / "snapshots" / OLD)
    get_peft_model(plain, config).save_pretrained(folder)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": "org/base"} | changes))
    return folder


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([[5, 9, 2, 7]])).logits
    return found


@pytest.mark.parametrize("revision", [None, "main", "v1", OLD, NEW])
def test_the_base_is_the_one_that_peft_loads(cached: Path, tmp_path: Path, revision: str | None) -> None:
    from peft import AutoPeftModelForCausalLM

    folder = make_adapter(cached, tmp_path / "adapter", revision=revision)
    wanted = logits(AutoPeftModelForCausalLM.from_pretrained(folder, cache_dir=cached).eval())
    torch.testing.assert_close(logits(load_language_model(folder, "cpu", "float32").model), wanted, atol=1e-4, rtol=0)
    other = make_adapter(cached, tmp_path / "other", revision=NEW if revision in ("v1", OLD) else OLD)
    gap = logits(load_language_model(other, "cpu", "float32").model) - wanted
    assert gap.abs().max() > 0.1


@pytest.mark.parametrize(
    ("revision", "base", "told"),
    [
        ("v2", None, "the hub cannot be reached|no such model|not in the local hub cache"),
        (7, None, "names the revision '7' of its base, which is no name"),
        ("v1", f"org/base?revision={NEW}", "belongs to revision 'v1' of its base, not to '12345e6"),
        ("v1", f"models--org--base/snapshots/{NEW}", "belongs to revision 'v1' of its base, and .* is another one"),
        (OLD, f"models--org--base/snapshots/{NEW}", "is another one"),
    ],
)
def test_another_revision_is_refused(cached: Path, tmp_path: Path, revision: Any, base: str | None, told: str) -> None:
    folder = make_adapter(cached, tmp_path / "adapter", revision=revision)
    given = cached / base if base is not None and base.startswith("models") else base
    with pytest.raises(UserError, match=told):
        load_language_model(folder, "cpu", "float32", base=given)


def test_a_base_that_fits_or_cannot_be_told_is_taken(cached: Path, tmp_path: Path) -> None:
    folder = make_adapter(cached, tmp_path / "adapter", revision="v1")
    wanted = logits(load_language_model(folder, "cpu", "float32").model)
    snapshot = cached / "models--org--base" / "snapshots" / OLD
    own = shutil.copytree(snapshot, tmp_path / "own", symlinks=False)
    for base in (snapshot, own, "org/base", "org/base?revision=v1"):
        torch.testing.assert_close(logits(load_language_model(folder, "cpu", "float32", base=base).model), wanted)


def test_a_commit_is_never_read_as_a_number(cached: Path) -> None:
    assert locate(f"org/base?revision={OLD}").name == OLD and locate(f"org/base?revision={NEW}").name == NEW
