"""Reading a language model's answers from log-probabilities of options; free text is never parsed for a choice.

`cloze` (default): how much likelier an option becomes after the situation than after a neutral context,

    s[i,k] = mean log p(option | situation + framing) - mean log p(option | neutral context + framing),
    p[i,.] = softmax(s[i,.] / temperature), averaged over framings.

`verdict`: what is said of the deed once it is done, in words that approve and disapprove (" just" / " wicked"),

    s[i,k] = mean over verdicts of [log p(approving | situation + option + lead) - log p(disapproving | the same)],
    p[i,.] = softmax(s[i,.] / temperature).

A small model's likelihood of an option is mostly about its words, and those differ from item to item; its verdict uses
the same words for all items. Histories of models below about 1B parameters are read this way (docs/histories.md).

In both, options are never shown together, so there is no order to flip. Every other mode is a question form that shows them
together (`progressgym.instruments.forms`), asked in several orders and averaged.

Legend of shapes: F framings, N items, K options of the widest item.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Bools, Floats, softmax_options
from progressgym.core.errors import UserError
from progressgym.core.protocols import OptionScorer
from progressgym.instruments.forms import forms_of, matching, orders_of, to_options

if TYPE_CHECKING:
    from progressgym.instruments.instrument import Instrument


LOWEST, HIGHEST = -1000.0, 1e-3
"""Means of log-probabilities lie between; -9999 and the like are signs for "not known"."""
ORDERLESS = ("cloze", "verdict")
"""Modes in which options are never shown together."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Reading:
    """What one model answered, and what it says of its values."""

    answers: Floats
    """(N, K) choice probabilities, padded options 0."""
    values: Floats
    """(19,) value vector over all items."""
    standard_error: Floats
    """(19,) over items."""
    order_flip: float | None
    """Mean total-variation distance between the answers in two orders; None where options have no order to flip."""
    modal_share: float
    """Mean over items of the largest probability: 1/K for a model without preference, 1 for a decided one."""
    mode: str
    """`cloze`, or a question form."""
    model: str
    """Name of the model."""
    seconds: float
    """Wall-clock time of the measurement."""
    temperature: float
    """What the scores were divided by."""
    tokens: int | None
    """Token positions computed, shared beginnings once; None for a scorer that does not count (`CountsTokens`)."""
    framing_answers: Floats | None = None
    """cloze: (F, N, K) answers under each framing."""
    framing_scores: Floats | None = None
    """cloze: (F, N, K) mean log-probability per token of each option after situation and framing; padding 0."""
    neutral_scores: Floats | None = None
    """cloze: (F, N, K) the same after the neutral context."""
    note: str | None = None
    """How the numbers were got, where a scorer has something to say of it (`SaysHow`)."""
    verdict_scores: Floats | None = None
    """verdict: (V, N, K) log-odds of the approving word under each verdict; padding 0."""

    def at_temperature(self, instrument: Instrument, temperature: float) -> Reading:
        """The same measurement at another temperature, computed from the stored scores.

        Raises:
            UserError: the reading is not a cloze reading, or the temperature is not positive.
        """
        if self.verdict_scores is not None:
            answers = verdict_answers(self.verdict_scores, instrument.mask, temperature)
            return replace(self, temperature=temperature, **_summary(instrument, answers))
        if self.framing_scores is None or self.neutral_scores is None:
            raise UserError(f"a reading in mode {self.mode!r} holds no scores to divide by another temperature")
        framing_answers = cloze_answers(self.framing_scores, self.neutral_scores, instrument.mask, temperature)
        return replace(
            self,
            temperature=temperature,
            framing_answers=framing_answers,
            **_summary(instrument, framing_answers.mean(0)),
        )


def read(
    instrument: Instrument,
    scorer: OptionScorer,
    mode: str = "cloze",
    *,
    orders: str = "rotations",
    temperature: float | None = None,
) -> Reading:
    """Measure a model's answers to every item of an instrument.

    Args:
        instrument: N items.
        scorer: gives log-probabilities of options.
        mode: `cloze`, `verdict`, `letter`, a form of ProgressGym (`ab`, `compare`, `repeat`, `4c`, `repeat2`),
            several joined by `+` (each item is asked in those that fit its number of options, and averaged), or
            `upstream` (all five).
        orders: for forms: `rotations`, `all` permutations or the items' `own` order only.
        temperature: default the instrument's. Replies of one token (letters, yes and no) are read at 1 in any case.

    A scorer that reads nothing but letters (an endpoint that scores no prompts) is read in mode `letter` where the mode
    asked for needs more; the reading's `mode` and `note` say so.

    Raises:
        UserError: an unknown mode, a form that does not fit an item, scores that are not finite numbers.
    """
    mode = settled_mode(scorer, mode)
    divisor = instrument.config.temperature if temperature is None else temperature
    _check_temperature(divisor)
    start, cost = time.perf_counter(), Cost()
    measured = _measure(instrument, scorer, mode, orders, divisor, cost)
    return Reading(
        mode=mode,
        model=scorer.name,
        seconds=time.perf_counter() - start,
        temperature=divisor,
        tokens=cost.tokens,
        note=scorer.note if isinstance(scorer, SaysHow) else None,
        **measured,
    )


