"""Tables of `docs/drift-models.md` from what `research.drift_models` measured; written between the marks of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from progressgym.core.files import write_text

PAGE = Path(__file__).resolve().parent.parent / "docs" / "drift-models.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
SPANS = {
    1: "One step: 5 years of people, a century",
    2: "Two steps: 10 years, two centuries",
    4: "Four steps: 20 years, four centuries",
}
WAVE_SPANS = {1: "The next wave, two years later", 2: "The wave after it, four years later"}
MIDDLE = 2
PLAIN = ("static", "lifelong-map", "kalman", "kalman-pooled", "attention-v2")
"""No preference model."""
Rows = Mapping[str, Mapping[str, Any] | None]


def write_page(results: Mapping[str, Any]) -> None:
    """Put the tables between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(PAGE, f"{before}{BEGIN}\n{page_tables(results)}\n{END}{after}")


def page_tables(results: Mapping[str, Any]) -> str:
    """Markdown of everything measured so far."""
    found = list(results.get("tables", {}).values())
    full = max((one["seeds"][1] for one in found), default=0)
    main = [one for one in found if one["seeds"] == [0, full] and one["settings"] == "first"]
    panel = [one for one in main if one["history"].startswith("people?")]
    histories = [one for one in main if one not in panel]
    parts = [
        "### Who wins where",
        *winners(histories),
        "### Does it survive other splits, seeds and settings?",
        *again(found, full),
    ]
    parts += [part for span, title in SPANS.items() for part in by_span(histories, span, f"### {title}")]
    parts += [
        part
        for span, title in WAVE_SPANS.items()
        for part in by_span(panel, span, f"### People of the panel: {title.lower()}")
    ]
    return "\n\n".join([*parts, "### Settings", settings_table(results.get("settings", {}))])


def by_span(found: Sequence[Mapping[str, Any]], span: int, title: str) -> Iterable[str]:
    """All agents on all histories at one horizon, best on the first history first."""
    own = [one for one in found if one["ahead"] == span]
    if not own:
        return
    names = dict.fromkeys(name for one in own for name in one["rows"])
    order = sorted(names, key=lambda name: -mid(own[0]["rows"], name))
    heads = [label(one["history"]) for one in own]
    yield f"{title}\n\n" + table(
        ["", *heads], [[f"`{name}`", *(cell(numbers(one["rows"], name)) for one in own)] for name in order]
    )


def winners(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The best with and without a preference model, and the paired difference of the two where it was kept."""
    lines = []
    for one in found:
        rows = one["rows"]
        plain, preferring = best(rows, PLAIN), best(rows, [name for name in rows if name not in PLAIN])
        row = rows[preferring]
        lead = row["leads"].get(plain) if row else None
        lines.append(
            [label(one["history"]), str(one["ahead"]), f"`{plain}` {cell(numbers(rows, plain))}",
             f"`{preferring}` {cell(numbers(rows, preferring))}", cell(lead), tally(rows)]
        )  # fmt: skip
    yield table(
        [
            "history",
            "steps",
            "best without a preference model",
            "best with one",
            "the second less the first",
            "above 0 / neither / below 0",
        ],
        lines,
    )


def again(found: Sequence[Mapping[str, Any]], full: int) -> Iterable[str]:
    """Two steps ahead: the best with a preference model on either half of the seeds and with other settings."""
    lines = []
    for history in dict.fromkeys(one["history"] for one in found if not one["history"].startswith("people?")):
        own = [one for one in found if one["history"] == history and one["ahead"] == MIDDLE]
        halves = [one for one in own if one["settings"] == "first" and one["seeds"][1] < full]
        others = [one for one in own if one["settings"] not in ("first", "again")]
        second = [one for one in own if one["settings"] == "again"]
        agree = agreement(halves[0]["rows"], halves[1]["rows"]) if len(halves) == 2 else None
        shown = [best_cell(one["rows"]) for one in (*halves, *second)] + [
            " ".join(best_cell(one["rows"]) for one in others)
        ]
        lines.append([label(history), *shown, "" if agree is None else short(agree)])
    yield table(
        ["history", f"seeds 0 to {full // 2 - 1}", f"seeds {full // 2} to {full - 1}", "settings chosen on 8 more histories",
         "settings chosen on the other century models' questionnaire", "rank correlation of the halves, all agents"],
        lines,
    )  # fmt: skip


def agreement(one: Rows, other: Rows) -> float:
    """Spearman's correlation of what agents explain on two halves of the seeds."""
    names = [name for name in one if name in other]
    first, second = ([float(mid(rows, name)) for name in names] for rows in (one, other))
    return float(spearmanr(first, second).statistic)


def best_cell(rows: Rows) -> str:
    """The best with a preference model."""
    name = best(rows, [name for name in rows if name not in PLAIN])
    return f"`{name}` {cell(numbers(rows, name))}"


def best(rows: Rows, names: Sequence[str]) -> str:
    """Who explains most."""
    return max(names, key=lambda name: mid(rows, name))


def tally(rows: Rows) -> str:
    """How many methods with a preference model are above 0, not told from it, and below, by their intervals."""
    found = [n for name in rows if name not in PLAIN and (n := numbers(rows, name)) is not None]
    above, below = sum(n[0] > 0 for n in found), sum(n[2] < 0 for n in found)
    return f"{above} / {len(found) - above - below} / {below}"


def settings_table(settings: Mapping[str, Mapping[str, str]]) -> str:
    """Reference, strength and ridge of every method, by what they were chosen on."""
    names = {"first": "`people-v1`, 8 histories", "again": "8 more of them"}
    methods = list(next(iter(settings.values()), {}))
    lines = [[f"`{method}`", *(setting(method, one[method]) for one in settings.values())] for method in methods]
    return table(["reference, strength, ridge", *(names.get(choice, f"`{choice}`") for choice in settings)], lines)


def setting(method: str, chosen: str) -> str:
    """What an id adds to its method."""
    added = chosen.removeprefix(method).lstrip("?&")
    return ", ".join(part.partition("=")[2] for part in added.split("&"))


def label(history: str) -> str:
    """A history in the head of a table."""
    if not history.startswith("people?"):
        return f"`{history.removeprefix('synthetic:')}`"
    own = dict(part.split("=", 1) for part in history.partition("?")[2].split("&"))
    return f"community {own['community']}" if "community" in own else own["group"]


def numbers(rows: Rows, name: str) -> Sequence[float] | None:
    """Low, mid, high; None where it was not run or nothing can be told."""
    row = rows.get(name)
    return None if row is None else row["explained"]


def mid(rows: Rows, name: str) -> float:
    """The middle, for sorting."""
    found = numbers(rows, name)
    return -np.inf if found is None else found[1]


def cell(interval: Sequence[float] | None) -> str:
    """`.21 [.03, .37]`, in bold where it lies above 0."""
    if interval is None:
        return "\N{EN DASH}"
    text = f"{short(interval[1])} [{short(interval[0])}, {short(interval[2])}]"
    return f"**{text}**" if interval[0] > 0 else text


def short(value: float) -> str:
    """Two digits behind the point, no zero before it."""
    text = f"{abs(value):.2f}".removeprefix("0")
    return f"-{text}" if round(value, 2) < 0 else text


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *lines))
