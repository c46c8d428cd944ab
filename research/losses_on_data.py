"""What decides about losses, on real data: degrees on ETHICS, reasons on MoralChoice, constraints on IFEval, a shift for MetaRM.

    python -m research.losses_on_data degrees [--seeds 8]        SPO against Bradley and Terry
    python -m research.losses_on_data reasons [--seeds 8]        RDPO: plain, reasons, permuted reasons, token-matched
    python -m research.losses_on_data constraints [--seeds 8]    MAPL: neither, intra, inter, both; see `research.constraints`
    python -m research.losses_on_data shift [--seeds 8]          MetaRM on a planted shift, its L2 control beside it
    python -m research.losses_on_data margins                    agreement with people by the margin of ratings

All rewards are linear and fitted by `progressgym.losses` to the minimum of the mean loss and a ridge. Data in
$PROGRESSGYM_SHARED/real. Arms of a seed share their pairs; intervals are 95 % of a bootstrap over seeds, of paired differences.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from progressgym.core.rows import packed_text
from progressgym.losses import Margins, loss_of
from progressgym.preferences.datasets import load
from progressgym.preferences.models import BradleyTerry, MetaReward
from progressgym.preferences.pairs import Pairs
from research.constraints import Answers, answers_of

RULES = ("death", "pain", "disable", "freedom", "pleasure", "deceive", "cheat", "break_promise", "break_law", "duty")
LEVELS, TAKEN, VOCABULARY = 4, 2, 1500
RANK, ROUNDS, RESAMPLES = 4, 100, 2000
REASONED = 400
"""Words that the studies of reasons count."""
Table = np.ndarray


def real(name: str) -> Path:
    """A file of the folder of data."""
    return Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real" / name


def fit(cost: Callable[[Tensor], Tensor], size: int, start: Tensor | None = None) -> Tensor:
    """The minimum of a cost of (size,) numbers."""
    at = (torch.zeros(size, dtype=torch.float64) if start is None else start.clone()).requires_grad_()
    steps = torch.optim.LBFGS([at], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        steps.zero_grad()
        value = cost(at)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    steps.step(closure)  # type: ignore[no-untyped-call]
    return at.detach()


def report(title: str, scores: Mapping[str, Sequence[float]], first: str) -> None:
    """Mean of every arm, and its paired difference to the first with its interval."""
    draws = np.random.default_rng(0).integers(0, len(scores[first]), (RESAMPLES, len(scores[first])))
    print(f"\n{title}, {len(scores[first])} seeds")
    for arm, values in scores.items():
        apart = np.asarray(values) - np.asarray(scores[first])
        low, high = np.quantile(apart[draws].mean(1), [0.025, 0.975])
        beside = "" if arm == first else f"   {apart.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
        print(f"{arm:<34} {np.mean(values):.3f}{beside}", flush=True)


def counted(texts: Sequence[Sequence[str]], vocabulary: Mapping[str, int]) -> Tensor:
    """(n, V) log(1 + count) of words."""
    table = torch.zeros(len(texts), len(vocabulary), dtype=torch.float64)
    for row, words in enumerate(texts):
        for word, count in Counter(words).items():
            if word in vocabulary:
                table[row, vocabulary[word]] = float(np.log1p(count))
    return table


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [word for part in text.split() if (word := part.strip(".,;:!?\"'()").lower())]


def vocabulary_of(texts: Sequence[Sequence[str]], size: int = VOCABULARY) -> tuple[dict[str, int], Counter[str]]:
    """Places of the commonest words, and in how many texts each stands."""
    common = Counter(word for words in texts for word in set(words))
    chosen = sorted(common, key=lambda word: (-common[word], word))[:size]
    return {word: n for n, word in enumerate(chosen)}, common


def degraded(words: Sequence[str], common: Counter[str]) -> list[list[str]]:
    """A text without 0, 2, 4 and 6 of its key words, rarest first: degrees of itself."""
    order = sorted(range(len(words)), key=lambda n: (common[words[n]], n))
    return [[word for n, word in enumerate(words) if n not in set(order[: TAKEN * k])] for k in range(LEVELS)]


WordPair = tuple[list[str], list[str]]


def by_degree(some: Sequence[WordPair], places: Mapping[str, int], common: Counter[str]) -> tuple[Tensor, Tensor]:
    """Differences (n, V) of preferred and rejected, and (n, L, V) of the preferred one and itself without more key words."""
    better, worse = (counted([pair[n] for pair in some], places) for n in (0, 1))
    levels = [counted([degraded(a, common)[k] for a, _ in some], places) for k in range(LEVELS)]
    return better - worse, torch.stack([up - down for up, down in itertools.pairwise(levels)], 1)


def ranking(difference: Tensor, steps: Tensor, gamma: float) -> Tensor:
    """(V,) the reward of SPO."""
    loss = loss_of(f"spo?gamma={gamma}")

    def cost(w: Tensor) -> Tensor:
        return loss(Margins(margin=difference @ w, degrees=steps @ w)).sum() + 1.5 * (w @ w)

    return fit(cost, difference.shape[1])


def degrees(seeds: int) -> None:
    """SPO on the utilitarianism pairs of ETHICS: 1,000 pairs to learn from, 1,500 held out."""
    text = packed_text(real("ethics/util_train.csv.gz"))
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if len(row) == 2 and row[0] != row[1]][:3000]
    pairs = [(words_of(a), words_of(b)) for a, b in rows]
    arms = {f"spo?gamma={gamma:g}" if gamma else "Bradley and Terry": gamma for gamma in (0.0, 0.03, 0.1, 0.5, 1.0)}
    right: dict[str, list[float]] = {arm: [] for arm in arms}
    ranked: dict[str, list[float]] = {arm: [] for arm in arms}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(pairs))
        learn, held = ([pairs[n] for n in part] for part in (order[:1000], order[1000:2500]))
        places, common = vocabulary_of([words for pair in learn for words in pair])
        learned, (difference, steps) = by_degree(learn, places, common), by_degree(held, places, common)
        differs = steps.abs().sum(-1) > 0
        for arm, gamma in arms.items():
            w = ranking(*learned, gamma)
            right[arm].append(float((difference @ w > 0).double().mean()))
            ranked[arm].append(float((steps @ w > 0)[differs].double().mean()))
    report("accuracy on held-out pairs of ETHICS", right, "Bradley and Terry")
    report("share of held-out degrees in their order", ranked, "Bradley and Terry")


def reasons(seeds: int) -> None:
    """RDPO on MoralChoice: the reason is which rules the rejected action breaks; both read the same vector of an action.

    Reward u . E x; log-probability of a rule log softmax(R E (x_chosen - x_rejected)). `permuted` has the reasons of other pairs,
    `token-matched` none but as many more pairs as make the same number of words.
    """
    rows = list(csv.DictReader(io.StringIO(packed_text(real("moralchoice-low/low_ambiguity.csv.gz")), newline="")))
    texts = [(words_of(row["action1"]), words_of(row["action2"])) for row in rows]
    broken = np.array([[row[f"a2_{rule}"] == "Yes" for rule in RULES] for row in rows], dtype=np.float64)
    spoken = np.mean([len(a) + len(b) for a, b in texts])
    more = 1.0 + broken.sum(1).mean() / spoken
    for count in (100, 400):
        right: dict[str, list[float]] = {}
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(rows))
            held, pool = order[:200], order[200:]
            places, _ = vocabulary_of([words for n in pool for words in texts[n]], REASONED)
            sides = [counted([pair[k] for pair in texts], places) for k in (0, 1)]
            difference = sides[0] - sides[1]
            arms = {
                "plain": (0.0, count, broken),
                "token-matched": (0.0, round(count * more), broken),
                "reasons": (0.1, count, broken),
                "reasons, gamma 1": (1.0, count, broken),
                "permuted reasons": (0.1, count, broken[np.random.default_rng(seed + 1).permutation(len(rows))]),
                "permuted reasons, gamma 1": (
                    1.0,
                    count,
                    broken[np.random.default_rng(seed + 1).permutation(len(rows))],
                ),
            }
            for arm, (gamma, used, table) in arms.items():
                learn = torch.as_tensor(pool[:used])
                model = explained(difference[learn], torch.as_tensor(table)[learn], gamma, seed)
                right.setdefault(arm, []).append(float((difference[torch.as_tensor(held)] @ model > 0).double().mean()))
        report(
            f"accuracy on 200 held-out scenarios, {count} pairs ({round(count * more)} token-matched)", right, "plain"
        )


def explained(difference: Tensor, broken: Tensor, gamma: float, seed: int) -> Tensor:
    """(V,) the reward of RDPO on differences (n, V) and reasons (n, 10)."""
    size, loss = difference.shape[1], loss_of(f"rdpo?gamma={gamma}")
    random = torch.Generator().manual_seed(seed)
    start = 0.05 * torch.randn(RANK * size + RANK + len(RULES) * RANK, generator=random, dtype=torch.float64)

    def parts(theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedding = theta[: RANK * size].reshape(RANK, size)
        return embedding, theta[RANK * size : RANK * (size + 1)], theta[RANK * (size + 1) :].reshape(len(RULES), RANK)

    def cost(theta: Tensor) -> Tensor:
        embedding, u, rules = parts(theta)
        inside = difference @ embedding.T
        rationale = (broken * torch.log_softmax(-(inside @ rules.T), -1)).sum(-1)
        return loss(Margins(margin=inside @ u, rationale=rationale)).sum() + 0.1 * (theta @ theta)

    embedding, u, _ = parts(fit(cost, len(start), start))
    return u @ embedding


def constraints(seeds: int) -> None:
    """MAPL on IFEval's instructions: a reward of what is asked, what an answer looks like, and both together."""
    for decided in (0.0, 0.1, 1.0):
        constrained(seeds, decided)


