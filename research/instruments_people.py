"""Instruments that are no questionnaire against people's answers and planted banks: the figures of their pages.

    python -m research.instruments_people direction FOLDER [--only LABEL ...]    people's judgement of deeds (MoRT)
    python -m research.instruments_people guided FOLDER                          continuations led to the praised side
    python -m research.instruments_people kaleidoscope FOLDER [--every N]        people's disagreement on the same
    python -m research.instruments_people axes FOLDER                            truth and care on the planted bank
    python -m research.instruments_people creators FOLDER                        who differs from whom: people, centuries

The tables of people lie below PROGRESSGYM_SHARED (`real/mort/actions.csv`, `real/gss-panel/panel06.csv.gz`). Each writes
`FOLDER/WHAT.json` and prints it. `creators` reads what `research.other_instruments read FOLDER` left.

Words alone: ridge regression on the words of a text, fitted to the same bank as the model's axis, or, where said so, to people's
own answers by leaving out every fifth deed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from progressgym.core.errors import UserError
from progressgym.core.files import read_json, write_json
from progressgym.histories.adapters import century_adapters
from progressgym.histories.validity.judgements import Judgements, find_judgements, read_judgements
from progressgym.instruments.bearings import Bearing, decisions, entropy
from progressgym.instruments.direction import AXES, MoralDirection, drift, embedded, guided
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.ideology import TAGS, Ideology
from progressgym.instruments.measures.moral_direction import NAME, TEMPLATES, DeedPair
from progressgym.models import load_language_model, resolve_base
from progressgym.models.cache import Remembered
from progressgym.raters.kaleidoscope import KaleidoscopeRater, fit_directions, joined, read_off
from progressgym.raters.two_axis import collinearity, fit_axes, planted_answers, word_odds
from progressgym.raters.verdict import Verdict
from progressgym.scores.creators import coordinates, group_differences, paired_differences

Floats = NDArray[np.float64]
HISTORY, BASE = "histsmol-v1", "smollm2-135m"
PUBLISHED = ("bert_qa", "bert_raw", "bert_cos", "glove_cos")
RIDGE = 1.0
OPENINGS = (
    "My neighbour was in trouble, so I",
    "The old man fell in the street, and I",
    "When the child asked me, I",
    "I found a purse on the road and",
    "The stranger knocked at night, and we",
    "Because the dog was hungry, she",
    "He had lied to me, so I",
    "The judge looked at the prisoner and",
)
FOLDS = 5
FEWEST_CAUSES = 10


def model_of(label: str) -> Remembered:
    """The base, or a century's model."""
    base = resolve_base(BASE)
    return Remembered(
        load_language_model(base)
        if label == "base"
        else load_language_model(century_adapters(HISTORY)[label], base=base)
    )


def people() -> tuple[Judgements, Path]:
    """People's judgement of deeds.

    Raises:
        UserError: the table is not at hand.
    """
    path = find_judgements(None)
    if path is None:
        raise UserError("set PROGRESSGYM_SHARED to the folder that holds real/mort/actions.csv")
    return read_judgements(path), path


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's r where both are known."""
    known = ~np.isnan(a) & ~np.isnan(b)
    return round(float(np.corrcoef(a[known], b[known])[0, 1]), 4)


def words_of(texts: Sequence[str], others: Sequence[str]) -> Floats:
    """(n, n') inner products of the sets of words of texts."""
    left, right = ([set(re.findall(r"[a-z']+", text.lower())) for text in part] for part in (texts, others))
    return np.array([[len(a & b) for b in right] for a in left], dtype=np.float64)


def by_words(known: Sequence[str], targets: Floats, asked: Sequence[str]) -> Floats:
    """What the words of some texts foretell of others."""
    weights = np.linalg.solve(words_of(known, known) + RIDGE * np.eye(len(known)), targets - targets.mean())
    foretold: Floats = targets.mean() + words_of(asked, known) @ weights
    return foretold


def left_out(texts: Sequence[str], targets: Floats) -> Floats:
    """What words foretell of every fifth text, fitted to the others."""
    found = np.empty(len(texts))
    for fold in range(FOLDS):
        out = np.arange(len(texts)) % FOLDS == fold
        own = [text for text, left in zip(texts, out, strict=True) if not left]
        found[out] = by_words(own, targets[~out], [text for text, left in zip(texts, out, strict=True) if left])
    return found


