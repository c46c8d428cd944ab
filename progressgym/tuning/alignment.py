"""Alignment stages of a language model: DPO, and a reward model with its policy gradient.

A stage is a pure function of the model's state, the rows and a seed: nothing of one century's optimiser, adapter copies
or generators reaches the next, so a run that is taken up again at a stage's beginning ends with the same bits.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from progressgym.core.errors import UserError
from progressgym.core.scratch import scratch
from progressgym.core.seeding import child_seed
from progressgym.losses import Loss, sigmoid
from progressgym.models.window import check_texts
from progressgym.tuning.contrasts import Contrast, arrange, tokenise
from progressgym.tuning.lora import attach
from progressgym.tuning.needs import need_trl
from progressgym.tuning.processes import share
from progressgym.tuning.shared_prompts import can_share
from progressgym.tuning.training import Report, StageResult, silence, watch
from progressgym.tuning.tunable import TunableModel


@dataclass(kw_only=True, frozen=True)
class AlignRecipe:
    """Hyperparameters of a stage. The learning rate of DPO was chosen by the sweep in docs/model-tier.md; the
    others were not swept."""

    beta: float = 4.0
    """Strength of the reference: DPO's beta, and the price of a nat of divergence in RLOO."""
    learning_rate: float = 1e-3
    """Peak of DPO and RLOO; falls linearly to 0."""
    reward_learning_rate: float = 1e-3
    """Peak of the reward model."""
    batch_size: int = 8
    """Rows a step, over all processes together."""
    together: int = 1
    """So many consecutive rows go into one step, see `contrasts.arrange`; a divisor of `batch_size`."""
    epochs: int = 1
    generations: int = 4
    """RLOO: completions drawn for each prompt."""
    warmup_steps: int = 0
    """Stages are some ten steps long."""
    max_grad_norm: float = 1.0
    total: bool = False
    """DPO: log-likelihoods of answers as sums over their tokens, as published, instead of means."""
    activation_checkpointing: bool = False
    """Compute activations twice instead of keeping them: slower, for models that do not fit."""


def dpo_stage(
    tunable: TunableModel,
    rows: Sequence[Contrast],
    recipe: AlignRecipe,
    *,
    seed: int,
    report: Report | None = None,
    loss: Loss = sigmoid,
    parts: Sequence[str] = (),
) -> StageResult:
    """One stage of direct preference optimisation; the reference is the policy as it is now.

    Args:
        tunable: the policy; its state is replaced when the stage ends well.
        rows: preferences with targets and weights; those of weight 0 are left out.
        recipe: hyperparameters.
        seed: of order and generators.
        report: called after every step with what was logged.
        loss: of the margins.
        parts: what it looks at beside them, see `losses.parts_of`; the rows have it.

    Raises:
        UserError: a loss, gradient, target or weight that is NaN or infinite; the state is the old one then.
    """
    need_trl()
    from datasets import Dataset
    from trl import DPOConfig

    from progressgym.tuning.trainers import AnswerDPOTrainer, preference_collator

    ready = arrange(_weighty(rows, tunable), recipe.batch_size, seed, recipe.together)
    if not ready:
        return StageResult()
    result, tokenizer = StageResult(tokens=_tokens(ready) * recipe.epochs), ready_tokenizer(tunable)
    with _scratch() as folder, tunable.training() as model:
        arguments = DPOConfig(
            **_common(folder, tunable, recipe, recipe.learning_rate, seed),
            beta=recipe.beta,
            loss_type=["sigmoid_norm"],
            precompute_ref_log_probs=True,
            max_length=None,
        )
        # Rows without terms are read as ever, so that what was trained on them keeps its bits.
        once = not recipe.activation_checkpointing and any("terms" in row for row in ready) and can_share(model)
        _run(
            AnswerDPOTrainer(
                model=model,
                args=arguments,
                train_dataset=Dataset.from_list(ready),
                data_collator=preference_collator(tokenizer.pad_token_id, share=once),
                processing_class=tokenizer,
                callbacks=[watch(result, None, report)],
                loss=loss,
                parts=parts,
                total=recipe.total,
            )
        )
    return result


