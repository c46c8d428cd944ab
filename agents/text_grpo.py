"""GRPO on the environments in text, by TRL: every century of every episode a prompt, letters paid by group (leave-one-out).

A run is a folder: `training/` holds its recipe, its checkpoints and its TensorBoard logs, `model/` what came out with a card. The
same recipe on the same folder goes on from the last whole checkpoint and ends with the numbers of a run that was never stopped.
Importing this module loads no trl.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from progressgym.agents.text_reader import PRIORS
from progressgym.core.arguments import Count, OneOf, Positive, Whole, check_fields
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, discard, read_json, sha256_bytes, sha256_file, write_json, write_text
from progressgym.core.locks import alone
from progressgym.core.provenance import fingerprint
from progressgym.envs.text.tasks import DEFAULT_HISTORY, TaskSet
from progressgym.monitor.tensorboard import RunLog
from progressgym.monitor.trackers import trackers
from progressgym.tuning.lora import LoraRecipe, attach, save_adapter
from progressgym.tuning.needs import need_trl

RECIPE, LOG, DONE = "recipe.json", "log.json", "DONE.json"
ORIGINS = "fingerprints.json"
"""A fingerprint for every start of a run on other code or other packages; most have one."""
ALIKE = 10
"""Steps in which all groups agree; one or two come by chance."""
FAR = 0.02
"""Mean squared distance to the people's distribution that shows that a group's agreement is not theirs."""
Report = Callable[[dict[str, float]], None]
METHODS = ("grpo", "rloo", "dpo", "sft")


@dataclass(kw_only=True, frozen=True)
class GrpoRecipe:
    """Everything that decides what comes out."""

    model: str = "smollm2-135m"
    """Base: `smollm2-135m`, a folder or a hub id."""
    challenge: str = "follow"
    """A challenge whose human goes its own way."""
    history: str = DEFAULT_HISTORY
    """What is trained on; a distribution, so that none is learned by heart."""
    instrument: str | None = None
    """Questionnaire of synthetic histories."""
    method: Annotated[str, OneOf("method", METHODS)] = "grpo"
    """One of `METHODS`, all on the same rows."""
    steps: Count = 100
    prompts: Count = 2
    """A step."""
    group: Count = 64
    """Completions of every prompt, where any are drawn; a prompt is read once for all of them."""
    learning_rate: Positive = 5e-4
    """Peak, after a tenth of the steps; falls linearly to 0."""
    tuning: Annotated[str, OneOf("tuning", ("lora", "full"))] = "lora"
    prior: Annotated[str, OneOf("prior", PRIORS)] = "first"
    """What the model's odds of letters are added to: `first`, century 0's, so that only the drift is to be learned; or `none`."""
    preferences: Whole = 2
    """Told for every question."""
    seed: Whole = 0
    checkpoint_steps: Count = 10

    def __post_init__(self) -> None:
        """Check ranges."""
        check_fields(self)
        if self.group < 2:
            raise UserError("group is 1; letters are paid by the share of the others, so use 2 or more")

    @property
    def tasks(self) -> TaskSet:
        """What is trained on: as many episodes as the steps can ask."""
        return TaskSet(
            challenge=self.challenge,
            history=self.history,
            instrument=self.instrument,
            split="train",
            questions=1,
            preferences=self.preferences,
            form="letters",
            size=self.steps * self.prompts,
        )


class Alike:
    """Ends a training from which nothing is learned any more: every group says one letter, not the people's, and all are paid alike."""

    def __init__(self) -> None:
        """None so far."""
        self.distances: list[float] = []
        """Of the latest steps in which all groups agreed."""

    def check(self, logged: Mapping[str, float]) -> None:
        """Count a step.

        Raises:
            UserError: `ALIKE` of them one after the other.
        """
        if logged.get("frac_reward_zero_std") != 1.0:
            self.distances = []
            return
        self.distances = [*self.distances, logged.get("distance", 0.0)][-ALIKE:]
        if len(self.distances) == ALIKE and sum(self.distances) / ALIKE > FAR:  # where people agree, groups may
            raise UserError(
                f"training collapsed: for {ALIKE} steps every group said one letter, to which all rewards are alike and nothing "
                f"is left to learn from (step {logged['step']:.0f}); use another --out with a lower --learning-rate"
            )


