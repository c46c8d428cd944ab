"""Spelling normalisation of early English, by rule.

`letters` replaces letters that later English does not have (thorn, eth, yogh, wynn, ash, long s, double v).
`positions` also undoes the printers' habit of choosing u/v and i/j by position in the word (until about 1640).
A word-by-word modernisation (such as `natas`) is left out on purpose: it would also modernise the choice of words.
"""

from __future__ import annotations

import re

from progressgym.core.errors import unknown

LEVELS = ("none", "letters", "positions")
_LETTERS = str.maketrans(
    {"þ": "th", "Þ": "Th", "ð": "th", "Ð": "Th", "ƿ": "w", "Ƿ": "W", "ſ": "s", "æ": "ae", "Æ": "Ae", "ꝥ": "that"}
)
_YOGH_START = re.compile(r"\b[ȝʒ]")
_YOGH_START_CAPITAL = re.compile(r"\b[ȜƷ]")
_V_AS_U = re.compile(r"\bv(?=[bcdfghjklmnpqrstvwxz])", re.IGNORECASE)
_U_AS_V = re.compile(r"(?<=[aeiou])u(?=[aeiy])|\bu(?=[aeio])")
_I_AS_J = re.compile(r"\bi(?=[aou])|\bI(?=[aou][a-z]{2})")
_DOUBLE_V = re.compile("\\b[Vv][Vv](?=[AEIOUYHaeiouyh]|[Rr][AEIOUYaeiouy])|(?<=[A-Za-z])[Vv][Vv]")
"""W at the head of a word (where it stands before a vowel, h or r and a vowel), inside or at its end."""
_KEPT = re.compile(
    r"\b(?:(?i:(?:sa|na|di|ci|lu|be|ski|chi)vv(?:y|ies|ied|ier|ying)|(?:fli|re)vv(?:er|ers|ed|ing)"  # modern words
    r"|vv|[xvlc]*v+i*j|queue[ds]?|iota|iodine)|Louis(?:a|e|es)?|Rouen|Bouillon|[Ii]ambi?(?:c|cs|us)|Ion(?:ic|ian|ians)"
    r"|Iowa|Iago)\b"
)
"""Words that the rules would spoil: savvy, the verses (vv.), numerals with a final j, names, Greek words in i."""


def normalise(text: str, level: str = "positions") -> str:
    """Normalise early spelling.

    Args:
        text: any English text; modern text passes nearly unchanged.
        level: one of `LEVELS`.

    >>> normalise("þe ȝong man haþ knoȝen his vpright loue, and vvas iust")
    'the yong man hath knoghen his upright love, and was just'
    """
    if level not in LEVELS:
        raise unknown("spelling level", level, LEVELS)
    if level == "none":
        return text
    parts, place = [], 0
    for verbatim in _KEPT.finditer(text):
        parts += [_normalise(text[place : verbatim.start()], level), verbatim.group()]
        place = verbatim.end()
    return "".join([*parts, _normalise(text[place:], level)])


def _normalise(text: str, level: str) -> str:
    text = text.translate(_LETTERS)
    text = _YOGH_START_CAPITAL.sub("Y", _YOGH_START.sub("y", text))
    text = re.sub("[ȝʒ]", "gh", text).replace("Ȝ", "Gh").replace("Ʒ", "Gh")
    text = _DOUBLE_V.sub(lambda match: "W" if match.group()[0] == "V" else "w", text)
    if level == "letters":
        return text
    text = _V_AS_U.sub(lambda match: "U" if match.group() == "V" else "u", text)
    text = _U_AS_V.sub("v", text)
    return _I_AS_J.sub(lambda match: "J" if match.group() == "I" else "j", text)
