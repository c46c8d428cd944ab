"""How much of the answers is the question's, and how much the way of asking's: shares of variance, for any instrument.

With x_rnk the probability of option k of question n in the r-th order (framing, lead or words), from even, and m_nk its mean
over r:

    content       sum m_nk^2 / sum x_rnk^2          what stays, whatever the way of asking
    asking        the part that all questions with as many options have in common: the first place, one word's approval
    interaction   the rest: how a question is answered in one way of asking and not in another

The three add up to 1. Content alone: an answer that never changes; asking alone: whoever goes by position. After the analysis
of templates in "Revealing fine-grained values and opinions in large language models" (Wright et al., arXiv 2406.19238). A
questionnaire read by a panel of words has a full study of its facets beside (`progressgym.instruments.facets`).

Legend of shapes: R ways of asking, N questions, K options of the widest one.
"""

from __future__ import annotations

import numpy as np

from progressgym.instruments.fitness import repeated
from progressgym.instruments.protocol import Asked

FACETS = {"verdict_scores": "verdict", "framing_answers": "framing", "order_answers": "order"}
"""Table of a reading -> what its first axis is."""


def sensitivity(asked: Asked) -> dict[str, float]:
    """Shares of variance by name, `content` first; none where questions were asked in one way, or every answer is even.

    Only the ways in which all questions were asked are compared.
    """
    table = repeated(asked)
    facet = next((name for key, name in FACETS.items() if key in asked.tables), "")
    if table is None:
        return {}
    ways = int((~np.isnan(table).any(-1)).sum(0).min())
    if ways < 2:
        return {}
    mask = asked.mask
    apart = np.where(mask, table[:ways] - mask / mask.sum(-1, keepdims=True), 0.0)
    mean = apart.mean(0)
    total, content = float((apart**2).sum()), ways * float((mean**2).sum())
    if total <= 0.0:
        return {}
    common = 0.0
    for count in np.unique(mask.sum(-1)):
        rows = mask.sum(-1) == count
        if rows.sum() > 1:  # of a single question nothing is common
            common += float(rows.sum() * ((apart[:, rows] - mean[rows]).mean(1) ** 2).sum())
    shares = {"content": content, facet: common, f"content x {facet}": total - content - common}
    return {name: max(value, 0.0) / total for name, value in shares.items()}


def sensitivity_line(shares: dict[str, float]) -> str:
    """For example `variance of answers: content 0.62, order 0.30, content x order 0.08`."""
    return "variance of answers: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
