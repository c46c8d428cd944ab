"""Random streams of a vector environment: one generator a row, exactly as single environments have.

A row's generator is made when its first number is needed. Numbers that nobody reads are not drawn: the generator is
moved on, so that everything drawn later is what a single environment would have drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from progressgym.core.errors import UserError

Seeds = int | Sequence[int | None] | None


class Streams:
    """Generators of B rows."""

    def __init__(self, rows: int) -> None:
        """Start unseeded: a row that is never seeded draws from the operating system."""
        self._seeds: list[int | None] = [None] * rows
        self._generators: list[np.random.Generator | None] = [None] * rows
        self._due = np.zeros(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, row: int) -> np.random.Generator:
        """The row's generator, where a single environment's would be."""
        generator = self._generators[row]
        if generator is None:
            generator, self._seeds[row] = seeding.np_random(self._seeds[row])
            self._generators[row] = generator
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
            self._due[row] = 0

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
