"""Kinds of tokenizers, architectures and adapters that strangers bring, each small and made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINES = [
    "An old man gave a coat to a stranger. What should I do? Answer: A. I keep my word. B. I break it and go.",
    "Reply: yes no A B C D I should tell the truth even when it hurts",
] * 20
SPECIAL = ["<unk>", "<s>", "</s>"]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _train(pre_tokenizer: Any, model: str = "bpe", *, letters: Any = (), normalizer: Any = None) -> Any:
    from tokenizers import Tokenizer, models, trainers

    if model == "unigram":
        raw = Tokenizer(models.Unigram())
        trainer: Any = trainers.UnigramTrainer(vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>")
    elif model == "wordpiece":
        raw = Tokenizer(models.WordPiece(unk_token="<unk>"))
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL)
    else:
        raw = Tokenizer(models.BPE(unk_token=None if letters else "<unk>"))
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=list(letters))
    raw.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        raw.normalizer = normalizer
    raw.train_from_iterator(LINES, trainer)
    return raw


def _wrap(raw: Any, template: str = "$A") -> Any:
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    if template != "$A":
        known = [(token, raw.token_to_id(token)) for token in ("<s>", "</s>")]
        raw.post_processor = TemplateProcessing(single=template, special_tokens=known)
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def byte_level(*, space: bool = False, template: str = "$A") -> Any:
    """GPT-2's; with `space` one is put before every text (RoBERTa's)."""
    from tokenizers import pre_tokenizers

    letters = pre_tokenizers.ByteLevel.alphabet()
    return _wrap(_train(pre_tokenizers.ByteLevel(add_prefix_space=space), letters=letters), template)


def llama3() -> Any:
    """Another pattern before the bytes, and a BOS."""
    from tokenizers import Regex, pre_tokenizers

    first = pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated")
    chain = pre_tokenizers.Sequence([first, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return _wrap(_train(chain, letters=pre_tokenizers.ByteLevel.alphabet()), "<s> $A")


def space_mark() -> Any:
    """Llama 2's: the normaliser puts a mark before every text; nothing is split before the merges."""
    from tokenizers import Tokenizer, pre_tokenizers

    state = json.loads(_train(pre_tokenizers.Metaspace(prepend_scheme="always")).to_str())
    state["pre_tokenizer"] = None
    state["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        ],
    }
    return _wrap(Tokenizer.from_str(json.dumps(state)), "<s> $A")


def metaspace(*, scheme: str = "first", model: str = "bpe") -> Any:
    """Mistral's and later Llamas' (BPE), T5's and XLNet's (unigram)."""
    from tokenizers import normalizers, pre_tokenizers

    normal = normalizers.NFKC() if model == "unigram" else None
    return _wrap(_train(pre_tokenizers.Metaspace(prepend_scheme=scheme), model, normalizer=normal), "<s> $A")


