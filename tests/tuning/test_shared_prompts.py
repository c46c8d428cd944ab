"""A prompt read once for all its continuations: the same numbers and gradients as whole texts, where a model allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from progressgym.models import load_language_model
from progressgym.tuning.contrasts import TERM_PARTS, collate, continuation_logps
from progressgym.tuning.shared_prompts import can_share, of_shared_prompts
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    loaded = load_language_model(save_tiny_llama(tmp_path_factory.mktemp("tiny")), device="cpu", dtype="float32")
    return loaded.model.double()


def drawn_rows(seed: int, count: int = 4) -> list[dict[str, Any]]:
    """Rows with terms of which some share the row's prompt, some another's, some nobody's; continuations of 1 to 5 tokens."""
    random = np.random.default_rng(seed)

    def ids(most: int) -> list[int]:
        drawn: list[int] = random.integers(3, 200, int(random.integers(1, most + 1))).tolist()
        return drawn

    rows = []
    for _ in range(count):
        prompts, plain = [ids(12), ids(12), ids(30)], {"target": 1.0, "weight": 1.0, "offset": 0.0}
        terms = [
            {
                "part": TERM_PARTS.index("steer"),
                "slot": 0,
                "share": 1.0,
                "bare": True,
                "prompt_ids": prompt,
                "ids": ids(5),
            }
            for prompt in prompts[: 1 + int(random.integers(3))] * 2
        ]
        rows.append({"prompt_ids": prompts[0], "chosen_ids": ids(5), "rejected_ids": ids(1), "terms": terms} | plain)
    return rows


def scored(model: Any, rows: list[dict[str, Any]], *, share: bool, total: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of all continuations, and the gradient of a sum of them by all weights."""
    model.zero_grad()
    batch = collate(rows, 2, share=share)
    assert ("prompt_ids" in batch) == share
    logps = continuation_logps(model, batch, total=total)
    (logps * torch.linspace(-1.0, 1.0, len(logps), dtype=torch.float64)).sum().backward()
    return logps.detach(), torch.cat([weight.grad.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("total", [True, False])
def test_shared_prompts_give_what_whole_texts_give(model: Any, seed: int, total: bool) -> None:
    whole, shared = (scored(model, drawn_rows(seed), share=share, total=total) for share in (False, True))
    torch.testing.assert_close(shared[0], whole[0], atol=1e-9, rtol=1e-9)
    # The layers' norms are in single precision, whatever the weights are.
    torch.testing.assert_close(shared[1], whole[1], atol=1e-6 * float(whole[1].abs().max()), rtol=0.0)


def test_verdicts_of_one_token_are_read_as_ever() -> None:
    """Their texts are the prompts, which are read once in any case."""
    rows = [row | {"chosen_ids": [7], "rejected_ids": [8]} for row in drawn_rows(1)]
    for row in rows:
        row["terms"] = [term | {"ids": [7 + n]} for n, term in enumerate(row["terms"])]
    one, other = (collate(rows, 2, share=share) for share in (False, True))
    assert one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_prompt_is_shared_by_answers_that_differ_before_their_last_token() -> None:
    pairs = [([5], [7, 1]), ([5], [7, 2]), ([6], [7, 1]), ([6], [8, 1]), ([9], [7])]
    assert of_shared_prompts(pairs) == [2, 3]


def test_models_that_forget_or_recur_do_not_share(model: Any) -> None:
    from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

    sizes: dict[str, Any] = {"vocab_size": 16, "hidden_size": 8, "num_hidden_layers": 1}
    heads = {"intermediate_size": 8, "num_attention_heads": 1, "num_key_value_heads": 1}
    assert can_share(model)
    assert can_share(MistralForCausalLM(MistralConfig(**sizes, **heads, sliding_window=None)))
    assert not can_share(MistralForCausalLM(MistralConfig(**sizes, **heads, sliding_window=4)))
    assert not can_share(MambaForCausalLM(MambaConfig(**sizes, state_size=2)))
