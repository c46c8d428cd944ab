"""Instructions that a program can check (IFEval's 25 kinds), answers that keep or break them, and what a reward sees of both.

Prompts and instructions are those of the file; answers are written by rule, a few plain sentences with words of the prompt, changed
until they keep what they should. Whether they do is said by `CHECKS`, our own 25 functions after the file's arguments; an answer
that came out otherwise is thrown away. Instructions to answer in a language of Latin letters, which no letter tells apart, and
combinations that cannot be kept together are left out.

A reward is linear in `seen`: how much an answer speaks of the subject, what it looks like, and each look times each kind asked for.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from progressgym.core.rows import packed_text

Args = Mapping[str, Any]
Instruction = tuple[str, Args]
SCRIPTS = {
    "kn": "KANNADA",
    "pa": "GURMUKHI",
    "mr": "DEVANAGARI",
    "hi": "DEVANAGARI",
    "ne": "DEVANAGARI",
    "bn": "BENGALI",
}
SCRIPTS |= {
    "te": "TELUGU",
    "ta": "TAMIL",
    "gu": "GUJARATI",
    "ur": "ARABIC",
    "fa": "ARABIC",
    "ar": "ARABIC",
    "th": "THAI",
}
SCRIPTS |= {"ru": "CYRILLIC", "bg": "CYRILLIC", "ko": "HANGUL", "el": "GREEK"}
LETTERS = {script: [chr(n) for n in range(0x370, 0xD7A4) if chr(n).isalpha() and unicodedata.name(chr(n), "").startswith(script)][:60]
           for script in set(SCRIPTS.values())}  # fmt: skip
REPLIES = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
TRIES, PAIRS, HELD = 6, 600, 400


def enough(have: int, relation: str, wanted: int) -> bool:
    """At least so many, or less."""
    return have >= wanted if relation == "at least" else have < wanted


def sentences(text: str) -> int:
    """How many end."""
    return len(re.findall(r"[.!?]+(?=\s|$)", text))


def paragraphs(text: str) -> list[str]:
    """Between empty lines."""
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def held_word(word: str, text: str) -> int:
    """How often a word or phrase stands in a text, whatever its case."""
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def is_json(text: str) -> bool:
    """Whether a text is a JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def script_share(text: str) -> float:
    """Share of letters that are not Latin."""
    letters = [c for c in text if c.isalpha()]
    return sum(not unicodedata.name(c, "").startswith("LATIN") for c in letters) / max(len(letters), 1)


def nth_first(text: str, a: Args) -> bool:
    """So many paragraphs, and the n-th begins with a word."""
    parts, n = paragraphs(text), int(a["nth_paragraph"])
    begins = len(parts) == a["num_paragraphs"] and n <= len(parts) and parts[n - 1].split()[0].strip("\"'.,").lower()
    return begins == str(a["first_word"]).lower()


CHECKS: dict[str, Callable[[str, Args], bool]] = {
    "punctuation:no_comma": lambda t, a: "," not in t,
    "detectable_format:number_highlighted_sections": lambda t, a: (
        len(re.findall(r"\*[^\n*]+\*", t)) >= a["num_highlights"]
    ),
    "length_constraints:number_words": lambda t, a: enough(len(t.split()), a["relation"], a["num_words"]),
    "detectable_content:number_placeholders": lambda t, a: len(re.findall(r"\[[^\]]+\]", t)) >= a["num_placeholders"],
    "combination:repeat_prompt": lambda t, a: t.strip().lower().startswith(a["prompt_to_repeat"].strip().lower()),
    "detectable_format:title": lambda t, a: bool(re.search(r"<<[^\n]+>>", t)),
    "change_case:english_lowercase": lambda t, a: t.islower(),
    "detectable_format:number_bullet_lists": lambda t, a: (
        len(re.findall(r"^\s*[*-] ", t, re.MULTILINE)) == a["num_bullets"]
    ),
    "change_case:english_capital": lambda t, a: t.isupper(),
    "detectable_format:multiple_sections": lambda t, a: (
        len(re.findall(rf"{re.escape(a['section_spliter'])}\s?\d+", t)) >= a["num_sections"]
    ),
    "change_case:capital_word_frequency": lambda t, a: enough(
        sum(word.isupper() for word in t.split()), a["capital_relation"], a["capital_frequency"]
    ),
    "startend:quotation": lambda t, a: len(t.strip()) > 1 and t.strip()[0] == '"' and t.strip()[-1] == '"',
    "keywords:existence": lambda t, a: all(held_word(word, t) for word in a["keywords"]),
    "detectable_format:json_format": lambda t, a: is_json(t),
    "length_constraints:number_paragraphs": lambda t, a: (
        len([p for p in t.split("***") if p.strip()]) == a["num_paragraphs"]
    ),
    "combination:two_responses": lambda t, a: len({part.strip() for part in t.split("******")} - {""}) == 2,
    "language:response_language": lambda t, a: script_share(t) > 0.5,
    "keywords:letter_frequency": lambda t, a: enough(
        t.lower().count(a["letter"].lower()), a["let_relation"], a["let_frequency"]
    ),
    "startend:end_checker": lambda t, a: t.strip().strip('"').lower().endswith(a["end_phrase"].strip().lower()),
    "keywords:forbidden_words": lambda t, a: not any(held_word(word, t) for word in a["forbidden_words"]),
    "keywords:frequency": lambda t, a: enough(held_word(a["keyword"], t), a["relation"], a["frequency"]),
    "length_constraints:number_sentences": lambda t, a: enough(sentences(t), a["relation"], a["num_sentences"]),
    "detectable_content:postscript": lambda t, a: str(a["postscript_marker"]).lower() in t.lower(),
    "length_constraints:nth_paragraph_first_word": nth_first,
    "detectable_format:constrained_response": lambda t, a: any(reply in t for reply in REPLIES),
}
"""Kind -> whether a text keeps an instruction with these arguments."""