def constrained(seeds: int, decided: float) -> None:
    """The arms where instructions decide a share of the pairs of one subject."""
    arms = {"Bradley and Terry": (0, 0), "intra": (1, 0), "inter": (0, 1), "both": (1, 1)}
    multi: dict[str, list[float]] = {arm: [] for arm in arms}
    semantic: dict[str, list[float]] = {arm: [] for arm in arms}
    for seed in range(seeds):
        given = answers_of(real("ifeval/input_data.jsonl.gz"), seed, decided)
        for arm, (intra, inter) in arms.items():
            w = heeding(given, intra, inter)
            multi[arm].append(float((given.held_multi @ w > 0).double().mean()))
            semantic[arm].append(float((given.held_semantic @ w > 0).double().mean()))
    print(f"\n{given.about}; {decided:.0%} of pairs of one subject are decided by instructions")
    report("multi-instruction accuracy: all kept against one broken", multi, "Bradley and Terry")
    report("semantic accuracy: the prompt's subject against another's, all kept", semantic, "Bradley and Terry")


def heeding(given: Answers, intra: float, inter: float) -> Tensor:
    """(d,) the reward of MAPL."""
    loss = loss_of(f"mapl?intra={intra}&inter={inter}")

    def cost(w: Tensor) -> Tensor:
        parts = Margins(margin=given.pairs @ w, intra=given.intra @ w, inter=given.inter @ w)
        return loss(parts).sum() + 0.5 * (w @ w)

    return fit(cost, given.pairs.shape[1])


