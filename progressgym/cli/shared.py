"""Options that several commands take, and the short way to write one down: a type with its sign and its help."""

from __future__ import annotations

from typing import Annotated, Any

import tyro
from tyro.conf import Positional


def option(metavar: str | None = None, text: str | None = None) -> Any:
    """What help says about an option.

    Args:
        metavar: what stands for its value; a flag has none.
        text: what it means; None: the docstring below the field says it.
    """
    return tyro.conf.arg(metavar=metavar, help=text)


Folder = Annotated[str, option("DIR")]
Number = Annotated[int, option("N")]
Real = Annotated[float, option("X")]

Device = Annotated[str, option("D", "auto, cpu or cuda.")]
History = Annotated[str, option("H", "Shipped name, folder, npz file, or synthetic id with a seed.")]
Questionnaire = Annotated[str, option("I", "Name or folder of the questionnaire.")]
Json = Annotated[bool, option(text="Print JSON instead of text.")]
Quiet = Annotated[bool, option(text="Show no progress.")]

Store = Annotated[str, option("DIR|URL", "Folder of a store, or database URL.")]
Evidence = Annotated[str, option("DIR", "Folder of the evidence; needed with a URL.")]
Submission = Annotated[Positional[str], option("PATH", "Folder or .zip.")]
Printed = Annotated[str, option("FILE", "Write there instead of printing.")]
