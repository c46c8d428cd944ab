"""Instruments by name: the shipped questionnaires, folders, and what code makes."""

from __future__ import annotations

from pathlib import Path

from progressgym.core.errors import UserError, unknown
from progressgym.core.registry import Entry, Registry
from progressgym.instruments.protocol import Instrument
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.storage import (
    HEAD,
    ITEMS,
    check_options,
    is_instrument,
    load_shipped,
    read_folder,
    shipped_folder,
    shipped_names,
)

_MEASURES = "progressgym.instruments.measures"
INSTRUMENTS = Registry(
    "instrument",
    (
        Entry(
            "daily-dilemmas-v1",
            "which values choices in everyday dilemmas serve, by one of five theories",
            f"{_MEASURES}.daily_dilemmas:DailyDilemmas",
        ),
        Entry(
            "steerability",
            "whether choices in everyday dilemmas follow a principle that is stated",
            f"{_MEASURES}.steerability:Steerability",
        ),
        Entry(
            "clash",
            "whether somebody tells what characters find acceptable, now and before",
            f"{_MEASURES}.clash:Clash",
        ),
        Entry(
            "rules-of-thumb-v1",
            "how good deeds are, who says so, how people press for them, whether the law allows them",
            f"{_MEASURES}.rules_of_thumb:RulesOfThumb",
        ),
        Entry(
            "worldview-compass",
            "two axes of opinion, and how much of it hangs on template and persona",
            f"{_MEASURES}.compass:WorldviewCompass",
        ),
        Entry(
            "written",
            "what a model writes when it goes on by itself, as a rater sees it",
            "progressgym.raters.written:Written",
        ),
        Entry(
            "moral-direction",
            "how far apart right and wrong lie along a model's own axis of praise and blame",
            "progressgym.instruments.measures.moral_direction:MoralDirectionInstrument",
        ),
        Entry(
            "ideology",
            "with whom somebody stands: ten tags of causes and figures",
            "progressgym.instruments.measures.ideology:Ideology",
        ),
        Entry(
            "kaleidoscope",
            "which values, rights and duties are seen in a deed, and on which side",
            "progressgym.instruments.measures.kaleidoscope:Kaleidoscope",
        ),
        Entry(
            "inconvenience",
            "for how much money somebody waits, walks or is patient",
            "progressgym.instruments.measures.inconvenience:Inconvenience",
        ),
        Entry(
            "moral-circle",
            "how care falls from friends to strangers, to animals and to plants",
            "progressgym.instruments.measures.moral_circle:MoralCircle",
        ),
        Entry(
            "utilities",
            "which of two outcomes somebody would rather have: values, exchange rates, patience",
            "progressgym.instruments.measures.utilities:UtilitiesInstrument",
        ),
    ),
    group="progressgym.instruments",
    row=Entry,
)
"""Instruments that code makes: classes and functions, with their arguments as keywords."""


def load_instrument(name_or_folder: str | Path) -> Instrument:
    """An instrument of any kind.

    Args:
        name_or_folder: a shipped questionnaire, the folder of one, or a name of `INSTRUMENTS` with its arguments.

    Raises:
        UserError: no such instrument, or what is made of the name is none.
    """
    text, folder = str(name_or_folder), Path(name_or_folder)
    if text in shipped_names():
        return load_shipped(text)
    if is_instrument(folder):
        made = read_folder(folder)
        check_options(made, folder / ITEMS)
        return made
    if folder.exists():
        raise UserError(f"{folder} is not an instrument: it holds no {HEAD}")
    if not INSTRUMENTS.offers(text):
        raise unknown("instrument", text, [*shipped_names(), *INSTRUMENTS])
    instrument = INSTRUMENTS.make(text)
    if not isinstance(instrument, Instrument):
        raise UserError(f"instrument {text!r} gives a {type(instrument).__name__}, which lacks questions() or read()")
    return instrument


def load_questionnaire(name_or_folder: str | Path) -> Questionnaire:
    """An instrument that environments and histories can stand on.

    Raises:
        UserError: as `load_instrument`, or it is another kind of instrument.
    """
    instrument = load_instrument(name_or_folder)
    if not isinstance(instrument, Questionnaire):
        raise UserError(
            f"instrument {str(name_or_folder)!r} is no questionnaire, which environments and histories need; "
            f"`progressgym values` reads it of a model, or of the century models of a history or build: "
            f"progressgym values FOLDER --instrument {name_or_folder!s}"
        )
    return instrument


def entries() -> list[Entry]:
    """Rows of all names, for lists; the summary of a shipped questionnaire is the first sentence of its card."""
    rows = []
    for name in shipped_names():
        card = shipped_folder() / name / "card.md"
        text = card.read_text(encoding="utf-8").partition("\n\n")[2] if card.is_file() else ""
        about = " ".join(text.split()).partition(". ")[0]
        rows.append(Entry(name, about, f"{__name__}:load_instrument"))
    return [*rows, *INSTRUMENTS.entries()]
