"""A judge learned from preferences: the network and the loss of Sukovic and Radanovic (ICLR 2024).

    J(evidence, a) = network([shown evidence, which is shown, one-hot a]),
    loss = -log sigmoid(J(evidence, preferred) - J(evidence, other))                     (Bradley-Terry)

with 256-256 hidden units, PReLU and batch normalisation after it. One difference from the paper: evidence sets of
training hold k ~ U{1..L} random pieces, not always L, so that the judge has seen what it is asked during a debate.

Legend of shapes: B cases, N pieces, F numbers a piece says, A options, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.debate import Bools, Cases, Domain, Floats, Judge, random_evidence
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes, write_folder, write_json
from progressgym.core.reading import read_object
from progressgym.core.seals import read_sealed, write_sealed
from progressgym.core.seeding import child_seed

if TYPE_CHECKING:
    from torch import nn

CHUNK = 65_536
"""Rows of a forward pass."""
FORESIGHT_CHUNK = 8
"""Cases of a forward pass that looks ahead: so few that its rows stay in the processor's cache."""
WEIGHTS_FILE, CARD_FILE = "judge.safetensors", "judge.json"


@dataclass(kw_only=True, frozen=True)
class JudgeRecipe:
    """How a judge is trained. The defaults are the paper's, but for the evidence sets."""

    most_pieces: int = 6
    """L: training shows `least_pieces` to L random pieces."""
    least_pieces: int = 1
    """All pieces, as most_pieces too: the judge that knows everything, the paper's ideal one."""
    hidden: int = 256
    """H."""
    learning_rate: float = 5e-4
    """Of Adam."""
    batch: int = 64
    """Comparisons a step."""
    steps: int = 20_000
    """Optimiser steps."""
    seed: int = 0
    """Of weights, cases and evidence."""

    def __post_init__(self) -> None:
        """Check."""
        for name in ("most_pieces", "least_pieces", "hidden", "batch", "steps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name} of a judge is {value!r}; use a whole number from 1")
        if self.least_pieces > self.most_pieces:
            raise UserError(f"least_pieces is {self.least_pieces}, more than most_pieces, {self.most_pieces}")
        if not 0.0 < self.learning_rate < 1.0:
            raise UserError(f"learning_rate of a judge is {self.learning_rate!r}; use a number between 0 and 1")


