"""A measured history with its evidence and adapters, as one folder that can be shipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import read_npz, write_bytes, write_folder, write_npz
from progressgym.core.reading import numbers
from progressgym.core.seals import read_sealed, write_sealed
from progressgym.histories.build import read_corpus
from progressgym.histories.corpus import corpus_files
from progressgym.histories.evidence import summary
from progressgym.histories.history import History, shipped_folder
from progressgym.histories.measuring import (
    adapters_of,
    check_build,
    check_text_version,
    measure_build,
    perplexity_matrix,
)
from progressgym.instruments.questionnaire import Questionnaire

Progress = Callable[[str], None]
SEEDS_FILE = "seeds.npz"
"""Beside `answers.npz`: the answers (S - 1, T, N, K) of the other training seeds, so that all evidence can be recomputed."""


def other_seeds(spec: Path | str) -> NDArray[np.float32] | None:
    """Answers (S - 1, T, N, K) of a published history's other training seeds; None where it has none.

    Args:
        spec: a shipped name, or the folder of a history.
    """
    shipped = shipped_folder(str(spec))
    file = (shipped if shipped.is_dir() else Path(spec)) / SEEDS_FILE
    if not file.is_file():
        return None
    return numbers(read_npz(file, "answers")["answers"], f"answers of {file}").astype(np.float32)


def publish(
    build: Path | str,
    out: Path | str,
    instrument: Questionnaire,
    *,
    seeds: Sequence[Path | str] = (),
    corpus: Path | str | None = None,
    card: Mapping[str, Any] | None = None,
    adapters: bool = False,
    progress: Progress | None = None,
) -> History:
    """Measure a build, gather the evidence for it, and write the history.

    Args:
        build: folder made by `build_history`.
        out: folder of the history; replaced as a whole.
        instrument: what to ask.
        seeds: builds of the same recipe with other training seeds, for the evidence.
        corpus: the HistText that was read; gives the matrix of held-out losses.
        card: further entries of the card (title, licence, attribution, ...).
        adapters: put the century adapters beside the answers.
        progress: called with what is being done.

    Raises:
        UserError: builds that are damaged or whose centuries differ, or no corpus; nothing was measured then.
    """
    say = progress or (lambda _: None)
    _check(build, seeds, corpus)
    history = measure_build(build, instrument, progress=lambda label: say(f"reading {label}"))
    measured = [history.answers]
    for number, other in enumerate(seeds, start=1):
        twin = measure_build(other, instrument, progress=lambda label, n=number: say(f"reading {label}, seed {n}"))  # type: ignore[misc]
        measured.append(twin.answers)
    evidence = summary(np.array(measured, dtype=np.float64), instrument)
    if corpus is not None:
        texts, _ = read_corpus(corpus)
        evidence["held_out_loss"] = perplexity_matrix(build, texts, progress=lambda name: say(f"held-out loss: {name}"))
    complete = {**(card or {}), **history.card, "evidence": evidence}
    published = History(
        name=Path(out).name,
        labels=history.labels,
        answers=history.answers,
        instrument=instrument,
        card=complete,
    )
    published.save(out)
    if seeds:
        write_npz(Path(out) / SEEDS_FILE, answers=np.array(measured[1:]))
    if (sources := Path(build) / "corpus.json").exists():
        write_bytes(Path(out) / "sources.json", sources.read_bytes())
    if adapters:
        for label, folder in adapters_of(build).items():
            with write_folder(Path(out) / "adapters" / label) as staged:
                shutil.copyfile(folder / "adapter_config.json", staged / "adapter_config.json")
                weights = "adapter_model.safetensors"
                write_sealed(staged / weights, read_sealed(folder / weights, foreign=True))
    return published


def _check(build: Path | str, seeds: Sequence[Path | str], corpus: Path | str | None) -> None:
    """Everything that is given, before the first model is asked."""
    labels = check_build(build)
    for other in seeds:
        centuries = check_build(other)
        if centuries != labels:
            raise UserError(f"{other} has centuries {', '.join(centuries)}; expected {', '.join(labels)}")
    if corpus is not None:
        corpus_files(corpus)
        check_text_version(build)
