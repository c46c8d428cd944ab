"""A tiny Llama that knows letters as tokens and likes to answer with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.tiny import enliven
from tests.tuning.tiny import save_tiny_llama

LETTERS = ("A", "B", "C", "D")


def lettered_llama(folder: Path, seed: int = 0) -> Path:
    """Write the model of `save_tiny_llama` with tokens " A" to " D" that often come after "Answer:"."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

    save_tiny_llama(folder, seed=seed)
    plain = AutoTokenizer.from_pretrained(folder)
    vocabulary = plain.get_vocab()
    space = "\u0120"
    for letter in LETTERS:
        vocabulary[space + letter] = len(vocabulary)
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[(space, letter) for letter in LETTERS]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|im_end|>", bos_token="<|im_start|>"
    )
    model = LlamaForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(vocabulary))
    enliven(model)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    ids = torch.tensor([tokenizer("A. I go.\nB. I stay.\nAnswer:")["input_ids"]])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        hidden = model.model(input_ids=ids).last_hidden_state[0, -1]
        for letter in LETTERS:
            noise = torch.randn(hidden.shape, generator=generator) * 0.1
            model.lm_head.weight[vocabulary[space + letter]] = 12 * hidden / hidden.square().sum() + noise
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
