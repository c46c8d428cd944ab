"""What `deeds19-v1` is worth on century models: does one half of the deeds find the drift that the other half finds?

    python -m research.deeds_reading read FOLDER LABEL=ADAPTER ... [--base smollm2-135m]
    python -m research.deeds_reading report FOLDER [--from C013] [--to C021] [--out FILE]

`read` asks every model all deeds in all leads and words (one pass a deed and lead gives all words) and keeps the raw
log-odds, a file a model; what is there is not asked again. `LABEL` is `base` or `SEED:CENTURY`, for example `0:C013`.

`report` knows two quantities, both of mean log-odds over words and leads, averaged over a dimension's deeds of a half:

* the **drift**, one century's 19 values less another's, centred over dimensions (what all deeds have in common is the
  drift of the words);
* the **table** of centuries by dimensions, double-centred, where three centuries or more were read.

Each is correlated between the halves: within a training seed, across seeds (another half AND another seed), and of the mean
of the seeds. Intervals: 95 %, dimensions drawn with replacement. p: tags permuted between the deeds of each half.

Legend of shapes: S seeds, T centuries, B deeds, V verdicts, D = 19.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS, WORLDVIEWS
from progressgym.core.errors import UserError
from progressgym.core.files import write_json, write_npz
from progressgym.core.protocols import OptionScorer
from progressgym.core.reading import read_npz
from progressgym.instruments.ask import verdict_answers, verdict_odds
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_language_model, resolve_base

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
INSTRUMENT = "deeds19-v1"
PERMUTATIONS, DRAWS = 999, 2000
SCORES = "scores-{}.npz"


def deeds_of(instrument: Questionnaire) -> tuple[list[str], Ints, NDArray[np.bool_]]:
    """All deeds (B,), the dimension of each, and whether it is an elicitation deed."""
    first = set(instrument.elicitation.tolist())
    rows = [
        (option, DIMENSIONS.index(next(iter(tags))), i in first)
        for i, item in enumerate(instrument.items)
        for option, tags in zip(item.options, item.tags, strict=True)
    ]
    return [row[0] for row in rows], np.array([row[1] for row in rows]), np.array([row[2] for row in rows])


def read(folder: Path, models: Mapping[str, Path | None], base: Path) -> None:
    """Raw log-odds (V, B) of every model, kept as `scores-LABEL.npz` beside the deeds; only other deeds are asked."""
    for label, adapter in models.items():
        keep(folder, label, lambda own=adapter: load_language_model(own or base, base=base if own else None))  # type: ignore[misc]


def keep(folder: Path, label: str, load: Callable[[], OptionScorer]) -> None:
    """Ask one model what its file lacks, and write the file; a model that has answered everything is not loaded."""
    instrument = Questionnaire.load(INSTRUMENT)
    deeds, verdicts = deeds_of(instrument)[0], instrument.config.verdicts
    path = folder / SCORES.format(label.replace(":", "-"))
    known = kept(path, verdicts) if path.exists() else {}
    missing = [deed for deed in deeds if deed not in known]
    if not missing:
        return
    odds = verdict_odds(load(), missing, verdicts).astype(np.float32)
    known |= dict(zip(missing, odds.T, strict=True))
    table = np.array([known[deed] for deed in deeds]).T
    write_npz(path, odds=table, deeds=packed(deeds), verdicts=np.array(verdicts))
    print(f"{label}: mean {table.mean():.3f}, deeds' standard deviation {table.mean(0).std():.3f}", flush=True)


def kept(path: Path, verdicts: Sequence[tuple[str, str, str]]) -> dict[str, NDArray[np.float32]]:
    """Deed -> log-odds (V,) of a file of scores.

    Raises:
        UserError: it was read in other words or leads.
    """
    arrays = read_npz(path, "odds", "deeds", "verdicts")
    if arrays["verdicts"].tolist() != [list(verdict) for verdict in verdicts]:
        raise UserError(f"{path.name} was read in other words or leads; move it away and read again")
    return dict(zip(arrays["deeds"].tobytes().decode("utf-8").split("\n"), arrays["odds"].T, strict=True))


def packed(deeds: Sequence[str]) -> NDArray[np.uint8]:
    """Deeds as the bytes of lines, a fifth of an array of strings."""
    return np.frombuffer("\n".join(deeds).encode("utf-8"), dtype=np.uint8)


def load(folder: Path) -> dict[str, Floats]:
    """Label -> log-odds (V, B) of all models read.

    Raises:
        UserError: there are none, or they were not asked all deeds.
    """
    instrument = Questionnaire.load(INSTRUMENT)
    deeds = deeds_of(instrument)[0]
    found = {}
    for path in sorted(folder.glob(SCORES.format("*"))):
        known = kept(path, instrument.config.verdicts)
        missing = [deed for deed in deeds if deed not in known]
        if missing:
            raise UserError(f"{path.name} lacks {len(missing)} deeds, {missing[0]!r} first; `read` adds them")
        label = path.stem.removeprefix("scores-").replace("-", ":")
        found[label] = np.array([known[deed] for deed in deeds], dtype=np.float64).T
    if not found:
        raise UserError(f"{folder} holds no scores; `read` makes them")
    return found


def half_values(scores: Floats, dimension: Ints, first: NDArray[np.bool_]) -> Floats:
    """Mean of each dimension's deeds in each half, (..., 2, D) of (..., B)."""
    table = np.zeros((scores.shape[-1], 2, len(DIMENSIONS)))
    table[np.arange(len(dimension)), (~first).astype(int), dimension] = 1.0
    values: Floats = np.tensordot(scores, table / table.sum(0), axes=1)
    return values


