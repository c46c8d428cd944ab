"""Rows of preferences: the ids of a reading, equal texts once, and the loss by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.models import load_language_model
from progressgym.tuning.contrasts import Contrast, arrange, collate, continuation_logps, tokenise
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_language_model(save_tiny_llama(tmp_path_factory.mktemp("tiny")), device="cpu", dtype="float32")


def test_logps_are_those_of_a_reading(loaded: Any) -> None:
    """Padding on the left, shared texts and last columns change nothing: rows of unlike length, several tokens each."""
    rows = [
        Contrast(prompt="A deed", chosen=" is just", rejected=" no"),
        Contrast(prompt="Another and longer deed was", chosen=" a", rejected=" bad"),
    ]
    batch = collate(tokenise(rows, loaded.tokenizer), pad=2)
    with torch.no_grad():
        found = continuation_logps(loaded.model, batch)
    read = loaded.option_logprobs([row.prompt for row in rows], [[row.chosen, row.rejected] for row in rows])
    expected = torch.tensor([read[0][0], read[1][0], read[0][1], read[1][1]], dtype=torch.float32)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_one_token_verdicts_on_one_deed_are_computed_once(loaded: Any) -> None:
    one = {"prompt_ids": [5, 6, 7], "chosen_ids": [8], "rejected_ids": [9], "target": 1.0, "weight": 1.0, "offset": 0.0}
    batch = collate([one, one | {"prompt_ids": [5]}], pad=2)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [2, 2, 5]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
    assert batch["source"].tolist() == [0, 1, 0, 1] and batch["tokens"].tolist() == [[8], [8], [9], [9]]


@pytest.mark.parametrize(
    "bad", [{"weight": math.nan}, {"weight": -1.0}, {"weight": math.inf}, {"target": math.nan}, {"offset": math.nan}]
)
def test_numbers_that_would_spoil_the_loss_are_refused(loaded: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="a preference has"):
        tokenise([Contrast(prompt="a", chosen=" b", rejected=" c", **bad)], loaded.tokenizer)
    with pytest.raises(UserError, match="at least one"):
        tokenise([], loaded.tokenizer)


def test_batches_are_of_like_length_and_a_short_one_is_last() -> None:
    rows = [{"prompt_ids": [0] * n, "chosen_ids": [1], "rejected_ids": [1]} for n in range(1, 11)]
    lengths = [len(row["prompt_ids"]) for row in arrange(rows, 4, seed=0)]
    assert sorted(lengths) == list(range(1, 11)) and lengths[-2:] == [9, 10]
    assert {tuple(lengths[:4]), tuple(lengths[4:8])} == {(1, 2, 3, 4), (5, 6, 7, 8)}
    assert arrange(rows, 4, seed=0) == arrange(rows, 4, seed=0)


def test_rows_of_one_comparison_stay_in_one_batch() -> None:
    rows = [{"prompt_ids": [n] * (1 + (7 * n) % 11), "chosen_ids": [1], "rejected_ids": [1]} for n in range(20)]
    order = [row["prompt_ids"][0] for row in arrange(rows, 4, seed=0, together=2)]
    assert sorted(order) == list(range(20))
    assert all(second == first + 1 for first, second in zip(order[::2], order[1::2], strict=True))
