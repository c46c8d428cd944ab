"""One language model, one file of preferences: train, and say on held-out prompts what came of it.

A run is one stage (`alignment.dpo_stage`), minutes long; what comes out is written at its end as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from progressgym.core.arguments import Count, OneOf, Positive, Rule, check_fields, is_number
from progressgym.core.errors import UserError
from progressgym.core.files import check_place, write_folder, write_json
from progressgym.core.seeding import generator
from progressgym.losses import loss_of, parts_of
from progressgym.tuning.alignment import AlignRecipe, dpo_stage, fitting, ready_tokenizer
from progressgym.tuning.contrasts import Contrast, collate, continuation_logps
from progressgym.tuning.lora import LoraRecipe, save_adapter
from progressgym.tuning.preference_file import read_contrasts
from progressgym.tuning.training import Report
from progressgym.tuning.tunable import TunableModel

RESULTS = "results.json"


@dataclass(kw_only=True, frozen=True)
class PreferenceRecipe:
    """What is trained on what, and how."""

    data: str
    """The file, see `preference_file`."""
    model: str = "smollm2-135m"
    """What `load_language_model` takes."""
    loss: str = "sigmoid"
    """An id of `progressgym.losses`."""
    user: str | None = None
    """Column of the file that says who prefers so; None: all are one."""
    beta: Positive = 0.1
    tokens: Annotated[str, OneOf("tokens", ("sum", "mean"))] = "sum"
    """Log-likelihoods as sums over tokens, as published, or as means."""
    end: bool = True
    """Whether the model learns where an answer ends."""
    tuning: Annotated[str, OneOf("tuning", ("lora", "full"))] = "lora"
    learning_rate: Positive | None = None
    """Peak; 1e-4 with LoRA and 5e-6 for all weights by default."""
    epochs: Count = 1
    batch_size: Count = 8
    held_out: Annotated[float, Rule("a share from 0 to below 1 is expected", lambda x: is_number(x) and 0 <= x < 1)] = (
        0.1
    )
    """Share of the prompts that are not trained on."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)


@dataclass(kw_only=True, frozen=True)
class Judged:
    """What a model makes of held-out rows."""

    rows: int
    right: int
    """Rows whose preferred answer it finds likelier."""
    log_odds: float
    """Mean log-odds of the preferred answer over the other one."""


def train_file(
    recipe: PreferenceRecipe, out: Path, device: str = "auto", report: Report | None = None
) -> dict[str, Any]:
    """Train, judge, write `OUT/model` and `OUT/results.json`; returns what the latter holds.

    Raises:
        UserError: a file, model or argument that is not as it should be; the folder holds a run.
    """
    from progressgym.models import load_language_model

    if (out / RESULTS).exists() or (out / "model").exists():
        raise UserError(f"{out} holds a run; choose another --out or remove it")
    parts = parts_of(recipe.loss)
    contrasts = read_contrasts(Path(recipe.data), parts, user=recipe.user, end=recipe.end, seed=recipe.seed)
    trained, held = split(contrasts, recipe.held_out, recipe.seed)
    check_place(out)
    lora = LoraRecipe() if recipe.tuning == "lora" else None
    loaded = load_language_model(recipe.model, device=device, dtype="auto" if lora else "float32")
    tunable = TunableModel(loaded, lora, seed=recipe.seed)
    align = AlignRecipe(
        beta=recipe.beta,
        learning_rate=recipe.learning_rate or (1e-4 if lora else 5e-6),
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        total=recipe.tokens == "sum",
    )
    before = judge(tunable, held, align)
    stage = dpo_stage(tunable, trained, align, seed=recipe.seed, report=report, loss=loss_of(recipe.loss), parts=parts)
    results = {
        "recipe": asdict(recipe),
        "rows": len(trained),
        "steps": stage.steps,
        "losses": stage.losses,
        "before": asdict(before) if before else None,
        "after": asdict(judged) if (judged := judge(tunable, held, align)) else None,
    }
    save(tunable, recipe, out / "model")
    write_json(out / RESULTS, results)
    return results


def split(contrasts: Sequence[Contrast], share: float, seed: int) -> tuple[list[Contrast], list[Contrast]]:
    """Rows to train on and rows to judge by; all rows of a prompt are on one side.

    Raises:
        UserError: too few prompts to part.
    """
    prompts = list(dict.fromkeys(row.group for row in contrasts))
    count = max(round(share * len(prompts)), 1) if share else 0
    if count >= len(prompts):
        raise UserError(
            f"the file has {len(prompts)} prompt{'s' * (len(prompts) > 1)}; nothing can be held out, say --held-out 0"
        )
    order = generator(seed, "held out").random(len(prompts)).argsort(kind="stable")
    apart = {prompts[n] for n in order[:count]}
    return [row for row in contrasts if row.group not in apart], [row for row in contrasts if row.group in apart]


def judge(tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe) -> Judged | None:
    """What a model makes of rows as it is now; None without rows."""
    import torch

    if not rows:
        return None
    plain = [Contrast(prompt=row.prompt, chosen=row.chosen, rejected=row.rejected, end=row.end) for row in rows]
    tokenizer = ready_tokenizer(tunable)
    ready = sorted(fitting(plain, tunable), key=lambda row: len(row["prompt_ids"]) + len(row["chosen_ids"]))
    odds: list[float] = []
    with tunable.reading() as loaded, torch.inference_mode():
        loaded.model.eval()
        for start in range(0, len(ready), recipe.batch_size):
            batch = collate(ready[start : start + recipe.batch_size], tokenizer.pad_token_id)
            moved = {key: value.to(loaded.device) for key, value in batch.items()}
            chosen, rejected = continuation_logps(loaded.model, moved, total=recipe.total).chunk(2)
            odds += (chosen - rejected).tolist()
    return Judged(rows=len(odds), right=sum(value > 0 for value in odds), log_odds=sum(odds) / len(odds))


def save(tunable: TunableModel, recipe: PreferenceRecipe, folder: Path) -> None:
    """An adapter where its base has a name that other machines know, else the whole model."""
    with write_folder(folder) as staged:
        if tunable.lora is not None and not Path(recipe.model).exists():
            with tunable.training() as model:
                save_adapter(model, staged, recipe.model)
            return
        with tunable.reading() as loaded:
            model = loaded.model
            model.save_pretrained(staged)
            tunable.loaded.tokenizer.save_pretrained(staged)
