"""Tokenizers x architectures x adapters: scores are those of a plain forward pass of the joined text, or a refusal.

The reference is written here from nothing but transformers and peft: the joined text is encoded, the model runs over it
alone, and the option's tokens are those after the prompt's.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model
from progressgym.models.language_model import LanguageModel
from tests.models.kinds import (
    ADAPTERS,
    ARCHITECTURES,
    CHANGING,
    TOKENIZERS,
    UNFIT,
    architecture,
    byte_level,
    save_adapter,
)

pytestmark = pytest.mark.filterwarnings("ignore")
PROMPTS = ["Answer:", "An old man gave a coat to a stranger. What should I do?", "I"]
OPTIONS = [
    [" A", " B", " C"],
    [" I keep my word.", " I break it", " I go and tell the truth even when it hurts"],
    [" go"],
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def plain(model: Any, tokenizer: Any, prompt: str, option: str) -> float:
    """Mean log-probability of the option's tokens in the joined text."""
    ids, start = tokenizer(prompt + option)["input_ids"], len(tokenizer(prompt)["input_ids"])
    if ids[-1] == tokenizer.eos_token_id:  # put behind every text
        ids, start = ids[:-1], start - 1
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].float(), -1)
    return float(np.mean([float(logs[place - 1, ids[place]]) for place in range(start, len(ids))]))


def gap(ours: LanguageModel, model: Any, tokenizer: Any) -> float:
    found = ours.option_logprobs(PROMPTS, OPTIONS)
    wanted = [
        np.array([plain(model, tokenizer, prompt, text) for text in texts])
        for prompt, texts in zip(PROMPTS, OPTIONS, strict=True)
    ]
    return max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))


def some(first: int, count: int = 3) -> list[str]:
    """Some kinds of tokenizers, others for every number."""
    names = list(TOKENIZERS)
    return [names[(first + step) % len(names)] for step in range(count)]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_tokenizers_and_architectures(kind: str) -> None:
    """All tokenizers with a Llama, three and Llama 2's with each other architecture."""
    number = list(ARCHITECTURES).index(kind)
    for name in dict.fromkeys(["space mark", *(TOKENIZERS if number == 0 else some(2 * number))]):
        tokenizer = TOKENIZERS[name]()
        model = architecture(ARCHITECTURES[kind], len(tokenizer))
        assert gap(LanguageModel(name="x", model=model, tokenizer=tokenizer), model, tokenizer) < 1e-4, name


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_models_that_look_ahead_are_refused(kind: str, dtype: torch.dtype) -> None:
    tokenizer = byte_level()
    model = architecture(UNFIT[kind], len(tokenizer)).to(dtype)
    with pytest.raises(UserError) as caught:
        LanguageModel(name="x", model=model, tokenizer=tokenizer).option_logprobs(PROMPTS, OPTIONS)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bases")


def base(root: Path, kind: str, tokenizer: str) -> Path:
    """A base of some architecture with some tokenizer, written once."""
    folder = root / f"{kind}, {tokenizer}"
    if not folder.exists():
        made = TOKENIZERS[tokenizer]()
        architecture(ARCHITECTURES[kind], len(made)).save_pretrained(folder)
        made.save_pretrained(folder)
    return folder


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_adapters_are_what_peft_makes_of_them(kind: str, root: Path, tmp_path: Path) -> None:
    """On tied and on own embeddings, with tokenizers in turn; the adapter must matter."""
    from peft import PeftModel

    number = list(ADAPTERS).index(kind)
    for place, other in enumerate(("llama", ("llama untied", "gemma2")[number % 2])):
        folder = base(root, other, some(number + place, 1)[0])
        adapter = save_adapter(folder, tmp_path / other, ADAPTERS[kind])
        theirs = PeftModel.from_pretrained(load(folder), adapter).eval()
        try:
            ours = load_language_model(adapter, "cpu", "float32", base=folder)
        except UserError as refused:
            assert kind == "lora bias" and "does not fit its base" in str(refused)
            continue
        assert gap(ours, theirs, ours.tokenizer) < 1e-4
        assert gap(ours, load(folder).eval(), ours.tokenizer) > 1e-2


@pytest.mark.parametrize("kind", CHANGING)
def test_adapters_that_change_more_than_weights_are_refused(kind: str, root: Path, tmp_path: Path) -> None:
    folder = base(root, "llama", "byte level")
    adapter = save_adapter(folder, tmp_path / "adapter", CHANGING[kind])
    with pytest.raises(UserError, match=r"init_lora_weights|asks for") as caught:
        load_language_model(adapter, "cpu", "float32", base=folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_lora_weights": "corda"}, "'corda'"),
        ({"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4}}, "'loftq'"),
        ({"init_lora_weights": "lora_ga"}, "'lora_ga'"),
        ({"init_lora_weights": "of tomorrow"}, "'of tomorrow'"),
        ({"init_lora_weights": ["pissa"]}, "pissa"),
        ({"use_magic_of_tomorrow": True}, "use_magic_of_tomorrow"),
        ({"megatron_config": {"a": 1}}, "megatron_config"),
        ({"target_modules": "*["}, "does not fit its base"),
        ({"target_modules": 5}, "does not fit its base"),
        ({"r": "eight"}, "does not fit its base"),
        ({"r": -1}, "does not fit its base"),
        ({"lora_alpha": None}, "does not fit its base"),
        ({"rank_pattern": [1]}, "does not fit its base"),
        ({"modules_to_save": ["norm"]}, "fit its base"),
    ],
)
def test_settings_of_adapters(changes: dict[str, Any], message: str, root: Path, tmp_path: Path) -> None:
    """Unknown and impossible settings: one line each."""
    folder = base(root, "llama", "byte level")
    adapter = save_adapter(folder, tmp_path / "adapter", {"target_modules": ["q_proj"]})
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        load_language_model(adapter, "cpu", "float32", base=folder)
    assert "\n" not in str(caught.value)
