"""Rule-based cleaning of historical text, with a count of everything that was dropped and why.

Repairs: page numbers, words broken at line ends, publishers' boilerplate lines, runs decoded with the wrong code page,
other ends of lines (carriage return, form feed), soft hyphens.
Rejections: too short, not English of any age, mostly illegible, mostly numerals or capitals, a copy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from progressgym.core.files import sha256_bytes
from progressgym.histories.corpus import Passage
from progressgym.histories.mojibake import undo_wrong_code_page

MIN_CHARACTERS = 200
MAX_ILLEGIBLE = 1 / 200
MIN_FUNCTION_WORDS = 0.12
"""Share of words that must be English function words of any age; Latin and French text has far fewer."""

VERSION = 2
"""Of the repairs here and in `spelling`: it goes up when they change, and belongs to the identity of a build."""
LONGEST_NOTICE = 300
"""A longer line that names an archive is prose about it."""

_BOILERPLATE = re.compile(
    r"project gutenberg|internet archive|digitized by|google book|all rights reserved|transcriber'?s note|"
    r"^\s*\*{3}.*\*{3}\s*$|produced by .{0,80}(proofread|distributed)|isbn[ :0-9-]{10,}|e-?text prepared by",
    re.IGNORECASE,
)
_LINE_END = re.compile("\r\n|[\r\f\v\u0085\u2028\u2029]")
_NUMERAL = "(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
_ROMAN = f"(?=[ivxlc]{{2}}){_NUMERAL}"
"""A Roman numeral of two signs or more: `xiv`, but not `civil`, `mix` or `ill`."""
_BARE_NUMBER = re.compile(rf"\d{{1,3}}|{_ROMAN}")
"""Alone on its line: four digits may be a year, capitals a heading, `I` a word."""
_NAMED_NUMBER = re.compile(
    rf"(?:p|pg|page)\.?\s*\d{{1,4}}|(?:p\.|pg\.|page)\s*{_ROMAN}|\[\s*(?:\d{{1,4}}|{_ROMAN})\s*\]"
    rf"|\(\s*(?:\d{{1,4}}|{_ROMAN})\s*\)|\[\s*p(?:age|g)?\.?\s*\d{{1,4}}\s*\]",
    re.IGNORECASE,
)
_HYPHENS, _SOFT = "-\u2010\u2011\u2e17", "\u00ad\u00ac"
"""Signs at the end of a line; the soft ones stand for nothing but a broken word."""
_OPEN_RANGE = re.compile(rf"(?:\d|\b{_ROMAN})\s*[{_HYPHENS}{_SOFT}\u2013]\s*\Z")
_IN_RANGE = re.compile(_NUMERAL, re.IGNORECASE)
_LETTER = r"[^\W\d_]"
_BROKEN = re.compile(rf"(?<={_LETTER})([{_HYPHENS}{_SOFT}])[^\S\n]*(\n\s*)(?={_LETTER})")
"""A word goes on after the end of a line; numbers are ranges, never words."""
_SOFT_INSIDE = re.compile(rf"(?<={_LETTER})\u00ad(?={_LETTER})")
_BEFORE, _AFTER = re.compile(rf"[{_HYPHENS}\w'’]*\Z"), re.compile(r"[\w'’]*")
LONGEST_WORD = 60
_COMPOUND = re.compile(r"[^\W_]+(?:-[^\W_]+)?")
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety".split())  # noqa: SIM905
_ILLEGIBLE = re.compile(r"[•\ufffd◊〈〉]")
_WORD = re.compile(r"[^\W\d_]+")
FUNCTION_WORDS = frozenset(
    """
    the a an and of to in is was that for it with as his her on be at by i not he she this are or from but have had they
    you we which all their there when who will would what so if no me my him them were one then do did shall þe þat þis
    and of to in is was for it wiþ his her on be by i not he þai þei ȝe we alle when who wil so if no me my hem was were
    oon þan þo þer schal ne ich ic se ðe and hit heo ȝif mid wið on swa nis beð ben ys thar tha thet thou thy thee ye
    hath doth vpon vnto haue hee shee bee wee doe selfe
    """.split()  # noqa: SIM905  (read as text, not as a hundred lines)
)


def repair(text: str) -> str:
    """Undo damage that has one obvious cure; everything else is left as the scribe or printer had it.

    >>> repair("It was a mar-\\nvellous thing.\\n\\n  [ 12 ]\\n\\nThe end.")
    'It was a marvellous thing.\\n\\nThe end.'
    """
    text = _SOFT_INSIDE.sub("", _LINE_END.sub("\n", undo_wrong_code_page(text)))
    lines, lines_out = text.split("\n"), list[str]()
    for number, line in enumerate(lines):
        if not (_is_page_number(line, lines[number - 1] if number else "") or _is_notice(line)):
            lines_out.append(line)
    text = _joined("\n".join(lines_out))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\u00a0]+", " ", text)).strip()


def reject(text: str) -> str | None:
    """Why a repaired passage is not used, or None when it is."""
    if len(text) < MIN_CHARACTERS:
        return "too short"
    if len(_ILLEGIBLE.findall(text)) > MAX_ILLEGIBLE * len(text):
        return "illegible"
    letters = [char for char in text if char.isalpha()]
    if len(letters) < 0.6 * len(text):
        return "numerals and signs"
    if sum(char.isupper() for char in letters) > 0.4 * len(letters):
        return "capitals"
    words = [word.lower() for word in _WORD.findall(text)]
    if sum(word in FUNCTION_WORDS for word in words) < MIN_FUNCTION_WORDS * max(len(words), 1):
        return "not English"
    return None


def clean_passages(passages: Iterable[Passage], counts: Counter[str] | None = None) -> Iterator[Passage]:
    """Repair passages, drop the unusable and the copies, and count both.

    Args:
        passages: any stream.
        counts: filled with `kept`, `repaired` and one entry per reason of rejection.
    """
    counts = counts if counts is not None else Counter()
    seen: set[str] = set()
    for passage in passages:
        text = repair(passage.text)
        reason = reject(text)
        print_of_text = sha256_bytes(" ".join(_WORD.findall(text.lower())).encode())[:24]
        if reason is None and print_of_text in seen:
            reason = "copy"
        if reason is not None:
            counts[reason] += 1
            continue
        seen.add(print_of_text)
        counts["kept"] += 1
        counts["repaired"] += text != passage.text.strip()
        yield replace(passage, text=text)


def _is_page_number(line: str, before: str) -> bool:
    """Whether a line is a page's number; the end of a range that the line before began is none."""
    text = line.strip()
    if _NAMED_NUMBER.fullmatch(text):
        return True
    return bool(_BARE_NUMBER.fullmatch(text)) and not _OPEN_RANGE.search(before)


