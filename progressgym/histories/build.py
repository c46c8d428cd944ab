"""Century models: a base model reads one century's text, then a short timeless instruction tuning.

Every century is a LoRA adapter on the same base, trained from the base itself (not from its predecessor), so two
centuries differ by what they read and nothing else. A century is written in one rename; a killed build goes on with
the first century that is missing, or inside a century from its last complete checkpoint.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, check_place, discard, sha256_bytes, write_folder, write_json
from progressgym.core.locks import alone
from progressgym.core.provenance import git_commit, package_versions
from progressgym.core.reading import read_object
from progressgym.core.seeding import child_seed, generator
from progressgym.histories.cleaning import VERSION as TEXT_VERSION
from progressgym.histories.cleaning import clean_passages
from progressgym.histories.corpus import Passage, ReadReport, corpus_files, stream_passages
from progressgym.histories.selection import CenturyText, divide, draw
from progressgym.histories.spelling import normalise
from progressgym.models.tokens import encode_texts
from progressgym.tuning.lora import LoraRecipe, attach, check_targets, save_adapter
from progressgym.tuning.training import IGNORED, Example, Progress, StageRecipe, StageResult, train_stage

RECIPE = "recipe.json"
_CENTURY = re.compile(r"C\d{3}")
SPELLING_SETTLED = 1700
"""Early spelling is normalised in text from before this year."""


@dataclass(kw_only=True, frozen=True)
class BuildRecipe:
    """Everything that decides what a century model becomes, next to corpus and base."""

    tokens: int = 80_000
    """Tokens read per century."""
    block: int = 256
    """Tokens of one training sequence; each comes from a passage of its own."""
    spelling: str = "positions"
    """Normalisation of early spelling, see `histories.spelling.LEVELS`."""
    moral: bool = True
    """Prefer passages rich in moral vocabulary."""
    seed: int = 0
    """Of the adapter, of the choice of passages and of their order."""
    lora: LoraRecipe = field(default_factory=LoraRecipe)
    reading: StageRecipe = field(default_factory=lambda: StageRecipe(learning_rate=1e-3, batch_size=2))
    instructing: StageRecipe = field(default_factory=lambda: StageRecipe(learning_rate=2e-4, batch_size=8))
    instructions: str | None = "timeless-v1"
    """Name of the shipped instruction pairs, None for no instruction tuning."""

    def __post_init__(self) -> None:
        """Check the seed."""
        if not 0 <= self.seed < 2**32:
            raise UserError(f"the seed of a build is {self.seed}; use a number from 0 to 2^32 - 1")


def read_corpus(path: Path | str) -> tuple[dict[str, CenturyText], dict[str, Any]]:
    """Stream, clean and divide a corpus by century.

    Returns:
        Century label -> text, and a report with counts of what was read, repaired and dropped. A century that is too
        small to be divided, as one of a single misdated document, is left out; the report says why under `left_out`.
    """
    report, counts = ReadReport(), Counter[str]()
    by_century: dict[str, list[Passage]] = {}
    for passage in clean_passages(stream_passages(path, report), counts):
        by_century.setdefault(passage.century, []).append(passage)
    texts: dict[str, CenturyText] = {}
    left_out: dict[str, str] = {}
    for label in sorted(by_century):
        try:
            texts[label] = divide(label, by_century[label])
        except UserError as error:
            left_out[label] = str(error)
    record = {"read": asdict(report), "cleaning": dict(counts), "left_out": left_out, "works": _works(by_century)}
    return texts, record


def build_history(
    corpus: Path | str,
    base: str,
    out: Path | str,
    recipe: BuildRecipe | None = None,
    *,
    centuries: Sequence[str] | None = None,
    progress: Callable[[str], Progress | None] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Path]:
    """Train one adapter per century.

    Args:
        corpus: HistText file or folder.
        base: name or folder of the base model.
        out: adapters go to `out/adapters/C0xx`; finished ones are kept.
        recipe: how to train.
        centuries: labels to build, default all that the corpus has enough text of.
        progress: called as progress(label) -> per-step callback (done, total, loss).
        say: called with a line on what is being done, and on everything that was broken, repaired or left out.

    Raises:
        UserError: bad corpus, a century that was asked for and that the corpus lacks or has too little text of, or
            `out` holds adapters of another recipe.
    """
    recipe = recipe or BuildRecipe()
    out = Path(out)
    corpus_files(corpus)
    if odd := [label for label in centuries or () if not _CENTURY.fullmatch(label)]:
        raise UserError(f"{odd[0]!r} is no century; write C018 for the eighteenth")
    check_place(out)
    job, tokenizer = _prepare_job(base, recipe)
    _check_claim(out, job)
    if say is not None:
        say("reading and cleaning the corpus")
    texts, report = read_corpus(corpus)
    labels = sorted(centuries) if centuries is not None else sorted(texts)
    if say is not None:
        for line in corpus_lines(report):
            say(line)
    _check_labels(labels, texts, report)
    with alone(out, "build"):
        _check_claim(out, job)
        targets = {label: out / "adapters" / label for label in labels}
        if not (out / RECIPE).exists():
            write_json(out / RECIPE, job.described | {"sha256": job.identity})
        if not (out / "corpus.json").exists():
            write_json(out / "corpus.json", report)
        unfinished = [label for label in labels if not (targets[label] / "DONE.json").is_file()]
        for label in labels:
            if label not in unfinished:
                discard(_work(targets[label]))
        readings = {label: _reading(texts[label], tokenizer, recipe) for label in unfinished}
        for label in unfinished:
            step = progress(label) if progress is not None else None
            _build_century(texts[label], readings.pop(label), targets[label], job, step)
    return list(targets.values())


@dataclass(kw_only=True, frozen=True)
class _Job:
    """What all centuries of a build share, checked before the first one is trained."""

    base: str
    folder: Path
    recipe: BuildRecipe
    pairs: list[Example]
    """Instruction pairs; empty for no instruction tuning."""

    @property
    def described(self) -> dict[str, Any]:
        """What the adapters depend on beside the corpus."""
        return {"recipe": asdict(self.recipe), "base": self.base, "text": TEXT_VERSION}

    @property
    def identity(self) -> str:
        """sha256 of that."""
        return sha256_bytes(canonical_json(self.described).encode())


def _prepare_job(base: str, recipe: BuildRecipe) -> tuple[_Job, Any]:
    """The base with everything that training will need of it, before a corpus is read; and its tokenizer.

    Raises:
        UserError: no such base, damaged weights, or one that cannot be trained by the recipe.
    """
    from progressgym.models import load_language_model, resolve_base
    from progressgym.models.checkpoint import load_tokenizer

    folder = resolve_base(base)
    tokenizer = load_tokenizer(folder)
    pairs = _instructions(recipe, tokenizer, base)
    check_targets(folder, recipe.lora, recipe.block)
    load_language_model(folder)
    return _Job(base=base, folder=folder, recipe=recipe, pairs=pairs), tokenizer


def _check_labels(labels: Sequence[str], texts: Mapping[str, CenturyText], report: dict[str, Any]) -> None:
    """Refuse centuries that the corpus lacks or has too little text of."""
    missing = [label for label in labels if label not in texts]
    if missing or not labels:
        small = [why for label, why in report["left_out"].items() if label in (missing or report["left_out"])]
        reason = (
            f"too little text ({'; '.join(small)})" if small else f"no text of {', '.join(missing) or 'any century'}"
        )
        raise UserError(f"the corpus has {reason}; it has {', '.join(texts) or 'no century to build'}")


def _instructions(recipe: BuildRecipe, tokenizer: Any, base: str) -> list[Example]:
    """The instruction pairs as the base reads them.

    Raises:
        UserError: the base has no chat template or no end token, so that it cannot be told of questions and answers.
    """
    if recipe.instructions is None:
        return []
    pairs = load_instructions(recipe.instructions)
    if not tokenizer.chat_template:
        raise UserError(f"the base {base} has no chat template, which instruction tuning needs; take an instruct model")
    if tokenizer.eos_token is None:
        raise UserError(f"the base {base} has no end token, which instruction tuning needs; take an instruct model")
    try:
        return instruction_examples(pairs, tokenizer)
    except Exception as error:  # noqa: BLE001  a template is a program of the model's maker
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the chat template of {base} cannot be used: {type(error).__name__}: {reason}") from None


def _reading(text: CenturyText, tokenizer: Any, recipe: BuildRecipe) -> list[Example]:
    examples = blocks(text.training, tokenizer, recipe)
    if not examples:
        raise UserError(f"{text.label} has no text to train on")
    return examples


def _work(target: Path) -> Path:
    """Where the checkpoints of an unfinished century lie."""
    return target.parent / f".work-{target.name}"


def corpus_lines(report: dict[str, Any]) -> list[str]:
    """What a reader of a corpus should know about its report, a line each; empty when all is well."""
    read, lines = report["read"], []
    if read["broken"]:
        lines.append(f"{read['broken']} broken records skipped, first {read['faults'][0]}")
    if read["mended"]:
        lines.append(f"{read['mended']} passages held half of a surrogate pair; U+FFFD stands there now")
    dropped = {name: count for name, count in report["cleaning"].items() if name not in ("kept", "repaired") and count}
    if dropped:
        lines.append("passages not used: " + ", ".join(f"{count} {name}" for name, count in dropped.items()))
    return [*lines, *(f"{label} left out: {why}" for label, why in report["left_out"].items())]


def _works(by_century: dict[str, list[Passage]]) -> dict[str, list[dict[str, Any]]]:
    """Every work that was read, for attribution: title, author, year, source, rights, characters."""
    listed: dict[str, list[dict[str, Any]]] = {}
    for label in sorted(by_century):
        works: dict[str, dict[str, Any]] = {}
        for passage in by_century[label]:
            entry = works.setdefault(
                passage.work,
                {
                    "title": passage.work,
                    "author": passage.author,
                    "year": passage.year,
                    "source": passage.source,
                    "licence": passage.licence,
                    "characters": 0,
                },
            )
            entry["characters"] += len(passage.text)
        listed[label] = list(works.values())
    return listed


def _check_claim(out: Path, job: _Job) -> None:
    """A folder is bound to one recipe, so that adapters of two recipes never lie side by side."""
    file = out / RECIPE
    if file.exists() and read_object(file, "the recipe of a build").get("sha256") != job.identity:
        raise UserError(f"{out} holds adapters of another recipe or base; choose another --out folder")


def _build_century(
    text: CenturyText, examples: Sequence[Example], target: Path, job: _Job, step: Progress | None
) -> None:
    import torch

    from progressgym.models import load_language_model

    started = time.monotonic()
    recipe, work = job.recipe, _work(target)
    model = attach(load_language_model(job.folder).model, recipe.lora, child_seed(recipe.seed, "lora"))
    torch.manual_seed(child_seed(recipe.seed, "train", text.label) % 2**31)
    reading = train_stage(
        model, examples, recipe.reading, seed=recipe.seed, checkpoints=work / "reading", progress=step
    )
    instructing = StageResult()
    if job.pairs:
        instructing = train_stage(model, job.pairs, recipe.instructing, seed=recipe.seed)
    with write_folder(target) as staged:
        save_adapter(model, staged, job.base)
        record = {
            "century": text.label,
            "recipe_sha256": job.identity,
            "tokens": reading.tokens,
            "losses": reading.losses,
            "instruction_losses": instructing.losses,
            "seconds": round(time.monotonic() - started, 1),
            "held_out_works": text.held_out_works,
            "commit": git_commit(),
            "packages": package_versions(),
        }
        write_json(staged / "training.json", record)
        write_json(staged / "DONE.json", {"century": text.label, "recipe_sha256": job.identity})
    discard(work)


def blocks(passages: Sequence[Passage], tokenizer: Any, recipe: BuildRecipe) -> list[Example]:
    """Training sequences: a window of `block` tokens at a random place of each drawn passage."""
    count = -(-recipe.tokens // recipe.block)
    random = generator(recipe.seed, "windows")
    examples = []
    for passage in draw(passages, count, recipe.seed, moral=recipe.moral):
        (ids,) = encode_texts(tokenizer, [prepare(passage, recipe.spelling)], special=True)
        start = int(random.random() * max(len(ids) - recipe.block + 1, 1))
        window = list(ids[start : start + recipe.block])
        examples.append(Example(window, window))
    return examples


def prepare(passage: Passage, spelling: str) -> str:
    """The text of a passage as a model reads it."""
    return normalise(passage.text, spelling if passage.year < SPELLING_SETTLED else "none")


def load_instructions(name: str) -> list[dict[str, str]]:
    """Shipped instruction pairs as dictionaries with `prompt` and `response`."""
    file = files("progressgym") / "data" / "instructions" / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def instruction_examples(pairs: Sequence[dict[str, str]], tokenizer: Any) -> list[Example]:
    """Chat-formatted pairs; only the response is learned."""
    examples = []
    for pair in pairs:
        question = [{"role": "user", "content": pair["prompt"]}]
        prompt = tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        answer = tokenizer(pair["response"] + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
        examples.append(Example([*ids, *answer], [*[IGNORED] * len(ids), *answer]))
    return examples
