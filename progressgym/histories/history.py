"""A history: one human proxy per century, as its measured answers.

On disk a history is a folder with `answers.npz` (float32 answers, labels, instrument name and hash) and `card.json`
(provenance); a questionnaire that does not come with the package lies beside them (`instrument.json`, `items.jsonl`).
A step is a century or any other stretch of time that its label names. What was not asked in a step is NaN: it is never
compared and never scored, and code that forgets it cannot make a number of it.

Legend of shapes: T steps, N items, K options of the widest item, D = 19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import validate_answers
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import (
    canonical_json,
    read_npz,
    sha256_bytes,
    write_folder,
    write_json,
    write_npz,
)
from progressgym.core.protocols import OptionScorer, Respondent
from progressgym.core.reading import read_object, texts
from progressgym.instruments.loadings import item_index, strengths
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.storage import comes_with_package, is_instrument
from progressgym.instruments.storage import shipped_names as shipped_instruments

ANSWERS_FILE, CARD_FILE = "answers.npz", "card.json"
SYNTHETIC, RESAMPLED = "synthetic:", "resampled:"
KEYS = ("answers", "labels", "instrument", "instrument_hash")
MIN_CENTURIES = 2


class MeasurementCache(Protocol):
    """Where finished measurements of language models are kept, keyed by model, instrument and mode."""

    def get(self, fingerprint: str, instrument_hash: str, mode: str) -> NDArray[np.float64] | None:
        """Stored answers (N, K), or None."""
        ...

    def put(self, fingerprint: str, instrument_hash: str, mode: str, answers: NDArray[np.float64]) -> None:
        """Store answers (N, K)."""
        ...


@dataclass(kw_only=True, frozen=True, eq=False)
class History:
    """Answers of every century to every item of an instrument.

    Raises:
        UserError: labels that are not unique or do not fit, answers of the wrong shape, NaN, negative or not summing
            to 1.
    """

    name: str
    """Shipped name, folder name or synthetic id."""
    labels: tuple[str, ...]
    """T labels, oldest first, for example `C013`."""
    answers: NDArray[np.float32]
    """(T, N, K) choice probabilities, read-only; NaN in all places of an item that was not asked in a step."""
    instrument: Questionnaire
    """What was asked."""
    card: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from: models, corpus, rights, recipe, evidence."""
    folder: Path | None = None
    """Where it was read from."""
    people: NDArray[np.float32] | None = None
    """(T, N) how many people's answers these are worth, 0 where not asked; None where they are not a sample of people."""

    def __post_init__(self) -> None:
        """Validate, and keep a read-only float32 copy."""
        where = f"answers of history {self.name!r}"
        array = _validate(self.answers, self.instrument.mask, where)
        if array.ndim != 3 or len(array) < MIN_CENTURIES:
            raise UserError(f"{where} have shape {array.shape}, expected ({MIN_CENTURIES} or more, *(N, K))")
        if len(self.labels) != len(array) or len(set(self.labels)) != len(array):
            raise UserError(f"history {self.name!r} needs {len(array)} different labels, got {list(self.labels)}")
        copy = array.astype(np.float32)
        copy.setflags(write=False)
        object.__setattr__(self, "answers", copy)
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))
        if not self.asked.any(0).all():
            never = self.instrument.items[int(self.asked.any(0).argmin())].id
            raise UserError(f"history {self.name!r} never asks item {never!r}; leave it out of the questionnaire")
        if self.people is not None:
            object.__setattr__(self, "people", _people(self.people, self.asked, self.name))

    @classmethod
    def trusted(
        cls,
        *,
        name: str,
        labels: tuple[str, ...],
        answers: NDArray[np.float32],
        instrument: Questionnaire,
        card: Mapping[str, Any],
    ) -> History:
        """A history whose answers come from a softmax of our own: nothing is checked or copied."""
        history = object.__new__(cls)
        answers.setflags(write=False)
        fields = {
            "name": name,
            "labels": labels,
            "answers": answers,
            "instrument": instrument,
            "card": card,
            "folder": None,
            "people": None,
            "complete": True,
        }
        for key, value in fields.items():
            object.__setattr__(history, key, value)
        return history

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"History({self.name!r}, {self.labels[0]} to {self.labels[-1]}, {self.instrument.name})"

    @cached_property
    def hash(self) -> str:
        """sha256 of labels, instrument and answers: what can move a score."""
        head = canonical_json({"labels": list(self.labels), "instrument": self.instrument.hash})
        sizes = b"" if self.people is None else np.ascontiguousarray(self.people, dtype="<f4").tobytes()
        return sha256_bytes(head.encode() + np.ascontiguousarray(self.answers, dtype="<f4").tobytes() + sizes)

    @cached_property
    def asked(self) -> NDArray[np.bool_]:
        """(T, N) True where an item was asked in a step."""
        asked: NDArray[np.bool_] = ~np.isnan(self.answers[..., 0])
        asked.setflags(write=False)
        return asked

    @cached_property
    def complete(self) -> bool:
        """Whether every item was asked in every step."""
        return bool(self.asked.all())

    @cached_property
    def first_steps(self) -> NDArray[np.int64]:
        """(N,) the step in which an item was first asked."""
        steps: NDArray[np.int64] = self.asked.argmax(0)
        return steps

    @cached_property
    def first_answers(self) -> NDArray[np.float32]:
        """(N, K) the first answer to every item: what is known before anything has changed."""
        return self.answers[0] if self.complete else self.answers[self.first_steps, np.arange(len(self.instrument))]

    @cached_property
    def scored(self) -> NDArray[np.bool_]:
        """(T, N) True where an agent's answer is compared with this history: asked, and not for the first time."""
        return self.asked & (np.arange(len(self))[:, None] > self.first_steps)

    @cached_property
    def last_known(self) -> NDArray[np.float32]:
        """(T, N, K) the newest answer to every item in every step, before it was asked the first: for references only."""
        if self.complete:
            return self.answers
        steps = np.where(self.asked, np.arange(len(self))[:, None], self.first_steps)
        return self.answers[np.maximum.accumulate(steps), np.arange(len(self.instrument))]

    @property
    def reading(self) -> str | None:
        """The mode in which its language models were read; None where the card names none."""
        reading = self.card.get("reading")
        mode = reading.get("mode") if isinstance(reading, Mapping) else None
        return None if mode is None else str(mode)

    def adapter(self, century: int) -> Path | None:
        """The folder of a century's adapter, where the history comes with one."""
        if self.folder is None:
            return None
        place = self.folder / "adapters" / self.labels[century]
        return place if (place / "adapter_config.json").is_file() else None

    def values(self, items: ArrayLike | None = None) -> NDArray[np.float64]:
        """Value vectors (T, 19) on a subset of items, each step's on those that were asked; see `Questionnaire.values`.

        A dimension of which nothing was asked in a step is 0 there. Where some items are missing, two steps differ also
        by what was asked; the environments and scores compare like with like, see docs/histories.md.
        """
        if self.complete:
            return self.instrument.values(self.answers, items, check=False)
        index = item_index(items, len(self.instrument))
        loadings, asked = self.instrument.loadings[index], self.asked[:, index]
        answers = np.where(asked[..., None], self.answers[:, index], 0.0)
        mass = asked @ strengths(loadings)
        values: NDArray[np.float64] = np.einsum("tik,ikd->td", answers, loadings) / np.where(mass > 0, mass, 1.0)
        return values

    def drift(self, items: ArrayLike | None = None) -> NDArray[np.float64]:
        """Change of the values since the first step, (T, 19); since an item's first answer where it came later.

        Each step's is on the items that are scored in it, so that like is compared with like.
        """
        if self.complete:
            values = self.values(items)
            change: NDArray[np.float64] = values - values[0]
            return change
        index = item_index(items, len(self.instrument))
        loadings, scored = self.instrument.loadings[index], self.scored[:, index]
        moved = np.where(scored[..., None], (self.last_known - self.first_answers)[:, index], 0.0)
        mass = scored @ strengths(loadings)
        drift: NDArray[np.float64] = np.einsum("tik,ikd->td", moved, loadings) / np.where(mass > 0, mass, 1.0)
        return drift

    def sampling_error(self, items: ArrayLike | None = None) -> NDArray[np.float64]:
        """Standard errors (T, 19) of `values` that come from asking so many people and not all; 0 where all are known.

        Multinomial: an item's x_id = sum_k p L has the variance (sum_k p L^2 - x_id^2) / people, and items are asked
        independently, v_d = sum_i x_id / sum_i m_id. People who answer several items make them correlate, which this
        leaves out.
        """
        instrument = self.instrument
        index = item_index(items, len(instrument.items))
        loadings = instrument.loadings[index]
        answers = np.nan_to_num(self.answers[:, index].astype(np.float64))
        asked = self.asked[:, index]
        people = np.where(asked, np.inf, 1.0) if self.people is None else np.where(asked, self.people[:, index], 1.0)
        first = np.einsum("tik,ikd->tid", answers, loadings)
        variance = (np.einsum("tik,ikd->tid", answers, loadings**2) - first**2) / people[..., None]
        mass = asked.astype(np.float64) @ strengths(loadings)
        errors: NDArray[np.float64] = np.sqrt(variance.sum(1)) / np.where(mass > 0, mass, 1.0)
        return errors

    @classmethod
    def load(cls, spec: str | Path, instrument: Questionnaire | None = None) -> History:
        """Load a history.

        Args:
            spec: a shipped name, a folder, an `answers.npz` file, a synthetic id with a seed such as
                `synthetic:linear?seed=3&coherence=0.5`, or a resampled one such as `resampled:histsmol-v1?seed=3`; with
                `split=3`, as in `gss-v1?split=3`, its items are divided anew (`progressgym.histories.splits`).
            instrument: the instrument that the answers belong to; by default the one that the file names.

        Raises:
            UserError: an unknown name, a damaged or malformed file, answers to another instrument.
        """
        from progressgym.histories.splits import parse_split, with_split

        base, split = parse_split(str(spec))
        return cls._load(spec, instrument) if base == str(spec) else with_split(cls._load(base, instrument), split)

    @classmethod
    def _load(cls, spec: str | Path, instrument: Questionnaire | None) -> History:
        """Load a history with the split that it comes with."""
        if str(spec).startswith(SYNTHETIC):
            from progressgym.histories.synthetic import SyntheticSpec, synthetic_history

            return synthetic_history(SyntheticSpec.parse(str(spec)), instrument=instrument)
        if str(spec).startswith(RESAMPLED):
            from progressgym.histories.resampled import resampled_history

            return resampled_history(str(spec), instrument)
        shipped = shipped_folder(str(spec))
        if str(spec) in shipped_names():
            return _read(shipped / ANSWERS_FILE, shipped / CARD_FILE, str(spec), instrument)
        path = Path(spec)
        if spec and path.is_dir():
            return _read(path / ANSWERS_FILE, path / CARD_FILE, path.resolve().name, instrument)
        if path.is_file():
            return _read(path, path.with_name(CARD_FILE), path.stem, instrument)
        from progressgym.histories.names import made_history

        return made_history(str(spec))

    def save(self, folder: Path | str) -> None:
        """Write the history as one folder that is there wholly or not at all.

        A questionnaire that does not come with the package is written beside the answers, so that the folder is all
        that anybody needs.
        """
        sizes = {} if self.people is None else {"people": self.people}
        with write_folder(folder) as staged:
            write_npz(
                staged / ANSWERS_FILE,
                answers=self.answers,
                labels=np.array(self.labels),
                instrument=np.array([self.instrument.name]),
                instrument_hash=np.array([self.instrument.hash]),
                **sizes,
            )
            write_json(staged / CARD_FILE, dict(self.card))
            if not comes_with_package(self.instrument):
                self.instrument.save(staged)

    @classmethod
    def measure(
        cls,
        models: Sequence[Respondent | OptionScorer],
        instrument: Questionnaire,
        labels: Sequence[str],
        *,
        mode: str = "cloze",
        cache: MeasurementCache | None = None,
        name: str = "measured",
        card: Mapping[str, Any] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> History:
        """Ask a respondent per century every item.

        Args:
            models: T respondents or language models, oldest first.
            instrument: what to ask.
            labels: T labels.
            mode: how a language model is read, see `Questionnaire.read`.
            cache: finished measurements of language models are taken from here and stored here.
            name: of the history.
            card: provenance to keep with it.
            progress: called with the label of each century before it is measured.

        Raises:
            UserError: numbers of models and labels differ, or malformed answers.
        """
        if len(models) != len(labels):
            raise UserError(f"{len(models)} models but {len(labels)} labels; give one label a model")
        rows = []
        for model, label in zip(models, labels, strict=True):
            if progress is not None:
                progress(label)
            row = _measure_one(model, instrument, mode, cache)
            rows.append(validate_answers(row, instrument.mask, f"answers of {label}"))
        return cls(
            name=name,
            labels=tuple(labels),
            answers=np.array(rows, dtype=np.float32),
            instrument=instrument,
            card=card or {},
        )


def shipped_folder(name: str) -> Path:
    """Where a history that comes with the package lies, answers, card and adapters; it need not exist."""
    return _shipped_folder() / name


def shipped_names() -> list[str]:
    """Names of the histories that come with the package."""
    folder = _shipped_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{ANSWERS_FILE}")) if folder.is_dir() else []


def unknown_history(spec: str) -> UserError:
    """The error for a history that does not exist."""
    from progressgym.histories.families import FAMILIES
    from progressgym.histories.names import INSTALLED

    shipped = shipped_names()
    names = [
        *shipped,
        *(SYNTHETIC + f for f in FAMILIES),
        *(f"{RESAMPLED}{name}?seed=0" for name in shipped),
        *INSTALLED,
        "or a path",
    ]
    return unknown("history", spec, names)


def _shipped_folder() -> Path:
    return Path(str(files("progressgym.data").joinpath("histories")))


def _read(path: Path, card_path: Path, name: str, instrument: Questionnaire | None) -> History:
    arrays = read_npz(path)
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise UserError(f"{path} is not a history: it lacks {', '.join(missing)}; expected {', '.join(KEYS)}")
    asked, digest = (_text(arrays[key], f"{key} of {path}") for key in ("instrument", "instrument_hash"))
    own = _questionnaire(path.parent, asked, digest) if instrument is None else instrument
    if own.hash != digest:
        raise UserError(
            f"{path} holds answers to instrument {asked!r} with hash {digest[:12]}, "
            f"but {own.name!r} here has hash {own.hash[:12]}; measure the history again"
        )
    labels = tuple(texts(arrays["labels"], f"labels of {path}"))
    card = read_object(card_path, "the card of a history") if card_path.exists() else {}
    return History(
        name=name,
        labels=labels,
        answers=arrays["answers"],
        instrument=own,
        card=card,
        folder=path.parent,
        people=arrays.get("people"),
    )


def _questionnaire(folder: Path, name: str, digest: str) -> Questionnaire:
    """The questionnaire beside the answers, or the one that comes with the package or lies where the name says."""
    beside = Questionnaire.load(folder) if is_instrument(folder) else None
    if beside is not None and (beside.hash == digest or name not in shipped_instruments()):
        return beside
    return Questionnaire.load(name)


def _validate(answers: ArrayLike, mask: NDArray[np.bool_], where: str) -> NDArray[np.float64]:
    """Check answers of which whole items may be NaN; returns them as float64."""
    array = np.asarray(answers)
    if array.ndim != 3 or array.shape[1:] != mask.shape or array.dtype.kind != "f":
        return validate_answers(answers, mask, where)
    missing = np.isnan(array).all(-1)
    uniform = mask / mask.sum(1, keepdims=True)
    checked = validate_answers(np.where(missing[..., None], uniform, array), mask, where)
    return np.where(missing[..., None], np.nan, checked)


def _people(people: ArrayLike, asked: NDArray[np.bool_], name: str) -> NDArray[np.float32]:
    """Check numbers of people (T, N): positive where something was asked, 0 elsewhere."""
    shares = np.array(people, dtype=np.float32)
    if shares.shape != asked.shape or not np.isfinite(shares).all() or ((shares > 0) != asked).any():
        raise UserError(
            f"people of history {name!r} must be {asked.shape} numbers, positive where an item was asked and else 0"
        )
    shares.setflags(write=False)
    return shares


def _text(array: NDArray[Any], where: str) -> str:
    """The one string that an array holds."""
    strings = texts(array.reshape(-1), where)
    return strings[0] if len(strings) == 1 else ""


def _measure_one(
    model: Respondent | OptionScorer, instrument: Questionnaire, mode: str, cache: MeasurementCache | None
) -> NDArray[np.float64]:
    if isinstance(model, Respondent):
        return model.answers(instrument)
    if not isinstance(model, OptionScorer):
        raise UserError(f"{type(model).__name__} can answer no items: it has neither answers() nor option_logprobs()")
    if cache is not None and (stored := cache.get(model.fingerprint, instrument.hash, mode)) is not None:
        return stored
    answers = instrument.read(model, mode).answers
    if cache is not None:
        cache.put(model.fingerprint, instrument.hash, mode, answers)
    return answers