def _is_notice(line: str) -> bool:
    return len(line) <= LONGEST_NOTICE and bool(_BOILERPLATE.search(line))


def _joined(text: str) -> str:
    """Words that end one line and begin the next are made whole; a hyphen that belongs to the word stays."""
    if not _BROKEN.search(text):
        return text
    compounds = set(_COMPOUND.findall(text.lower()))

    def whole(broken: re.Match[str]) -> str:
        sign, gap = broken.groups()
        left = _word(_BEFORE.search(text[max(broken.start() - LONGEST_WORD, 0) : broken.start()]))
        right = _word(_AFTER.match(text[broken.end() : broken.end() + LONGEST_WORD]))
        if gap.count("\n") > 1 and not right[0].islower():
            return broken.group()  # a new paragraph begins
        if _IN_RANGE.fullmatch(left) and _IN_RANGE.fullmatch(right):
            return broken.group()  # chapters iv-vi
        return "" if sign in _SOFT or not _keeps_hyphen(left, right, compounds) else sign

    return _BROKEN.sub(whole, text)


def _keeps_hyphen(left: str, right: str, compounds: set[str]) -> bool:
    """Whether a hyphen at the end of a line belongs to the word.

    Anglo-Saxon, mother-in-law, twenty-one do keep it, and what the same text writes with a hyphen and never without.
    """
    if any(sign in left for sign in _HYPHENS) or left.lower() in _TENS:
        return True
    if right[0].isupper() and not (left.isupper() and right.isupper()):
        return True
    return f"{left}-{right}".lower() in compounds and f"{left}{right}".lower() not in compounds


def _word(match: re.Match[str] | None) -> str:
    assert match is not None  # both patterns match the empty text
    return match.group()
