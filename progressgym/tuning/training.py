"""One supervised training stage: token blocks in, adapter weights changed, losses out.

The loop is transformers' Trainer. Around it: a watch that stops at the first NaN (the Trainer logs 0.0 and goes on),
and checkpoints that count only once a marker was written after their last byte (the Trainer's own are not atomic).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.files import discard, read_json, sha256_file, sync, sync_folder, write_json
from progressgym.core.scratch import scratch

if TYPE_CHECKING:
    from transformers import Trainer

IGNORED = -100
"""Label of a token that is read but not learned."""
MARKER = "COMPLETE.json"
Progress = Callable[[int, int, float], None]
"""Called as (tokens done, tokens in all, loss of the last step in nats per token)."""
Report = Callable[[dict[str, float]], None]
"""Called with what one step logged: names of the Trainer, and `step` from 1."""


@dataclass(frozen=True)
class Example:
    """Token ids with the label of every position."""

    input_ids: Sequence[int]
    labels: Sequence[int]


@dataclass(kw_only=True, frozen=True)
class StageRecipe:
    """Hyperparameters of one stage."""

    learning_rate: float = 1e-3
    """Peak; falls linearly to 0."""
    warmup_steps: int = 8
    batch_size: int = 4
    """Sequences a step."""
    epochs: int = 1
    max_grad_norm: float = 1.0
    compile: bool = False
    """Compile the model first: worth it for long stages of equal length; needs a C++ compiler on a CPU."""
    checkpoint_steps: int = 200
    """A resumable checkpoint after so many steps, when the stage has a checkpoint folder."""


@dataclass(kw_only=True)
class StageResult:
    """What a stage did."""

    steps: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    """Loss of every step, nats per learned token."""
    logs: list[dict[str, float]] = field(default_factory=list)
    """Everything that the Trainer logged at every step, under its own names, with `step`."""


def train_stage(
    model: Any,
    examples: Sequence[Example],
    recipe: StageRecipe,
    *,
    seed: int,
    checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> StageResult:
    """Train the trainable weights of a model on examples, in their order.

    Args:
        model: a transformers or PEFT causal language model; changed in place.
        examples: shorter ones are padded on the right within their batch.
        recipe: hyperparameters.
        seed: of the Trainer's generators.
        checkpoints: resume from here when a complete checkpoint lies there; the caller discards them once it has
            written what came out. None keeps none.
        progress: called after every step.

    Raises:
        UserError: no examples, or a loss that is NaN or infinite.
    """
    import torch
    from transformers import Trainer, TrainingArguments

    if not examples:
        raise UserError("nothing to train on: the stage got no text")
    result = StageResult(tokens=sum(len(example.input_ids) for example in examples) * recipe.epochs)
    with scratch("train") as folder:
        arguments = TrainingArguments(
            output_dir=str(checkpoints or folder),
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            num_train_epochs=recipe.epochs,
            lr_scheduler_type="linear",
            warmup_steps=recipe.warmup_steps,
            max_grad_norm=recipe.max_grad_norm,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="steps" if checkpoints else "no",
            save_steps=recipe.checkpoint_steps,
            save_total_limit=2,
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            train_sampling_strategy="sequential",
            torch_compile=recipe.compile,
        )
        trainer: Trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=list(examples),
            data_collator=pad_batch,
            callbacks=[watch(result, progress)],
        )
        silence(trainer)
        trainer.train(resume_from_checkpoint=newest_checkpoint(checkpoints) if checkpoints else None)
        read_history(result, trainer.state)
    return result


def pad_batch(batch: Sequence[Example]) -> dict[str, Any]:
    """Stack examples into tensors (B, L), padded on the right; padding is neither read nor learned."""
    import torch

    width = max(len(example.input_ids) for example in batch)
    ids, labels, seen = [], [], []
    for example in batch:
        rest = width - len(example.input_ids)
        ids.append([*example.input_ids, *[0] * rest])
        labels.append([*example.labels, *[IGNORED] * rest])
        seen.append([1] * len(example.input_ids) + [0] * rest)
    stacked = {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)}
    return stacked if all(map(all, seen)) else stacked | {"attention_mask": torch.tensor(seen)}


def newest_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint of which every byte is there; broken ones are removed."""
    complete: list[tuple[int, Path]] = []
    for path in sorted(folder.glob("checkpoint-*")):
        number = path.name.partition("-")[2]
        if number.isdecimal() and _is_complete(path):
            complete.append((int(number), path))
        else:
            discard(path)
    return str(max(complete)[1]) if complete else None


def _is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to its end, and nobody began to remove it."""
    try:
        digests = read_json(checkpoint / MARKER)["files"]
        return bool(digests) and all(sha256_file(checkpoint / name) == digest for name, digest in digests.items())
    except (UserError, OSError, KeyError, TypeError, AttributeError):
        return False


def read_history(result: StageResult, state: Any) -> None:
    """Take steps and losses from a Trainer's state, which also knows those from before a resume."""
    result.steps = state.global_step
    result.losses = [entry["loss"] for entry in state.log_history if "loss" in entry]


def watch(result: StageResult, progress: Progress | None = None, report: Report | None = None) -> Any:
    """A callback for any Trainer: keeps losses and logs, stops at NaN, marks complete checkpoints.

    Args:
        result: filled as training goes on.
        progress: called after every step with tokens and loss.
        report: called after every step with all that was logged.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]  # read without its types
        """Keeps losses, stops at NaN, marks complete checkpoints."""

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            if not logs or "loss" not in logs:
                return
            loss = float(logs["loss"])
            if not math.isfinite(loss) or not math.isfinite(float(logs.get("grad_norm", 0.0))):
                raise UserError(f"training diverged at step {state.global_step} (loss {loss}); lower the learning rate")
            read_history(result, state)
            entry = {key: float(value) for key, value in logs.items() if isinstance(value, (int, float))}
            result.logs.append({"step": float(state.global_step), **entry})
            if report is not None:
                report(result.logs[-1])
            if progress is not None:
                progress(round(result.tokens * state.global_step / max(state.max_steps, 1)), result.tokens, loss)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
            for file in files:
                with open(file, "rb") as handle:
                    sync(handle.fileno())
            sync_folder(folder)
            hashes = {file.relative_to(folder).as_posix(): sha256_file(file) for file in files}
            write_json(folder / MARKER, {"step": state.global_step, "files": hashes})

    return Watch()


def silence(trainer: Trainer) -> None:
    """Take away what prints: progress is reported by callbacks."""
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
