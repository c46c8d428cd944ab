"""What sets of tasks have in common, whatever is played: splits with seeds of their own, and records.

Both kinds are frozen dataclasses: `progressgym.envs.text.tasks` of episodes, `progressgym.envs.debate.text_tasks` of debates.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from progressgym.core.arguments import refuse_unknown
from progressgym.core.bounds import whole
from progressgym.core.errors import UserError, unknown

SPLITS = ("train", "validation", "test")
SEEDS = 10**8
"""Seeds of each split; split s has those from s * SEEDS on."""
T = TypeVar("T")
E = TypeVar("E")


def split_index(split: str) -> int:
    """Number of a split.

    Raises:
        UserError: there is none of that name.
    """
    if split not in SPLITS:
        raise unknown("split", str(split), SPLITS)
    return SPLITS.index(split)


class _Fields:
    """Made of fields as a framework's command line or a file gives them."""

    noun: ClassVar[str]

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Of its fields.

        Raises:
            UserError: an unknown field, or a value of a wrong kind.
        """
        refuse_unknown(cls.noun, fields, [field.name for field in dataclasses.fields(cls)])  # type: ignore[arg-type]
        return cls(**fields)


class Task(_Fields, Generic[E]):
    """One episode of an environment E that `make` makes, as plain JSON: whoever has the same version plays the same."""

    seed: int

    def __post_init__(self) -> None:
        """Check the seed after the fields that the set's tasks share."""
        super().__post_init__()  # type: ignore[misc]  # of what the tasks share
        whole(f"seed of {self.noun}", self.seed, 0, len(SPLITS) * SEEDS - 1)

    def begin(self) -> tuple[E, str]:
        """Its environment after the reset, and the first prompt."""
        env: Any = self.make()  # type: ignore[attr-defined]  # what the set's tasks share says how
        return env, env.reset(seed=self.seed)[0]

    @property
    def record(self) -> str:
        """The task as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)  # type: ignore[call-overload]


class Series(_Fields, Generic[T]):
    """The tasks of one split: `series[0]` to `series[size - 1]`."""

    size: int
    split: str

    def __post_init__(self) -> None:
        """Check the size after the fields that the tasks share."""
        super().__post_init__()  # type: ignore[misc]
        whole(f"size of {self.noun}", self.size, 1, SEEDS)

    def task(self, seed: int) -> T:
        """The task of a seed."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> T:
        if not 0 <= index < self.size:
            raise IndexError(f"task {index} of {self.size}")
        return self.task(split_index(self.split) * SEEDS + index)

    def __iter__(self) -> Iterator[T]:
        return (self[index] for index in range(self.size))


def fields_of(record: str | Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a task's record.

    Raises:
        UserError: no JSON object, or one without a seed.
    """
    try:
        fields = json.loads(record) if isinstance(record, str) else dict(record)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or "seed" not in fields:
        raise UserError("a task is a JSON object with a seed, as TextTask.record writes it")
    return fields
