"""Studies of losses on data: every checker by an answer that keeps it and one that breaks it, gates on planted data."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from research.constraints import CHECKS, _answer, asks, seen
from research.losses_on_data import degraded, meta_cell

torch.set_num_threads(1)
WORDS = ["garden", "letter", "harbour"]
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "punctuation:no_comma": ({}, "a, b"),
    "detectable_format:number_highlighted_sections": ({"num_highlights": 3}, "*one* and *two*"),
    "length_constraints:number_words": ({"relation": "less than", "num_words": 20}, "word " * 20),
    "detectable_content:number_placeholders": ({"num_placeholders": 2}, "[one]"),
    "combination:repeat_prompt": ({"prompt_to_repeat": "Say it again."}, "No. Say it again."),
    "detectable_format:title": ({}, "<a title>"),
    "change_case:english_lowercase": ({}, "Small"),
    "detectable_format:number_bullet_lists": ({"num_bullets": 2}, "* one\n* two\n* three"),
    "change_case:english_capital": ({}, "LARGe"),
    "detectable_format:multiple_sections": (
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\nand no more",
    ),
    "change_case:capital_word_frequency": ({"capital_relation": "at least", "capital_frequency": 2}, "ONE two"),
    "startend:quotation": ({}, '"open'),
    "keywords:existence": ({"keywords": ["moon", "sun"]}, "moonlight and sun"),
    "detectable_format:json_format": ({}, "{'a': 1}"),
    "length_constraints:number_paragraphs": ({"num_paragraphs": 2}, "one\n\ntwo"),
    "combination:two_responses": ({}, "same\n******\nsame"),
    "language:response_language": ({"language": "kn"}, "in English"),
    "keywords:letter_frequency": ({"letter": "q", "let_relation": "at least", "let_frequency": 3}, "qq"),
    "startend:end_checker": ({"end_phrase": "That is all."}, "That is all. Or not."),
    "keywords:forbidden_words": ({"forbidden_words": ["storm"]}, "A storm."),
    "keywords:frequency": ({"keyword": "rain", "relation": "at least", "frequency": 3}, "rain and rain"),
    "length_constraints:number_sentences": ({"relation": "less than", "num_sentences": 2}, "One. Two."),
    "detectable_content:postscript": ({"postscript_marker": "P.S."}, "PS: no"),
    "length_constraints:nth_paragraph_first_word": (
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        "Then\n\nfirst",
    ),
    "detectable_format:constrained_response": ({}, "yes"),
}


@pytest.mark.parametrize("kind", CHECKS)
def test_an_answer_keeps_what_was_asked_and_a_checker_sees_what_does_not(kind: str) -> None:
    args, broken = BROKEN[kind]
    text = _answer(WORDS, [(kind, args)], np.random.default_rng(0))
    assert text is not None and CHECKS[kind](text, args) and not CHECKS[kind](broken, args)
    row = asks([(kind, args)])
    assert np.abs(row).sum() == 1 and (row.min() == -1) == ("less than" in args.values())
    assert np.isfinite(seen(WORDS, [(kind, args)], text)).all()


def test_degrees_lose_the_rarest_words_first() -> None:
    common = Counter({"i": 9, "saw": 5, "a": 8, "crocodile": 1, "yesterday": 2})
    words = ["yesterday", "i", "saw", "a", "crocodile"]
    assert degraded(words, common) == [words, ["i", "saw", "a"], ["i"], []]


def test_meta_reward_gains_on_a_shift_and_not_from_what_is_not_shifted() -> None:
    """The gate: better than without on what the new policy writes, better than with the old policy's things; L2 is beside it."""
    arms = {"plain": (0.0, 0.1, True), "meta": (3.0, 0.1, True), "unshifted": (3.0, 0.1, False), "L2": (0.0, 1.0, True)}
    cells = [meta_cell(seed, arms) for seed in range(4)]
    mean = {arm: float(np.mean([cell[arm][0] for cell in cells])) for arm in arms}
    assert mean["meta"] > mean["plain"] > mean["unshifted"] and mean["meta"] > mean["L2"]
