"""A moral rater after Delphi: bad, discretionary or good, with ten rules that repair it.

    judge        p(class | text) by a linear head over a language model's vector of the text
    rules        one head for each of ten common rules: does the act break it?
    constituent  the judge on what is done alone, without why
    hybrid       the judgments that are kept by weighted MaxSAT (`progressgym.raters.maxsat`), where no two of different verdicts are

A verdict is `bad` or `not bad`; a judgment weighs log(p / (1 - p)), p how often its kind was right on held-out acts (for the judge
by how sure it was). p(bad) = sigma(weight of what is kept); the rest is divided as the judge divides it.

Source: Jiang et al., Can Machines Learn Morality? The Delphi Experiment (arXiv 2110.07574): T5-11B on 1.7 million judgments of
crowd workers, and Delphi-Hybrid with weights 8, 3 and 1. Different here: a language model of any size, never fine-tuned; acts of
our own (`progressgym.raters.acts`), or a file of yours; weights that are calibrated (`weights=published` is 8, 3, 1); classes of
their two-way metric (discretionary is not bad). Descriptive and not normative: it says what labels like its own would say.

Legend of shapes: B texts, d features, R = 10 rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import OneOf, check_fields
from progressgym.raters.acts import BAD, DISCRETIONARY, GOOD, RULES, Act, read_acts, shipped_acts
from progressgym.raters.head import LinearHead, best_ridge, held_out
from progressgym.raters.maxsat import contradictions, log_odds, maxsat

if TYPE_CHECKING:
    from progressgym.models.cache import Remembered

CLASSES = (BAD, DISCRETIONARY, GOOD)
FIRES = 0.5
"""From which probability a rule speaks."""
PUBLISHED = {"judge": 8.0, "rule": 3.0, "constituent": 1.0}
WHY = re.compile(r"\s(?=(?:to|so that|because|for|out of|in order to|while|although)\s)", re.IGNORECASE)
FOLDS = 5


@dataclass(kw_only=True, frozen=True, eq=False)
class _Fitted:
    judge: LinearHead
    rules: LinearHead | None
    """R columns: is it broken? None where no rule's breach is labelled."""
    weights: dict[str, float]
    """Kind of judgment, or a rule's name -> how often it is right about `bad`."""


@dataclass(kw_only=True, frozen=True)
class Judgment:
    """One vertex of the graph that MaxSAT works on."""

    kind: str
    """judge, constituent, or the name of a rule."""
    bad: bool
    weight: float