def word_piece() -> Any:
    """BERT's: lower case, spaces lost, a token behind every text."""
    from tokenizers import normalizers, pre_tokenizers

    raw = _train(pre_tokenizers.BertPreTokenizer(), "wordpiece", normalizer=normalizers.BertNormalizer())
    return _wrap(raw, "<s> $A </s>")


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "byte level": byte_level,
    "byte level, space before": lambda: byte_level(space=True),
    "byte level, BOS": lambda: byte_level(template="<s> $A"),
    "llama 3": llama3,
    "space mark": space_mark,
    "metaspace, first": metaspace,
    "metaspace, always": lambda: metaspace(scheme="always"),
    "unigram": lambda: metaspace(scheme="always", model="unigram"),
    "word piece": word_piece,
}

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", **_SIZES, "tie_word_embeddings": True},
    "llama untied": {"model_type": "llama", **_SIZES, "tie_word_embeddings": False, "attention_bias": True},
    "llama yarn": {
        "model_type": "llama",
        **_SIZES,
        "rope_parameters": {
            "rope_type": "yarn",
            "factor": 4.0,
            "rope_theta": 1e4,
            "original_max_position_embeddings": 32,
        },
    },
    "mistral": {"model_type": "mistral", **_SIZES, "sliding_window": 4},
    "mixtral": {"model_type": "mixtral", **_SIZES, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2": {"model_type": "qwen2", **_SIZES},
    "qwen3": {"model_type": "qwen3", **_SIZES, "head_dim": 8},
    "gemma": {"model_type": "gemma", **_SIZES, "head_dim": 8},
    "gemma2": {"model_type": "gemma2", **_SIZES, "head_dim": 8, "sliding_window": 4},
    "gemma3": {"model_type": "gemma3_text", **_SIZES, "head_dim": 8, "sliding_window": 4},
    "phi": {"model_type": "phi", **_SIZES, "num_key_value_heads": 4},
    "phi3": {"model_type": "phi3", **_SIZES},
    "gpt2": {"model_type": "gpt2", **_GPT},
    "gpt neox": {"model_type": "gpt_neox", **_SIZES},
    "gpt neo": {
        "model_type": "gpt_neo",
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "max_position_embeddings": 128,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 4,
    },
    "opt": {"model_type": "opt", **_SIZES, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "bloom": {"model_type": "bloom", "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mpt": {"model_type": "mpt", "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 128},
    "falcon": {"model_type": "falcon", **_SIZES},
    "granite": {"model_type": "granite", **_SIZES, "logits_scaling": 2.0},
    "olmo2": {"model_type": "olmo2", **_SIZES},
    "stablelm": {"model_type": "stablelm", **_SIZES},
    "cohere": {"model_type": "cohere", **_SIZES},
    "mamba": {"model_type": "mamba", "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    "gpt": {"model_type": "openai-gpt", **_GPT},
    "ctrl": {"model_type": "ctrl", **_GPT, "dff": 64},
    "bert decoder": {"model_type": "bert", **_SIZES, "is_decoder": True},
}
UNFIT: dict[str, dict[str, Any]] = {
    "bert": {"model_type": "bert", **_SIZES},
    "roberta": {"model_type": "roberta", **_SIZES},
    "xlnet": {"model_type": "xlnet", "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
}
"""Loaded as causal by their class, but they look ahead."""


def architecture(settings: dict[str, Any], vocabulary: int, seed: int = 0) -> Any:
    """A model of random weights, large enough that attention and positions matter."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    given = dict(settings)
    config = AutoConfig.for_model(
        given.pop("model_type"), vocab_size=vocabulary, bos_token_id=1, eos_token_id=2, pad_token_id=None, **given
    )
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            scale = parameter.shape[-1] ** -0.5
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return model


ADAPTERS: dict[str, dict[str, Any]] = {
    "attention": {"target_modules": ["q_proj", "v_proj"]},
    "all linear": {"target_modules": "all-linear"},
    "a pattern": {"target_modules": r".*\.1\..*(up|down)_proj"},
    "ranks": {"target_modules": ["q_proj", "o_proj"], "rank_pattern": {"o_proj": 2, r"layers\.1\.self_attn.q_proj": 6}},
    "alphas": {"target_modules": ["q_proj", "o_proj"], "alpha_pattern": {"o_proj": 31, "q_proj": 3}},
    "rslora": {"target_modules": ["q_proj", "o_proj"], "use_rslora": True},
    "dora": {"target_modules": ["q_proj", "down_proj"], "use_dora": True},
    "dora on embedding": {"target_modules": ["q_proj", "embed_tokens"], "use_dora": True},
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "embedding": {"target_modules": ["q_proj", "embed_tokens"]},
    "head and embedding": {"target_modules": ["lm_head", "embed_tokens"]},
    "tied embedding": {"target_modules": ["q_proj", "embed_tokens"], "ensure_weight_tying": True},
    "saved head": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "saved embedding": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "saved embedding, tied": {
        "target_modules": ["q_proj"],
        "modules_to_save": ["embed_tokens"],
        "ensure_weight_tying": True,
    },
    "saved both": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]},
    "saved norm": {"target_modules": ["q_proj"], "modules_to_save": ["norm"]},
    "tokens": {"target_modules": ["q_proj"], "trainable_token_indices": [3, 4, 5]},
    "biases": {"target_modules": ["q_proj"], "bias": "all"},
    "own biases": {"target_modules": ["q_proj"], "bias": "lora_only"},
    "lora bias": {"target_modules": ["q_proj"], "lora_bias": True},
    "some layers": {"target_modules": ["q_proj"], "layers_to_transform": [1]},
    "excluded": {"target_modules": ["q_proj", "v_proj"], "exclude_modules": ["layers.0.self_attn.q_proj"]},
    "gaussian": {"target_modules": ["q_proj"], "init_lora_weights": "gaussian"},
    "orthogonal": {"target_modules": ["q_proj"], "init_lora_weights": "orthogonal"},
    "eva": {"target_modules": ["q_proj"], "init_lora_weights": "eva"},
    "parameters": {"target_modules": [], "target_parameters": ["q_proj.weight"]},
}
CHANGING: dict[str, dict[str, Any]] = {
    "pissa": {"target_modules": ["q_proj"], "init_lora_weights": "pissa"},
    "pissa, fast": {"target_modules": ["q_proj"], "init_lora_weights": "pissa_niter_4"},
    "olora": {"target_modules": ["q_proj"], "init_lora_weights": "olora"},
    "mica": {"target_modules": ["q_proj"], "init_lora_weights": "mica"},
    "repeated layers": {"target_modules": ["q_proj"], "layer_replication": [[0, 2], [1, 2]]},
    "after some tokens": {"target_modules": ["q_proj"], "alora_invocation_tokens": [4, 5]},
}
"""Adapters that change more than a merge into their base can say."""


def save_adapter(base: Path, folder: Path, settings: dict[str, Any], seed: int = 1) -> Path:
    """Write an adapter with an effect, made by PEFT on a base."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    wrapped: Any = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=4, **settings))
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn_like(parameter)
    wrapped.peft_config["default"].base_model_name_or_path = "org/base"
    wrapped.save_pretrained(folder)
    return folder
