"""Option scores against a plain forward pass of every text alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.core.protocols import OptionScorer
from progressgym.models import load_language_model, packed
from progressgym.models.general import score_rows
from progressgym.models.language_model import LanguageModel
from progressgym.models.tokens import encode
from tests.models.tiny import CONTEXTS, FRAMINGS, OPTIONS, enliven, lively_llama, one_by_one


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lively_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def lm(folder: Path) -> LanguageModel:
    return load_language_model(folder, device="cpu", dtype="float32")


def largest_difference(ours: list[Any], theirs: list[Any]) -> float:
    assert [table.shape for table in ours] == [table.shape for table in theirs]
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def test_llamas_take_the_packed_path_and_are_scorers(lm: LanguageModel) -> None:
    assert packed.supports(lm.model)
    assert isinstance(lm, OptionScorer)


@pytest.mark.parametrize("framings", [FRAMINGS, [""], [" So:"]])
def test_packed_equals_one_by_one(lm: LanguageModel, framings: list[str]) -> None:
    ours = lm.framed_option_logprobs(CONTEXTS, framings, OPTIONS)
    theirs = one_by_one(lm, encode(lm.tokenizer, CONTEXTS, framings, OPTIONS))
    assert [table.shape for table in ours] == [(len(framings), len(texts)) for texts in OPTIONS]
    assert largest_difference(ours, theirs) < 1e-5
    assert all((table <= 0).all() for table in ours)


@pytest.mark.parametrize(("size", "width", "rows"), [(40, 8, 5), (100, 64, 512), (33, 16, 1)])
def test_cuts_change_nothing(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch, size: int, width: int, rows: int
) -> None:
    """One neutral context with all options, cut in the middle of its tree."""
    options = [[option for texts in OPTIONS for option in texts]]
    theirs = one_by_one(lm, encode(lm.tokenizer, ["Someone speaks."], FRAMINGS, options))
    for name, value in (("PIECE_CPU", size), ("WIDTH", width), ("HEAD_ROWS", rows)):
        monkeypatch.setattr(packed, name, value)
    assert largest_difference(lm.framed_option_logprobs(["Someone speaks."], FRAMINGS, options), theirs) < 1e-5


def test_general_path_equals_one_by_one(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = encode(lm.tokenizer, CONTEXTS, FRAMINGS, OPTIONS)
    ours, computed, predicted = score_rows(lm.model, requests)
    theirs = one_by_one(lm, requests)
    means = [table / [len(option) for option in request.options] for table, request in zip(ours, requests, strict=True)]
    assert largest_difference(means, theirs) < 1e-5
    assert computed >= sum(len(p) + len(o) - 1 for r in requests for p in r.prefixes for o in r.options)
    assert computed >= predicted >= sum(len(option) for r in requests for option in r.options)


def test_other_architectures_take_the_general_path(lm: LanguageModel) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=256, bos_token_id=1, eos_token_id=2)
    model = GPT2LMHeadModel(config).eval()
    enliven(model)
    assert not packed.supports(model)
    other = LanguageModel(name="gpt2", model=model, tokenizer=lm.tokenizer)
    ours = other.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    assert largest_difference(ours, one_by_one(other, encode(lm.tokenizer, CONTEXTS, FRAMINGS, OPTIONS))) < 1e-5


@pytest.mark.parametrize(
    "changes", [{"attention_bias": True, "mlp_bias": True}, {"num_key_value_heads": 1}, {"head_dim": 12}]
)
def test_variants_of_the_architecture(lm: LanguageModel, changes: dict[str, Any]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(**(lm.model.config.to_dict() | {"tie_word_embeddings": False} | changes))
    ).eval()
    enliven(model)
    other = LanguageModel(name="variant", model=model, tokenizer=lm.tokenizer)
    assert packed.supports(model)
    ours = other.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    assert largest_difference(ours, one_by_one(other, encode(lm.tokenizer, CONTEXTS, FRAMINGS, OPTIONS))) < 1e-5


def test_modules_that_were_replaced_leave_the_packed_path(lm: LanguageModel) -> None:
    """An adapter that is not merged changes what a layer computes."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    config: Any = lm.model.config
    wrapped: Any = get_peft_model(LlamaForCausalLM(config), LoraConfig(target_modules=["q_proj"]))
    assert not packed.supports(wrapped.get_base_model())