def rlhf_stage(
    tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe, *, seed: int, report: Report | None = None
) -> tuple[StageResult, StageResult]:
    """One stage of RLHF: a reward model on the current policy, then RLOO with its rewards and a price on divergence.

    Returns:
        What the reward model's and the policy's training did.

    Raises:
        UserError: as `dpo_stage`, or a reward that is NaN or infinite.
    """
    need_trl()
    ready = arrange(_weighty(rows, tunable), recipe.batch_size, seed, recipe.together)
    if not ready:
        return StageResult(), StageResult()
    rewards, modelled = reward_table(tunable, ready, recipe, seed=seed, report=_named(report, "reward_model/"))
    return modelled, rloo_stage(tunable, ready, rewards, recipe, seed=seed, report=report)


def reward_table(
    tunable: TunableModel,
    ready: Sequence[dict[str, Any]],
    recipe: AlignRecipe,
    *,
    seed: int,
    report: Report | None = None,
) -> tuple[dict[tuple[int, ...], float], StageResult]:
    """Train a reward model that begins as the current policy, and ask it for the reward of every text of the rows.

    Returns:
        Token ids of prompt and continuation -> reward, and what the training did.
    """
    import torch
    from datasets import Dataset
    from trl import RewardConfig

    from progressgym.tuning.trainers import AnswerRewardTrainer, pad_right, reward_collator

    result, tokenizer = StageResult(tokens=2 * _tokens(ready)), ready_tokenizer(tunable)
    with _scratch() as folder, tunable.reading() as loaded, _reward_model(loaded.model, tunable, seed) as model:
        arguments = RewardConfig(**_common(folder, tunable, recipe, recipe.reward_learning_rate, seed), max_length=None)
        _run(
            AnswerRewardTrainer(
                model=model,
                args=arguments,
                train_dataset=Dataset.from_list(list(ready)),
                data_collator=reward_collator(tokenizer.pad_token_id),
                processing_class=tokenizer,
                callbacks=[watch(result, None, report)],
            )
        )
        texts = sorted(
            {(*r["prompt_ids"], *r[side]) for r in ready for side in ("chosen_ids", "rejected_ids")}, key=len
        )
        table: dict[tuple[int, ...], float] = {}
        model.eval()
        with torch.inference_mode():
            for start in range(0, len(texts), 2 * recipe.batch_size):
                batch = texts[start : start + 2 * recipe.batch_size]
                inputs = {k: v.to(model.device) for k, v in pad_right(batch, tokenizer.pad_token_id).items()}
                table |= dict(zip(batch, model(**inputs).logits[:, 0].float().tolist(), strict=True))
    if not all(map(math.isfinite, table.values())):
        raise UserError("the reward model gives rewards that are NaN or infinite; lower its learning rate")
    return table, result


def rloo_stage(
    tunable: TunableModel,
    ready: Sequence[dict[str, Any]],
    rewards: dict[tuple[int, ...], float],
    recipe: AlignRecipe,
    *,
    seed: int,
    report: Report | None = None,
) -> StageResult:
    """Policy gradient with rewards of a finite set of continuations; the reference is the policy as it is now.

    Args:
        tunable: the policy.
        ready: tokenised rows, see `contrasts.tokenise`; their prompts are asked.
        rewards: token ids of prompt and continuation -> reward.
        recipe: hyperparameters; `batch_size` completions a step.
        seed: of the draws.
        report: called after every step.
    """
    from datasets import Dataset
    from trl import RLOOConfig

    from progressgym.tuning.trainers import AnswerRLOOTrainer

    if not all(map(math.isfinite, rewards.values())):
        raise UserError("a reward is NaN or infinite; the policy gradient stage cannot use it")
    tokenizer = ready_tokenizer(tunable)
    choices: dict[tuple[int, ...], list[list[int]]] = {}
    for row in ready:
        candidates = choices.setdefault(tuple(row["prompt_ids"]), [])
        candidates += [row[side] for side in ("chosen_ids", "rejected_ids") if row[side] not in candidates]
    width = max(len(ids) for candidates in choices.values() for ids in candidates)
    result = StageResult(tokens=_tokens(ready) * recipe.generations)

    def reward(prompts: Any, completion_ids: list[list[int]], number: list[int], **_: Any) -> list[float]:
        return [rewards[(*prompt_ids[n], *ids)] for n, ids in zip(number, completion_ids, strict=True)]

    prompt_ids = list(choices)
    asked = [{"prompt": str(n), "number": n} for n in range(len(prompt_ids))]  # the trainer wants texts: see `prompts`
    batch = max(recipe.batch_size - recipe.batch_size % recipe.generations, recipe.generations)
    with _scratch() as folder, tunable.training() as model:
        if tunable.lora is None:  # the parent reads the reference of a model without adapter from this folder
            model.save_pretrained(f"{folder}/reference")
            before, model.config._name_or_path = model.config._name_or_path, f"{folder}/reference"
        arguments = RLOOConfig(
            **_common(folder, tunable, recipe, recipe.learning_rate, seed)
            | {"per_device_train_batch_size": share(batch)},
            beta=recipe.beta,
            num_generations=recipe.generations,
            max_completion_length=width,
            temperature=1.0,
            shuffle_dataset=False,
        )
        trainer = AnswerRLOOTrainer(
            model=model,
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list(asked),
            processing_class=tokenizer,
            callbacks=[watch(result, None, report)],
        )
        trainer.choices, trainer.prompts = choices, prompt_ids
        _run(trainer)
        if tunable.lora is None:
            model.config._name_or_path = before
    return result


