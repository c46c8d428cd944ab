"""GRPO of completions of one token: the prompt is read once for its whole group.

TRL reads a prompt as often as there are completions of it, in drawing them and in scoring them. Of one token, all of them are drawn
from and scored by the same row of log-probabilities, so that one forward pass a prompt gives the same loss.

Importing this module loads trl; import it where a training begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer


class LetterGRPOTrainer(GRPOTrainer):  # type: ignore[misc]  # trl ships no types
    """`GRPOTrainer` with `max_completion_length=1`, `temperature=1.0` and `top_k=0`.

    Legend of shapes: B completions, P different prompts of them, V tokens.
    """

    def _generate_single_turn(self, prompt_ids: Sequence[Sequence[int]], *_: Any, **__: Any) -> tuple[Any, None]:
        """Draw the B tokens."""
        distinct = list(dict.fromkeys(map(tuple, prompt_ids)))
        length, pad = max(map(len, distinct)), self.processing_class.pad_token_id
        rows = [[pad] * (length - len(ids)) + list(ids) for ids in distinct]
        mask = [[0] * (length - len(ids)) + [1] * len(ids) for ids in distinct]
        device, model = self.accelerator.device, self.model_wrapped
        training = model.training
        model.eval()
        with torch.no_grad():
            logps = _next(model, torch.tensor(rows, device=device), torch.tensor(mask, device=device))
        model.train(training)
        which = torch.tensor([distinct.index(tuple(ids)) for ids in prompt_ids], device=device)
        drawn: list[list[int]] = torch.multinomial(logps.exp()[which], 1).tolist()
        return drawn, None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor, None]:
        """(B, 1) log-probabilities of the last tokens, and the entropies that they were drawn with."""
        assert logits_to_keep == 1
        prompts = torch.cat([input_ids[:, :-1], attention_mask[:, :-1]], dim=1)
        distinct, which = torch.unique(prompts, dim=0, return_inverse=True)
        logps = _next(model, *distinct.chunk(2, dim=1))
        entropies = -(logps.exp() * logps).sum(-1)
        return logps[which].gather(1, input_ids[:, -1:]), entropies[which, None].detach(), None


def _next(model: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """(P, V) log-probabilities of what comes after prompts."""
    positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    outputs = model(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, logits_to_keep=1, use_cache=False
    )
    logps: Tensor = outputs.logits[:, -1].float().log_softmax(-1)
    return logps
