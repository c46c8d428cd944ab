"""Comparisons as text: rows that TRL's DPO, reward and KTO trainers read, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.files import write_text
from progressgym.core.protocols import Embedder
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import Comparisons, PairChooser, check_labels, draw_asked, probabilities
from progressgym.preferences.pairs import Pairs


class PreferenceRow(TypedDict):
    """One comparison in TRL's explicit-prompt format. `prompt + chosen` is the text as it is read."""

    prompt: str
    chosen: str
    rejected: str
    weight: float
    """|2 P - 1|: 1 for a certain preference, 0 for none; 1 for votes."""
    century: str


def preference_rows(instrument: Questionnaire, given: Pairs | Comparisons, century: str) -> list[PreferenceRow]:
    """Rows of one century's pairs, in their order; what was not asked has none.

    Args:
        instrument: whose options the pairs are about.
        given: the option with the target above 1/2 is chosen, the first one at 1/2.
        century: label of the century, for example `C013`.
    """
    pairs = given.as_pairs(instrument) if isinstance(given, Comparisons) else given
    framing = instrument.config.framings[0]
    rows = []
    for (i, a, b), label, weight in zip(pairs.triples.tolist(), pairs.target.tolist(), pairs.weight, strict=True):
        if weight == 0:
            continue
        item = instrument.items[i]
        better, worse = (a, b) if label >= 0.5 else (b, a)
        rows.append(
            PreferenceRow(
                prompt=item.text + framing,
                chosen=" " + item.options[better],
                rejected=" " + item.options[worse],
                weight=round(abs(2.0 * label - 1.0), 6),
                century=century,
            )
        )
    return rows


def pairs_of_rows(rows: Sequence[PreferenceRow], embedder: Embedder) -> Pairs:
    """Rows as pairs, by the vectors of their texts; the prompt is the group, and its vector the context.

    The target is that of the option that was chosen: (1 + weight) / 2.

    Args:
        rows: as `preference_rows` gives them, or anybody else with the same fields.
        embedder: turns texts into vectors, a language model for example.

    Raises:
        UserError: no rows, or a weight outside of [0, 1].
    """
    if not rows:
        raise UserError("there are no rows to make pairs of")
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    texts = [row["prompt"] + row[side] for side in ("chosen", "rejected") for row in rows]
    vectors = np.asarray(embedder.embed([*prompts, *texts]), dtype=np.float64)
    about = np.array([prompts.index(row["prompt"]) for row in rows])
    left, right = np.split(vectors[len(prompts) :], 2)
    target = [(1.0 + row["weight"]) / 2.0 for row in rows]
    return Pairs.of(left, right, target, group=about, context=vectors[about])


def history_rows(
    history: History, *, queries: str | int = "all", labels: str = "probability", seed: int = 0
) -> list[PreferenceRow]:
    """Rows of every century of a history, the same comparisons each century.

    Args:
        history: whose answers.
        queries: "all" or how many pairs.
        labels: one of `preferences.comparisons.LABELS`.
        seed: which pairs and which samples.
    """
    check_labels(labels)
    chooser = PairChooser(history.instrument, queries)
    rng = np.random.default_rng(seed)
    pairs = chooser.pairs[chooser.choose(rng.random(len(chooser.pairs)))]
    preferred = probabilities(history.answers, pairs)
    uniforms = rng.random(preferred.shape)
    drawn = draw_asked(preferred, labels, uniforms if labels != "annotators" else uniforms[:1])
    rows: list[PreferenceRow] = []
    for century, row in zip(history.labels, drawn, strict=True):
        rows += preference_rows(history.instrument, Pairs.of_options(history.instrument, pairs, row), century)
    return rows


def write_jsonl(path: Path | str, rows: Iterable[PreferenceRow]) -> int:
    """Write rows as JSON Lines, atomically; returns how many.

    Raises:
        UserError: there are no rows to write.
    """
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    if not lines:
        raise UserError("there are no comparisons to export")
    write_text(path, "".join(lines))
    return len(lines)
