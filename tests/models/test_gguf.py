"""GGUF: a tiny Llama written as llama.cpp would, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from progressgym.models import load_language_model
from progressgym.models.smollm import convert_gguf
from tests.models.tiny import lively_llama


def interleave(weight: Any, heads: int) -> Any:
    """llama.cpp keeps the two halves of a rotary pair side by side."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(folder: Path, file: Path) -> None:
    from gguf import GGUFWriter
    from transformers import AutoTokenizer, LlamaForCausalLM

    model: Any = LlamaForCausalLM.from_pretrained(folder)
    config, writer = model.config, GGUFWriter(str(file), "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    words = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    words[-1] = "qz"  # the format wants at least one merge
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(words)
    writer.add_token_types([3 if word.startswith("<|") else 1 for word in words])
    writer.add_token_merges(["q z"])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    writer.add_tensor("token_embd.weight", state["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", state["model.norm.weight"])
    for layer in range(config.num_hidden_layers):
        for theirs, ours in names.items():
            weight = state[f"model.layers.{layer}.{theirs}.weight"]
            weight = interleave(weight, heads[ours]).copy() if ours in heads else weight
            writer.add_tensor(f"blk.{layer}.{ours}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    torch.set_num_threads(1)
    folder = lively_llama(tmp_path_factory.mktemp("models") / "llama")
    write_gguf(folder, folder.parent / "tiny.gguf")
    return folder, folder.parent / "tiny.gguf"


def test_a_gguf_file_is_the_model_it_was_made_of(files: tuple[Path, Path]) -> None:
    folder, gguf = files
    ours, theirs = (load_language_model(where, device="cpu", dtype="float32") for where in (gguf, folder))
    mine, other = ours.model.state_dict(), theirs.model.state_dict()
    assert set(mine) == set(other)
    for name, tensor in mine.items():
        torch.testing.assert_close(tensor, other[name], msg=name)
    text = "He asks whether I come."
    assert ours.tokenizer(text)["input_ids"] == theirs.tokenizer(text)["input_ids"]


def test_the_converted_folder_is_a_plain_model(files: tuple[Path, Path], tmp_path: Path) -> None:
    """It carries no mark of quantisation, holds bfloat16, and answers as the GGUF file does."""
    import json

    convert_gguf(files[1], tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["dtype"] == "bfloat16"
    converted, direct = (load_language_model(where, device="cpu", dtype="bfloat16") for where in (tmp_path, files[1]))
    assert converted.fingerprint == direct.fingerprint
