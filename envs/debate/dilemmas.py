"""Debates about moral dilemmas: which of two options of an item is right, before the human of a century.

Evidence are eight considerations: what the two options uphold or violate, in plain words
(`progressgym.instruments.considerations`). The judge knows the situation and the options and is told some of the
considerations. `ValueJudge` weighs them by a century's measured values:

    J(evidence, k) = sum over shown considerations about option k of  sign * share * v_c[dimension],

where v_c is the value vector of century c and a tag's weight is shared among the considerations that speak of it. With
everything shown this is v_c times the option's tags.

Legend of shapes: M dilemmas (pairs of options), N = 8 pieces, D = 19 dimensions, A options, B cases.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.debate import UNKNOWN, Bools, Cases, CaseText, Floats, Ints, check_options
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import sha256_bytes
from progressgym.core.ids import format_id
from progressgym.histories.history import History
from progressgym.instruments.considerations import Consideration, considerations
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs

PIECES = 8


class DilemmaDomain:
    """Cases from the items of an instrument; a `Domain`.

    >>> domain = DilemmaDomain()
    >>> cases = domain.cases(np.full((1, domain.draws), 0.9))
    >>> text = domain.text(cases, 0)
    >>> len(text.pieces), text.about[:4], text.pieces[0]
    (8, (1, 0, 1, 0), 'It feels that all that lives is one.')
    """

    pieces = PIECES
    features = len(DIMENSIONS)
    draws = 2
    piece_names = tuple(f"consideration {i + 1}" for i in range(PIECES))

    def __init__(self, instrument: Questionnaire | str = "moral19-v1", items: ArrayLike | None = None) -> None:
        """Prepare.

        Args:
            instrument: whose items.
            items: indices of the items that cases are drawn from; all when None.

        Raises:
            UserError: an item whose options have too few tags for eight considerations.
        """
        self.instrument = Questionnaire.load(instrument) if isinstance(instrument, str) else instrument
        every = np.arange(len(self.instrument)) if items is None else np.asarray(items, dtype=np.int64)
        self.name = format_id("dilemmas", instrument=self.instrument.name)
        if items is not None:
            self.name += f" ({len(every)} items, {sha256_bytes(every.tobytes())[:8]})"
        self.decisions = int(self.instrument.mask.shape[1])
        self.table: Ints = all_pairs(self.instrument, every)
        """(M, 3): item, option a, option b with a < b. `Cases.states` are its rows."""

    @cached_property
    def considerations(self) -> tuple[tuple[Consideration, ...], ...]:
        """M lists of eight considerations."""
        items = self.instrument.items
        return tuple(considerations(items[i], a, b, PIECES) for i, a, b in self.table.tolist())

    @cached_property
    def said(self) -> Floats:
        """(M, 8, 19) what every piece says: sign * share in its dimension, negative of it when about option b."""
        said = np.zeros((len(self.table), PIECES, len(DIMENSIONS)))
        for row, (pieces, (_, a, _)) in enumerate(zip(self.considerations, self.table.tolist(), strict=True)):
            for n, piece in enumerate(pieces):
                alike = sum((other.option, other.dimension) == (piece.option, piece.dimension) for other in pieces)
                about = 1 if piece.option == a else -1
                said[row, n, DIMENSIONS.index(piece.dimension)] = about * piece.sign / alike
        said.setflags(write=False)
        return said

    @cached_property
    def about_first(self) -> Bools:
        """(M, 8) True on considerations about option a."""
        rows = zip(self.considerations, self.table.tolist(), strict=True)
        return np.array([[piece.option == a for piece in pieces] for pieces, (_, a, _) in rows])

    @cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        """Item and its two options in order -> row of the table."""
        return {tuple(row): at for at, row in enumerate(self.table.tolist())}

    def cases(self, uniforms: Floats) -> Cases:
        """Any dilemma, any seats; uniforms (B, 2): which dilemma, who argues for option a."""
        states = (uniforms[:, 0] * len(self.table)).astype(np.int64)
        options = self.table[states, 1:]
        swap = uniforms[:, 1] >= 0.5
        return self.pairs(states, np.where(swap[:, None], options[:, ::-1], options))

    def pairs(self, states: Ints, options: Ints, preferred: Ints | None = None) -> Cases:
        """Cases about given dilemmas, the two options in either order; see `Domain.pairs`."""
        check_options(options, self.decisions)
        if states.size and (states.min() < 0 or states.max() >= len(self.table)):
            raise UserError(f"dilemmas are 0 to {len(self.table) - 1}, got {states.min()} to {states.max()}")
        if (np.sort(options, axis=1) != self.table[states, 1:]).any():
            raise UserError("options must be the two of their dilemma: see DilemmaDomain.table")
        return Cases(
            states=states,
            options=options,
            evidence=self.said[states].astype(np.float32),
            preferred=np.full(len(states), UNKNOWN, dtype=np.int64) if preferred is None else preferred,
        )

    def dilemmas(self, items: Ints, options: Ints) -> Cases:
        """Cases about given items.

        Args:
            items: (B,) indices of the instrument's items.
            options: (B, 2) what debater 0 and debater 1 argue for.

        Raises:
            UserError: a pair that is not in the table.
        """
        check_options(options, self.decisions)
        place = self._places
        keys = [(int(item), *sorted(map(int, pair))) for item, pair in zip(items, options, strict=True)]
        missing = [key for key in keys if key not in place]
        if missing:
            raise UserError(f"item {missing[0][0]} with options {missing[0][1:]} is not among the dilemmas")
        return self.pairs(np.array([place[key] for key in keys], dtype=np.int64), options)

    def text(self, cases: Cases, row: int) -> CaseText:
        """One case in words; `about` says of whose option each consideration speaks."""
        state = int(cases.states[row])
        item = self.instrument.items[int(self.table[state, 0])]
        first, second = cases.options[row].tolist()
        pieces = self.considerations[state]
        return CaseText(
            question=item.text,
            options=(item.options[first], item.options[second]),
            pieces=tuple(piece.text for piece in pieces),
            about=tuple(int(piece.option == second) for piece in pieces),
        )


class ValueJudge:
    """Weighs considerations by a value vector; a `Judge`."""

    def __init__(self, domain: DilemmaDomain, values: ArrayLike, name: str) -> None:
        """Prepare.

        Args:
            domain: whose dilemmas it rules on.
            values: (19,) how much it values every dimension.
            name: for records.

        Raises:
            UserError: values of another shape, or not finite.
        """
        weights = np.asarray(values, dtype=np.float64)
        if weights.shape != (len(DIMENSIONS),) or not np.isfinite(weights).all():
            raise UserError(f"a value judge needs {len(DIMENSIONS)} finite values, got shape {weights.shape}")
        self.fingerprint = f"values of {name} on {domain.name} {sha256_bytes(weights.tobytes())[:8]}"
        said = domain.said @ weights
        self._scores = np.stack([np.where(domain.about_first, said, 0), np.where(domain.about_first, 0, -said)], 2)
        """(M, 8, 2) what every piece adds to options a and b."""

    def contributions(self, cases: Cases) -> Floats:
        """(B, N) what every piece adds to debater 0's margin."""
        lead = self._scores[cases.states, :, 0] - self._scores[cases.states, :, 1]
        added: Floats = np.where((cases.options[:, 0] > cases.options[:, 1])[:, None], -lead, lead)
        return added

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """Sum of what was shown for and against each option; see `Judge.score`."""
        both = np.einsum("bn,bns->bs", revealed, self._scores[cases.states])
        swapped = cases.options[:, 0] > cases.options[:, 1]
        scores: Floats = np.where(swapped[:, None], both[:, ::-1], both).round(12)
        return scores


def century_judges(domain: DilemmaDomain, history: History) -> tuple[ValueJudge, ...]:
    """T judges: the measured values of every century of a history, on all items.

    Raises:
        UserError: the history belongs to another instrument.
    """
    if history.instrument != domain.instrument:
        raise UserError(
            f"history {history.name!r} answers {history.instrument.name!r}, but the dilemmas are those of "
            f"{domain.instrument.name!r}"
        )
    rows = zip(history.labels, history.values(), strict=True)
    return tuple(ValueJudge(domain, values, f"{history.name} {label}") for label, values in rows)


def century_index(history: History, label: str) -> int:
    """Which century a label such as `C017` names.

    Raises:
        UserError: none.
    """
    if label not in history.labels:
        raise unknown(f"century of {history.name!r}", label, history.labels)
    return history.labels.index(label)
