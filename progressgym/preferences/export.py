"""Comparisons as text: rows that TRL's DPO, reward and KTO trainers read, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from progressgym.core.errors import UserError
from progressgym.core.files import write_text
from progressgym.histories.history import History
from progressgym.instruments.instrument import Instrument
from progressgym.preferences.comparisons import (
    MISSING,
    Comparisons,
    PairChooser,
    check_labels,
    draw_asked,
    probabilities,
)


class PreferenceRow(TypedDict):
    """One comparison in TRL's explicit-prompt format. `prompt + chosen` is the text as it is read."""

    prompt: str
    chosen: str
    rejected: str
    weight: float
    """|2 P - 1|: 1 for a certain preference, 0 for none; 1 for votes."""
    century: str


def preference_rows(instrument: Instrument, comparisons: Comparisons, century: str) -> list[PreferenceRow]:
    """Rows of one century's comparisons, in their order; what was not asked has none.

    Args:
        instrument: whose items the comparisons are about.
        comparisons: Q pairs and labels; the option with the label above 1/2 is chosen, the first one at 1/2.
        century: label of the century, for example `C013`.
    """
    framing = instrument.config.framings[0]
    rows = []
    for (i, a, b), label in zip(comparisons.pairs.tolist(), comparisons.labels.tolist(), strict=True):
        if label == MISSING:
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
    import numpy as np

    check_labels(labels)
    chooser = PairChooser(history.instrument, queries)
    rng = np.random.default_rng(seed)
    pairs = chooser.pairs[chooser.choose(rng.random(len(chooser.pairs)))]
    preferred = probabilities(history.answers, pairs)
    uniforms = rng.random(preferred.shape)
    drawn = draw_asked(preferred, labels, uniforms if labels != "annotators" else uniforms[:1])
    rows: list[PreferenceRow] = []
    for century, row in zip(history.labels, drawn, strict=True):
        rows += preference_rows(history.instrument, Comparisons(pairs=pairs, labels=row), century)
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