class LearnedJudge:
    """A trained network as a `Judge`.

    Scoring is numpy: batch normalisation is folded into the next layer, so that a batch is three matrix products, and
    what does not depend on the option is computed once for both.
    """

    def __init__(
        self, layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], slopes: Sequence[Any]
    ) -> None:
        """Take folded weights; use `train_judge` or `LearnedJudge.load` to get a judge.

        Args:
            layers: three (weight (out, in), bias (out,)).
            slopes: two (H,) slopes of the PReLUs.

        Raises:
            UserError: weights that do not fit together or are not finite.
        """
        arrays = [np.ascontiguousarray(part, dtype=np.float32) for layer in layers for part in layer]
        arrays += [np.ascontiguousarray(slope, dtype=np.float32) for slope in slopes]
        if len(arrays) != 8 or not all(np.isfinite(array).all() for array in arrays):
            raise UserError("a judge needs three layers and two slopes, all finite")
        self._layers = [(arrays[2 * i], arrays[2 * i + 1]) for i in range(3)]
        self._slopes = arrays[6:]
        self.fingerprint = f"learned {sha256_bytes(b''.join(array.tobytes() for array in arrays))[:16]}"

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """Scores of both options; see `Judge.score`."""
        scores = np.empty((len(cases), 2))
        for start in range(0, len(cases), CHUNK):
            rows = slice(start, start + CHUNK)
            scores[rows] = self._score(cases.evidence[rows], revealed[rows], cases.options[rows])
        return scores

    def _score(self, evidence: NDArray[np.float32], revealed: Bools, options: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, 2) scores of one chunk."""
        games, pieces, features = evidence.shape
        (first, bias1), (second, bias2), (last, bias3) = self._layers
        end = pieces * features
        visible = (evidence * revealed[..., None]).reshape(games, end)
        common = visible @ first[:, :end].T + revealed.astype(np.float32) @ first[:, end : end + pieces].T
        by_option = first[:, end + pieces :].T[options] + bias1
        hidden = _prelu(by_option + common[:, None], self._slopes[0]).reshape(2 * games, -1)
        hidden = _prelu(hidden @ second.T + bias2, self._slopes[1])
        scores: NDArray[np.float32] = (hidden @ last[0] + bias3[0]).reshape(games, 2)
        return scores

    def after_each(self, cases: Cases, revealed: Bools) -> Floats:
        """Scores after each single further piece; see `ForesightJudge.after_each`.

        The first layer is linear in what is shown, so that a piece adds one vector to its output: four times as fast as
        N separate rulings.
        """
        games, pieces, features = cases.evidence.shape
        (first, bias1), (second, bias2), (last, bias3) = self._layers
        end = pieces * features
        seen, flags = first[:, :end].T, first[:, end : end + pieces].T
        by_option = first[:, end + pieces :].T[cases.options] + bias1
        by_piece = seen.reshape(pieces, features, -1)
        scores = np.empty((games, pieces, 2))
        for start in range(0, games, FORESIGHT_CHUNK):
            rows = slice(start, start + FORESIGHT_CHUNK)
            evidence, on = cases.evidence[rows], revealed[rows]
            common = (evidence * on[..., None]).reshape(len(on), end) @ seen + on.astype(np.float32) @ flags
            added = (np.einsum("bnf,nfh->bnh", evidence, by_piece) + flags) * ~on[..., None]
            hidden = (by_option[rows] + common[:, None])[:, None] + added[:, :, None]
            hidden = _prelu(hidden.reshape(-1, hidden.shape[-1]), self._slopes[0])
            hidden = _prelu(hidden @ second.T + bias2, self._slopes[1])
            scores[rows] = (hidden @ last[0] + bias3[0]).reshape(len(on), pieces, 2)
        return scores

    def save(self, folder: Path | str) -> None:
        """Write the judge as one folder that is there wholly or not at all."""
        from safetensors.numpy import save

        tensors = {f"layer{i}.{kind}": layer[j] for i, layer in enumerate(self._layers) for j, kind in enumerate("wb")}
        tensors |= {f"slope{i}": slope for i, slope in enumerate(self._slopes)}
        with write_folder(folder) as staged:
            write_sealed(staged / WEIGHTS_FILE, save(tensors))
            write_json(staged / CARD_FILE, {"schema": 1, "fingerprint": self.fingerprint})

    @classmethod
    def load(cls, folder: Path | str) -> LearnedJudge:
        """Read a saved judge.

        Raises:
            UserError: no judge, or a damaged one.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        home = Path(folder)
        card = read_object(home / CARD_FILE, "the card of a judge")
        try:
            data = read_sealed(home / WEIGHTS_FILE)
            tensors = load(data)
            judge = cls(
                [(tensors[f"layer{i}.w"], tensors[f"layer{i}.b"]) for i in range(3)],
                [tensors[f"slope{i}"] for i in range(2)],
            )
        except (UserError, SafetensorError, KeyError, TypeError) as error:
            raise UserError(f"{home} holds no judge ({error})") from None
        if card.get("fingerprint") != judge.fingerprint:
            raise UserError(f"the judge in {home} is damaged: its weights are not those that its card names")
        return judge


