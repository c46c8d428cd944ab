"""From a folder of century models to a measured history: read every adapter once, keep the raw scores.

Models are read in mode `verdict`. Raw scores are kept beside the answers, so a history can be had at another
temperature without running a model again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_npz, sha256_bytes, sha256_file, write_json, write_npz
from progressgym.core.provenance import git_commit, package_versions
from progressgym.core.reading import numbers, read_object
from progressgym.histories.build import prepare
from progressgym.histories.cleaning import VERSION as TEXT_VERSION
from progressgym.histories.history import History
from progressgym.histories.selection import CenturyText
from progressgym.instruments.ask import verdict_answers, verdict_scores
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model, resolve_base
from progressgym.models.checkpoint import read_adapter
from progressgym.models.tokens import encode_texts

Floats = NDArray[np.float64]


def adapters_of(build: Path | str) -> dict[str, Path]:
    """Finished century adapters of a build folder, oldest first.

    Raises:
        UserError: fewer than two.
    """
    folders = {done.parent.name: done.parent for done in sorted(Path(build).glob("adapters/*/DONE.json"))}
    if len(folders) < 2:
        raise UserError(f"{build} holds {len(folders)} finished century models; run `progressgym history build` first")
    return folders


def measure_build(
    build: Path | str, instrument: Questionnaire, *, progress: Callable[[str], None] | None = None
) -> History:
    """Measure the century models of a build folder; finished centuries are not measured again.

    Args:
        build: folder made by `build_history`.
        instrument: what to ask.
        progress: called with each century's label before it is read.

    Returns:
        A history whose card names base, recipe and corpus.
    """
    build = Path(build)
    adapters = adapters_of(build)
    base = resolve_base(build_recipe(build)["base"])
    rows = []
    for label, folder in adapters.items():
        if progress is not None:
            progress(label)
        scores = century_scores(build / "readings", label, folder, instrument, base)
        rows.append(verdict_answers(scores, instrument.mask, instrument.config.temperature))
    return History(
        name=build.resolve().name,
        labels=tuple(adapters),
        answers=np.array(rows, dtype=np.float32),
        instrument=instrument,
        card=build_card(build, instrument),
    )


def century_scores(store: Path, label: str, adapter: Path, instrument: Questionnaire, base: Path) -> Floats:
    """Raw verdict scores (V, N, K) of one century model, from the store or from the model."""
    file = store / f"{label}-{reading_key(instrument, adapter)}.npz"
    if not file.exists():
        scores = verdict_scores(instrument.questions(), load_language_model(adapter, base=base), instrument.config)
        write_npz(file, verdict=scores.astype(np.float32))
    return numbers(read_npz(file, "verdict")["verdict"], f"scores of {file}")


def reading_key(instrument: Questionnaire, adapter: Path) -> str:
    """Names what raw scores depend on: the adapter's weights, texts and verdicts, not the temperature."""
    asked = {
        "adapter": sha256_file(adapter / "adapter_model.safetensors"),
        "items": [[item.text, *item.options] for item in instrument.items],
        "verdicts": [list(verdict) for verdict in instrument.config.verdicts],
    }
    return sha256_bytes(canonical_json(asked).encode())[:12]


def build_card(build: Path, instrument: Questionnaire) -> dict[str, Any]:
    """Provenance of a build: base, recipe, corpus counts, sizes, held-out works, seeds, versions."""
    recipe = build_recipe(build)
    corpus = read_object(build / "corpus.json", "a corpus report") if (build / "corpus.json").exists() else {}
    trained = {label: training_record(folder / "training.json") for label, folder in adapters_of(build).items()}
    return {
        "base_model": recipe["base"],
        "recipe": recipe["recipe"],
        "text_version": recipe.get("text", 1),
        "corpus": {key: counts for key, counts in corpus.items() if key != "works"},
        "centuries": {
            label: {
                "tokens": record["tokens"],
                "first_loss": _edge(record["losses"], 10),
                "last_loss": _edge(record["losses"], -10),
                "held_out_works": record["held_out_works"],
            }
            for label, record in trained.items()
        },
        "reading": {
            "mode": "verdict",
            "verdicts": [list(verdict) for verdict in instrument.config.verdicts],
            "temperature": instrument.config.temperature,
        },
        "code": git_commit(),
        "packages": package_versions(),
    }


