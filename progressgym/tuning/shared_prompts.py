"""Several continuations of one prompt, read with the prompt read once: keys and values of a prompt are what an answer reads on from.

Losses that look at further texts ask for many answers after one prompt. What such an answer is worth is the same number as if its
text were read whole, up to rounding, and so is its gradient, which flows through the keys and values.

Legend of shapes: P prompts, A different answers of more than a token, M tokens of the longest prompt, N continuations, C tokens of
the longest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from progressgym.models.tokens import Ids

if TYPE_CHECKING:
    from torch import Tensor

Continued = tuple[Sequence[int], Sequence[int]]
"""Token ids of a prompt, and of a continuation."""


def can_share(model: Any) -> bool:
    """Whether a model keeps plain keys and values of all that it has read, which gradients flow through.

    Not so with layers that forget (sliding windows) or are recurrent.
    """
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    with torch.no_grad():
        read = model(input_ids=torch.zeros((1, 1), dtype=torch.long, device=model.device), use_cache=True)
    cache = read.get(_name_of_cache(read))
    return isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)


def of_shared_prompts(pairs: Sequence[Continued]) -> list[int]:
    """Which continuations have a prompt that would be read more than once: all of its continuations."""
    after: dict[Ids, set[Ids]] = {}
    for prompt, continuation in pairs:
        after.setdefault(tuple(prompt), set()).add(tuple(continuation[:-1]))
    return [n for n, (prompt, _) in enumerate(pairs) if len(after[tuple(prompt)]) > 1]


def stack_shared(pairs: Sequence[Continued], pad: int) -> dict[str, Tensor]:
    """Tensors of continuations of shared prompts.

    Returns:
        `prompt_ids`, `prompt_mask` (P, M) and `answer_ids`, `answer_mask` (A, C - 1), padded on the left; `answer_prompt` (A,) and
        `after_prompt` (N,) the prompt of each; `after_answer` (N,) the answer whose text a continuation is without its last
        token, A where it has one token only; `after_tokens`, `after_mask` (N, C), aligned on the right.
    """
    import torch

    from progressgym.tuning.contrasts import left_padded

    prompts: dict[Ids, int] = {}
    answers: dict[tuple[int, Ids], int] = {}
    owner = [prompts.setdefault(tuple(prompt), len(prompts)) for prompt, _ in pairs]
    texts = [(which, tuple(ids[:-1])) for which, (_, ids) in zip(owner, pairs, strict=True)]
    for text in texts:
        if text[1]:
            answers.setdefault(text, len(answers))
    prompt_ids, prompt_mask = left_padded(list(prompts), pad)
    answer_ids, answer_mask = left_padded([ids for _, ids in answers], pad)
    tokens, mask = left_padded([list(ids) for _, ids in pairs], pad)
    return {
        "prompt_ids": prompt_ids,
        "prompt_mask": prompt_mask,
        "answer_ids": answer_ids,
        "answer_mask": answer_mask,
        "answer_prompt": torch.tensor([which for which, _ in answers]),
        "after_prompt": torch.tensor(owner),
        "after_answer": torch.tensor([answers.get(text, len(answers)) for text in texts]),
        "after_tokens": tokens,
        "after_mask": mask,
    }


def shared_logps(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Log-probability of every token (N, C), 0 before a continuation begins, and the mask of tokens (N, C)."""
    import torch

    seen, owner, length = batch["prompt_mask"], batch["answer_prompt"], batch["prompt_mask"].sum(-1)
    read = model(
        input_ids=batch["prompt_ids"],
        attention_mask=seen,
        position_ids=(seen.cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    )
    name = _name_of_cache(read)
    read[name].batch_select_indices(owner)
    further = model(
        input_ids=batch["answer_ids"],
        attention_mask=torch.cat([seen[owner], batch["answer_mask"]], 1),
        position_ids=(length[owner, None] + batch["answer_mask"].cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        **{name: read[name]},
    )
    tokens, mask = batch["after_tokens"], batch["after_mask"]
    first, rest = (_log_softmax(logits) for logits in (read.logits[:, -1], further.logits))
    text = batch["after_answer"].clamp(
        max=len(rest) - 1
    )  # where a continuation has no further token, nothing of it is taken
    at_first = first[batch["after_prompt"][:, None], tokens]
    later = rest[text[:, None], torch.arange(rest.shape[1], device=rest.device), tokens[:, 1:]]
    begins = mask.diff(dim=1, prepend=mask.new_zeros((len(mask), 1)))  # 1 at the first token
    own = torch.where(begins == 1, at_first, torch.cat([at_first[:, :1], later], 1))
    return own * mask, mask


def _name_of_cache(read: Mapping[str, Any]) -> str:
    """What this version of transformers calls it, in what a model takes and in what it gives."""
    return "cache" if "cache" in read else "past_key_values"


def _log_softmax(logits: Tensor) -> Tensor:
    import torch

    return torch.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=-1)