def settled_mode(scorer: OptionScorer, mode: str) -> str:
    """The mode in which a scorer is read when `mode` is asked for: `letter` where it can read nothing but letters.

    Raises:
        UserError: an unknown mode.
    """
    short = mode not in ORDERLESS and all(form.single_token for form in forms_of(mode))
    return mode if short or not isinstance(scorer, SaysHow) or scorer.scores_text else "letter"


def _measure(
    instrument: Instrument, scorer: OptionScorer, mode: str, orders: str, temperature: float, cost: Cost
) -> dict[str, Any]:
    """The fields of a reading that depend on its mode: answers with their summary, order flip, raw scores."""
    mask = instrument.mask
    if mode == "cloze":
        framing_scores, neutral_scores = cloze_scores(instrument, scorer, cost)
        framing_answers = cloze_answers(framing_scores, neutral_scores, mask, temperature)
        raw = {
            "framing_answers": framing_answers,
            "framing_scores": framing_scores,
            "neutral_scores": neutral_scores,
        }
        return {"order_flip": None, **raw, **_summary(instrument, framing_answers.mean(0))}
    if mode == "verdict":
        scores = verdict_scores(instrument, scorer, cost)
        answers = verdict_answers(scores, mask, temperature)
        return {"order_flip": None, "verdict_scores": scores, **_summary(instrument, answers)}
    answers, flip = form_answers(instrument, scorer, mode, orders, temperature, cost)
    return {"order_flip": flip, **_summary(instrument, answers)}


def cloze_scores(instrument: Instrument, scorer: OptionScorer, cost: Cost | None = None) -> tuple[Floats, Floats]:
    """Raw scores of options, after the situations and after the neutral context: two (F, N, K), padding 0.

    Each text scored is context + framing + " " + option. Under the neutral context equal options are scored once.
    What the calls cost is added to `cost`.
    """
    framings, cost = instrument.config.framings, cost or Cost()
    options = [[f" {option}" for option in item.options] for item in instrument.items]
    contexts = [item.text for item in instrument.items]
    counts = [len(texts) for texts in options]
    scored = _check(scorer, scorer.framed_option_logprobs(contexts, framings, options), len(framings), counts)
    cost.add(scorer)
    position = {text: j for j, text in enumerate(dict.fromkeys(text for texts in options for text in texts))}
    neutral = scorer.framed_option_logprobs([instrument.config.neutral_context], framings, [list(position)])
    cost.add(scorer)
    alone = _check(scorer, neutral, len(framings), [len(position)])[0]
    framing_scores = np.zeros((len(framings), *instrument.mask.shape))
    neutral_scores = np.zeros_like(framing_scores)
    for i, texts in enumerate(options):
        framing_scores[:, i, : len(texts)] = scored[i]
        neutral_scores[:, i, : len(texts)] = alone[:, [position[text] for text in texts]]
    return framing_scores, neutral_scores


def cloze_answers(framing_scores: Floats, neutral_scores: Floats, mask: Bools, temperature: float) -> Floats:
    """Choice probabilities (F, N, K) of raw scores (F, N, K) under each framing.

    >>> mask = np.array([[True, True, False]])
    >>> cloze_answers(np.array([[[-1.0, -2.0, 0.0]]]), np.array([[[-2.0, -3.0, 0.0]]]), mask, 0.5)
    array([[[0.5, 0.5, 0. ]]])
    """
    _check_temperature(temperature)
    return softmax_options((framing_scores - neutral_scores) / temperature, mask)


def verdict_scores(instrument: Instrument, scorer: OptionScorer, cost: Cost | None = None) -> Floats:
    """Log-odds of approval of every option under every verdict: (V, N, K), padding 0.

    Raises:
        UserError: the instrument's reading configuration names no verdicts.
    """
    verdicts = instrument.config.verdicts
    if not verdicts:
        raise UserError(
            f"instrument {instrument.name!r} names no verdicts to read; use mode 'cloze' or a question form"
        )
    cost = cost or Cost()
    leads = list(dict.fromkeys(lead for lead, _, _ in verdicts))
    words = list(dict.fromkeys(word for _, good, bad in verdicts for word in (good, bad)))
    deeds = [f"{item.text} {option}" for item in instrument.items for option in item.options]
    asked = scorer.framed_option_logprobs(deeds, leads, [words] * len(deeds))
    cost.add(scorer)
    table = np.array(_check(scorer, asked, len(leads), [len(words)] * len(deeds)))
    scores = np.zeros((len(verdicts), *instrument.mask.shape))
    for v, (lead, good, bad) in enumerate(verdicts):
        at = table[:, leads.index(lead)]
        scores[v][instrument.mask] = at[:, words.index(good)] - at[:, words.index(bad)]
    return scores


