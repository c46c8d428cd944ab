"""Teaching a model what to choose: soft labels on the replies of a question form.

A question with K options is asked as it is read (`progressgym.instruments.forms`, every order), and the probabilities of
its K replies, each one token long, are drawn to the shares that somebody should have:

    loss = - sum_k share_k log softmax(logits of the replies)_k,    mean over questions and orders

Where the shares come from a utility this is the utility control of "Utility Engineering" (Mazeika et al.,
arXiv 2502.08640), who tune all weights on sampled answers; here an adapter is tuned on the probabilities themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import validate_answers
from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.instruments.forms import forms_of, matching, orders_of
from progressgym.instruments.loadings import option_mask
from progressgym.instruments.protocol import Question
from progressgym.models.tokens import Ids, encode
from progressgym.tuning.training import Progress, StageRecipe
from progressgym.tuning.tunable import TunableModel

if TYPE_CHECKING:
    from torch import Tensor

Lesson = tuple[Ids, Ids, NDArray[np.float64]]
"""Tokens of the prompt, the token of every reply, and the shares that the replies should have."""


def train_choices(
    tunable: TunableModel,
    questions: Sequence[Question],
    shares: ArrayLike,
    recipe: StageRecipe,
    *,
    form: str = "ab",
    seed: int = 0,
    progress: Progress | None = None,
) -> list[float]:
    """Train a model's state on the choices that somebody should make; see above.

    Args:
        tunable: changed in place.
        questions: N of them.
        shares: (N, K) of the options, padded with 0.
        recipe: hyperparameters; `compile` and `checkpoint_steps` have no effect.
        form: of which every question is asked in all rotations; its replies are one token long.
        seed: of the order of lessons.
        progress: called after every step.

    Returns:
        The loss of every step, nats.

    Raises:
        UserError: nothing to learn, malformed shares, a form whose replies are several tokens, or a loss that is not finite.
    """
    import torch

    lessons = _lessons(tunable, questions, np.asarray(shares, dtype=np.float64), form)
    rng = generator(seed, "train_choices")
    order = np.concatenate([rng.permutation(len(lessons)) for _ in range(recipe.epochs)])
    starts = range(0, len(order), recipe.batch_size)
    losses: list[float] = []
    with tunable.training() as model, torch.enable_grad():
        model.train()
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / max(recipe.warmup_steps, 1), 1.0) * (1.0 - step / len(starts))
        )
        for start in starts:
            batch = [lessons[place] for place in order[start : start + recipe.batch_size]]
            loss = _loss(model, batch)
            if not torch.isfinite(loss):
                raise UserError(f"training diverged at step {len(losses) + 1}; lower the learning rate")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, recipe.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            if progress is not None:
                progress(start + len(batch), len(order), losses[-1])
    return losses


def _lessons(
    tunable: TunableModel, questions: Sequence[Question], shares: NDArray[np.float64], form: str
) -> list[Lesson]:
    """Every question in every order."""
    if not questions:
        raise UserError("nothing to train on: no question is given")
    validate_answers(shares, option_mask(questions), "the shares to be learned")
    forms = forms_of(form)
    prompts, replies, wanted = [], [], []
    for question, share in zip(questions, shares, strict=True):
        for one in matching(forms, len(question.options), form):
            if not one.single_token:
                raise UserError(f"form {one.name!r} has replies of several tokens; 'ab' and 'letter' have letters")
            for order in orders_of(len(question.options), "rotations"):
                ordered = [question.options[k] for k in order]
                prompts.append(one.prompt(question.prompt, ordered))
                replies.append(one.replies(ordered))
                wanted.append(share[list(order)])
    requests = encode(tunable.loaded.tokenizer, prompts, [""], replies)
    if any(len(reply) != 1 for request in requests for reply in request.options):
        raise UserError(f"this model's tokenizer makes several tokens of a reply of form {form!r}")
    return [
        (request.prefixes[0], tuple(reply[0] for reply in request.options), share)
        for request, share in zip(requests, wanted, strict=True)
    ]


def _loss(model: Any, batch: Sequence[Lesson]) -> Tensor:
    import torch

    length = max(len(prompt) for prompt, _, _ in batch)
    device = next(model.parameters()).device
    ids = torch.tensor([[0] * (length - len(prompt)) + list(prompt) for prompt, _, _ in batch], device=device)
    mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p, _, _ in batch], device=device)
    logits = (
        model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            logits_to_keep=1,
            use_cache=False,
        )
        .logits[:, -1]
        .float()
    )
    rows = [
        -(torch.tensor(share, device=device, dtype=torch.float32) * row[list(replies)].log_softmax(-1)).sum()
        for row, (_, replies, share) in zip(logits, batch, strict=True)
    ]
    return torch.stack(rows).mean()
