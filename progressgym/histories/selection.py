"""Which text of a century a model is trained on, and which works it never sees.

Whole works are held out, not passages: a passage of a known work is half remembered. The rest is drawn evenly over
works, so that no single book speaks for its century, from the passages richest in moral vocabulary.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.seeding import child_seed, generator
from progressgym.histories.corpus import Passage

HELD_OUT_SHARE = 0.04
LARGE_WORK = 0.12
"""A work with a larger share of its century's text is never held out: the century could not spare it."""
_MORAL = re.compile(
    r"\b(?:s[hc]h?[ae]l|s[hc]h?olde?|should|ought|o[gw]h?te?|mu?[so]ste?|(?:un)?right|ri[gy]h?t|wrong|wrang|good|gode?|ev[iye]l|yvel|"
    r"sin|sinne|synne|virtue|vertue?|vice|law|lawe|duty|dutie|just|unjust|justice|love|lufe?|luve|hate|mercy|merci|"
    r"pity|pite|truth|trouthe|trewe|true|false|lie|lye|shame|schame|honou?r|honest|faith|feith|obey|promise|oath|othe|"
    r"murder|kill|sle|steal|stele|freedom|liberty|rights|equal|fair|care|harm|cruel|kind|virtuous|wicked|moral|"
    r"conscience|soul|soule|saule|blame|praise|punish|forgive|forbid|permit|respect|dignity)(?:e?s|ed|eth|ly|ful|nesse?)?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CenturyText:
    """A century's passages, divided."""

    label: str
    training: tuple[Passage, ...]
    held_out: tuple[Passage, ...]

    @property
    def held_out_works(self) -> list[str]:
        """Titles of the works that no century model has read."""
        return sorted({passage.work for passage in self.held_out})


def divide(label: str, passages: Sequence[Passage]) -> CenturyText:
    """Hold out whole works, chosen by the hash of their titles, up to `HELD_OUT_SHARE` of the characters.

    Raises:
        UserError: the century has fewer than two works, so nothing can be held out.
    """
    sizes: dict[str, int] = defaultdict(int)
    for passage in passages:
        sizes[passage.work] += len(passage.text)
    if len(sizes) < 2:
        raise UserError(f"{label} has {len(sizes)} work(s); at least 2 are needed, one of them held out")
    total = sum(sizes.values())
    by_hash = sorted(sizes, key=lambda work: child_seed(0, "held-out", label, work))
    small = [work for work in by_hash if sizes[work] <= LARGE_WORK * total] or [min(sizes, key=lambda w: sizes[w])]
    chosen: set[str] = set()
    for work in small:
        if sum(sizes[name] for name in chosen) >= HELD_OUT_SHARE * total:
            break
        chosen.add(work)
    training = tuple(passage for passage in passages if passage.work not in chosen)
    return CenturyText(label, training, tuple(passage for passage in passages if passage.work in chosen))


def moral_density(text: str) -> float:
    """Moral words per 100 words; spellings of all centuries are known to the list.

    >>> round(moral_density("We should not kill the good man."), 1)
    42.9
    """
    words = len(re.findall(r"\w+", text))
    return 100.0 * len(_MORAL.findall(text)) / max(words, 1)


def draw(passages: Sequence[Passage], count: int, seed: int, *, moral: bool = True) -> list[Passage]:
    """Draw passages evenly over works, in random order.

    Args:
        passages: a century's training passages.
        count: how many; drawn again from the start when the century has fewer.
        seed: of the choice and the order.
        moral: prefer, within each work, the half of the passages with the most moral vocabulary.
    """
    random = generator(seed, "draw", passages[0].century if passages else "")
    queues: list[list[Passage]] = []
    works: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        works[passage.work].append(passage)
    for work in sorted(works):
        own = works[work]
        if moral:
            own = sorted(own, key=lambda passage: -moral_density(passage.text))
        half = -(-len(own) // 2) if moral else len(own)
        first, second = own[:half], own[half:]
        queues.append(_shuffled(first, random) + _shuffled(second, random))
    chosen: list[Passage] = []
    depth = 0
    while len(chosen) < count and queues:
        # Works take turns, so each gives alike until it is exhausted.
        layer = [queue[depth] for queue in queues if depth < len(queue)]
        if not layer:
            depth = 0
            continue
        chosen.extend(_shuffled(layer, random))
        depth += 1
    return _shuffled(chosen[:count], random)


def _shuffled(values: Sequence[Passage], random: np.random.Generator) -> list[Passage]:
    order = random.random(len(values)).argsort()
    return [values[index] for index in order]