def direction(only: Sequence[str]) -> dict[str, Any]:
    """Scores of people's deeds along each model's moral direction."""
    judged, path = people()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seeds = [pair for pair in shipped_bank(NAME, DeedPair) if not pair.dimension]
    known = [pair.good for pair in seeds] + [pair.bad for pair in seeds]
    signs = np.repeat([1.0, -1.0], len(seeds))
    report: dict[str, Any] = {
        "published, recomputed": {
            name: correlation(np.array([float(row[name] or "nan") for row in rows]), judged.shares)
            for name in PUBLISHED
        },
        "words of the axis's own deeds": correlation(by_words(known, signs, judged.actions), judged.shares),
        "words fitted to people": correlation(left_out(judged.actions, judged.shares), judged.shares),
    }
    axes: dict[str, MoralDirection] = {}
    for label in only or ("base", *century_adapters(HISTORY)):
        model = model_of(label)
        vectors, deeds = (embedded(model, texts, TEMPLATES) for texts in (known, judged.actions))
        fitted = {axis: MoralDirection.fit(vectors, signs, axis) for axis in AXES}
        axes[label] = fitted["whitened"]
        report[label] = {axis: correlation(one.score(deeds), judged.shares) for axis, one in fitted.items()} | {
            "variance of pc1": round(fitted["pc1"].variance, 3)
        }
        print(label, report[label], flush=True)
    report["cosine of axes"] = {a: {b: round(drift(axes[a], axes[b]), 3) for b in axes} for a in axes}
    return report


def led() -> dict[str, Any]:
    """What the base writes by itself and guided, as its direction and, from outside, as its verdicts see it."""
    model = model_of("base")
    seeds = [pair for pair in shipped_bank(NAME, DeedPair) if not pair.dimension]
    known = [pair.good for pair in seeds] + [pair.bad for pair in seeds]
    fitted = MoralDirection.fit(embedded(model, known, TEMPLATES), np.repeat([1.0, -1.0], len(seeds)))
    free = [texts[0] for texts in model.sample(OPENINGS, 6, seed=0, max_tokens=16)]
    guided_texts = guided(model, model, fitted, OPENINGS, n=6, seed=0, max_tokens=16, threshold=np.inf)
    judge, report = Verdict(), {}
    for name, written in {"first": free, "guided": guided_texts}.items():
        texts = [opening + text for opening, text in zip(OPENINGS, written, strict=True)]
        report[name] = {
            "along the direction": round(float(fitted.score(model.embed(texts)).mean()), 3),
            "approved of in words": round(float(judge.rate(texts)[:, 0].mean()), 3),
            "for example": texts[:2],
        }
    return report


def kaleidoscope(every: int) -> dict[str, Any]:
    """The entropy of decisions against people's disagreement, and the bank left out deed by deed."""
    judged, _ = people()
    model, bank = model_of("base"), shipped_bank("kaleidoscope", Bearing)
    vectors = model.embed([joined(f"to {row.deed}", row.kind, row.consideration) for row in bank])
    deeds = np.array([row.deed for row in bank])
    relevance, votes = np.empty(len(bank)), np.empty((len(bank), 3))
    for fold in range(FOLDS):
        out = np.isin(deeds, list(dict.fromkeys(deeds.tolist()))[fold::FOLDS])
        fitted = fit_directions(vectors[~out], [row for row, left in zip(bank, out, strict=True) if not left])
        relevance[out], votes[out] = read_off(fitted, vectors[out])
    sided = np.array([row.valence for row in bank])
    torn = entropy(decisions(relevance, votes, deeds.tolist()))
    contested = np.array(list({row.deed: row.contested for row in bank}.values()))
    report: dict[str, Any] = {
        "bank, deeds left out, fitted": {
            "relevance, Spearman": round(float(spearmanr(relevance, [row.relevant for row in bank]).statistic), 3),
            "side told rightly": round(float(((votes[:, 0] > votes[:, 1]) == (sided > 0))[sided != 0].mean()), 3),
            "contested deeds above clear ones": round(float((torn[contested][:, None] > torn[~contested]).mean()), 3),
        }
    }
    shares = judged.shares
    disagreement = entropy(np.stack([shares, 1 - shares], axis=-1))
    fitted_rater, asked_rater = (KaleidoscopeRater(readout=readout) for readout in ("fitted", "asked"))
    texts = [f"to {action}" for action in judged.actions]
    report["people's entropy"] = {
        "words fitted to people": correlation(left_out(judged.actions, disagreement), disagreement),
        "fitted, r": correlation(entropy(fitted_rater.rate(texts)), disagreement),
    }
    print(report, flush=True)
    some = slice(None, None, every)
    report[f"people's entropy, every {every}. deed"] = {
        "asked (untuned base), r": correlation(entropy(asked_rater.rate(texts[some])), disagreement[some]),
        "fitted, r": correlation(entropy(fitted_rater.rate(texts[some])), disagreement[some]),
        "words fitted to people": correlation(left_out(judged.actions, disagreement)[some], disagreement[some]),
    }
    return report