@contextmanager
def _reward_model(policy: Any, tunable: TunableModel, seed: int) -> Iterator[Any]:
    """A scalar head on the policy's own layers, with a fresh adapter; without LoRA on a copy of them."""
    import copy

    import torch
    from transformers import AutoModelForSequenceClassification

    from progressgym.tuning.trainers import float32_head

    settings = copy.deepcopy(policy.config)
    settings.num_labels = 1
    with torch.device("meta"):
        model: Any = AutoModelForSequenceClassification.from_config(settings, trust_remote_code=False)
    layers = policy.base_model if tunable.lora is not None else copy.deepcopy(policy.base_model)
    setattr(model, model.base_model_prefix, layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed(seed, "reward head") % 2**31)
        head = torch.nn.Linear(settings.hidden_size, 1, bias=False, dtype=torch.float32)
        torch.nn.init.normal_(head.weight, std=settings.initializer_range)
    model.score = float32_head(head).to(policy.device)
    if tunable.lora is None:
        yield model.requires_grad_(True)
        return
    wrapped: Any = attach(model, tunable.lora, child_seed(seed, "reward adapter") % 2**31, task=None)
    head.requires_grad_(True)
    try:
        yield wrapped
    finally:
        wrapped.unload()


def _common(folder: str, tunable: TunableModel, recipe: AlignRecipe, learning_rate: float, seed: int) -> dict[str, Any]:
    """Arguments that all of TRL's configurations share."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": share(recipe.batch_size),
        "learning_rate": learning_rate,
        "num_train_epochs": recipe.epochs,
        "lr_scheduler_type": "linear",
        "warmup_steps": recipe.warmup_steps,
        "max_grad_norm": recipe.max_grad_norm,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": seed % 2**31,
        "use_cpu": tunable.on_cpu,
        "bf16": False,
        "gradient_checkpointing": recipe.activation_checkpointing,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "train_sampling_strategy": "sequential",
    }


def _run(trainer: Any) -> None:
    silence(trainer)
    trainer.train()


def _weighty(rows: Sequence[Contrast], tunable: TunableModel) -> list[dict[str, Any]]:
    return [row for row in fitting(rows, tunable) if row["weight"] > 0]


def fitting(rows: Sequence[Contrast], tunable: TunableModel) -> list[dict[str, Any]]:
    """Tokenised rows.

    Raises:
        UserError: see `contrasts.tokenise`; a text is longer than the model's window.
    """
    ready = tokenise(rows, tunable.loaded.tokenizer)
    texts = [(*row["prompt_ids"], *row[side]) for row in ready for side in ("chosen_ids", "rejected_ids")]
    texts += [(*term["prompt_ids"], *term["ids"]) for row in ready for term in row.get("terms", ())]
    check_texts(tunable.loaded.model, max(map(len, texts)), texts)
    return ready


def _tokens(ready: Sequence[dict[str, Any]]) -> int:
    return sum(len(row["prompt_ids"]) + len(row["chosen_ids"]) for row in ready)


def ready_tokenizer(tunable: TunableModel) -> Any:
    """A model's tokenizer with a padding token.

    Raises:
        UserError: it has no token for it.
    """
    tokenizer: Any = tunable.loaded.tokenizer
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.bos_token
    if tokenizer.pad_token_id is None:
        raise UserError(f"{tunable.loaded.name} has no padding, end or beginning token, one of which training needs")
    return tokenizer


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for what trainers insist on writing; meanwhile the libraries' bars and warnings of each other are off."""
    from progressgym.models.checkpoint import quiet

    with scratch("align") as folder, quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield str(folder)


def _named(report: Report | None, prefix: str) -> Report | None:
    if report is None:
        return None
    return lambda logs: report({key if key == "step" else prefix + key: value for key, value in logs.items()})
