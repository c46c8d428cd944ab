"""Vectors and continuations: those of a plain forward pass, whatever else is asked in the same call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.core.protocols import Embedder, OptionScorer, Writer
from progressgym.instruments.ask import ask
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model
from progressgym.models.cache import AnswerCache, Remembered
from progressgym.models.language_model import LanguageModel
from progressgym.models.writing import _stops, _text, chosen
from tests.models.kinds import ARCHITECTURES, UNFIT, architecture, byte_level
from tests.models.tiny import CONTEXTS, FRAMINGS, OPTIONS, lively_llama

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_language_model(lively_llama(tmp_path_factory.mktemp("lively") / "m"), device="cpu", dtype="float32")


def ids_of(lm: LanguageModel, text: str) -> torch.Tensor:
    tokenizer: Any = lm.tokenizer
    return torch.tensor([tokenizer(text)["input_ids"]])


def test_a_vector_is_the_mean_of_the_last_states(lm: LanguageModel) -> None:
    found = lm.embed(CONTEXTS)
    assert found.shape == (3, lm.width) and found.dtype == np.float64
    base: Any = lm.model.base_model
    for text, vector in zip(CONTEXTS, found, strict=True):
        with torch.inference_mode():
            states = base(input_ids=ids_of(lm, text)).last_hidden_state[0].double()
        np.testing.assert_allclose(vector, states.mean(0).numpy(), atol=1e-5)
    np.testing.assert_allclose(lm.embed(CONTEXTS * 40), np.tile(found, (40, 1)), atol=1e-5)
    assert lm.embed([]).shape == (0, lm.width)


def test_the_likeliest_text_is_that_of_one_step_after_the_other(lm: LanguageModel) -> None:
    found = lm.sample(CONTEXTS, 2, temperature=0, max_tokens=8)
    for text, (first, second) in zip(CONTEXTS, found, strict=True):
        ids = start = ids_of(lm, text)
        for _ in range(8):
            with torch.inference_mode():
                ids = torch.cat([ids, lm.model(input_ids=ids).logits[:, -1].argmax(-1)[:, None]], 1)
        assert first == second == lm.tokenizer.decode(ids[0, start.shape[1] :], skip_special_tokens=True)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_reads_and_writes_alone_as_together(kind: str) -> None:
    """Padding changes neither a vector nor the likeliest text."""
    tokenizer = byte_level()
    model = architecture(ARCHITECTURES[kind], len(tokenizer)).eval()
    lm = LanguageModel(name=kind, model=model, tokenizer=tokenizer)
    texts = ["A man.", "The old woman in the market sold her horse.", "x"]
    alone = np.concatenate([lm.embed([text]) for text in texts])
    np.testing.assert_allclose(lm.embed(texts), alone, atol=1e-4)
    written = lm.sample(texts, temperature=0, max_tokens=4)
    for text, (found,) in zip(texts, written, strict=True):
        ids = start = torch.tensor([tokenizer(text)["input_ids"]])
        for _ in range(4):
            with torch.inference_mode():
                ids = torch.cat([ids, model(input_ids=ids).logits[:, -1].argmax(-1)[:, None]], 1)
        assert found == _text(tokenizer, ids[0, start.shape[1] :].tolist(), _stops(model, tokenizer))


@pytest.mark.parametrize("kind", UNFIT)
def test_models_that_look_ahead_are_refused(kind: str) -> None:
    tokenizer = byte_level()
    lm = LanguageModel(name=kind, model=architecture(UNFIT[kind], len(tokenizer)), tokenizer=tokenizer)
    for call in (lm.embed, lm.sample):
        with pytest.raises(UserError):
            call(["A man and a horse."])


def test_a_continuation_depends_on_seed_and_prompt_only(lm: LanguageModel) -> None:
    before = torch.get_rng_state()
    found = lm.sample(CONTEXTS, 3, seed=4, max_tokens=6)
    assert torch.equal(before, torch.get_rng_state()), "nobody else's draws move"
    assert lm.sample(CONTEXTS[1:], 3, seed=4, max_tokens=6) == found[1:]
    assert [texts[:2] for texts in found] == lm.sample(CONTEXTS, 2, seed=4, max_tokens=6)
    assert lm.sample(CONTEXTS, 3, seed=5, max_tokens=6) != found
    assert len({text for texts in found for text in texts}) == 9


def test_draws_have_the_probabilities_of_the_model() -> None:
    """p = (.5, .3, .2): a uniform number falls on tokens from the likeliest on; top_p = .6 leaves .5 and .3, of .8."""
    logits = torch.log(torch.tensor([[0.3, 0.5, 0.2]])).repeat(6, 1)
    uniform = np.array([0.0, 0.49, 0.51, 0.79, 0.81, 0.999])
    assert chosen(logits, uniform, 1.0, 1.0).tolist() == [1, 1, 0, 0, 2, 2]
    assert chosen(logits, uniform, 1.0, 0.6).tolist() == [1, 1, 1, 0, 0, 0]
    assert chosen(logits, uniform, 1.0, 0.01).tolist() == [1] * 6
    assert chosen(logits, uniform, 0.0, 1.0).tolist() == [1] * 6
    many = np.random.default_rng(0).random(20_000)
    drawn = chosen(logits[:1].repeat(len(many), 1), many, 2.0, 1.0).numpy()
    odds = np.array([0.3, 0.5, 0.2]) ** 0.5
    np.testing.assert_allclose(np.bincount(drawn) / len(many), odds / odds.sum(), atol=0.015)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"max_tokens": 5000}, "longer than the model's window"),
    ],
)
def test_what_cannot_be_written_is_refused(lm: LanguageModel, how: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        lm.sample(CONTEXTS, **how)


def test_an_empty_prompt_and_control_tokens_are_texts(lm: LanguageModel) -> None:
    assert len(lm.sample([""], 2, max_tokens=4)[0]) == 2
    plain, control = lm.embed(["a<|im_end|>", "a"])
    assert np.abs(plain - control).max() > 1e-3


def test_what_was_asked_is_remembered_bit_for_bit(lm: LanguageModel, tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    first, second = Remembered(lm, cache), Remembered(lm, cache)
    assert isinstance(first, OptionScorer) and isinstance(first, Embedder) and isinstance(first, Writer)
    plain = lm.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
    for model in (first, second):
        found = model.framed_option_logprobs(CONTEXTS, FRAMINGS, OPTIONS)
        assert [table.tobytes() for table in found] == [table.tobytes() for table in plain]
        assert [table.shape for table in found] == [table.shape for table in plain]
        np.testing.assert_array_equal(model.embed(CONTEXTS), lm.embed(CONTEXTS))
    assert (first.computed, second.computed) == (2, 0) and second.last_stats is None
    how = {"seed": 1, "max_tokens": 4}
    assert first.sample(CONTEXTS, 2, **how) == second.sample(CONTEXTS, 2, **how) == lm.sample(CONTEXTS, 2, **how)
    assert (first.computed, second.computed) == (3, 0) and second.last_stats is None
    second.option_logprobs(CONTEXTS, OPTIONS)
    second.framed_option_logprobs(CONTEXTS, FRAMINGS[::-1], OPTIONS)
    assert second.computed == 2, "other questions are asked"


def test_a_reading_does_not_hash_the_weights(lm: LanguageModel) -> None:
    """The fingerprint of a large model takes minutes; only who keeps answers needs it."""
    fresh = LanguageModel(name="fresh", model=lm.model, tokenizer=lm.tokenizer)
    whole = Questionnaire.load("moral19-v1")
    for asked in (
        Questionnaire.from_items(whole.items[:2], name="two").read,
        lambda model: ask(model, whole.questions()[:2]),
    ):
        asked(fresh)
    assert "fingerprint" not in vars(fresh)
