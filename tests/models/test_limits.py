"""What a model cannot take is refused in one line: windows, unknown tokens, control tokens, joints, settings."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model
from progressgym.models.language_model import LanguageModel
from progressgym.models.tokens import encode, encode_texts, splits_at_spaces, tags_of
from tests.models.kinds import ARCHITECTURES, TOKENIZERS, architecture, byte_level, space_mark

pytestmark = pytest.mark.filterwarnings("ignore")
torch.set_num_threads(1)
LONG = "An old man gave a coat to a stranger. " * 12


def scorer(settings: dict[str, Any], tokenizer: Any = None, **changes: Any) -> LanguageModel:
    tokenizer = tokenizer or byte_level()
    model = architecture({**settings, **changes}, len(tokenizer))
    return LanguageModel(name="x", model=model, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("llama", {"max_position_embeddings": 32}),
        ("gpt2", {"n_positions": 32}),
        ("opt", {"max_position_embeddings": 32}),
        ("gpt neox", {"max_position_embeddings": 32}),
        ("mpt", {"max_seq_len": 32}),
    ],
)
def test_a_text_beyond_the_window(kind: str, changes: dict[str, Any]) -> None:
    """Exactly as many tokens as the window has are scored, one more is not."""
    model = scorer(ARCHITECTURES[kind], **changes)
    for length, fits in ((31, True), (32, False)):
        prompt = "?" * length
        assert len(model.tokenizer(prompt)["input_ids"]) == length
        if fits:
            assert np.isfinite(model.option_logprobs([prompt], [[" A"]])[0]).all()
        else:
            with pytest.raises(UserError, match="33 tokens is longer than the model's window of 32"):
                model.option_logprobs([prompt], [[" A"]])


ADAPTIVE = {
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4},
    "longrope": {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "short_factor": [1.0] * 4,
        "long_factor": [1.0, 2.0, 4.0, 8.0],
        "original_max_position_embeddings": 48,
    },
}


@pytest.mark.parametrize("kind", ["llama", "mistral"])
@pytest.mark.parametrize("rope", ADAPTIVE)
def test_frequencies_that_depend_on_the_longest_text(kind: str, rope: str) -> None:
    """Within the length up to which they do not, company and what was asked before change nothing; beyond is refused."""
    window = 48 if rope == "dynamic" else 256
    model = scorer(ARCHITECTURES[kind], rope_parameters=ADAPTIVE[rope], max_position_embeddings=window)
    (alone,) = model.option_logprobs(["An old man"], [[" yes", " no"]])
    middle = "An old man gave a coat to a stranger. What should I do?"
    together = model.option_logprobs(["An old man", middle], [[" yes", " no"], [" A"]])
    np.testing.assert_allclose(together[0], alone, atol=1e-5)
    with pytest.raises(UserError, match="window of 48"):
        model.option_logprobs(["An old man", LONG], [[" yes", " no"], [" A"]])
    np.testing.assert_allclose(model.option_logprobs(["An old man"], [[" yes", " no"]])[0], alone, atol=1e-5)


def test_tokens_beyond_the_embedding() -> None:
    model = scorer(ARCHITECTURES["llama"])
    model.tokenizer.add_tokens(["QQQQ"])
    assert np.isfinite(model.option_logprobs(["What then?"], [[" yes"]])[0]).all()
    with pytest.raises(UserError, match=r"gives token \d+, but the model's embedding ends at"):
        model.option_logprobs(["What of QQQQ then?"], [[" yes"]])


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_control_tokens_in_a_text_are_text(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    if kind == "unigram":  # its pieces hold the control tokens
        with pytest.raises(UserError, match=r"'</s>' in 'He said </s> and left\.' for a control"):
            encode_texts(tokenizer, ["He said </s> and left."])
        return
    for text in ("He said </s> and left.", "<s>", "a <s> b</s>"):
        (ids,) = encode_texts(tokenizer, [text])
        assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(ids)
    (request,) = encode(tokenizer, ["He said </s> and left."], ["", " So:"], [[" </s>", " yes"]])
    body = [*request.prefixes[1][1:], *request.options[0], *request.options[1]]
    assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(body)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_added_tokens_that_look_like_control_tokens_are_text(kind: str) -> None:
    """`<think>` and its kin are read as by a tokenizer that does not know them; added words and blanks stay tokens."""
    plain = TOKENIZERS[kind]()
    tokenizer = copy.deepcopy(plain)
    tokenizer.add_tokens(["<think>", "</tool_call>", "[INST]", "covid", "     "])
    assert tags_of(tokenizer) == ("</tool_call>", "<think>", "[INST]") and not tags_of(plain)
    texts = ["I <think>so</think> indeed", "<think>", "a[INST] b </tool_call>c", "nothing of the kind"]
    assert encode_texts(tokenizer, texts) == encode_texts(plain, texts)
    options = [[" </think> yes", " no"]]
    assert encode(tokenizer, texts[:1], ["", " So:"], options) == encode(plain, texts[:1], ["", " So:"], options)
    (ids,) = encode_texts(tokenizer, ["a covid <think> b"])
    assert tokenizer.convert_tokens_to_ids("covid") in ids and tokenizer.convert_tokens_to_ids("<think>") not in ids


def test_tags_are_part_of_the_fingerprint() -> None:
    with_word, with_tag = scorer(ARCHITECTURES["llama"]), scorer(ARCHITECTURES["llama"])
    with_word.tokenizer.add_tokens(["zebra"])
    with_tag.tokenizer.add_tokens(["<think>"])
    assert with_word.fingerprint != with_tag.fingerprint


def test_a_tag_that_cannot_be_read_as_its_letters_is_refused() -> None:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"<unk>": 0, "<think>": 1, "yes": 2}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.add_tokens([AddedToken("<think>", special=False)])
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>")
    with pytest.raises(UserError, match="'<think>' in 'yes <think>' for a control token"):
        encode_texts(tokenizer, ["yes <think>"])


def test_a_tokenizer_that_cannot_help_making_control_tokens() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(["<unk>", "</s>", "yes", "no"])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", eos_token="</s>")
    assert encode_texts(tokenizer, ["yes no maybe"]) == [(2, 3, 0)]
    with pytest.raises(UserError, match="'</s>' in 'yes </s>' for a control token"):
        encode_texts(tokenizer, ["yes </s>"])


@pytest.mark.parametrize(("prompt", "option"), [("Answer: ", "A"), ("I sh", "ould go")])
def test_an_option_that_shares_a_token_with_its_prompt(prompt: str, option: str) -> None:
    for tokenizer in (byte_level(), space_mark()):
        with pytest.raises(UserError, match="in one token, so the option has no score of its own") as caught:
            encode(tokenizer, [prompt], [""], [[option]])
        assert "\n" not in str(caught.value)


def test_parts_are_only_taken_where_they_give_the_joined_text() -> None:
    """GPT-2's pattern, all combinations of odd ends: the ids of the parts are those of the joined text."""
    assert {kind for kind, make in TOKENIZERS.items() if splits_at_spaces(make())} == {"byte level", "byte level, BOS"}
    tokenizer = byte_level()
    contexts = ["I", "I go.", "one1", "it's", "He said \u201cyes\u201d", "\u00e9", "a\u0301", "tell  the"]
    framings = ["", " So:", " 'tis", " 5", " \u2014 so"]
    options = [" A", " 's", " 12", " yes no", " \u00fe", " \u0301x", " ."]
    requests = encode(tokenizer, contexts, framings, [options] * len(contexts))
    for context, request in zip(contexts, requests, strict=True):
        for framing, prefix in zip(framings, request.prefixes, strict=True):
            for text, ids in zip(options, request.options, strict=True):
                assert list(prefix + ids) == tokenizer(context + framing + text)["input_ids"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, tokenizer = tmp_path_factory.mktemp("models") / "llama", byte_level()
    architecture(ARCHITECTURES["llama"], len(tokenizer)).save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "32"},
        {"hidden_size": None},
        {"hidden_size": [32]},
        {"num_attention_heads": 0},
        {"num_attention_heads": "four"},
        {"num_key_value_heads": 3},
        {"num_hidden_layers": 2.5},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": 1},
        {"num_hidden_layers": 3},
        {"vocab_size": -1},
        {"max_position_embeddings": "256"},
        {"max_position_embeddings": -5},
        {"max_position_embeddings": 3.5},
        {"hidden_act": "of tomorrow"},
        {"hidden_act": 7},
        {"rms_norm_eps": "small"},
        {"rope_parameters": "linear"},
        {"rope_parameters": {"rope_type": "of tomorrow", "rope_theta": 1e4}},
        {"model_type": 5},
        {"model_type": ["llama"]},
        {"architectures": 5, "model_type": "nothing"},
    ],
    ids=str,
)
def test_settings_of_a_wrong_type(changes: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    """One line, at the latest at the first question; or the settings mean what they meant."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    file = copy / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(UserError) as caught:
        load_language_model(copy, "cpu", "float32").option_logprobs(["Answer:"], [[" A"]])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "recipe", "block", "message"),
    [
        ("gpt2", {}, 32, "'gpt2' has no layers called down_proj"),
        ("llama", {"targets": ("q_proj", "lm_head")}, 32, "shares its weights with another layer"),
        ("llama", {"targets": ("embed_tokens",)}, 32, "shares its weights with another layer"),
        ("llama", {"top_layers": 3}, 32, "the model has 2 layers"),
        ("llama", {"rank": -1}, 32, "no adapter fits"),
        ("llama", {}, 129, "have 129 tokens, but the window"),
    ],
)
def test_bases_that_cannot_be_trained(
    kind: str, recipe: dict[str, Any], block: int, message: str, tmp_path: Path
) -> None:
    """Told from the configuration, before a corpus is read."""
    from progressgym.tuning.lora import LoraRecipe, check_targets

    architecture(ARCHITECTURES[kind], 300).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        check_targets(tmp_path, LoraRecipe(**{"top_layers": None, **recipe}), block)
    assert "\n" not in str(caught.value)


def test_control_tokens_in_a_corpus_are_text() -> None:
    from progressgym.histories.build import BuildRecipe, blocks
    from progressgym.histories.corpus import Passage

    tokenizer = TOKENIZERS["byte level, BOS"]()
    passage = Passage(text="He said </s> and <s> left.", year=1900, source="s", work="w")
    (example, *_) = blocks([passage], tokenizer, BuildRecipe(tokens=64, block=64, spelling="none", moral=False))
    assert list(example.input_ids).count(tokenizer.bos_token_id) == 1  # the tokenizer's own, in front
    assert tokenizer.eos_token_id not in example.input_ids