def train(recipe: GrpoRecipe, out: Path, report: Report | None = None, tracker: str = "none") -> Path:
    """Train, or go on training; returns the folder of the model.

    Args:
        recipe: what to do.
        out: folder of the run.
        report: called with what every step logged.
        tracker: one of `progressgym.monitor.trackers.TRACKERS`, told beside TensorBoard.

    Raises:
        UserError: the folder holds another recipe's run, or what the recipe names cannot be used.
    """
    need_trl()
    folder, model = out / "training", out / "model"
    report_to = trackers(tracker, folder)
    with alone(folder, "training"):
        wanted = dataclasses.asdict(recipe)
        if (folder / RECIPE).exists() and read_json(folder / RECIPE) != wanted:
            raise UserError(f"{out} holds a run of another recipe; choose another --out or remove it")
        write_json(folder / RECIPE, wanted)
        if not (model / DONE).exists():
            discard(model)
            _run(recipe, folder, model, report, report_to)
    return model


def _run(recipe: GrpoRecipe, folder: Path, model: Path, report: Report | None, report_to: list[str]) -> None:
    """Train from the newest checkpoint and write the model; `DONE` is written last."""
    import torch
    from transformers import AutoTokenizer

    from progressgym.agents.text_methods import make_trainer
    from progressgym.models.load import resolve_base
    from progressgym.tuning.training import StageResult, newest_checkpoint, silence, watch

    base = resolve_base(recipe.model)
    rows = _rows(recipe)
    origins = _origins(recipe, folder, base, rows)
    policy = _policy(recipe, base)
    result, newest = StageResult(), newest_checkpoint(folder / "checkpoints")
    log = RunLog(folder / "tensorboard", first_step=_step_of(newest))

    alike = Alike()

    def tell(logged: dict[str, float]) -> None:
        alike.check(logged)
        for name, value in logged.items():
            log.scalar(f"train/{name}", value, int(logged["step"]))
        if report is not None:
            report(logged)

    trainer = make_trainer(
        recipe,
        policy,
        AutoTokenizer.from_pretrained(base, trust_remote_code=False, padding_side="left"),
        rows,
        _arguments(recipe, folder, report_to, origins[-1]["sha256"], cpu=not torch.cuda.is_available()),
        [watch(result, report=tell)],
    )
    silence(trainer)
    with log:
        log.text("fingerprint", canonical_json(origins[-1]))
        trainer.train(resume_from_checkpoint=newest)
    model.mkdir(parents=True)
    _save(recipe, trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class, model)
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    record = {"fingerprints": [origin["sha256"] for origin in origins]}
    write_json(folder / LOG, {**record, "peak_bytes": peak_bytes(), "steps": logs})
    curves = {
        name: [entry[name] for entry in logs if name in entry] for name in ("loss", "reward", "distance", "static")
    }
    write_json(model / DONE, {**record, "steps": trainer.state.global_step, **curves})
    discard(folder / "checkpoints")


