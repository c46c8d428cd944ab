"""The methods of `train grpo`, all on the same rows: policy gradients from drawn letters, and supervised ones beside them.

| method | what is told | optimum |
|---|---|---|
| `grpo`, `rloo` | leave-one-out rewards of the letters that were drawn | the people's distribution |
| `dpo` | of two letters of a row, how many in all prefer the first; the reference is uniform | the same |
| `sft` | the people's shares, by cross-entropy | the same |

Importing this module loads no trl.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from progressgym.agents.text_reader import prior_of
from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.envs.text.shells.trl_rewards import brier_reward, group_reward
from progressgym.instruments.forms import LETTERS

if TYPE_CHECKING:
    from progressgym.agents.text_grpo import GrpoRecipe

Rows = Sequence[Mapping[str, Any]]


def make_trainer(
    recipe: GrpoRecipe, policy: Any, tokenizer: Any, rows: Rows, arguments: Mapping[str, Any], callbacks: list[Any]
) -> Any:
    """A trainer of a recipe's method.

    Args:
        recipe: what to do.
        policy: the model.
        tokenizer: its own, which pads on the left.
        rows: of a `TaskSet`, one question each.
        arguments: what the configurations of all methods share.
        callbacks: of the trainer.

    Raises:
        UserError: a letter is several tokens of this model.
    """
    shared = {"model": policy, "processing_class": tokenizer, "callbacks": callbacks}
    ready = _tokenised(rows, tokenizer, recipe.prior)
    if recipe.method in ("grpo", "rloo"):
        return _policy_gradient(recipe, shared, rows, ready, arguments)
    from datasets import Dataset

    from progressgym.tuning import letters

    if recipe.method == "dpo":
        from trl import DPOConfig

        from progressgym.tuning.trainers import preference_collator

        return letters.LetterDPOTrainer(
            **shared,
            args=DPOConfig(
                **arguments, beta=1.0, loss_type=["sigmoid_norm"], precompute_ref_log_probs=True, max_length=None
            ),
            train_dataset=Dataset.from_list([_pair(row, recipe.seed, number) for number, row in enumerate(ready)]),
            data_collator=preference_collator(tokenizer.pad_token_id),
        )
    from transformers import TrainingArguments

    return letters.LetterSFTTrainer(
        **shared,
        args=TrainingArguments(**arguments),
        train_dataset=Dataset.from_list(ready),
        data_collator=letters.shares_collator(tokenizer.pad_token_id),
    )


def _policy_gradient(
    recipe: GrpoRecipe, shared: Mapping[str, Any], rows: Rows, ready: Rows, arguments: Mapping[str, Any]
) -> Any:
    """GRPO or RLOO."""
    from datasets import Dataset
    from trl import GRPOConfig, RLOOConfig

    from progressgym.tuning.letters import LetterGRPOTrainer, LetterRLOOTrainer, Offer

    drawn = {
        **arguments,
        "per_device_train_batch_size": recipe.prompts * recipe.group,
        "num_generations": recipe.group,
        "max_completion_length": 1,
        "temperature": 1.0,
        "beta": 0.0,
        "shuffle_dataset": False,
    }
    drawn.pop("train_sampling_strategy", None)
    if recipe.method == "grpo":
        # dividing by the group's deviation would move the optimum
        kind, args = LetterGRPOTrainer, GRPOConfig(**drawn, scale_rewards="none")
    else:
        kind, args = LetterRLOOTrainer, RLOOConfig(**drawn)
    trainer = kind(**shared, reward_funcs=paid, train_dataset=Dataset.from_list(list(rows)), args=args)
    prompts, *_ = trainer._tokenize_prompts([row["prompt"] for row in rows])
    offers = [Offer(row["letters"], row["prior"]) for row in ready]
    trainer.offers = {tuple(ids): offer for ids, offer in zip(prompts, offers, strict=True)}
    return trainer


def paid(
    completions: Sequence[Any],
    row: Sequence[str],
    options: Any,
    human: Any,
    first: Any,
    log_metric: Callable[[str, float], None] | None = None,
    **_: Any,
) -> list[float]:
    """`group_reward`, which tells a trainer how far the policy is from the people besides.

    At the optimum the rewards are 0 on average, and so they are for a policy that draws evenly: their mean says nothing.
    The `distance` does: 2 p[c] - (share of the others) is S(pi, p) on average, and |pi - p|^2 = p.p - S(pi, p). `static` is
    century 0's distance on the same prompts.
    """
    rewards = group_reward(completions, row, options, human)
    if log_metric is not None:
        score = (np.mean(rewards) + np.mean(brier_reward(completions, options, human)) + 1.0) / 2.0
        best = np.mean([np.mean([np.square(shares).sum() for shares in asked]) for asked in human])
        log_metric("distance", float(best - score))
        still = [
            np.square(np.subtract(p, q)).sum()
            for h, f in zip(human, first, strict=True)
            for p, q in zip(h, f, strict=True)
        ]
        log_metric("static", float(np.mean(still)))
    return rewards


def _tokenised(rows: Rows, tokenizer: Any, prior: str) -> list[dict[str, Any]]:
    """Of every row the prompt, the letters that it offers, their prior and the people's shares, as a reading encodes them.

    Raises:
        UserError: a letter is several tokens.
    """
    from progressgym.models.tokens import encode

    offered = [[f" {letter}" for letter in LETTERS[: len(row["options"][0])]] for row in rows]
    ready = []
    for row, request in zip(rows, encode(tokenizer, [row["prompt"] for row in rows], [""], offered), strict=True):
        if any(len(option) != 1 for option in request.options):
            raise UserError("a letter is several tokens of this model; take one to whose tokenizer ' A' is one token")
        first = np.array(row["first"])
        ready.append(
            {
                "prompt_ids": list(request.prefixes[0]),
                "letters": [option[0] for option in request.options],
                "prior": prior_of(prior, first, np.ones(first.shape, dtype=bool))[0].tolist(),
                "shares": list(row["human"][0]),
            }
        )
    return ready


def _pair(row: Mapping[str, Any], seed: int, number: int) -> dict[str, Any]:
    """Two letters of a row, and how many in all of those who say one of them say the first."""
    first, second = generator(seed, "pairs", str(number)).permutation(len(row["letters"]))[:2].tolist()
    shares = row["shares"]
    both = shares[first] + shares[second]
    return {
        "prompt_ids": row["prompt_ids"],
        "chosen_ids": [row["letters"][first]],
        "rejected_ids": [row["letters"][second]],
        "target": shares[first] / both if both > 0 else 0.5,
        "weight": 1.0,
        "offset": row["prior"][first] - row["prior"][second],
    }
