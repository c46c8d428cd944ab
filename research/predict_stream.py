"""How early can one tell? Curves of `ProgressGym/PredictStream-v0`, and what a price on delay does to a learned policy.

    python -m research.predict_stream [--history H] [--labels KIND] [--episodes N] [--every K]
    python -m research.predict_stream --latency

The first prints accuracy and sign of each rule when it writes at a fixed lag, means over splits of a history (or seeds of a
family) with their standard deviation over these. The second trains a stop policy by DPO with a price on delay (`losses.latency`), on
the family `people-v1`, and plays it on `gss-v1`:

    log odds of WRITE at step t = w . [1, t / (T - 1), mean sureness, |forecast|]
    pair    two streams of one history, each stopped at random by the reference, the forecast being `pooled`
    y       sigma((accuracy_a - accuracy_b) / TEMPERATURE)
    loss    sigmoid(beta [log pi / ref (a) - log pi / ref (b)] + lam (lag_a - lag_b), y)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch

from progressgym.agents.stream import D, StreamAgent
from progressgym.envs.predict_stream import PredictStreamEnv
from progressgym.histories.history import SYNTHETIC
from progressgym.histories.splits import split_id
from progressgym.losses import Margins, latency

TEMPERATURE, BETA, TRAINED, PAIRS = 0.2, 1.0, 80, 40
REFERENCE = (-1.0, 0.0, 0.0, 0.0)
"""Writes with a probability of .27 at every step."""


def streams(history: str, labels: str, episodes: int) -> list[PredictStreamEnv]:
    """An environment a split, or a seed of a family."""
    ids = [history if history.startswith(SYNTHETIC) else split_id(history, n) for n in range(episodes)]
    return [PredictStreamEnv(one, labels=labels, lam=0.0) for one in ids]


def play(env: PredictStreamEnv, agent: StreamAgent, seed: int) -> tuple[float, float]:
    """Accuracy and sign of one stream."""
    observation, _ = env.reset(seed=seed)
    agent.reset()
    done = False
    while not done:
        observation, _, done, _, info = env.step(agent.act(observation))
    return info["scores"]["accuracy"], info["scores"]["sign"]


def curves(history: str, labels: str, episodes: int, every: int) -> None:
    """Print how good every rule is at every lag."""
    envs = streams(history, labels, episodes)
    print(f"{history}, labels={labels}, {episodes} streams; accuracy (sign) when written after so many steps")
    waits = range(0, envs[0].steps, every)
    print("rule   " + "".join(f"{wait + 1:>12}" for wait in waits))
    for rule in ("line", "pooled"):
        cells = []
        for wait in waits:
            results = np.array([play(env, StreamAgent(rule=rule, wait=wait), n) for n, env in enumerate(envs)])
            cells.append(f"{results[:, 0].mean():+.2f} ({results[:, 1].mean():.2f})")
        print(f"{rule:<7}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


def table(env: PredictStreamEnv, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(S, 4) features of every step of a stream, and (S,) the accuracy of writing there."""
    rows, reached = [], []
    for wait in range(env.steps):
        observation, _ = env.reset(seed=seed)
        agent, done = StreamAgent(wait=wait), False
        agent.reset()
        while not done:
            action, seen = agent.act(observation), observation
            observation, reward, done, _, _ = env.step(action)
        sure, size = seen[1 + 2 * D :], float(np.abs(action[1:]).sum())
        rows.append([1.0, float(seen[0]), float(sure[sure > 0].mean()) if (sure > 0).any() else 0.0, size])
        reached.append(reward)
    return torch.tensor(rows), torch.tensor(reached)


def stops(features: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(..., S) log-probability of writing at each step; at the last one whoever is still reading writes."""
    odds = features @ weights
    write, read = torch.nn.functional.logsigmoid(odds), torch.nn.functional.logsigmoid(-odds)
    before = torch.cumsum(read, -1) - read
    return torch.cat([write[..., :-1], torch.zeros_like(write[..., :1])], -1) + before


def trained(features: torch.Tensor, reached: torch.Tensor, lam: float) -> torch.Tensor:
    """Weights of the stop policy."""
    torch.manual_seed(0)
    reference = torch.tensor(REFERENCE)
    at = torch.distributions.Categorical(logits=stops(features, reference)).sample((2, PAIRS))  # type: ignore[no-untyped-call]
    lag, score = at / (features.shape[1] - 1), reached.expand(PAIRS, -1, -1).gather(2, at.movedim(0, 2)).movedim(2, 0)
    target = torch.sigmoid((score[0] - score[1]) / TEMPERATURE)
    weights = reference.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        gain = (stops(features, weights) - stops(features, reference)).expand(PAIRS, -1, -1)
        own = gain.gather(2, at.movedim(0, 2)).movedim(2, 0)
        given = Margins(margin=BETA * (own[0] - own[1]), target=target, lag=lag[0] - lag[1])
        loss = latency(given, lam=lam).mean() + 1e-3 * ((weights - reference) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach()


def priced(prices: Sequence[float], episodes: int = 32) -> list[tuple[str, float, float, float, float]]:
    """Rows: policy, lag and accuracy on the family that it was trained on, the same on gss-v1."""
    places = [("synthetic:people-v1", TRAINED), ("gss-v1", episodes)]
    tables = []
    for history, count in places:
        parts = [table(env, n) for n, env in enumerate(streams(history, "probability", count))]
        tables.append((torch.stack([p[0] for p in parts]), torch.stack([p[1] for p in parts]).float()))
    policies = [("reference", torch.tensor(REFERENCE))] + [(f"lam={p:g}", trained(*tables[0], p)) for p in prices]
    rows = []
    for name, weights in policies:
        numbers: list[float] = []
        for features, reached in tables:
            chance = stops(features, weights).exp()
            lags = torch.arange(features.shape[1]) / (features.shape[1] - 1)
            numbers += [float((chance @ lags).mean()), float((chance * reached).sum(-1).mean())]
        rows.append((name, *numbers))
    return rows  # type: ignore[return-value]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print."""
    parser = argparse.ArgumentParser(description="How early can one tell?")
    parser.add_argument("--history", default="gss-v1")
    parser.add_argument("--labels", default="probability")
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if not options.latency:
        curves(options.history, options.labels, options.episodes, options.every)
        return 0
    print("policy      lag  accuracy (people-v1)   lag  accuracy (gss-v1)")
    for name, *numbers in priced((0.0, 1.0, 2.0, 4.0, 8.0)):
        print(f"{name:<10} {numbers[0]:.2f}  {numbers[1]:+.2f}                 {numbers[2]:.2f}  {numbers[3]:+.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