def verdict_answers(scores: Floats, mask: Bools, temperature: float) -> Floats:
    """Choice probabilities (N, K) of verdict scores (V, N, K).

    >>> verdict_answers(np.array([[[1.0, 1.0, 0.0]]]), np.array([[True, True, False]]), 0.5)
    array([[0.5, 0.5, 0. ]])
    """
    _check_temperature(temperature)
    return softmax_options(scores.mean(0) / temperature, mask)


def form_answers(
    instrument: Instrument, scorer: OptionScorer, mode: str, orders: str, temperature: float, cost: Cost | None = None
) -> tuple[Floats, float | None]:
    """Answers (N, K) in a form's words, averaged over orders and fitting forms; and the order flip.

    The flip is the mean over items, forms and pairs of orders of the total-variation distance, None for one order.
    """
    forms, cost = forms_of(mode), cost or Cost()
    asked = [
        (i, form, order)
        for i, item in enumerate(instrument.items)
        for form in matching(forms, len(item.options), mode)
        for order in orders_of(len(item.options), orders)
    ]
    prompts, replies = [], []
    for i, form, order in asked:
        shown = [instrument.items[i].options[k] for k in order]
        prompts.append(form.prompt(instrument.items[i].text, shown))
        replies.append(form.replies(shown))
    scored = _check(scorer, scorer.option_logprobs(prompts, replies), None, list(map(len, replies)))
    cost.add(scorer)
    tables: dict[tuple[int, str], list[Floats]] = {}
    for (i, form, order), scores in zip(asked, scored, strict=True):
        weights = np.exp((scores - scores.max()) / (1.0 if form.single_token else temperature))
        tables.setdefault((i, form.name), []).append(to_options(weights / weights.sum(), order))
    answers, share = np.zeros(instrument.mask.shape), np.zeros(len(instrument.items))
    for (i, _), table in tables.items():
        answers[i, : len(table[0])] += np.mean(table, axis=0)
        share[i] += 1
    flips = [_mean_distance(table) for table in tables.values() if len(table) > 1]
    return answers / share[:, None], float(np.mean(flips)) if flips else None


def _mean_distance(table: Sequence[Floats]) -> float:
    """Mean total-variation distance over pairs of rows."""
    return float(np.mean([0.5 * np.abs(a - b).sum() for a, b in combinations(table, 2)]))


@runtime_checkable
class SaysHow(Protocol):
    """A scorer that says how it gets its numbers, and whether any text can be scored or only single letters."""

    @property
    def scores_text(self) -> bool:
        """False: only one-token replies to questions that show all options."""
        ...

    @property
    def note(self) -> str:
        """How, after the last call."""
        ...


class TokenStats(Protocol):
    """What one scoring call cost."""

    @property
    def unique_tokens(self) -> int:
        """Token positions computed."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A scorer that says what its last call cost."""

    @property
    def last_stats(self) -> TokenStats | None:
        """Of the last call; None before the first."""
        ...


class Cost:
    """Adds up what scoring calls cost, for scorers that say so."""

    def __init__(self) -> None:
        self.tokens: int | None = None

    def add(self, scorer: OptionScorer) -> None:
        """Count the scorer's last call."""
        if isinstance(scorer, CountsTokens) and scorer.last_stats is not None:
            self.tokens = (self.tokens or 0) + scorer.last_stats.unique_tokens


class _Summary(TypedDict):
    """The fields of a reading that follow from its answers."""

    answers: Floats
    values: Floats
    standard_error: Floats
    modal_share: float


def _summary(instrument: Instrument, answers: Floats) -> _Summary:
    return _Summary(
        answers=answers,
        values=instrument.values(answers),
        standard_error=instrument.standard_error(answers),
        modal_share=float(answers.max(-1).mean()),
    )


def _check(
    scorer: OptionScorer, scored: Sequence[NDArray[np.float64]], framings: int | None, counts: Sequence[int]
) -> list[Floats]:
    """Scores as float64, of the shapes that were asked for and finite; a failure never becomes a number."""
    arrays = [np.asarray(scores, dtype=np.float64) for scores in scored]
    expected = [(count,) if framings is None else (framings, count) for count in counts]
    if [array.shape for array in arrays] != expected:
        raise UserError(f"model {scorer.name!r} returned log-probabilities of another shape than it was asked for")
    if not all(np.isfinite(array).all() for array in arrays):
        raise UserError(f"model {scorer.name!r} returned a log-probability that is NaN or infinite")
    odd = [float(score) for array in arrays for score in array.ravel() if not LOWEST <= score <= HIGHEST]
    if odd:
        raise UserError(f"model {scorer.name!r} returned {odd[0]:g} for a log-probability; it is none")
    return arrays


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < np.inf:
        raise UserError(f"temperature is {temperature!r}; a positive number is expected")
