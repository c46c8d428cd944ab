r"""Names and texts that strangers give: what may be shown, what looks like something else, and how it is escaped.

An agent's name is plain ASCII, so it cannot hide right-to-left overrides, zero-width signs, escape sequences or
letters of other alphabets. Two names look alike when their skeletons are equal; the skeleton folds case, digits and
letters that are drawn alike (0 O, 1 l I, rn m, vv w) and leaves out punctuation. Free texts (authors, training data)
may use every alphabet, but no control or format signs and no word that mixes alphabets.

Source: the idea of skeletons is that of Unicode Technical Standard 39; names are ASCII, so its table is cut down to that.
"""

from __future__ import annotations

import re
import unicodedata

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+:?=&,@-]{0,62}[A-Za-z0-9])?")
RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))]
)
"""Names that Windows keeps for devices."""
_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_DRAWN_ALIKE = str.maketrans("01i5$|!", "olls" + "sll")
_EAST_ASIAN = frozenset(["CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"])
"""Scripts that share no shapes with Latin and stand in one word with it and with each other (NTTデータ)."""
_COMMON = frozenset(["MODIFIER", "FEMININE", "MASCULINE", "MICRO", "KELVIN", "ANGSTROM"])
"""First words of names of letters that belong to no script of their own."""
_STYLED = ("<font>", "<wide>", "<narrow>", "<circle>", "<square>")
"""Letters that Unicode calls another letter in other clothes: mathematical, full-width, half-width, encircled."""
_BLANK = frozenset(
    point
    for first, last in (
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0x13441, 0x13442), (0x16FE4, 0x16FE4),
        (0x1BCA0, 0x1BCA3), (0x1D159, 0x1D159), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    )
    for point in range(first, last + 1)
)  # fmt: skip
"""Signs that are drawn as nothing: `Default_Ignorable_Code_Point` of Unicode's DerivedCoreProperties.txt (Hangul fillers,
joiners, selectors, tags), and those that are blank without being spaces (Braille without dots, fillers of scripts)."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def name_problem(name: str) -> str | None:
    """Why a name cannot be an agent's, or None.

    >>> name_problem("lifelong-map?prior=2"), name_problem("=cmd")
    (None, 'must be 1 to 64 letters, digits and ._+:?=&,@- between them (ASCII only), for example my-agent')
    """
    if not NAME.fullmatch(name):
        return "must be 1 to 64 letters, digits and ._+:?=&,@- between them (ASCII only), for example my-agent"
    if ".." in name:
        return "must not hold '..'"
    if re.split(r"[.?:]", name.lower())[0] in RESERVED:
        return "is a device on Windows; choose another"
    return None


def text_problem(text: str, most: int) -> str | None:
    r"""Why a free text cannot be shown, or None.

    >>> text_problem("Zoë Ωμέγα", 50), text_problem("p\u0430ypal", 50)
    (None, "mixes alphabets in one word ('p\\u0430ypal')")
    """
    if len(text) > most:
        return f"is {len(text)} signs long; at most {most}"
    if text != text.strip() or not text:
        return "is empty, or begins or ends with blanks"
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or ord(sign) in _BLANK:
            return f"holds the invisible or control sign U+{ord(sign):04X}"
    if unicodedata.category(text[0])[0] == "M":
        return "begins with a mark that belongs on a letter"
    if _stacked(text):
        return "stacks more than three marks on a letter"
    for sign in text:
        if not sign.isspace() and unicodedata.decomposition(sign).startswith(_STYLED):
            return f"holds U+{ord(sign):04X}, a styled {unicodedata.normalize('NFKC', sign)!a}; write that"
    for word in text.split():
        if len({script for sign in word if sign.isalpha() and (script := _script(sign))}) > 1:
            return f"mixes alphabets in one word ({word[:20]!a})"
    return None


def skeleton(name: str) -> str:
    """What a name looks like: equal for names that a reader would take for each other.

    >>> skeleton("Lifelong-MAP") == skeleton("1ifelong_rnap")
    True
    """
    folded = unicodedata.normalize("NFKC", name).lower()
    folded = re.sub(r"(?<=[0-9])\.(?=[0-9])", "=", folded).translate(_DRAWN_ALIKE)  # 1.5 is not 15
    folded = re.sub(r"[^a-z0-9=&?]", "", folded)  # before the pairs: a sign between two letters hides neither
    for pair, single in _ALIKE:
        folded = folded.replace(pair, single)
    return folded


def csv_cell(value: object) -> str:
    """A value for a CSV file that no spreadsheet takes for a formula.

    >>> csv_cell("=1+1"), csv_cell(-0.5), csv_cell(None)
    ("'=1+1", '-0.5', '')
    """
    if value is None:
        return ""
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA) else text


def _script(letter: str) -> str:
    """The script of a letter by the first word of its name; empty for one that goes with every script."""
    first = unicodedata.name(letter, "").partition(" ")[0]
    return "" if first in _COMMON else "LATIN" if first in _EAST_ASIAN else first


def _stacked(text: str) -> bool:
    run = 0
    for sign in text:
        run = run + 1 if unicodedata.combining(sign) else 0
        if run > 3:
            return True
    return False
