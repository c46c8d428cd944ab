"""The one results table that the original ProgressGym published, as data: to be shown beside our numbers, not compared."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import Field

from progressgym.scores.records import Finite, SchemaVersion, Sealed, load_record

CAVEAT = "a single run without error bars; same scale, other instrument and models: not comparable with ours"
Entry = Finite | Literal["skipped", "broke down"]
"""A score; `skipped` for want of money, `broke down` where the algorithm destroyed the model's ability to answer."""


class Scale(Sealed):
    """What a column is measured in."""

    definition: str
    """A function of `progressgym.scores.published`."""
    best: Finite


class PaperRow(Sealed):
    """One algorithm of the table."""

    algorithm: str
    restart: str
    method: str
    Follow: Entry
    Predict: Entry
    Coevolve: Entry

    @property
    def name(self) -> str:
        """The row in words."""
        return f"{self.algorithm}, {self.restart}, {self.method}"


class MinimumCosine(Sealed):
    """The least similarity between two centuries that the paper shows."""

    value: Finite
    between: list[str]
    source: str


class PaperTable(Sealed):
    """Table 3 with its source."""

    schema_version: SchemaVersion
    title: str
    source: str
    licence: str
    notes: list[str]
    scales: dict[str, Scale]
    minimum_cosine_between_centuries: MinimumCosine
    rows: list[PaperRow] = Field(min_length=1)

    def do_nothing(self, challenge: str) -> float:
        """What an agent scores at least, on a challenge's scale, that stays at the first century for ever.

        No two centuries of the paper's figure 6 are less alike than the minimum cosine c, so every term of both sums is
        at least c and the sum at least c times its best value.
        """
        return self.minimum_cosine_between_centuries.value * self.scales[challenge].best


def paper_table() -> PaperTable:
    """The frozen table."""
    return load_record(Path(str(files("progressgym.data").joinpath("published", "table3.json"))), PaperTable)