def centred(values: Floats) -> Floats:
    """(S, T, 2, D) -> (S, 2, n, D): the drift of two centuries, or the double-centred table of more."""
    own = np.moveaxis(values, 2, 1)
    own = own[:, :, 1:] - own[:, :, :1] if own.shape[2] == 2 else own - own.mean(2, keepdims=True)
    drift: Floats = own - own.mean(-1, keepdims=True)
    return drift


def without_first_axis(drift: Floats) -> Floats:
    """Drift (S, 2, n, D) without its largest axis over dimensions, that of the mean over seeds and halves.

    The axis takes some of the deeds' noise along, which sets the halves against each other: of a table with one axis nothing
    but noise is left, and the halves then agree with -.14 (5 centuries) to -.08 (9), not with 0. An axis of other deeds errs
    the other way, by as much.
    """
    axis = np.linalg.svd(drift.mean((0, 1)))[2][:1]
    rest: Floats = drift - drift @ axis.T @ axis
    return rest


def agreements(drift: Floats) -> dict[str, float]:
    """Correlations between the halves of (S, 2, n, D)."""
    seeds = range(len(drift))

    def r(a: Floats, b: Floats) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    found = {"within a seed": float(np.mean([r(drift[s, 0], drift[s, 1]) for s in seeds]))}
    if len(drift) > 1:
        pairs = [(s, t) for s in seeds for t in seeds if s != t]
        found["across seeds, other half"] = float(np.mean([r(drift[s, 0], drift[t, 1]) for s, t in pairs]))
        found["across seeds, same half"] = float(
            np.mean([r(drift[s, h], drift[t, h]) for s, t in pairs for h in (0, 1)])
        )
        found["across seeds, all deeds"] = float(np.mean([r(drift[s].mean(0), drift[t].mean(0)) for s, t in pairs]))
        found["mean of the seeds"] = r(drift[:, 0].mean(0), drift[:, 1].mean(0))
    return found


