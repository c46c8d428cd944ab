"""Rule-based cleaning of historical text, with a count of everything that was dropped and why.

Repairs: page numbers, hyphenation at line ends, publishers' boilerplate lines, text decoded with the wrong code page.
Rejections: too short, not English of any age, mostly illegible, mostly numerals or capitals, a copy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from progressgym.core.files import sha256_bytes
from progressgym.histories.corpus import Passage

MIN_CHARACTERS = 200
MAX_ILLEGIBLE = 1 / 200
MIN_FUNCTION_WORDS = 0.12
"""Share of words that must be English function words of any age; Latin and French text has far fewer."""

_BOILERPLATE = re.compile(
    r"project gutenberg|internet archive|digitized by|google book|all rights reserved|transcriber'?s note|"
    r"^\s*\*{3}.*\*{3}\s*$|produced by .{0,80}(proofread|distributed)|isbn[ :0-9-]{10,}|e-?text prepared by",
    re.IGNORECASE,
)
_PAGE_NUMBER = re.compile(r"^\s*[\[(]?(?:p(?:age|g)?\.?\s*)?(?:\d{1,4}|[ivxlc]{2,7})[\])]?\s*$", re.IGNORECASE)
_HYPHENATED = re.compile(r"(\w)[-\u00ad\u00ac]\s*\n\s*(\w)")
_MOJIBAKE = re.compile(r"[ÃÂâ][\u0080-\u00bf€™œž“”˜šŸ¦]")
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
    if _MOJIBAKE.search(text):
        text = _undo_wrong_code_page(text)
    text = _HYPHENATED.sub(r"\1\2", text.replace("\r\n", "\n"))
    kept = [line for line in text.split("\n") if not (_is_page_number(line) or _BOILERPLATE.search(line))]
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\u00a0]+", " ", "\n".join(kept))).strip()


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


def _is_page_number(line: str) -> bool:
    return bool(line.strip()) and bool(_PAGE_NUMBER.match(line.replace(" ", "")))


def _undo_wrong_code_page(text: str) -> str:
    """UTF-8 read as Windows-1252, cured where the round trip works and leaves fewer odd signs."""
    try:
        cured = text.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text
    return cured if len(_MOJIBAKE.findall(cured)) < len(_MOJIBAKE.findall(text)) else text