def train_judge(
    domain: Domain, config: JudgeRecipe | None = None, *, states: NDArray[np.int64] | None = None
) -> LearnedJudge:
    """Train a judge on a domain's preferences, every batch with fresh cases and fresh random evidence.

    Args:
        domain: its cases must say which option is preferred.
        config: how.
        states: draw only cases of these states (to hold others out); all when None.

    Raises:
        UserError: fewer pieces than are to be shown, cases without a preference.
    """
    import torch

    from progressgym.losses import Margins, sigmoid

    how = config or JudgeRecipe()
    if how.most_pieces > domain.pieces:
        raise UserError(f"most_pieces is {how.most_pieces}, but {domain.name} has {domain.pieces} pieces of evidence")
    rng = np.random.default_rng(child_seed(how.seed, "judge"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        network = judge_network(domain, how.hidden)
    optimiser = torch.optim.Adam(network.parameters(), lr=how.learning_rate)
    network.train()
    for _ in range(how.steps):
        cases = _draw(domain, rng, how.batch, states)
        counts = rng.integers(how.least_pieces, how.most_pieces + 1, how.batch)
        revealed = random_evidence(rng.random((how.batch, domain.pieces)), counts)
        inputs = torch.from_numpy(judge_inputs(cases, revealed, domain.decisions))
        scores = network(inputs.flatten(0, 1)).view(-1, 2)
        loss = sigmoid(Margins(margin=scores[:, 0] - scores[:, 1])).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    return fold(network.eval())


def judge_network(domain: Domain, hidden: int) -> nn.Sequential:
    """The paper's network: two hidden layers, each with PReLU and then batch normalisation."""
    from torch import nn

    width = domain.pieces * (domain.features + 1) + domain.decisions
    return nn.Sequential(
        nn.Linear(width, hidden),
        nn.PReLU(hidden),
        nn.BatchNorm1d(hidden),
        nn.Linear(hidden, hidden),
        nn.PReLU(hidden),
        nn.BatchNorm1d(hidden),
        nn.Linear(hidden, 1),
    )


def judge_inputs(cases: Cases, revealed: Bools, decisions: int) -> NDArray[np.float32]:
    """(B, 2, N F + N + A): shown evidence, what is shown, one-hot option, for both debaters' options."""
    visible = (cases.evidence * revealed[..., None]).reshape(len(cases), -1)
    both = np.concatenate([visible, revealed.astype(np.float32)], axis=1)[:, None].repeat(2, axis=1)
    return np.concatenate([both, np.eye(decisions, dtype=np.float32)[cases.options]], axis=2)


def fold(network: nn.Sequential) -> LearnedJudge:
    """A trained network with batch normalisation folded into the layer after it."""
    parts: list[Any] = list(network)
    layers = []
    scale = shift = None
    for at in (0, 3, 6):
        weight = parts[at].weight.detach().double().numpy()
        bias = parts[at].bias.detach().double().numpy()
        if scale is not None:
            bias = bias + weight @ shift
            weight = weight * scale
        layers.append((weight.astype(np.float32), bias.astype(np.float32)))
        if at < 6:
            norm = parts[at + 2]
            gain = norm.weight.detach().double().numpy()
            scale = gain / np.sqrt(norm.running_var.double().numpy() + norm.eps)
            shift = norm.bias.detach().double().numpy() - scale * norm.running_mean.double().numpy()
    return LearnedJudge(layers, [parts[at].weight.detach().numpy() for at in (1, 4)])


@dataclass(kw_only=True, frozen=True)
class Calibration:
    """How far a judge's margin is a log-odds."""

    accuracy: float
    """Share of cases in which it prefers the preferred option; a draw counts half."""
    error: float
    """Expected calibration error: mean distance between confidence and accuracy over ten equal bins of confidence."""
    log_loss: float
    """Mean -log sigmoid(margin toward the preferred option); log 2 = 0.693 for a judge that knows nothing."""
    temperature: float
    """Margins divided by this have the lowest log-loss: above 1 for a judge too sure of itself."""


def calibrate(judge: Judge, cases: Cases, revealed: Bools) -> Calibration:
    """Measure a judge's calibration.

    Args:
        judge: any.
        cases: B cases with known preferences.
        revealed: (B, N) what is shown.

    Raises:
        UserError: a case whose preferred option is unknown.
    """
    from scipy.optimize import minimize_scalar

    if (cases.preferred < 0).any():
        raise UserError("calibration needs cases whose preferred option is known")
    scores = judge.score(cases, revealed)
    margin = np.where(cases.preferred == 0, 1.0, -1.0) * (scores[:, 0] - scores[:, 1])
    confidence = 1.0 / (1.0 + np.exp(-np.abs(margin)))
    right = 0.5 * (1.0 + np.sign(margin))
    bins = np.minimum(((confidence - 0.5) * 20.0).astype(np.int64), 9)
    gaps = np.bincount(bins, weights=confidence - right, minlength=10)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, -margin / np.exp(log_temperature)).mean())

    best = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    return Calibration(
        accuracy=float(right.mean()),
        error=float(np.abs(gaps).sum() / len(margin)),
        log_loss=loss(0.0),
        temperature=float(np.exp(best.x)),
    )


def _draw(domain: Domain, rng: np.random.Generator, count: int, states: NDArray[np.int64] | None) -> Cases:
    """Cases with the preferred option in debater 0's seat."""
    cases = domain.cases(rng.random((count, domain.draws)))
    if states is not None:
        allowed = np.isin(cases.states, states)
        while not allowed.all():
            more = domain.cases(rng.random((count, domain.draws)))
            fresh = more[np.isin(more.states, states)]
            free = np.flatnonzero(~allowed)[: len(fresh)]
            for name in ("states", "options", "evidence", "preferred"):
                getattr(cases, name)[free] = getattr(fresh, name)[: len(free)]
            allowed[free] = True
    if (cases.preferred < 0).any():
        raise UserError(f"{domain.name} does not say which option is preferred; a judge cannot be trained on it")
    return cases.honest_first()


def _prelu(x: NDArray[np.float32], slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """PReLU with a slope a unit."""
    bent: NDArray[np.float32] = x * slope
    # Two branches of one function: the larger one up to slope 1, the smaller one beyond.
    if slope.max() <= 1.0:
        return np.maximum(bent, x, out=bent)
    np.copyto(bent, x, where=x > 0)
    return bent