@dataclass(kw_only=True, frozen=True)
class Delphi:
    """A moral rater, repaired by ten rules."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes and that gives vectors of texts."""
    labels: str = ""
    """A comma-separated file with columns text and label (-1, 0, 1) to learn from; acts of our own when empty."""
    weights: Annotated[str, OneOf("weights", ("calibrated", "published", "judge"))] = "calibrated"
    """Of judgments; `judge` leaves out rules and constituents."""
    half: Annotated[str, OneOf("half of the acts", ("both", "0", "1"))] = "both"
    """Which half of its acts it learns from."""
    lead: str = " This was wrong"
    """Follows the text, so that its vector is about whether it was."""
    device: str = "auto"
    """auto, cpu or cuda."""
    scale: tuple[str, ...] = field(default=("bad", "discretionary", "good"), init=False)
    merits: tuple[float, ...] = field(default=(0.0, 0.5, 1.0), init=False)

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 3)."""
        fitted = self._fitted
        vectors = self._vectors(texts)
        shares = fitted.judge.probabilities(vectors)
        if self.weights == "judge" or not len(texts):
            return shares
        alone = self._alone(texts, shares)
        broken = self._broken(vectors)
        repaired = shares.copy()
        for row in range(len(texts)):
            voices = _kept(self._judgments(shares[row], alone[row], broken[row]))
            odds = sum(one.weight if one.bad else -one.weight for one in voices)
            bad = 1.0 / (1.0 + np.exp(-odds))
            rest = shares[row, 1:] / max(float(shares[row, 1:].sum()), 1e-12)
            repaired[row] = [bad, *((1.0 - bad) * rest)]
        return repaired

    def score10(self, texts: Sequence[str]) -> Floats:
        """(B, 10) probability that each of the ten rules is broken, NaN where the labels speak of no rule."""
        return self._broken(self._vectors(texts))

    def compare(self, one: str, two: str) -> float:
        """Probability that the first act is the better one: each is drawn from its classes, ties count half."""
        a, b = self.rate([one, two])
        order = np.sign(np.subtract.outer(CLASSES, CLASSES))
        return float(a @ (0.5 * (1.0 + order)) @ b)

    def reason(self, text: str) -> str:
        """The verdict and what it rests on."""
        vectors = self._vectors([text])
        shares = self._fitted.judge.probabilities(vectors)
        verdict = self.scale[int(self.rate([text])[0].argmax())]
        if self.weights == "judge":
            return f"it is {verdict} to one who learned from {self._source}"
        voices = _kept(self._judgments(shares[0], self._alone([text], shares)[0], self._broken(vectors)[0]))
        said = [_words(one) for one in voices] or ["nothing that weighs"]
        return f"it is {verdict}: {'; '.join(said)}"

    # What it is made of.

    def _judgments(self, shares: Floats, alone: float, broken: Floats) -> list[Judgment]:
        """The vertices for one text: the judge, its view of what is done alone, and every rule that speaks."""
        right, published = self._fitted.weights, self.weights == "published"
        sure = float(max(shares[0], 1.0 - shares[0]))
        judgments = [
            Judgment(
                kind="judge", bad=bool(shares[0] > 0.5), weight=PUBLISHED["judge"] if published else log_odds(sure)
            )
        ]
        if np.isfinite(alone):
            weight = PUBLISHED["constituent"] if published else log_odds(right["constituent"])
            judgments.append(Judgment(kind="constituent", bad=bool(alone > 0.5), weight=weight))
        for name, chance in zip(RULES, broken.tolist(), strict=True):
            if chance > FIRES:
                weight = PUBLISHED["rule"] if published else log_odds(right[name])
                judgments.append(Judgment(kind=name, bad=True, weight=weight))
        return judgments

    def _alone(self, texts: Sequence[str], shares: Floats) -> Floats:
        """(B,) p(bad) of what is done, without why; NaN where a text gives no reason."""
        acts = [WHY.split(text, maxsplit=1)[0] for text in texts]
        changed = [row for row, (act, text) in enumerate(zip(acts, texts, strict=True)) if act != text]
        alone = np.full(len(texts), np.nan)
        if changed:
            alone[changed] = self._fitted.judge.probabilities(self._vectors([acts[row] for row in changed]))[:, 0]
        return alone

    def _broken(self, vectors: Floats) -> Floats:
        rules = self._fitted.rules
        if rules is None:
            return np.full((len(vectors), len(RULES)), np.nan)
        return rules.probabilities(vectors)

    def _vectors(self, texts: Sequence[str]) -> Floats:
        return np.asarray(self._model.embed([text + self.lead for text in texts]), dtype=np.float64)

    @property
    def _source(self) -> str:
        return Path(self.labels).name if self.labels else "acts-v1"

    @cached_property
    def _model(self) -> Remembered:
        from progressgym.models import load_language_model
        from progressgym.models.cache import Remembered

        return Remembered(load_language_model(self.model, device=self.device))

    @cached_property
    def _fitted(self) -> _Fitted:
        acts = read_acts(Path(self.labels)) if self.labels else shipped_acts()
        chosen = [n for n, act in enumerate(acts) if self.half == "both" or act.half == int(self.half)]
        every = self._vectors([act.text for act in acts])  # all, so that both halves find one entry of the cache
        return self._fit([acts[n] for n in chosen], every[chosen])

    def _fit(self, acts: Sequence[Act], vectors: Floats) -> _Fitted:
        targets = np.array([[float(act.label == one) for one in CLASSES] for act in acts])
        parts = _parts(acts)
        ridge, held = best_ridge(vectors, targets, parts)
        judge = LinearHead.fit(vectors, targets, ridge)
        bad = targets[:, 0] > 0.5
        weights = {"judge": float(((held[:, 0] > 0.5) == bad).mean())}
        place = {act.text: n for n, act in enumerate(acts)}
        split = [place.get(WHY.split(act.text, maxsplit=1)[0], n) for n, act in enumerate(acts)]
        reasoned = np.array([n != at for n, at in enumerate(split)])
        alone = held[split, 0] > 0.5
        weights["constituent"] = float((alone == bad)[reasoned].mean()) if reasoned.any() else 0.5
        if not any(act.breaks for act in acts):
            return _Fitted(judge=judge, rules=None, weights=weights)
        broken = np.array([[float(name in act.breaks) for name in RULES] for act in acts])
        guess = held_out(vectors, broken, parts, ridge, exclusive=False)
        for r, name in enumerate(RULES):
            fired = guess[:, r] > FIRES
            weights[name] = float((bad[fired].sum() + 1.0) / (fired.sum() + 2.0))
        rules = LinearHead.fit(vectors, broken, ridge, exclusive=False)
        return _Fitted(judge=judge, rules=rules, weights=weights)


def _kept(judgments: Sequence[Judgment]) -> list[Judgment]:
    best = maxsat([one.weight for one in judgments], contradictions([int(one.bad) for one in judgments]))
    return [one for one, keep in zip(judgments, best.tolist(), strict=True) if keep and one.weight > 0]


def _parts(acts: Sequence[Act]) -> list[int]:
    """Held-out parts: what is done stands in one part only, whatever its purpose."""
    deeds = [WHY.split(act.text, maxsplit=1)[0] for act in acts]
    order = {deed: n % FOLDS for n, deed in enumerate(dict.fromkeys(deeds))}
    return [order[deed] for deed in deeds]


def _words(one: Judgment) -> str:
    verdict = "bad" if one.bad else "not bad"
    if one.kind == "judge":
        return f"the judge finds it {verdict} ({one.weight:.2f})"
    if one.kind == "constituent":
        return f"what is done is {verdict} by itself ({one.weight:.2f})"
    return f"it breaks a rule, {one.kind} ({one.weight:.2f})"