def shift(seeds: int) -> None:
    """MetaRM where a new policy writes what the old one did not: nine features that followed quality now go their own way.

    The control's ridge and MetaRM's eta are also chosen, for every seed, by accuracy on 200 more votes: on what the old policy
    wrote, and on what the new one writes, of which no other arm knows a label. Nothing is chosen on what is reported.
    """
    etas = {f"MetaRM, eta {eta:g}": (eta, 0.1, True) for eta in (0.3, 1.0, 3.0, 10.0)}
    ridges = {f"L2 control, ridge {ridge:g}": (0.0, ridge, True) for ridge in (0.0001, 0.001, 0.01, 1.0, 10.0)}
    other = {f"MetaRM on unshifted things, eta {eta:g}": (eta, 0.1, False) for eta in (1.0, 3.0, 10.0)}
    plain = {"plain (ridge 0.1)": (0.0, 0.1, True)}
    choices = {"L2 control, ridge": plain | ridges, "MetaRM, eta": plain | etas}
    right: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(seeds):
        scores = meta_cell(seed, plain | etas | other | ridges)
        for name, among in choices.items():
            for told, where in ((OLD, "old policy's"), (NEW, "new policy's")):
                best = max(among, key=lambda arm, told=told: scores[arm][told])  # type: ignore[misc]
                scores[f"{name} chosen on 200 of the {where}"] = scores[best]
        for arm, row in scores.items():
            right.setdefault(arm, []).append(row)
    for place, title in enumerate(("what the new policy writes", "what the old policy wrote")):
        scores_here = {arm: [row[place] for row in rows] for arm, rows in right.items()}
        report(f"accuracy on {title}", scores_here, next(iter(plain)))
        for where in ("old policy's", "new policy's"):
            both = [f"{name} chosen on 200 of the {where}" for name in choices]
            report(f"MetaRM beside its control, {title}", {arm: scores_here[arm] for arm in both}, both[0])


