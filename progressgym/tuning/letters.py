"""Training on completions of one letter: every prompt is read once, whatever is drawn, scored and learned of it.

TRL reads a prompt as often as there are completions of it, in drawing them and again in scoring them. Of one token, all of a group are
drawn from and scored by the same row of log-probabilities, so that one forward pass a prompt gives the same loss. Only the letters
that a prompt offers are drawn, by the policy's odds among them: what a reading by log-probability asks for.

Importing this module loads trl; import it where a training begins. Legend of shapes: B completions, P different prompts of them, K
letters of the prompt that offers most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Trainer
from trl import GRPOTrainer, RLOOTrainer

from progressgym.tuning.contrasts import left_padded
from progressgym.tuning.trainers import REFERENCE, AnswerDPOTrainer

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Offer:
    """What may follow a prompt."""

    tokens: Sequence[int]
    """K letters."""
    prior: Sequence[float]
    """K logarithms of odds that the model's own are added to."""


class _Letters:
    """What both policy gradients share: one token a completion, at temperature 1, one optimiser step a draw."""

    offers: Mapping[Ids, Offer]
    """Prompt's ids -> what may follow. Set before `train`."""
    _rows: tuple[int, dict[Ids, Tensor]] = (-1, {})
    """The optimiser step, and the (K,) log-probabilities that its completions were drawn from."""

    def _draw(self, prompt_ids: Sequence[Sequence[int]]) -> list[list[int]]:
        """The B tokens; the forward pass is kept for the loss."""
        trainer: Any = self
        distinct = list(dict.fromkeys(map(tuple, prompt_ids)))
        with torch.enable_grad():
            logps = self._next(trainer.model_wrapped, distinct)
        self._rows = (trainer.state.global_step, dict(zip(distinct, logps, strict=True)))
        which = torch.tensor([distinct.index(tuple(ids)) for ids in prompt_ids], device=logps.device)
        drawn = torch.multinomial(logps.detach().exp()[which], 1)[:, 0].tolist()
        return [[self.offers[tuple(ids)].tokens[letter]] for ids, letter in zip(prompt_ids, drawn, strict=True)]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor, None]:
        """(B, 1) log-probabilities of the last tokens, and the entropies that they were drawn with."""
        trainer: Any = self
        assert logits_to_keep == 1
        prompts = [
            tuple(ids[seen.bool()].tolist())
            for ids, seen in zip(input_ids[:, :-1], attention_mask[:, :-1], strict=True)
        ]
        distinct = list(dict.fromkeys(prompts))
        step, rows = self._rows
        if step != trainer.state.global_step or not set(distinct) <= set(rows):
            rows = dict(zip(distinct, self._next(model, distinct), strict=True))
        logps = torch.stack([rows[ids] for ids in distinct])
        if not torch.is_grad_enabled():  # RLOO asks for what it compares with; the graph is the loss's
            logps = logps.detach()
        entropies = -torch.special.xlogy(logps.exp(), logps.exp()).sum(-1)
        which = torch.tensor([distinct.index(ids) for ids in prompts], device=logps.device)
        said = zip(prompts, input_ids[:, -1].tolist(), strict=True)
        letters = torch.tensor([[self.offers[ids].tokens.index(token)] for ids, token in said], device=logps.device)
        return logps[which].gather(1, letters), entropies[which, None].detach(), None

    def _next(self, model: Any, prompts: Sequence[Ids]) -> Tensor:
        trainer: Any = self
        ids, seen = left_padded(prompts, trainer.processing_class.pad_token_id)
        device = trainer.accelerator.device
        return next_logps(model, ids.to(device), seen.to(device), [self.offers[one] for one in prompts])


class LetterGRPOTrainer(_Letters, GRPOTrainer):  # type: ignore[misc]  # trl ships no types
    """`GRPOTrainer` with `max_completion_length=1`."""

    def _generate_single_turn(self, prompt_ids: Sequence[Sequence[int]], *_: Any, **__: Any) -> tuple[Any, None]:
        return self._draw(prompt_ids), None


class LetterRLOOTrainer(_Letters, RLOOTrainer):  # type: ignore[misc]
    """`RLOOTrainer` with `max_completion_length=1`."""

    def _generate_single_turn(self, prompt_ids: Sequence[Sequence[int]], *_: Any, **__: Any) -> Any:
        return self._draw(prompt_ids)


class LetterDPOTrainer(AnswerDPOTrainer):
    """DPO whose reference is uniform, so that its optimum is the odds of the preferences and not the base's odds times theirs."""

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        for key in REFERENCE:
            dataset = dataset.add_column(key, [0.0] * len(dataset))
        return dataset


class LetterSFTTrainer(Trainer):  # type: ignore[misc]  # read without its types
    """Cross-entropy to the shares of the letters: supervised training on drawn letters, of which it is the expectation."""

    def compute_loss(self, model: Any, inputs: Mapping[str, Any], *_: Any, **__: Any) -> Tensor:
        """Mean over the rows, in nats."""
        logps = next_logps(model, inputs["input_ids"], inputs["attention_mask"], inputs["offers"])
        rows = zip(logps, inputs["shares"], strict=True)
        return -torch.stack([row[: len(human)] @ row.new_tensor(human) for row, human in rows]).mean()


def shares_collator(pad: int) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]:
    """Collator of `LetterSFTTrainer`: rows of `prompt_ids`, `letters`, `prior` and `shares`."""

    def stack(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        ids, seen = left_padded([row["prompt_ids"] for row in rows], pad)
        return {
            "input_ids": ids,
            "attention_mask": seen,
            "offers": [Offer(row["letters"], row["prior"]) for row in rows],
            "shares": [row["shares"] for row in rows],
        }

    return stack


def next_logps(model: Any, input_ids: Tensor, attention_mask: Tensor, offers: Sequence[Offer]) -> Tensor:
    """(P, K) log-probabilities of the letters after prompts, among those offered and after the prior; padding has -inf."""
    positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    outputs = model(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, logits_to_keep=1, use_cache=False
    )
    logits = outputs.logits[:, -1].float()
    width = max(len(offer.tokens) for offer in offers)
    rows = [
        F.pad(row[list(offer.tokens)] + row.new_tensor(offer.prior), (0, width - len(offer.tokens)), value=-torch.inf)
        for row, offer in zip(logits, offers, strict=True)
    ]
    return torch.stack(rows).log_softmax(-1)
