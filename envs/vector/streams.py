"""Random streams of a vector environment: one generator a row, exactly as single environments have.

A row's generator is made when its first number is needed. Numbers that nobody reads are not drawn: the generator is
moved on, so that everything drawn later is what a single environment would have drawn. For kernels, which draw without
generators, the states of rows stand in an array until a generator is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from progressgym.core.errors import UserError

PARTS = (("state", 64), ("state", 0), ("inc", 64), ("inc", 0))
"""Words of a state of PCG64: which number of 128 bits, and from which bit."""
Seeds = int | Sequence[int | None] | None


class Streams:
    """Generators of B rows."""

    def __init__(self, rows: int) -> None:
        """Start unseeded: a row that is never seeded draws from the operating system."""
        self._seeds: list[int | None] = [None] * rows
        self._generators: list[np.random.Generator | None] = [None] * rows
        self._due = np.zeros(rows, dtype=np.int64)
        self._states = np.zeros((rows, len(PARTS)), dtype=np.uint64)
        self._lent = np.zeros(rows, dtype=np.bool_)
        """Rows whose streams go on in `_states`."""

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, row: int) -> np.random.Generator:
        """The row's generator, where a single environment's would be."""
        generator = self._generators[row]
        if generator is None:
            generator, self._seeds[row] = seeding.np_random(self._seeds[row])
            self._generators[row] = generator
        if self._lent[row]:
            _set_state(generator, self._states[row])
            self._lent[row] = False
        if self._due[row]:
            forward(generator, int(self._due[row]))
            self._due[row] = 0
        return generator

    def seed(self, seed: Seeds, rows: NDArray[np.int64]) -> None:
        """Seed these rows: one number counts up from row to row, None leaves a row's stream as it is.

        Raises:
            UserError: not one seed a row of the environment, or a seed that is not a whole number from 0.
        """
        if seed is None:
            return
        whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
        given = [int(seed) + row for row in range(len(self))] if whole else list(seed)  # type: ignore[arg-type]
        if len(given) != len(self):
            raise UserError(f"{len(given)} seeds for {len(self)} environments; give one a row, or one number for all")
        for row in rows.tolist():
            value = given[row]
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
                raise UserError(f"seed {value!r}: use a whole number, 0 or more")
            self._seeds[row], self._generators[row] = int(value), None
            self._due[row], self._lent[row] = 0, False

    def states(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The states (R, 4) of these rows' streams, as `PARTS`: draw from them and give them back with `moved`."""
        for row in rows[~self._lent[rows] | (self._due[rows] > 0)].tolist():
            self._states[row] = _state_of(self[row])
            self._lent[row] = True
        return self._states[rows]

    def moved(self, rows: NDArray[np.int64], states: NDArray[np.uint64]) -> None:
        """Where these rows' streams are now, after draws from `states`."""
        self._states[rows] = states

    def skip(self, rows: NDArray[np.int64], numbers: int) -> None:
        """Move these rows on by as many uniform numbers, unread."""
        self._due[rows] += numbers

    def seeds(self) -> tuple[int, ...]:
        """The seed of every row."""
        return tuple(self._seed_of(row) for row in range(len(self)))

    def _seed_of(self, row: int) -> int:
        if self._seeds[row] is None:
            self[row]
        return int(self._seeds[row] or 0)


def forward(generator: np.random.Generator, numbers: int) -> None:
    """Move a generator on by as many numbers of `random`: each takes one step of PCG64."""
    generator.bit_generator.advance(numbers)  # type: ignore[attr-defined]  # Gymnasium's generators are PCG64


def _state_of(generator: np.random.Generator) -> list[int]:
    numbers: Any = generator.bit_generator.state["state"]
    return [(numbers[name] >> bit) % 2**64 for name, bit in PARTS]


def _set_state(generator: np.random.Generator, words: NDArray[np.uint64]) -> None:
    state: Any = generator.bit_generator.state
    high, low, *_ = words.tolist()
    generator.bit_generator.state = {**state, "state": {**state["state"], "state": (high << 64) + low}}