OLD, NEW = 2, 3
"""Places of a row of `meta_cell` that settings may be chosen on."""


def meta_cell(
    seed: int, arms: Mapping[str, tuple[float, float, bool]], count: int = 200
) -> dict[str, tuple[float, ...]]:
    """Accuracy of every arm: eta, ridge, and whether what it sees unlabelled is shifted.

    On 2,000 shifted and unshifted pairs by true preference, then by votes on as many old and new pairs as were learned from.
    """
    random = np.random.default_rng(seed)
    truth = random.normal(size=10)

    def things(n: int, new: bool) -> Table:
        own = random.normal(size=(n, 10))
        along = (own @ truth / np.linalg.norm(truth))[:, None]
        echo = 3.0 * random.normal(size=(n, 9)) if new else along + 0.7 * random.normal(size=(n, 9))
        return np.concatenate([own, echo], 1)

    def pairs(n: int, new: bool, votes: bool) -> Pairs:
        left, right = things(n, new), things(n, new)
        odds = (left - right)[:, :10] @ truth
        chance = 1.0 / (1.0 + np.exp(-odds)) if votes else (odds > 0).astype(float)
        return Pairs.of(left, right, random.random(n) < chance if votes else chance)

    learn, unlabelled = pairs(count, False, True), {}
    tests: tuple[Pairs, ...] = (pairs(2000, True, False), pairs(2000, False, False))
    for new in (True, False):
        unlabelled[new] = things(64, new)
    tests = (*tests, pairs(count, False, True), pairs(count, True, True))
    scores = {}
    for arm, (eta, ridge, new) in arms.items():
        model = MetaReward(eta=eta, ridge=ridge).adapt(unlabelled[new]).fit(learn)
        scores[arm] = tuple(float(((model.margin(test) > 0) == (test.target > 0.5)).mean()) for test in tests)
    return scores


def margins(seeds: int) -> None:
    """Agreement with people by the margin of the mean of seven ratings, and what a minimum margin leaves to learn from."""
    data = load("opinpref", real(""), 0)
    gap = np.round(data.pairs.difference.mean(1), 9)
    agrees = np.where(gap == 0, 0.5, ((gap > 0) == (data.pairs.target > 0.5)).astype(float))
    edges = np.quantile(np.abs(gap), np.linspace(0, 1, 6))
    print("agreement of the mean rating with people, by fifths of its margin")
    for low, high in itertools.pairwise(edges):
        inside = (np.abs(gap) >= low) & ((np.abs(gap) < high) | (high == edges[-1]))
        share, error = agrees[inside].mean(), agrees[inside].std() / inside.sum() ** 0.5
        print(f"margin {low:.3f} to {high:.3f}  {inside.sum():4d} pairs  {share:.3f} +- {1.96 * error:.3f}")
    print(
        "\nlearned from pairs of at least this margin, labelled by the mean rating; accuracy on people's votes, five folds"
    )
    fold = np.random.default_rng(seeds).permutation(len(gap)) % 5
    for least in (0.0, *edges[1:5]):
        hits, used = [], []
        for part in range(5):
            learn = np.flatnonzero((fold != part) & (np.abs(gap) >= max(least, 1e-9)))
            own = Pairs.of(data.pairs.left[learn], data.pairs.right[learn], gap[learn] > 0)
            held = data.pairs[np.flatnonzero(fold == part)]
            hits += ((BradleyTerry().fit(own).margin(held) > 0) == (held.target > 0.5)).tolist()
            used.append(len(learn))
        print(
            f"{least:.3f}  {np.mean(used):4.0f} pairs  {np.mean(hits):.3f} +- {1.96 * np.std(hits) / len(hits) ** 0.5:.3f}"
        )


STUDIES = {"degrees": degrees, "reasons": reasons, "constraints": constraints, "shift": shift, "margins": margins}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print tables."""
    parser = argparse.ArgumentParser(description="What decides about losses.")
    parser.add_argument("what", choices=sorted(STUDIES))
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    STUDIES[options.what](options.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