def perplexity_matrix(
    build: Path | str,
    texts: dict[str, CenturyText],
    *,
    tokens: int = 2048,
    block: int = 256,
    progress: Callable[[str], None] | None = None,
) -> dict[str, dict[str, float]]:
    """Held-out loss of every century model, and of the base, on every century's text.

    Finished models are kept in `held-out.json` of the build, so an interrupted measurement goes on.

    Args:
        build: folder made by `build_history`.
        texts: divided corpus; only passages of works that no model has read are used.
        tokens: how many tokens of each century.
        block: length of a sequence.
        progress: called with each model's name.

    Returns:
        text label -> model label (or `base`) -> nats per token.
    """
    from progressgym.tuning.perplexity import mean_loss

    recipe = build_recipe(Path(build))
    check_text_version(build)
    base = resolve_base(recipe["base"])
    spelling = recipe["recipe"]["spelling"]
    models = {"base": base} | adapters_of(build)
    store = Path(build) / "held-out.json"
    adapters = {
        label: sha256_file(folder / "adapter_model.safetensors") for label, folder in adapters_of(build).items()
    }
    asked = {"tokens": tokens, "block": block, "adapters": adapters}
    stored = read_object(store, "a record of held-out losses") if store.exists() else {}
    columns: dict[str, dict[str, float]] = stored["losses"] if stored.get("asked") == asked else {}
    sequences: dict[str, list[list[int]]] = {}
    for name, folder in models.items():
        if name in columns:
            continue
        if progress is not None:
            progress(name)
        model = load_language_model(folder, base=None if folder == base else base)
        if not sequences:  # all models share one tokenizer
            sequences = {
                label: held_out_sequences(text, model.tokenizer, spelling, tokens, block)
                for label, text in texts.items()
            }
        columns[name] = {label: round(mean_loss(model.model, sequences[label]), 4) for label in texts}
        write_json(store, {"asked": asked, "losses": columns})
    return {label: {name: columns[name][label] for name in models} for label in texts}


def check_text_version(build: Path | str) -> None:
    """Whether the works that a build held out can be told from its corpus today.

    Raises:
        UserError: it was cleaned otherwise.
    """
    version = build_recipe(Path(build)).get("text", 1)
    if version != TEXT_VERSION:
        raise UserError(
            f"{build} read text of version {version} of cleaning and spelling, this is version "
            f"{TEXT_VERSION}: other works may be held out now; build it again, or measure without a corpus"
        )


def check_build(build: Path | str) -> tuple[str, ...]:
    """See that every century model of a build is whole, before the first is asked; returns their labels.

    Raises:
        UserError: no build, no such base, or a damaged adapter or record.
    """
    adapters = adapters_of(build)
    resolve_base(build_recipe(Path(build))["base"])
    for folder in adapters.values():
        read_adapter(folder)
        training_record(folder / "training.json")
    return tuple(adapters)


def held_out_sequences(text: CenturyText, tokenizer: Any, spelling: str, tokens: int, block: int) -> list[list[int]]:
    """The first block of evenly spaced held-out passages, `tokens` in all."""
    count = max(tokens // block, 1)
    step = max(len(text.held_out) / count, 1.0)
    chosen = [text.held_out[int(n * step)] for n in range(count) if int(n * step) < len(text.held_out)]
    ids = encode_texts(tokenizer, [prepare(passage, spelling) for passage in chosen], special=True)
    return [list(sequence[:block]) for sequence in ids if len(sequence[:block]) > 1]


def build_recipe(build: Path) -> dict[str, Any]:
    """What `recipe.json` of a build says.

    Raises:
        UserError: it is missing or damaged.
    """
    file = build / "recipe.json"
    recipe = read_object(file, "the recipe of a build")
    inner = recipe.get("recipe")
    if not isinstance(recipe.get("base"), str) or not isinstance(inner, dict) or "spelling" not in inner:
        raise UserError(f"{file} is not the recipe of a build: it needs a base and a recipe with its spelling")
    return recipe


def training_record(file: Path) -> dict[str, Any]:
    """What `training.json` of a century says.

    Raises:
        UserError: it is missing or damaged.
    """
    record = read_object(file, "a record of training")
    losses, works = record.get("losses"), record.get("held_out_works")
    if not isinstance(losses, list) or not isinstance(works, list) or "tokens" not in record:
        raise UserError(f"{file} is not a record of training: it needs tokens, losses and held_out_works")
    numbers(losses, f"losses of {file}")
    return record


def _edge(losses: list[float], count: int) -> float | None:
    part = losses[:count] if count > 0 else losses[count:]
    return round(float(np.mean(part)), 3) if part else None
