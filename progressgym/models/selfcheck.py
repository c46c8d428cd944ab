"""A model is scored only if scoring gives, on two short texts, what its own forward pass gives.

Architectures and their settings differ in more ways than can be listed: attention that looks ahead, positions counted
from padding, an output that ignores which positions were asked for. What such a model would be given is a number that
means nothing, so it is refused by what it does, not by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.models.general import logits_of, score_one_by_one
from progressgym.models.tokens import Ids, Request
from progressgym.models.window import longest_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Score = Callable[[Sequence[Request]], tuple[list[NDArray[np.float64]], int, int]]
PREFIX, OPTIONS = 5, (1, 3)
"""Tokens of the probes."""


def check_scoring(model: PreTrainedModel, score: Score) -> None:
    """Compare a way of scoring with plain forward passes.

    Raises:
        UserError: they differ by more than rounding, later tokens change earlier predictions, or the model fails.
    """
    kind = model.config.model_type
    try:
        request = _probe(model)
        ours, plain = score([request])[0][0], score_one_by_one(model, [request])[0]
        ahead = _looks_ahead(model, request.prefixes[0])
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  an unsuitable model may fail in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"a model of type {kind!r} cannot be scored: {reason}") from None
    if ahead:
        raise UserError(f"a model of type {kind!r} is not causal as configured: later words change earlier predictions")
    if not np.isfinite(plain).all():
        raise UserError(f"a model of type {kind!r} gives probabilities that are NaN or infinite in {model.dtype}")
    if not np.allclose(ours, plain, rtol=_tolerance(model), atol=_tolerance(model)):
        raise UserError(
            f"a model of type {kind!r} cannot be scored: several texts in one pass differ from each alone "
            f"by {np.abs(ours - plain).max():.2g} nats"
        )


def _probe(model: PreTrainedModel) -> Request:
    """A request of made tokens that the model knows, within its window."""
    embedding: Any = model.get_input_embeddings()
    rows = int(embedding.weight.shape[0])
    limit = longest_text(model.config) or PREFIX + max(OPTIONS)
    size = max(1, min(PREFIX, limit - max(OPTIONS)))
    tokens: Ids = tuple((7 * place * place + 11 * place + 3) % rows for place in range(size + sum(OPTIONS)))
    return Request(prefixes=(tokens[:size],), options=(tokens[size : size + OPTIONS[0]], tokens[size + OPTIONS[0] :]))


def _looks_ahead(model: PreTrainedModel, text: Ids) -> bool:
    """Whether another last token changes what is predicted before it."""
    import torch

    embedding: Any = model.get_input_embeddings()
    rows = int(embedding.weight.shape[0])
    ids = torch.tensor([text, (*text[:-1], (text[-1] + 1) % rows)], device=model.device)
    columns = torch.arange(len(text) - 1, device=model.device)
    if not len(columns):
        return False
    with torch.inference_mode():
        first, second = torch.log_softmax(logits_of(model, ids, columns).float(), -1)
    return not torch.allclose(first, second, rtol=_tolerance(model), atol=_tolerance(model))


def _tolerance(model: PreTrainedModel) -> float:
    """How far apart two sums of a few log-probabilities may lie by rounding, in nats and as a share."""
    import torch

    return 1e-3 if model.dtype in (torch.float32, torch.float64) else 0.1
