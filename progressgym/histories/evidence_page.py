"""The evidence page of a history: what its card says, as Markdown for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from progressgym.histories.cleaning import VERSION

GATE_AIM, GATE_LEAST = 0.6, 0.3


def evidence_page(name: str, card: Mapping[str, Any]) -> str:
    """Markdown page of a measured history.

    Args:
        name: of the history.
        card: its card with an `evidence` entry (see `histories.evidence.summary` and `perplexity_matrix`).
    """
    evidence = card["evidence"]
    parts = [
        f"# {name}: the evidence",
        "Generated from the history's card; every number was measured by `progressgym history measure --corpus`.",
        _training(card),
        _text(card.get("text_version", 1)),
        *([_perplexity(evidence["held_out_loss"])] if "held_out_loss" in evidence else []),
        _between(list(card["centuries"]), evidence["between_centuries"]),
        _distances(evidence["distances"]) if evidence["distances"] else _one_seed(),
        _gate(evidence),
    ]
    return "\n\n".join(parts) + "\n"


def gate_verdict(mean: float) -> str:
    """What a split-half correlation of drift allows.

    >>> gate_verdict(0.7)
    'above the aim of 0.6: agents can be scored on this history'
    """
    if mean >= GATE_AIM:
        return f"above the aim of {GATE_AIM}: agents can be scored on this history"
    if mean >= GATE_LEAST:
        return f"between {GATE_LEAST} and the aim of {GATE_AIM}: scores are usable, with wide intervals"
    return f"below {GATE_LEAST}: use synthetic histories for headline claims"


def _training(card: Mapping[str, Any]) -> str:
    rows = [
        f"| {label} | {entry['tokens']:,} | {entry['first_loss']} | {entry['last_loss']} |"
        for label, entry in card["centuries"].items()
    ]
    head = "## Training\n\n| century | tokens read | loss of the first 10 steps | of the last 10 |\n|---|---|---|---|\n"
    return (
        head + "\n".join(rows) + f"\n\nBase: `{card['base_model']}`. Losses in nats per token, LoRA on a frozen base."
    )


def _text(version: int) -> str:
    line = f"Text: version {version} of cleaning and spelling"
    if version == VERSION:
        return f"{line}."
    return f"{line}, the older one; this package cleans as version {VERSION}. The card says what differs."


def _perplexity(losses: Mapping[str, Mapping[str, float]]) -> str:
    models = list(next(iter(losses.values())))
    lines = ["| text | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    minima = 0
    for text, row in losses.items():
        best = min(row, key=lambda model: row[model])
        minima += best == text
        cells = [f"**{row[model]:.3f}**" if model == best else f"{row[model]:.3f}" for model in models]
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    return (
        "## Held-out loss\n\nNats per token on whole works that no model has read (rows: text, columns: model; the row "
        "minimum is bold; perplexity is the exponential).\n\n"
        + "\n".join(lines)
        + f"\n\nThe century's own model is the row minimum in {minima} of {len(losses)} rows."
    )


def _between(labels: Sequence[str], table: Sequence[Sequence[float]]) -> str:
    lines = ["| | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for label, row in zip(labels, table, strict=True):
        lines.append(f"| {label} | " + " | ".join(f"{number:.3f}" for number in row) + " |")
    head = "## Distances\n\nRoot mean square distance of choice probabilities over all options, between centuries.\n\n"
    return head + "\n".join(lines)


def _one_seed() -> str:
    return "Only one training seed was measured, so distances cannot be set against the distance between two seeds."


def _distances(numbers: Mapping[str, float | None]) -> str:
    rows = [
        f"| two training seeds of one century (mean) | {numbers['seed_distance']:.4f} |",
        f"| neighbouring centuries (mean) | {numbers['neighbour_distance']:.4f} |",
    ]
    if numbers["pairs"]:
        rows += [
            f"| ratio to the seed distance, pairs three or more centuries apart: mean | {numbers['ratio_mean']:.2f} |",
            f"| smallest | {numbers['ratio_min']:.2f} |",
            f"| share of the {numbers['pairs']:.0f} pairs above 3 | {numbers['ratio_above_3']:.0%} |",
        ]
    head = "The same against a second training seed of the same text:\n\n| quantity | value |\n|---|---|\n"
    return head + "\n".join(rows)


def _gate(evidence: Mapping[str, Any]) -> str:
    names = {
        "split_half_drift": "drift from the first century, within a seed",
        "split_half_drift_across_seeds": "the same across two seeds",
        "split_half_successive_drift": "drift from the century before, within a seed",
        "split_half_successive_drift_across_seeds": "the same across two seeds",
    }
    rows = [
        f"| {text} | {evidence[key]['mean']:.2f} | {evidence[key]['low']:.2f} to {evidence[key]['high']:.2f} |"
        for key, text in names.items()
        if evidence[key] is not None
    ]
    return (
        "## The gate: do two halves of the items agree on the drift?\n\nCorrelation over (century, dimension) of the "
        "drift of one half of the items with the drift of the other half, 100 random balanced splits.\n\n"
        "| drift | mean | 95 % of splits |\n|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nElicitation against evaluation items (the split that environments use): "
        f"{evidence['coherence']:.2f}. The first row is {gate_verdict(evidence['split_half_drift']['mean'])}."
        + (_share(evidence["common_share"]) if "common_share" in evidence else "")
    )


def _share(share: float) -> str:
    """What single items share, for cards that say it."""
    return (
        f"\n\nShare of the variance of single items' drift that all items have in common: {share:.3f} "
        "(the `coherence` of synthetic histories; see [histories](histories.md))."
    )
