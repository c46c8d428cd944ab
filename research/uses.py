"""Uses of a reward model on real preferences: length control, the guarded best of n, and the conditions that it must meet.

    python -m research.uses length      opinpref and hh-harmless, three kinds of control
    python -m research.uses guard       hh-harmless: best of the two replies with a guard; planted: best of n
    python -m research.uses reward      hh-harmless: SmolLM2's token vectors as features beside words alone, and the conditions

Data lie in $PROGRESSGYM_SHARED/real. Everything is held out in five folds of dialogues; intervals are of a bootstrap over these.
A reply is what the assistant says last: the rest of a dialogue is the same on both sides. Whether a reply is a violation is
judged by people (it is the one they rejected), whether it passes is judged by the guard, which sees words and no label.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from progressgym.preferences.conditions import Facts, conditions_of
from progressgym.preferences.datasets import _counts, load, read_rows
from progressgym.preferences.length_control import CONTROLS, LengthControlled, with_length
from progressgym.preferences.models import BradleyTerry, PreferenceModel
from progressgym.preferences.pairs import Pairs
from progressgym.preferences.uses import best_of_n, best_of_n_divergence, guarded_best_of_n

REAL = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real"
FOLDS, RESAMPLES = 5, 1000
PASSED = (1.0, 0.9, 0.75, 0.5, 0.25)
"""Shares of the replies learned from that a guard lets through."""


def replies() -> list[tuple[str, str]]:
    """The last replies of every dialogue of hh-harmless: the chosen one, and the rejected one."""
    rows = read_rows(REAL / "hh-harmless" / "harmless_test.jsonl.gz")
    both = [tuple(text.rpartition("\n\nAssistant:")[2].strip() for text in (row.chosen, row.rejected)) for row in rows]
    return [(one, other) for one, other in both if one != other]


def folds(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows held out."""
    fold = np.random.default_rng(0).permutation(count) % FOLDS
    return [(np.flatnonzero(fold != part), np.flatnonzero(fold == part)) for part in range(FOLDS)]


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and its 95 %."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def held_out(pairs: Pairs, make: Callable[..., PreferenceModel], **settings: Any) -> np.ndarray:
    """Margins (n,) by models that did not learn from the pair."""
    margins = np.zeros(len(pairs))
    for learn, held in folds(len(pairs)):
        margins[held] = make(**settings).fit(pairs[learn]).margin(pairs[held])
    return margins


def right(pairs: Pairs, margins: np.ndarray) -> np.ndarray:
    """1, 0, or one half."""
    towards = np.where(pairs.target > 0.5, margins, -margins)
    return np.where(towards > 0, 1.0, np.where(towards == 0, 0.5, 0.0))


def length() -> None:
    """Accuracy and the length of what is picked, by control."""
    opinpref = load("opinpref", REAL)
    pair_rows = [line.split(",") for line in (REAL / "opinpref" / "train.csv").read_text().splitlines()]
    words = np.array(
        [[float(row[pair_rows[0].index(f"{side}_words")]) for side in ("one", "two")] for row in pair_rows[1:]]
    )
    texts = replies()
    swap = np.random.default_rng(1).random(len(texts)) < 0.5
    chosen, rejected = _counts([one for one, _ in texts], [other for _, other in texts])
    sizes = np.array([[len(one.split()), len(other.split())] for one, other in texts], dtype=float)
    hh = Pairs.of(np.where(swap[:, None], chosen, rejected), np.where(swap[:, None], rejected, chosen), swap, group=0)
    hh_words = np.where(swap[:, None], sizes, sizes[:, ::-1])
    joint = with_length(opinpref.pairs, *words.T)
    fits = [LengthControlled(control=control).fit(joint).margin(joint) for control in ("none", "residual")]
    learned = [right(joint, margins).mean() for margins in fits]
    print(f"opinpref, on the pairs that were learned from: joint {learned[0]:.3f}, length zeroed {learned[1]:.3f}")
    print("data          control     accuracy               words of the pick   mean of both")
    for name, pairs, lengths, ridge in (("opinpref", opinpref.pairs, words, 0.1), ("hh-harmless", hh, hh_words, 1.0)):
        own = with_length(pairs, *lengths.T)
        longer = np.sign(lengths[:, 0] - lengths[:, 1])
        rows = [("longer wins", right(pairs, longer), longer)]
        plain = held_out(pairs, BradleyTerry, ridge=ridge)
        rows.append(("no length", right(pairs, plain), plain))
        for control in CONTROLS:
            margins = held_out(own, LengthControlled, model=f"bradley-terry?ridge={ridge}", control=control)
            rows.append((control, right(pairs, margins), margins))
        for rule, hits, margins in rows:
            mean, low, high = interval(hits)
            picked = np.where(margins > 0, lengths[:, 0], np.where(margins < 0, lengths[:, 1], lengths.mean(1)))
            print(
                f"{name:<13} {rule:<11} {mean:.3f} [{low:.3f}, {high:.3f}]   {picked.mean():8.1f}  {lengths.mean():18.1f}"
            )