def _origins(recipe: GrpoRecipe, folder: Path, base: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fingerprints of all starts of a run, this one's last: code, packages, recipe (with its seed), rows and weights."""
    weights = {path.name: sha256_file(path) for path in sorted(base.glob("*.safetensors"))}
    data = sha256_bytes(canonical_json(rows).encode())
    now = fingerprint(recipe=dataclasses.asdict(recipe), rows=data, weights=weights)
    before = read_json(folder / ORIGINS) if (folder / ORIGINS).exists() else []
    origins = [*(origin for origin in before if origin != now), now]
    write_json(folder / ORIGINS, origins)
    return origins


def _step_of(checkpoint: str | None) -> int | None:
    """The first step after a checkpoint."""
    return None if checkpoint is None else int(checkpoint.rpartition("-")[2]) + 1


def _rows(recipe: GrpoRecipe) -> list[dict[str, Any]]:
    """Prompts of a run: of every episode one century, so that as many histories as steps allow are seen."""
    rows, tasks = [], recipe.tasks
    count = tasks.env.steps
    for index, task in enumerate(tasks):
        tasks.env.reset(seed=task.seed)
        rows.append(tasks.row(task, index % count))
    return [row for row in rows if row is not None]


def _policy(recipe: GrpoRecipe, base: Path) -> Any:
    """The model in float32, with an adapter where only that is trained."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, trust_remote_code=False, local_files_only=True, use_safetensors=True
    )
    if recipe.tuning == "full":
        return model
    layers = model.config.num_hidden_layers
    top = LoraRecipe().top_layers
    return attach(model, LoraRecipe(top_layers=None if top is None or top > layers else top), recipe.seed)


def _arguments(recipe: GrpoRecipe, folder: Path, report_to: list[str], sha256: str, *, cpu: bool) -> dict[str, Any]:
    """Arguments that the configurations of all methods share."""
    return {
        "output_dir": str(folder / "checkpoints"),
        "max_steps": recipe.steps,
        "per_device_train_batch_size": recipe.prompts,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": recipe.steps // 10,
        "max_grad_norm": 1.0,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": recipe.checkpoint_steps,
        "save_total_limit": 2,
        "report_to": report_to,
        "project": "progressgym",
        "run_name": f"{recipe.method} {recipe.challenge} seed {recipe.seed}, {sha256[:12]}",
        "disable_tqdm": True,
        "seed": recipe.seed,
        "use_cpu": cpu,
        "bf16": False,
        "dataloader_pin_memory": False,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
    }


def peak_bytes() -> int | None:
    """The most memory that this process has held so far; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


def _save(recipe: GrpoRecipe, policy: Any, tokenizer: Any, model: Path) -> None:
    """An adapter where its base has a name that other machines know, else the whole model."""
    named = recipe.tuning == "lora" and not Path(recipe.model).exists()
    if named:
        save_adapter(policy, model, recipe.model)
        return
    whole = policy.merge_and_unload() if recipe.tuning == "lora" else policy
    whole.save_pretrained(model)
    tokenizer.save_pretrained(model)


_TOLD = {
    **dict.fromkeys(
        ("grpo", "rloo"),
        "A letter is paid 2 p - 2 (share of the others of its group that chose it), p the people's own share.",
    ),
    "dpo": "Of two letters it was told how many in all prefer the first; the reference is uniform.",
    "sft": "It was told the people's shares, by cross-entropy.",
}
_AS_AGENT = {
    "none": "Its odds of the letters are its answer: as an agent, `reader?model=THIS_FOLDER`.",
    "first": "Its odds of the letters are how century 0's own have moved, and no answer by themselves: as an agent, "
    "`reader?model=THIS_FOLDER&prior=first`.",
}


def _progress(done: Mapping[str, Any]) -> str:
    """How far training came, where it was measured."""
    distances, still = done.get("distance", []), done.get("static", [])  # runs of earlier versions have none
    if not distances or not still:
        return ""
    tenth = max(len(distances) // 10, 1)
    first, last, before, after = (
        sum(part) / tenth for curve in (distances, still) for part in (curve[:tenth], curve[-tenth:])
    )
    return (
        "\nMean squared distance to the people's distribution, estimated from the letters drawn, and century 0's own on the same prompts:\n"
        f"{first:.3f} and {before:.3f} in the first {tenth} steps, {last:.3f} and {after:.3f} in the last {tenth}.\n"
    )


def write_card(recipe: GrpoRecipe, out: Path, evaluation: str) -> None:
    """Write the model's card.

    Args:
        recipe: what was done.
        out: folder of the run.
        evaluation: what the evaluation found, as Markdown.
    """
    done, origin = read_json(out / "model" / DONE), read_json(out / "training" / ORIGINS)[-1]
    base = recipe.model if recipe.model != "smollm2-135m" else "HuggingFaceTB/SmolLM2-135M-Instruct"
    text = f"""---
base_model: {json.dumps(base)}
tags: [progressgym, {recipe.method}, moral-progress]
---

# {recipe.challenge} in text, by {recipe.method.upper()}

Trained by `progressgym train grpo` to answer a question as one person of a century would, from what the people of that and of
earlier centuries prefer. One letter a completion. {_TOLD[recipe.method]}
The best policy is the people's own distribution.

{_AS_AGENT[recipe.prior]}
{_progress(done)}
## Evaluation on histories that training never drew

{evaluation}

## Recipe

```json
{json.dumps(dataclasses.asdict(recipe), indent=2)}
```

Commit {origin["commit"] or "unknown"}; {", ".join(f"{name} {version}" for name, version in origin["packages"].items())}.
Fingerprint of code, packages, recipe, rows and weights: `{"`, `".join(done["fingerprints"])}` (`training/{ORIGINS}`).

A small model trained for a few steps: use it to study training, not to ask it what is right.
"""
    write_text(out / "model" / "README.md", text)
