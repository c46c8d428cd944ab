"""Synthetic histories: known dynamics, for training agents and for finding out what they can learn.

Everything moves in logit space, on top of base log-odds that all centuries share (so that plain cosine similarity
saturates as it does in life):

    logits[t,i,k] = base[i,k] + A (sqrt(coherence) C[t,i,k] + sqrt(1 - coherence) E[t,i,k]) + noise Z[t,i,k]

C is the part that all items of a dimension have in common: the stance model's Phi[i,k] . theta_t with a stance that
follows the family's time course. E is each item's own part: the same kind of course in a random direction of its own,
which nobody can learn from other items. Both are scaled to a root mean square of 1 in the century where they are
largest, so `coherence` is the share of the drift's variance that is common, and A the size of the whole drift.
`progressgym.histories.evidence.common_share` estimates the same share from a measured history; the default is what it
finds in the shipped one.

An id with a seed, `synthetic:linear?seed=3&coherence=0.5`, names one history; without a seed it names a distribution.
All numbers come from uniform draws of `random` alone, so that a history is the same on every machine.

Legend of shapes: T centuries, N items, K options, G groups, R normal numbers a coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from progressgym.core.arguments import arguments_of, refuse_unknown
from progressgym.core.bounds import LARGEST_SEED, number, whole
from progressgym.core.dimensions import DIMENSIONS, WORLDVIEWS, century_label
from progressgym.core.errors import UserError
from progressgym.core.ids import format_id, parse_id
from progressgym.core.seeding import generator
from progressgym.histories.families import SHARED, family_of
from progressgym.histories.history import SYNTHETIC, History
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
DEFAULT_INSTRUMENT = "moral19-v1"
DEFAULT_COHERENCE = 0.05
"""Share of common drift when an id does not say: `evidence.common_share` of `histsmol-v1` (0.046 with training seed 0),
rounded. A test holds it to within 0.03 of the shipped history; it moves only together with `SCHEME`."""
SCHEME = "synthetic-v2"
"""What an id without explicit arguments means; recorded in the card of every synthetic history. v1: coherence 0.5."""
DRIFT_SIZE = 1.0
"""A at amplitude 1, in centred logits. From the first to the last century of a linear history over `moral19-v1` the
values then change by about 0.11 (root mean square over dimensions; 0.20 at coherence 0.5, 0.27 at 1), and the cosine
of the first and the last century is about 0.96 (0.88, 0.82)."""
COMMON_BASE = 0.8
"""Mean base stance on dimensions 0 to 14: in every history people uphold the rules and foundations on the whole."""
BASE_SPREAD = 0.6
"""Standard deviation between histories of the base stance, a dimension."""
ITEM_SPREAD = 0.4
"""Standard deviation between items of the base logits."""
GROUPS = 3
GROUP_SPREAD = 0.5
"""Standard deviation between groups of the plural family of their stance in century 0."""
GRID = 2.0**20
"""Answers are rounded to multiples of 1 / GRID: the last bits of exp differ between machines, hashes must not."""
FIRST_CENTURY = 13
MOST_CENTURIES, MOST_SIZE = 1000, 30.0
"""Bounds of T, and of amplitude and noise: beyond the second, answers would be certain or overflow."""


@dataclass(kw_only=True, frozen=True)
class SyntheticSpec:
    """What a synthetic id says. Without a seed it stands for a distribution."""

    family: str
    """One of `FAMILIES`."""
    seed: int | None = None
    """Which path; None draws a new one each time."""
    coherence: float = DEFAULT_COHERENCE
    """Share of the drift's variance that all items of a dimension have in common, 0 to 1."""
    amplitude: float = 1.0
    """Size of the drift relative to `DRIFT_SIZE`, 0 to `MOST_SIZE`."""
    noise: float = 0.0
    """Standard deviation of independent noise on every century's logits, 0 to `MOST_SIZE`."""
    centuries: int = 9
    """T, 2 to `MOST_CENTURIES`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        family_of(self.family)
        whole("centuries of a synthetic history", self.centuries, 2, MOST_CENTURIES)
        if self.seed is not None:
            whole("seed of a synthetic history", self.seed, 0, LARGEST_SEED)
        for name, top in (("coherence", 1.0), ("amplitude", MOST_SIZE), ("noise", MOST_SIZE)):
            number(f"{name} of a synthetic history", getattr(self, name), 0.0, top)

    @classmethod
    def parse(cls, text: str) -> SyntheticSpec:
        """Read an id such as `synthetic:linear?seed=3&coherence=0.5`.

        Raises:
            UserError: an unknown family or argument, or a value out of range.
        """
        variant = parse_id(text)
        if not variant.name.startswith(SYNTHETIC):
            raise UserError(f"{text!r} is not a synthetic history; write {SYNTHETIC}family?seed=0")
        refuse_unknown("a synthetic history", variant.arguments, ARGUMENTS)
        arguments: dict[str, Any] = dict(variant.arguments)
        return cls(family=variant.name.removeprefix(SYNTHETIC), **arguments)

    @cached_property
    def id(self) -> str:
        """The id with defaults left out.

        >>> SyntheticSpec.parse("synthetic:linear?amplitude=1.0&seed=3").id
        'synthetic:linear?seed=3'
        """
        fields = {name: getattr(self, name) for name in ARGUMENTS}
        default = SyntheticSpec(family=self.family)
        changed = {name: value for name, value in fields.items() if value != getattr(default, name)}
        return format_id(SYNTHETIC + self.family, **changed)


ARGUMENTS = tuple(name for name in arguments_of(SyntheticSpec) if name != "family")
"""What an id may say beside the family."""


def synthetic_history(
    spec: SyntheticSpec, *, instrument: Questionnaire | None = None, rng: np.random.Generator | None = None
) -> History:
    """Make the history that a spec names, or draw one from its distribution.

    Args:
        spec: with a seed, or without one and with `rng`.
        instrument: what the answers are about; `moral19-v1` by default.
        rng: only its `random` is used; ignored when the spec has a seed.

    Raises:
        UserError: neither a seed nor a generator.
    """
    if spec.seed is not None:
        rng = generator(spec.seed, "synthetic", spec.family)
    elif rng is None:
        raise UserError(f"{spec.id!r} is a distribution of histories; name one of them with seed=0, 1, ...")
    asked = Questionnaire.load(DEFAULT_INSTRUMENT) if instrument is None else instrument
    return History.trusted(
        name=spec.id,
        labels=_labels(spec.centuries),
        answers=_answers(spec, asked, rng).astype(np.float32),
        instrument=asked,
        card={"synthetic": spec.id, "scheme": SCHEME},
    )


@lru_cache
def _labels(centuries: int) -> tuple[str, ...]:
    return tuple(century_label(FIRST_CENTURY + t) for t in range(centuries))


def _answers(spec: SyntheticSpec, instrument: Questionnaire, rng: np.random.Generator) -> Floats:
    """(T, N, K) answers on the grid."""
    draw = _Draw(rng, instrument)
    base = draw.base()
    noise = spec.noise * draw.options(spec.centuries) if spec.noise > 0 else np.zeros(1)
    if spec.family == "plural":
        answers = _plural(spec, draw, base + noise)
    else:
        answers = draw.softmax(base + noise + draw.drift(spec))
    rounded: Floats = np.round(answers * GRID) / GRID
    return rounded


def _plural(spec: SyntheticSpec, draw: _Draw, base: Floats) -> Floats:
    """A mixture of groups whose weights move linearly between two random mixtures."""
    ends = -np.log1p(-draw.rng.random((2, GROUPS)))
    u = np.linspace(0.0, 1.0, spec.centuries)[:, None]
    weights_TG = (1 - u) * ends[0] / ends[0].sum() + u * ends[1] / ends[1].sum()
    mixture = np.zeros((spec.centuries, *draw.mask.shape))
    for group in range(GROUPS):
        offset = draw.phi(GROUP_SPREAD * draw.normals(1, len(DIMENSIONS)))
        mixture += weights_TG[:, group, None, None] * draw.softmax(base + offset + draw.drift(spec))
    return mixture


class _Draw:
    """Random parts of one history, each from uniform numbers alone."""

    def __init__(self, rng: np.random.Generator, instrument: Questionnaire) -> None:
        self.rng = rng
        self.mask = instrument.mask
        self._real = instrument.mask.astype(np.float64)
        self._share = self._real / self._real.sum(1, keepdims=True)
        self._ones = np.ones(instrument.mask.shape[1])
        self._loadings = instrument.loadings.reshape(-1, len(DIMENSIONS))

    def normals(self, *shape: int) -> Floats:
        """Standard normal numbers; the half step keeps the smallest uniform number away from 0."""
        numbers: Floats = ndtri(self.rng.random(shape) + 2.0**-54)
        return numbers

    def options(self, *shape: int) -> Floats:
        """(*shape, N, K) independent numbers of variance 1 an option, centred over options, padding 0."""
        return self._centre(self.normals(*shape, *self.mask.shape))

    def phi(self, theta: Floats) -> Floats:
        """Stances (..., 19) -> logits (..., N, K)."""
        logits: Floats = (theta @ self._loadings.T).reshape(*theta.shape[:-1], *self.mask.shape)
        return logits

    def base(self) -> Floats:
        """(1, N, K) base logits."""
        theta = BASE_SPREAD * self.normals(1, len(DIMENSIONS))
        theta[:, : WORLDVIEWS.start] += COMMON_BASE
        return self.phi(theta) + ITEM_SPREAD * self.options(1)

    def drift(self, spec: SyntheticSpec) -> Floats:
        """(T, N, K) drift of the logits since century 0, common and items' own part."""
        family, centuries = family_of(spec.family), spec.centuries
        shared, rows = self.rng.random(SHARED), family.draws(centuries)
        theta = family.courses(self.normals(rows, len(DIMENSIONS)), shared, centuries)
        own = family.courses(self.normals(rows, self.mask.size), shared, centuries)
        common = self._unit(self.phi(theta))
        items = self._unit(self._centre(own.reshape(centuries, *self.mask.shape)))
        size = DRIFT_SIZE * spec.amplitude
        drift: Floats = size * (np.sqrt(spec.coherence) * common + np.sqrt(1.0 - spec.coherence) * items)
        return drift

    def _centre(self, logits: Floats) -> Floats:
        real = logits * self._real
        centred: Floats = real - (real @ self._ones)[..., None] * self._share
        return centred

    def softmax(self, logits: Floats) -> Floats:
        """Answers (..., N, K); these logits are far too small to overflow. A product sums faster than `sum`."""
        weights = np.exp(logits) * self._real
        weights /= (weights @ self._ones)[..., None]
        return weights

    def _unit(self, logits: Floats) -> Floats:
        """Scaled so that the root mean square over options is 1 in the century where it is largest."""
        size = np.sqrt(max(float(table.ravel() @ table.ravel()) for table in logits) / self.mask.sum())
        return logits / size if size > 0 else logits