def guarded(texts: list[tuple[str, str]], sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Risk less what lets each share of `PASSED` through (shares, n, 2), and the reward (n, 2), of held-out replies."""
    risk, worth = np.zeros((len(PASSED), len(texts), 2)), np.zeros((len(texts), 2))
    for learn, held in folds(len(texts)):
        half = len(learn) // 2  # the guard and the reward learn from different dialogues
        worth[held] = sides[held] @ BradleyTerry(ridge=1.0).fit(Pairs.of(*sides[learn[:half]].swapaxes(0, 1))).weights
        alone = _with_one(sides[learn[half:]])
        labels = np.tile([0.0, 1.0], len(learn) - half)
        flat = alone.reshape(len(labels), -1)
        classifier = BradleyTerry(ridge=1.0).fit(Pairs.of(flat, 0.0 * flat, labels))
        limits = np.quantile(flat @ classifier.weights, PASSED)
        limits[0] = np.inf
        risk[:, held] = _with_one(sides[held]) @ classifier.weights - limits[:, None, None]
    return risk, worth


def _with_one(features: np.ndarray) -> np.ndarray:
    """Features with a constant beside them."""
    return np.concatenate([features, np.ones((*features.shape[:-1], 1))], -1)


def guard() -> None:
    """Best of two with a guard on real replies; best of n on planted ones."""
    texts = replies()
    sides = np.stack(_counts(*zip(*texts, strict=True)), 1)  # (n, 2, words), the chosen reply first
    risk, worth = guarded(texts, sides)
    order = np.random.default_rng(2)
    print("hh-harmless, two replies a dialogue; violation: the reply is the one that people rejected")
    print("lets through   false alarms   misses   refused   violations [95 %]       reward of what is given")
    drawn = order.integers(0, 2, len(texts))
    mean, low, high = interval(drawn.astype(float))
    print(
        f"one at random                                    {mean:.3f} [{low:.3f}, {high:.3f}]   {worth[np.arange(len(texts)), drawn].mean():+.3f}"
    )
    identity = BradleyTerry()
    identity.weights = np.ones(1)
    for number, share in enumerate(PASSED):
        picks = guarded_best_of_n(identity, worth[..., None], risk[number], threshold=0.0)
        bad = picks.of(np.tile([0.0, 1.0], (len(texts), 1)))
        given = ~picks.refused
        mean, low, high = interval(bad[given])
        alarms, misses = 1.0 - picks.passed[:, 0].mean(), picks.passed[:, 1].mean()
        print(
            f"{share:<14} {alarms:<14.3f} {misses:<8.3f} {picks.refused.mean():<9.3f} {mean:.3f} [{low:.3f}, {high:.3f}]   "
            f"{np.nanmean(picks.of(worth)):+.3f}"
        )
    planted()


def planted(prompts: int = 2000, d: int = 8) -> None:
    """Candidates of known quality w . x and harm v . x > 1; reward and guard learn from 500 noisy labels each."""
    random = np.random.default_rng(3)
    w, v = random.normal(size=(2, d)) / np.sqrt(d) * 2.0
    left, right_ = random.normal(size=(2, 500, d))
    reward = BradleyTerry().fit(Pairs.of(left, right_, random.random(500) < 1 / (1 + np.exp(-(left - right_) @ w))))
    things = _with_one(random.normal(size=(500, d)))
    harmful = random.random(500) < 1 / (1 + np.exp(-3.0 * (things[:, :d] @ v - 1.0)))
    classifier = BradleyTerry().fit(Pairs.of(things, 0.0 * things, harmful))
    print("planted, judged by the truth: n, then quality, violations, refusals without a guard and with one, nats")
    for n in (1, 2, 5, 10):
        candidates = random.normal(size=(prompts, n, d))
        risk = _with_one(candidates) @ classifier.weights
        cells = []
        for picks in (best_of_n(reward, candidates), guarded_best_of_n(reward, candidates, risk, threshold=0.0)):
            bad = picks.of(candidates @ v > 1.0)
            cells.append(
                f"{np.nanmean(picks.of(candidates @ w)):+.2f}  {np.nanmean(bad):.3f}  {picks.refused.mean():.3f}"
            )
        print(f"{n:>3}   {'   '.join(cells)}   {best_of_n_divergence(n):.2f}")


def vectors(name: str, texts: list[str]) -> np.ndarray:
    """Mean of a language model's input embeddings over the tokens of each text: what it knows of words, not of their order."""
    from progressgym.models import load_language_model

    model = load_language_model(name)
    table = model.model.get_input_embeddings().weight.detach().double().numpy()
    return np.stack([table[list(row)].mean(0) for row in model._rows(texts, 0)])


def reward(name: str) -> None:
    """A language model's embeddings as features beside words alone, and what the conditions say."""
    texts = replies()
    states = vectors(name, [text or "." for both in texts for text in both])
    states = ((states - states.mean(0)) / states.std(0)).reshape(len(texts), 2, -1)
    sides = np.stack(_counts(*zip(*texts, strict=True)), 1)
    hits = {}
    for rule, features, ridge in (
        ("words alone", sides, 1.0),
        (f"{name}, token vectors", states, 300.0),
        ("both", np.concatenate([sides, states / 10.0], 2), 3.0),
    ):
        pairs = Pairs.of(features[:, 0], features[:, 1])
        hits[rule] = right(pairs, held_out(pairs, BradleyTerry, ridge=ridge))
        print(
            f"{rule:<28} accuracy {interval(hits[rule])[0]:.3f} [{interval(hits[rule])[1]:.3f}, {interval(hits[rule])[2]:.3f}]"
        )
    words, own, _ = hits.values()
    lead = interval(own - words)
    passed = guarded(texts, sides)[0][PASSED.index(0.5)] <= 0.0
    print(f"{'above words alone':<28} {lead[0]:+.3f} [{lead[1]:+.3f}, {lead[2]:+.3f}] on {len(texts)} pairs")
    facts = Facts(
        provenance="hh-rlhf, harmless-base, test part (MIT)",
        stakeholders=("crowd workers who judged", "whoever reads the reply"),
        reversible=True,
        accuracy=interval(own)[1:],
        above_words=lead[1:],
        false_alarms=1.0 - passed[:, 0].mean(),
        misses=passed[:, 1].mean(),
        divergence=best_of_n_divergence(2),
    )
    print(conditions_of(facts).text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print tables."""
    parser = argparse.ArgumentParser(description="Uses of a reward model.")
    parser.add_argument("what", choices=("length", "guard", "reward"))
    parser.add_argument("--model", default="smollm2-135m")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.what == "reward":
        reward(options.model)
    else:
        {"length": length, "guard": guard}[options.what]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
