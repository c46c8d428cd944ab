"""What losses of more than margins look at, as texts: reasons, answers with less in them, other prompts, attributes.

Each function gives the terms of one row (`contrasts.Term`) for one part of `progressgym.losses.Margins`.

| part | made of |
|---|---|
| `rationale` | the paper's question about both answers (arXiv 2407.14477), and the reason; which answer stands above is drawn |
| `degrees` | each answer beside itself without its first, its first two, ... key phrases (arXiv 2409.17791 takes RAKE, too) |
| `intra`, `inter` | both answers after the row's prompt and after another one, which asks for the rejected answer |
| `steer` | both answers after the attributes that they have, and, where labels are probabilities, had they been swapped |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from progressgym.tuning.contrasts import Term

LEVELS = 1
"""Degrees of `spo` below an answer as it is."""
QUESTION = (
    "Given the prompt:\n{prompt}\nWhich of the following responses is {kind} preferable and follows the prompt?\n"
    'Response above: "{above}"\nor\nResponse below: "{below}"?'
)
_COMMON = (
    "a about after all also an and any are as at be been but by can could did do does for from had has have he her his how i "
    "if in into is it its just may me might more most must my no not of on one only or our out she should so some such than "
    "that the their them then there these they this those to too up was we were what when which who will with would you "
    "your"
)
STOP_WORDS = frozenset(_COMMON.split())
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def reason_terms(
    prompt: str, chosen: str, rejected: str, reasons: Mapping[str, str], *, chosen_above: bool
) -> tuple[Term, ...]:
    """The likelihood of a reason for each preference.

    Args:
        prompt: of the row.
        chosen: the preferred answer.
        rejected: the other one.
        reasons: `more` says why one answer is preferred, `less` why the other is not.
        chosen_above: which of the two the question has first.
    """
    above, below = (chosen.strip(), rejected.strip())[:: 1 if chosen_above else -1]
    return tuple(
        Term(
            part="rationale",
            prompt=QUESTION.format(prompt=prompt, kind=kind, above=above, below=below),
            continuation=f" {reason.strip()}",
            bare=True,
        )
        for kind, reason in reasons.items()
    )


def degree_terms(prompt: str, answers: Sequence[str], levels: int = LEVELS) -> tuple[Term, ...]:
    """Margins of answers over themselves with one more key phrase taken away; none of an answer without key phrases."""
    terms: list[Term] = []
    for answer in answers:
        variants = [answer, *degraded(answer, levels)]
        for fuller, poorer in pairwise(variants):
            slot = len(terms) // 2
            terms += [
                Term(part="degrees", slot=slot, prompt=prompt, continuation=fuller),
                Term(part="degrees", slot=slot, prompt=prompt, continuation=poorer, share=-1.0),
            ]
    return tuple(terms)


def prompt_terms(prompt: str, other: str, chosen: str, rejected: str, parts: Sequence[str]) -> tuple[Term, ...]:
    """Preferences over prompts: `other` asks for the rejected answer.

    Args:
        prompt: which asks for the chosen answer.
        other: which asks for the rejected one.
        chosen: an answer.
        rejected: another one.
        parts: which of `intra` and `inter`.
    """
    signs = {"intra": ((chosen, 1.0),), "inter": ((chosen, 1.0), (rejected, -1.0))}
    return tuple(
        Term(part=part, prompt=text, continuation=answer, share=sign * way)
        for part in signs
        if part in parts
        for answer, sign in signs[part]
        for text, way in ((prompt, 1.0), (other, -1.0))
    )


def steer_terms(good: str, bad: str, chosen: str, rejected: str, *, certain: bool = True) -> tuple[Term, ...]:
    """Likelihoods of answers under attributes.

    Args:
        good: the prompt with the attributes of the chosen answer.
        bad: the prompt with those of the rejected answer.
        chosen: an answer.
        rejected: another one.
        certain: whether the label is; otherwise both answers also stand under the other's attributes.
    """
    swapped = () if certain else ((good, rejected, 1), (bad, chosen, 1))
    return tuple(
        Term(part="steer", slot=slot, prompt=prompt, continuation=answer, bare=True)
        for prompt, answer, slot in ((good, chosen, 0), (bad, rejected, 0), *swapped)
    )


def degraded(text: str, levels: int) -> list[str]:
    """A text without its first, its first two, ... key phrases; fewer than `levels` where there are not as many.

    >>> degraded(" The old king broke a solemn promise.", 2)
    [' The a solemn promise.', ' The a.']
    """
    variants, rest = [], text
    for phrase in key_phrases(text)[:levels]:
        shorter = re.sub(rf"\s*(?<!\w){re.escape(phrase)}(?!\w)", "", rest)
        if not _WORD.search(shorter):
            break
        if shorter != rest:
            rest = text[: len(text) - len(text.lstrip())] + shorter.lstrip()
            variants.append(rest)
    return variants


def key_phrases(text: str) -> list[str]:
    """Phrases of a text, the weightiest first, by RAKE (Rose et al. 2010): runs of words between stop words and signs.

    A word weighs what its phrases have of words over how often it stands there, a phrase the sum of its words.

    >>> key_phrases("The old king broke a solemn promise, and the king fell.")
    ['old king broke', 'king fell', 'solemn promise']
    """
    phrases: list[list[str]] = [[]]
    end = 0
    for match in _WORD.finditer(text):
        if match.group().lower() in STOP_WORDS:
            phrases.append([])
        else:
            if phrases[-1] and text[end : match.start()].strip():
                phrases.append([])
            phrases[-1].append(match.group())
        end = match.end()
    runs = [tuple(phrase) for phrase in phrases if phrase]
    often = Counter(word.lower() for run in runs for word in run)
    degree: Counter[str] = Counter()
    for run in runs:
        for word in run:
            degree[word.lower()] += len(run)
    weights = {run: sum(degree[word.lower()] / often[word.lower()] for word in run) for run in dict.fromkeys(runs)}
    return [" ".join(run) for run in sorted(weights, key=lambda run: -weights[run])]