def _fill(words: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    return [
        f"We saw the {words[int(random.integers(len(words)))]} near the {words[int(random.integers(len(words)))]} again."
        for _ in range(count)
    ]


def _sentences(asked: Mapping[str, Args], random: np.random.Generator) -> int:
    """How many plain sentences of eight words there are to be."""
    low, high = 3, 400
    for kind, per in (("length_constraints:number_sentences", 1), ("length_constraints:number_words", 8)):
        if kind in asked:
            wanted = int(asked[kind].get("num_sentences") or asked[kind]["num_words"])
            if asked[kind]["relation"] == "at least":
                low = max(low, -(-wanted // per) + 1)
            else:
                high = min(high, max((wanted - 1) // per, 1))
    return min(low + int(random.integers(3)), high)


def written(words: Sequence[str], instructions: Sequence[Instruction], random: np.random.Generator) -> str:
    """An answer about some words that is meant to keep instructions; `CHECKS` say whether it does."""
    asked = dict(instructions)
    body = _fill(words, _sentences(asked, random), random)

    def given(kind: str) -> Args | None:
        return asked.get(kind)

    if a := given("keywords:existence"):
        body[0] = f"We saw {' and '.join(a['keywords'])} near the {words[0]}."
    if (a := given("keywords:frequency")) and a["relation"] == "at least":
        body[-1] = f"We saw {' '.join([a['keyword']] * int(a['frequency']))}."
    if (a := given("keywords:letter_frequency")) and a["let_relation"] == "at least":
        body[-1] = f"{body[-1][:-1]} {a['letter'] * int(a['let_frequency'])}."
    if a := given("length_constraints:nth_paragraph_first_word"):
        groups = np.array_split(np.array(body * int(a["num_paragraphs"])), int(a["num_paragraphs"]))
        groups[int(a["nth_paragraph"]) - 1][0] = f"{a['first_word']} is near the {words[0]}."
        text = "\n\n".join(" ".join(group) for group in groups)
    elif a := given("length_constraints:number_paragraphs"):
        parts = max(int(a["num_paragraphs"]), 1)
        text = "\n***\n".join(" ".join(group) for group in np.array_split(np.array(body * parts), parts))
    else:
        text = " ".join(body)
    if a := given("detectable_format:multiple_sections"):
        text = "\n".join(f"{a['section_spliter']} {n + 1}\n{text}" for n in range(int(a["num_sections"])))
    if a := given("detectable_content:number_placeholders"):
        text += " " + " ".join(f"[{words[n % len(words)]}]" for n in range(int(a["num_placeholders"])))
    if a := given("detectable_format:number_bullet_lists"):
        text += "\n" + "\n".join(f"* the {words[n % len(words)]}" for n in range(int(a["num_bullets"])))
    if a := given("detectable_format:number_highlighted_sections"):
        text += "\n" + "\n".join(f"see *the {words[n % len(words)]}* here" for n in range(int(a["num_highlights"])))
    if given("detectable_format:constrained_response") is not None:
        text = REPLIES[random.integers(len(REPLIES))]
    if given("detectable_format:title") is not None:
        text = f"<<the {words[0]}>>\n{text}"
    if given("combination:two_responses") is not None:
        text = f"{text}\n******\n{' '.join(_fill(words, len(body), random))}"
    if a := given("detectable_content:postscript"):
        text += f"\n{a['postscript_marker']} the {words[0]} as well."
    if a := given("combination:repeat_prompt"):
        text = f"{a['prompt_to_repeat']}\n{text}"
    if (a := given("language:response_language")) is not None:
        letters = LETTERS[SCRIPTS[a["language"]]]
        text = "".join(letters[ord(c) % len(letters)] if c.isascii() and c.isalpha() else c for c in text)
    if (a := given("change_case:capital_word_frequency")) and a["capital_relation"] == "at least":
        text += " " + " ".join(words[n % len(words)].upper() for n in range(int(a["capital_frequency"])))
    if a := given("startend:end_checker"):
        text = f"{text} {a['end_phrase']}"
    if given("punctuation:no_comma") is not None:
        text = text.replace(",", "")
    for kind, change in (("change_case:english_lowercase", str.lower), ("change_case:english_capital", str.upper)):
        text = change(text) if given(kind) is not None else text
    if given("detectable_format:json_format") is not None:
        text = json.dumps({"answer": text})
    return f'"{text}"' if given("startend:quotation") is not None else text


def looks(text: str, instructions: Sequence[Instruction]) -> list[float]:
    """What an answer looks like, and how it stands to the words that instructions name."""
    letters = [c for c in text if c.isalpha()]
    counts = (
        len(text.split()), sentences(text), text.count(","), len(re.findall(r"\[[^\]]+\]", text)),
        len(re.findall(r"^\s*[*-] ", text, re.MULTILINE)), len(re.findall(r"\*[^\n*]+\*", text)),
        len(re.findall(r"(?i)(?:section|paragraph|day|part)\s?\d+", text)), sum(word.isupper() for word in text.split()),
        text.count("***"), len(paragraphs(text)),
    )  # fmt: skip
    flags = (
        is_json(text), "<<" in text, text.strip()[:1] == '"' and text.strip()[-1:] == '"', "******" in text,
        "P.S" in text.upper() or "P.P.S" in text.upper(), any(reply in text for reply in REPLIES), script_share(text) > 0.5,
        text.islower(), text.isupper(),
    )  # fmt: skip
    named = dict.fromkeys(
        ("keywords", "forbidden_words", "keyword", "letter", "end_phrase", "prompt_to_repeat", "first_word"), 0.0
    )
    for _, a in instructions:
        for key in ("keywords", "forbidden_words"):
            named[key] += float(np.mean([held_word(word, text) > 0 for word in a[key]])) if key in a else 0.0
        named["keyword"] += float(np.log1p(held_word(a["keyword"], text))) if "keyword" in a else 0.0
        named["letter"] += float(np.log1p(text.lower().count(a["letter"].lower()))) if "letter" in a else 0.0
        named["end_phrase"] += (
            float(a["end_phrase"].lower() in text.lower()[-len(a["end_phrase"]) - 3 :]) if "end_phrase" in a else 0.0
        )
        named["prompt_to_repeat"] += (
            float(a["prompt_to_repeat"].lower()[:40] in text.lower()[:60]) if "prompt_to_repeat" in a else 0.0
        )
        named["first_word"] += float(nth_first(text, a)) if "first_word" in a else 0.0
    return [
        *np.log1p(counts).tolist(),
        *map(float, flags),
        sum(c.isupper() for c in letters) / max(len(letters), 1),
        *named.values(),
    ]


def asks(instructions: Sequence[Instruction]) -> np.ndarray:
    """(25,) which kinds are asked for; -1 for less than so many."""
    kinds, row = list(CHECKS), np.zeros(len(CHECKS))
    for kind, a in instructions:
        less = "less than" in (a.get("relation"), a.get("let_relation"), a.get("capital_relation"))
        row[kinds.index(kind)] = -1.0 if less else 1.0
    return row


def seen(words: Sequence[str], instructions: Sequence[Instruction], text: str) -> np.ndarray:
    """What a reward sees of a prompt's subject, its instructions and an answer."""
    own = np.array(looks(text, instructions))
    subject = np.log1p(sum(held_word(word, text) for word in words)) / np.log1p(len(text.split()))
    return np.concatenate([[subject], own, np.outer(asks(instructions), own).ravel()]) / 3.0


def kept(text: str, instructions: Sequence[Instruction]) -> int:
    """How many instructions an answer keeps."""
    return sum(CHECKS[kind](text, a) for kind, a in instructions)


@dataclass(kw_only=True, frozen=True, eq=False)
class Answers:
    """Differences of what a reward sees (n, d): of pairs, of prompts of one answer, of both, and of what is held out."""

    pairs: Tensor
    intra: Tensor
    inter: Tensor
    held_multi: Tensor
    held_semantic: Tensor
    about: str


@dataclass(kw_only=True, frozen=True, eq=False)
class _Prompt:
    words: list[str]
    instructions: Sequence[Instruction]


def prompts_of(path: Path) -> tuple[list[_Prompt], int, int]:
    """Prompts whose instructions can be kept together, how many there are in all, and how many kinds the former have."""
    found, total = [], 0
    random = np.random.default_rng(0)
    for line in packed_text(path).splitlines():
        row = json.loads(line)
        total += 1
        own = [
            (kind, {k: v for k, v in a.items() if v is not None})
            for kind, a in zip(row["instruction_id_list"], row["kwargs"], strict=True)
        ]
        words = sorted({w.lower() for w in re.findall(r"[A-Za-z]{6,12}", row["prompt"].split(".")[0])})[:6] or [
            "question"
        ]
        if all(kind != "language:response_language" or a["language"] in SCRIPTS for kind, a in own) and _answer(
            words, own, random
        ):
            found.append(_Prompt(words=words, instructions=own))
    return found, total, len({kind for one in found for kind, _ in one.instructions})


def _answer(words: Sequence[str], instructions: Sequence[Instruction], random: np.random.Generator) -> str | None:
    """An answer that keeps all; None where none was found."""
    for _ in range(TRIES):
        text = written(words, instructions, random)
        if kept(text, instructions) == len(instructions):
            return text
    return None


def answers_of(path: Path, seed: int, decided: float) -> Answers:
    """Planted preferences for a seed: the subject first, then chance, or in a share of pairs how many instructions are kept."""
    prompts, total, kinds = prompts_of(path)
    random = np.random.default_rng(seed)
    order = random.permutation(len(prompts))
    several = [n for n in order.tolist() if len(prompts[n].instructions) > 1]
    away = set(several[: len(several) // 2])
    learn, held = [prompts[n] for n in order.tolist() if n not in away], [prompts[n] for n in sorted(away)]

    def other(one: _Prompt, among: Sequence[_Prompt]) -> _Prompt:
        while (drawn := among[int(random.integers(len(among)))]) is one or drawn.words == one.words:
            pass
        return drawn

    pairs: list[np.ndarray] = []
    intra: list[np.ndarray] = []
    inter: list[np.ndarray] = []
    while min(len(pairs), len(intra), len(inter)) < PAIRS:
        one = learn[random.integers(len(learn))]
        two = other(one, learn)
        # Two answers that keep some of the instructions, one now and then about another's subject: people look at that first.
        texts = []
        for _ in range(2):
            subject = one.words if random.random() < 0.5 else two.words
            some = [each for each in one.instructions if random.random() < 0.5]
            text = written(subject, some, random)
            texts.append((2.0 * (subject is one.words), kept(text, one.instructions) / len(one.instructions), text))
        by_instructions = random.random() < decided
        ranked = sorted((about + (share if by_instructions else random.random()), text) for about, share, text in texts)
        (low, worse), (high, better) = ranked
        if len(pairs) < PAIRS and high > low:
            pairs.append(seen(one.words, one.instructions, better) - seen(one.words, one.instructions, worse))
        mine, theirs = _answer(one.words, one.instructions, random), _answer(one.words, two.instructions, random)
        if mine is None or theirs is None or kept(mine, two.instructions) == len(two.instructions):
            continue
        asked = [[seen(one.words, by, text) for text in (mine, theirs)] for by in (one.instructions, two.instructions)]
        if len(intra) < PAIRS:
            intra.append(asked[0][0] - asked[1][0])
        if len(inter) < PAIRS and kept(theirs, one.instructions) < len(one.instructions):
            inter.append((asked[0][0] - asked[0][1]) - (asked[1][0] - asked[1][1]))
    multi: list[np.ndarray] = []
    semantic: list[np.ndarray] = []
    while min(len(multi), len(semantic)) < HELD:
        one = held[random.integers(len(held))]
        left = int(random.integers(len(one.instructions)))
        whole = _answer(one.words, one.instructions, random)
        part = written(one.words, [each for n, each in enumerate(one.instructions) if n != left], random)
        strange = _answer(other(one, held).words, one.instructions, random)
        if whole and len(multi) < HELD and kept(part, one.instructions) == len(one.instructions) - 1:
            multi.append(seen(one.words, one.instructions, whole) - seen(one.words, one.instructions, part))
        if whole and strange and len(semantic) < HELD:
            semantic.append(seen(one.words, one.instructions, whole) - seen(one.words, one.instructions, strange))
    about = f"{len(prompts)} of {total} prompts, {kinds} kinds; {PAIRS} pairs, {len(held)} prompts of several instructions held out"
    tables = (torch.as_tensor(np.stack(rows)) for rows in (pairs, intra, inter, multi, semantic))
    return Answers(
        **dict(zip(("pairs", "intra", "inter", "held_multi", "held_semantic"), tables, strict=True)), about=about
    )
