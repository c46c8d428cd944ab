"""What a comparison of two options gives a language model's loss beside its margin (`progressgym.losses.PARTS`).

| part | mode `verdict`, a row is about one deed | other modes, a row is one option over the other |
|---|---|---|
| `rationale` | why: the tags that tell the options apart, after the paper's question | the same |
| `degrees` | the verdict on the deed, less that on the deed with a key phrase taken away | the options themselves |
| `intra`, `inter` | the other deed of the comparison is the other prompt: it asks for the other verdict | refused |
| `length` | words of the options, in logarithms | the same |
| `steer` | the better answer as it is read, the worse one after `WORSE` | the same |
| `fares` | given by `lifelong-gpo` | the same |

What the policy is read with has no mark: the best attribute, like the present century of `conditional-dpo`, is the plain prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.tuning.contrasts import Contrast, Term
from progressgym.tuning.parts import LEVELS, degraded, degree_terms, prompt_terms, reason_terms, steer_terms

WORSE = "[worse] "
ABSENT = {
    "lag": "loss 'latency' prices answering late, and comparisons are answered at once; progressgym train dpo reads lags",
    "fares": "loss 'gpo' needs a preference model that says how options fare; use lifelong-gpo",
}


@dataclass(kw_only=True, frozen=True)
class Asked:
    """One comparison, and the deed that its row is about."""

    item: int
    options: tuple[int, int]
    """Of the item: a and b."""
    preferred: int
    """Which of the two is preferred: 0 or 1."""
    about: int | None = None
    """Mode `verdict`: the row is about the first (0) or second (1) option; None: about both."""
    lead: str = ""
    """Mode `verdict`: what follows the deed."""
    draw: float = 0.0
    """In [0, 1): the order in which a question has the options."""


def check_parts(parts: Sequence[str], fares: object) -> None:
    """Refuse what comparisons have not.

    Raises:
        UserError: why.
    """
    for part in parts:
        if part in ABSENT and not (part == "fares" and fares is not None):
            raise UserError(ABSENT[part])


def with_parts(row: Contrast, asked: Asked, instrument: Questionnaire, parts: Sequence[str]) -> Contrast:
    """A row with everything that its loss looks at.

    Args:
        row: its likelier continuation is the chosen one.
        asked: where it comes from.
        instrument: whose item it is.
        parts: see `losses.parts_of`.

    Raises:
        UserError: a part that comparisons of this mode have not.
    """
    terms: list[Term] = []
    numbers = dict(row.numbers)
    if "rationale" in parts:
        terms += _reasons(row, asked, instrument)
    if "degrees" in parts:
        terms += _degrees(row, asked, instrument)
    if "intra" in parts or "inter" in parts:
        terms += prompt_terms(row.prompt, _other(asked, instrument), row.chosen, row.rejected, parts)
    if "steer" in parts:
        terms += steer_terms(row.prompt, WORSE + row.prompt, row.chosen, row.rejected, certain=row.target == 1.0)
    if "length" in parts:
        numbers["length"] = (_longer(asked, instrument),)
    return replace(row, terms=tuple(terms), numbers=numbers)


def reason(instrument: Questionnaire, item: int, better: int, worse: int) -> str:
    """Why an option is preferred, in the names of the dimensions that tell it from the other; empty where none does."""
    difference: NDArray[np.float64] = instrument.loadings[item, better] - instrument.loadings[item, worse]
    upheld, given_up = (
        " and ".join(DIMENSIONS[d] for d in np.flatnonzero(sign * difference > 0)) for sign in (1.0, -1.0)
    )
    both = (f"of {upheld}" if upheld else "", f"not of {given_up}" if given_up else "")
    return f"because {', '.join(filter(None, both))}" if upheld or given_up else ""


def _reasons(row: Contrast, asked: Asked, instrument: Questionnaire) -> tuple[Term, ...]:
    item = instrument.items[asked.item]
    better, worse = asked.options[asked.preferred], asked.options[1 - asked.preferred]
    text = reason(instrument, asked.item, better, worse)
    if not text:
        return ()
    return reason_terms(
        item.text, item.options[better], item.options[worse], {"more": text}, chosen_above=asked.draw < 0.5
    )


def _degrees(row: Contrast, asked: Asked, instrument: Questionnaire) -> tuple[Term, ...]:
    if asked.about is None:
        return degree_terms(row.prompt, (row.chosen, row.rejected))
    item = instrument.items[asked.item]
    deed = item.options[asked.options[asked.about]]
    prompts = [f"{item.text} {text}{asked.lead}" for text in degraded(deed, LEVELS)]
    before = [row.prompt, *prompts]
    return tuple(
        Term(part="degrees", slot=slot, prompt=prompt, continuation=answer, share=sign * way)
        for slot, (fuller, poorer) in enumerate(zip(before, prompts, strict=False))
        for prompt, way in ((fuller, 1.0), (poorer, -1.0))
        for answer, sign in ((row.chosen, 1.0), (row.rejected, -1.0))
    )


def _other(asked: Asked, instrument: Questionnaire) -> str:
    """The prompt that asks for the other answer."""
    if asked.about is None:
        raise UserError(
            "loss 'mapl' needs a prompt that asks for the rejected answer: where options are scored as texts there is none; "
            "use a history that is read by verdicts, or progressgym train dpo with a file that has other_prompt"
        )
    item = instrument.items[asked.item]
    return f"{item.text} {item.options[asked.options[1 - asked.about]]}{asked.lead}"


def _longer(asked: Asked, instrument: Questionnaire) -> float:
    """How much longer what the row prefers is, in logarithms of words."""
    item = instrument.items[asked.item]
    better, worse = (
        math.log(max(len(item.options[asked.options[side]].split()), 1))
        for side in (asked.preferred, 1 - asked.preferred)
    )
    return better - worse