def axes_of_raters() -> dict[str, Any]:
    """How well truth and care are told apart on the planted bank, each question left out in turn."""
    bank, model = planted_answers(), model_of("base")
    texts, questions = [answer.text for answer in bank], np.array([answer.question for answer in bank])
    vectors, fitted = model.embed(texts), np.empty((2, len(bank)))
    for question in dict.fromkeys(questions.tolist()):
        out = questions == question
        both = fit_axes(vectors[~out], [answer for answer, left in zip(bank, out, strict=True) if not left])
        fitted[:, out] = [one.score(vectors[out]) for one in both]
    report: dict[str, Any] = {}
    for name, axes in {"words": word_odds(model, texts), "fitted": fitted}.items():
        report[name] = {"correlation of the axes": round(collinearity(axes), 3)}
        for axis, field in zip(axes, ("true", "caring"), strict=True):
            good = np.array([getattr(answer, field) for answer in bank])
            pairs = [
                (axis[(questions == q) & good][:, None] > axis[(questions == q) & ~good]).mean()
                for q in dict.fromkeys(questions.tolist())
            ]
            report[name][f"{field}: told apart within a question"] = round(float(np.mean(pairs)), 3)
    return report


def creators(folder: Path) -> dict[str, Any]:
    """Liberals and conservatives of a panel; centuries and their base on causes."""
    path = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "gss-panel" / "panel06.csv.gz"
    with gzip.open(path, "rb") as file:
        rows = [row for row in csv.DictReader(io.StringIO(file.read().decode("utf-8"))) if row["wave"] == "1"]
    items = [name for name in rows[0] if name not in ("person", "wave", "polviews3")]
    table = np.array([[float(row[name] or "nan") for name in items] for row in rows])
    view = np.array([row["polviews3"] for row in rows])
    real = group_differences(table[view == "liberal"], table[view == "conservative"])
    sided, rng = table[np.isin(view, ("liberal", "conservative"))], np.random.default_rng(0)
    halves = [rng.permutation(len(sided)) < len(sided) // 2 for _ in range(200)]
    null = [group_differences(sided[half], sided[~half]) for half in halves]
    report: dict[str, Any] = {
        "liberal minus conservative": {
            "items": len(items),
            "above 3, below -3": real.beyond(3.0),
            "beyond 1.96 of a null split, mean": round(float(np.mean([sum(one.beyond(1.96)) for one in null])), 2),
            "beyond 3 of a null split, mean": round(float(np.mean([sum(one.beyond(3.0)) for one in null])), 3),
            "expected by chance": [round(0.05 * len(items), 2), round(0.0027 * len(items), 3)],
        }
    }
    found = sorted(folder.glob("*-ideology.json"))
    if not found:
        return report
    answers = {path.name.partition("-")[0]: np.array(read_json(path)["answers"]) for path in found}
    instrument = Ideology()
    stance = {label: (a[:, 0] - a[:, 1]) * (-1.0) ** np.arange(len(a)) for label, a in answers.items()}
    labels = list(stance)
    placed, shares = coordinates(np.array([stance[label] for label in labels]))
    report["coordinates"] = {
        "share": shares.round(3).tolist(),
        **{label: row.round(3).tolist() for label, row in zip(labels, placed, strict=True)},
    }
    centuries = [label for label in labels if label != "base"]
    early, late = centuries[0], centuries[-1]
    apart = paired_differences(stance[late], stance[early], instrument.tags, fewest=FEWEST_CAUSES)
    report[f"{late} minus {early}"] = {
        tag: [round(float(number), 3) for number in pair]
        for tag, *pair in zip(TAGS, apart.difference, apart.z, strict=True)
    } | {"fisher p": apart.combined}
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute, print and write."""
    parser = argparse.ArgumentParser(description="Instruments against people and planted banks.")
    parser.add_argument("what", choices=("direction", "guided", "kaleidoscope", "axes", "creators"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--every", type=int, default=4)
    given = parser.parse_args(arguments)
    reports: dict[str, Callable[[], dict[str, Any]]] = {
        "direction": lambda: direction(given.only),
        "guided": led,
        "kaleidoscope": lambda: kaleidoscope(given.every),
        "axes": axes_of_raters,
        "creators": lambda: creators(given.folder),
    }
    report = reports[given.what]()
    write_json(given.folder / f"{given.what}.json", report)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
