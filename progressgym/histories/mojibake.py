"""UTF-8 that was read as Windows-1252, cured run by run: good signs beside the damage stay as they are.

A sign of several bytes shows as a letter with an accent and one to three odd signs: ’ as â€™, é as Ã©. Some of these
pairs also occur in sound text (É» at the end of a French quotation), so only what cannot be meant is touched: letters
that hardly stand before such signs in any language, a continuation that is a control character, or two units in a row.
"""

from __future__ import annotations

import re


def _sign(byte: int) -> str:
    """What Windows-1252 shows for a byte; bytes that it leaves undefined show as control characters."""
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_BYTES = {_sign(byte): byte for byte in range(0x80, 0x100)} | {chr(byte): byte for byte in range(0x80, 0xA0)}
"""Odd sign -> the byte that it was; control characters too, as Latin-1 shows bytes 0x80 to 0x9f."""


def _class(first: int, last: int) -> str:
    return "[" + "".join(re.escape(sign) for sign, byte in _BYTES.items() if first <= byte <= last) + "]"


_TAIL = _class(0x80, 0xBF)
_UNIT = re.compile(
    f"{_class(0xC2, 0xDF)}{_TAIL}|{_class(0xE0, 0xEF)}{_TAIL}{{2}}|{_class(0xF0, 0xF4)}{_TAIL}{{3}}", re.DOTALL
)
_RUN = re.compile(f"(?:{_UNIT.pattern})+", re.DOTALL)
_CONTROL = re.compile("[\x80-\x9f]")
_CERTAIN = re.compile(
    r"[ÂÃ].|â[€‚„…†‡ˆ‰].|ï»¿|ï¿½|ðŸ..|Å[¡¸½¾¿\u00a0]",
    re.DOTALL,
)
"""Units that are damage wherever they stand."""
_LIGATURE = "Å“"
"""œ, where a small letter follows; elsewhere it may be a letter before a quotation mark."""
_CLOSED = re.compile("Ã[’”]")
"""Ò or Ô; behind a capital and before none, the end of a word in capitals and a closing mark (IRMÃ”)."""
MOST_LAYERS = 3
"""Text can have gone through the wrong reading more than once."""


def undo_wrong_code_page(text: str) -> str:
    """Text with its damaged runs cured.

    >>> undo_wrong_code_page("the childâ€™s play, and so to the café — “the ÉTÉ»")
    'the child’s play, and so to the café — “the ÉTÉ»'
    """
    for _ in range(MOST_LAYERS):
        cured = _RUN.sub(_cure, text)
        if cured == text:
            break
        text = cured
    return text


def _cure(run: re.Match[str]) -> str:
    """A run of units, each cured where it is certain or one of several."""
    units = _UNIT.findall(run.group())
    before, follows = run.string[max(run.start() - 1, 0) : run.start()], run.string[run.end() : run.end() + 1]
    several = len(units) > 1
    if _CLOSED.fullmatch(run.group()) and before.isupper() and not follows.isupper():
        return run.group()
    return "".join(
        _decoded(unit) if several or _certain(unit, follows if unit is units[-1] else "") else unit for unit in units
    )


def _certain(unit: str, follows: str) -> bool:
    if unit == _LIGATURE:
        return follows.islower()
    return bool(_CERTAIN.fullmatch(unit) or _CONTROL.search(unit))


def _decoded(unit: str) -> str:
    """The sign that the unit was; the unit itself where its bytes are no UTF-8."""
    try:
        sign = bytes(_BYTES[part] for part in unit).decode("utf-8")
    except UnicodeDecodeError:
        return unit
    if sign == "\ufeff":  # a byte order mark says nothing inside of a text
        return ""
    return _sign(ord(sign)) if _CONTROL.fullmatch(sign) else sign