def judged(
    scores: Floats,
    dimension: Ints,
    first: NDArray[np.bool_],
    *,
    count: int = len(DIMENSIONS),
    axis: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Agreements of scores (S, T, B), with interval and p; and how each dimension drifts.

    Args:
        scores: mean log-odds.
        dimension: (B,) of each deed.
        first: (B,) whether it is an elicitation deed.
        count: only so many dimensions, from the first.
        axis: False takes the largest axis of the drift out, see `without_first_axis`.
        seed: of draws and permutations.
    """
    rng = np.random.default_rng(seed)

    def drift_of(dealt: Ints) -> Floats:
        drift = centred(half_values(scores, dealt, first)[..., :count])
        return drift if axis else without_first_axis(drift)

    drift = drift_of(dimension)
    known = agreements(drift)
    draws = [agreements(_again(drift[..., rng.integers(drift.shape[-1], size=drift.shape[-1])])) for _ in range(DRAWS)]
    null = [agreements(drift_of(_permuted(dimension, first, rng))) for _ in range(PERMUTATIONS)]
    report: dict[str, Any] = {
        name: {
            "r": round(value, 3),
            "interval": [round(float(q), 3) for q in np.quantile([draw[name] for draw in draws], (0.025, 0.975))],
            "p": (1 + sum(one[name] >= value for one in null)) / (1 + PERMUTATIONS),
        }
        for name, value in known.items()
    }
    means = drift.mean((0, 1, 2)) if drift.shape[2] == 1 else drift.mean((0, 1))[-1] - drift.mean((0, 1))[0]
    order = np.argsort(means)
    report["dimensions, falling most first"] = {DIMENSIONS[d]: round(float(means[d]), 3) for d in order}
    return report


def _again(drift: Floats) -> Floats:
    """Centred over the dimensions that were drawn."""
    again: Floats = drift - drift.mean(-1, keepdims=True)
    return again


def _permuted(dimension: Ints, first: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """The dimensions dealt anew among the deeds of each half."""
    dealt = dimension.copy()
    for half in (first, ~first):
        dealt[half] = rng.permutation(dimension[half])
    return dealt


def by_verdict(scores: Floats, verdicts: Sequence[tuple[str, str, str]], part: Callable[..., str]) -> dict[str, Floats]:
    """Scores (S, T, B) of each lead or pair of words alone, from (S, T, V, B)."""
    names = [part(*verdict) for verdict in verdicts]
    return {name: scores[:, :, [n == name for n in names]].mean(2) for name in dict.fromkeys(names)}


def of_answers(raw: Floats, instrument: Questionnaire) -> dict[str, float]:
    """Agreements of the questionnaire's own values, of answers to its items, from log-odds (S, T, V, B)."""
    scores = raw.reshape(*raw.shape[:3], *instrument.mask.shape)
    values = np.array(
        [
            [
                [
                    instrument.values(verdict_answers(table, instrument.mask, instrument.config.temperature), half)
                    for half in (instrument.elicitation, instrument.evaluation)
                ]
                for table in seed
            ]
            for seed in scores
        ]
    )
    return agreements(centred(values))


def report(folder: Path, start: str, end: str) -> dict[str, Any]:
    """All that is said of the models read.

    Raises:
        UserError: no training seed for which both centuries were read.
    """
    instrument = Questionnaire.load(INSTRUMENT)
    _, dimension, first = deeds_of(instrument)
    found = load(folder)
    read_of: dict[str, list[str]] = {}
    for label in found:
        seed, _, century = label.partition(":")
        if century:
            read_of.setdefault(seed, []).append(century)
    seeds = sorted(seed for seed, known in read_of.items() if {start, end} <= set(known))
    if not seeds:
        raise UserError(f"{folder} has no training seed with scores of both {start} and {end}")
    raw = np.array([[found[f"{seed}:{century}"] for century in (start, end)] for seed in seeds])
    made: dict[str, Any] = {
        "instrument": {"name": instrument.name, "hash": instrument.hash},
        "seeds": seeds,
        f"drift {start} to {end}": judged(raw.mean(2), dimension, first),
        "the same without the worldviews": judged(raw.mean(2), dimension, first, count=WORLDVIEWS.start),
        "the same of the questionnaire's values": _rounded(of_answers(raw, instrument)),
    }
    common = sorted(set.intersection(*(set(read_of[seed]) for seed in seeds)))
    if len(common) > 2:
        table = np.array([[found[f"{seed}:{century}"].mean(0) for century in common] for seed in seeds])
        made[f"table of {', '.join(common)}"] = judged(table, dimension, first)
    parts: dict[str, Callable[..., str]] = {
        "words": lambda _, good, bad: f"{good.strip()}/{bad.strip()}",
        "leads": lambda lead, *_: lead.strip(),
    }
    for kind, part in parts.items():
        made[f"drift by {kind}"] = {
            name: _rounded(agreements(centred(half_values(own, dimension, first))))
            for name, own in by_verdict(raw, instrument.config.verdicts, part).items()
        }
    return made


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read models, or report on what was read."""
    parser = argparse.ArgumentParser(description="Read century models on deeds19-v1, and report how its halves agree.")
    parser.add_argument("what", choices=("read", "report"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", metavar="LABEL=ADAPTER")
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--from", dest="start", default="C013")
    parser.add_argument("--to", dest="end", default="C021")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    if given.what == "read":
        pairs = [text.partition("=") for text in given.models]
        models = {label: Path(adapter) if adapter else None for label, _, adapter in pairs}
        read(given.folder, models, resolve_base(given.base))
        return 0
    made = report(given.folder, given.start, given.end)
    print(json.dumps(made, indent=2))
    if given.out:
        write_json(given.out, made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
