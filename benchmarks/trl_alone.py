"""A stage of DPO by TRL alone: what ours is measured against here, and held equal to in the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from progressgym.tuning.alignment import AlignRecipe


def trl_losses(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, str]],
    recipe: AlignRecipe,
    folder: str | Path,
    *,
    loss: str = "sigmoid_norm",
    reference: Any = None,
    **settings: Any,
) -> list[float]:
    """Train a model, and return the loss of every step.

    Args:
        model: what is trained.
        tokenizer: its own; TRL puts its end token behind every answer, an empty one keeps it from that.
        rows: `prompt`, `chosen` and `rejected`, in the order in which they are seen.
        recipe: the settings of our stage.
        folder: for what TRL writes.
        loss: by TRL's name.
        reference: the frozen model; with an adapter, None is the model without it.
        settings: others of `DPOConfig`.
    """
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    usual = {
        "output_dir": str(folder),
        "per_device_train_batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": recipe.warmup_steps,
        "num_train_epochs": 1,
        "beta": recipe.beta,
        "loss_type": [loss],
        "max_grad_norm": recipe.max_grad_norm,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "train_sampling_strategy": "sequential",
    }
    texts = [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in rows]
    trainer: Any = DPOTrainer(
        model=model,
        ref_model=reference,
        args=DPOConfig(**(usual | settings)),
        train_dataset=Dataset.from_list(texts),
        processing_class=tokenizer,
    )
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