def test_option_logprobs_and_sums(lm: LanguageModel) -> None:
    means = lm.option_logprobs(CONTEXTS, OPTIONS)
    sums, counts = lm.option_token_sums(CONTEXTS, OPTIONS)
    assert [mean.shape for mean in means] == [(4,), (1,), (2,)]
    for mean, total, count, texts in zip(means, sums, counts, OPTIONS, strict=True):
        np.testing.assert_allclose(mean, total / count)
        assert count.tolist() == [len(text) for text in texts]  # one token a byte


def test_equal_options_get_equal_scores(lm: LanguageModel) -> None:
    (scores,) = lm.option_logprobs(["He asks."], [[" Yes.", " No.", " Yes."]])
    assert scores[0] == scores[2] != scores[1]


def test_an_empty_context_is_predicted_from_bos(lm: LanguageModel) -> None:
    (scores,) = lm.framed_option_logprobs([""], [""], [["Yes."]])
    ids = torch.tensor([[lm.tokenizer.bos_token_id, *lm.tokenizer("Yes.", add_special_tokens=False)["input_ids"]]])
    with torch.inference_mode():
        logs = torch.log_softmax(lm.model(ids).logits[0], -1)
    assert scores[0, 0] == pytest.approx(float(logs[torch.arange(4), ids[0, 1:]].mean()), abs=1e-5)


def test_no_requests_cost_nothing(lm: LanguageModel) -> None:
    assert lm.option_logprobs([], []) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], [""], []), "1 contexts but 0 lists of options"),
        ((["a"], [], [[" b"]]), "no framing"),
        ((["a"], [""], [[]]), "context 0 has no options"),
        ((["a", "b"], [""], [[" b"], [" b", ""]]), "option '' of context 1 has no tokens"),
    ],
)
def test_malformed_requests(lm: LanguageModel, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        lm.framed_option_logprobs(*arguments)


def test_stats_count_shared_beginnings_once(lm: LanguageModel) -> None:
    """Context of 8 tokens; options ' a!' and ' b!' share the space: 8 + 1 + 2 nodes. Alone 2 * (8 + 3 - 1)."""
    lm.option_logprobs(["He asks."], [[" a!", " b!"]])
    stats = lm.last_stats
    assert stats is not None
    assert (stats.unique_tokens, stats.scored_tokens, stats.plain_tokens) == (11, 6, 20)
    assert stats.predicting_tokens == 4  # the stop, the space, a and b
    assert stats.tokens_per_second > 0


def test_bfloat16_is_near_and_does_not_depend_on_the_company(folder: Path, lm: LanguageModel) -> None:
    """In float32 to 1e-5; in bfloat16 a text alone gives the very bits that it gives among others."""
    half = load_language_model(folder, device="cpu", dtype="bfloat16")
    together = half.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    assert largest_difference(together, lm.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)) < 0.1
    for context, texts, table in zip(CONTEXTS, OPTIONS, together, strict=True):
        (alone,) = half.framed_option_logprobs([context], FRAMINGS, [texts])
        np.testing.assert_array_equal(alone, table)
    again = half.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    assert largest_difference(together, again) == 0


def test_tokenizers_that_begin_texts_with_bos_keep_it(lm: LanguageModel) -> None:
    from tokenizers.processors import TemplateProcessing

    class Bos:
        """The tiny tokenizer with a BOS in front, as Llama 3 has."""

        def __init__(self) -> None:
            import copy

            self.inner: Any = copy.deepcopy(lm.tokenizer)
            self.inner.backend_tokenizer.post_processor = TemplateProcessing(
                single="<|im_start|> $A", special_tokens=[("<|im_start|>", self.inner.bos_token_id)]
            )

    tokenizer = Bos().inner
    (request,) = encode(tokenizer, ["He"], ["", " x"], [[" a"]])
    plain = tokenizer("He", add_special_tokens=False)["input_ids"]
    assert request.prefixes[0] == (tokenizer.bos_token_id, *plain)
    assert request.prefixes[1][:3] == request.prefixes[0]
    assert tokenizer.bos_token_id not in request.options[0]
