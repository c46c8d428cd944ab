"""The learned forecaster: its symmetries, its lessons, its weights and where they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.agents.learned.attention_agent import WEIGHTS, load_network
from progressgym.agents.learned.network import Attention
from progressgym.instruments.questionnaire import Questionnaire
from research.attention import CHECK_SEED, SEED, loss_of, spectrum_of, train
from research.learning.courses import CENTURIES, covariances, lesson
from tests.agents.rollout import skill_of

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def spectrum() -> tuple[torch.Tensor, float]:
    return spectrum_of(Questionnaire.load("moral19-v1"))


def test_courses_begin_at_zero_and_are_possible() -> None:
    table = covariances(200, torch.Generator().manual_seed(0))
    assert table.shape == (200, CENTURIES, CENTURIES) and not table[:, 0].abs().max() > 1e-9
    assert float(torch.linalg.eigvalsh(table).min()) > -1e-7
    torch.testing.assert_close(table.diagonal(dim1=1, dim2=2)[:, 1:].mean(-1), torch.ones(200, dtype=torch.float64))


def test_lessons_follow_their_seed_and_hide_the_future(spectrum: tuple[torch.Tensor, float]) -> None:
    one, again, other = (lesson(64, *spectrum, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.target, again.target) and not torch.equal(one.target, other.target)
    seen = (one.evidence.scatter.diagonal(dim1=1, dim2=2) > 0).sum(-1)
    for row in range(64):
        assert not one.evidence.signal[row, :, int(seen[row]) :].any()
    assert bool((seen + one.ahead <= CENTURIES - 1).all())


def test_forecasts_are_odd_and_scale_with_the_signals(spectrum: tuple[torch.Tensor, float]) -> None:
    """Turned signals give turned forecasts; in other units of size the forecast has other units of size."""
    network = load_network()
    given = lesson(16, *spectrum, torch.Generator().manual_seed(5))
    evidence = given.evidence
    mean, _ = network(evidence, given.ahead, given.sampled)
    turned, _ = network(replace(evidence, signal=-evidence.signal), given.ahead, given.sampled)
    torch.testing.assert_close(turned, -mean)
    quiet = (mean.abs() < 1e-9).all(-1)
    assert not bool(quiet.all())


def test_shipped_weights_beat_not_moving_and_repeating(spectrum: tuple[torch.Tensor, float]) -> None:
    """On paths of the training distribution that no step has used: against 0 and against the newest signal."""
    given = lesson(512, *spectrum, torch.Generator().manual_seed(CHECK_SEED + 1))
    with torch.no_grad():
        learned = float(loss_of(load_network(), given))
        still = float(loss_of(Attention(), given))
    newest = (given.evidence.scatter.diagonal(dim1=1, dim2=2) > 0).sum(-1) - 1
    repeated = torch.gather(given.evidence.signal, 2, newest[:, None, None].expand(-1, given.target.shape[1], 1))[
        ..., 0
    ]
    naive = float(((repeated - given.target).pow(2).mean(-1) / given.size).mean())
    assert learned < 0.8 * still and learned < 0.8 * naive


def test_a_few_steps_learn() -> None:
    _, log = train(40, report=20)
    assert log[-1]["loss"] < log[0]["loss"]


def test_card_and_seeds() -> None:
    """The shipped card tells of the shipped weights; training seeds are none of the benchmark's."""
    folder = Path(str(files("progressgym.data"))) / "agents" / WEIGHTS
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["parameters"] == sum(parameter.numel() for parameter in load_network().parameters())
    setup_file = ROOT / "research" / "predict.json"
    if not setup_file.is_file():
        pytest.skip("needs the repository, not an installed package")
    setup = json.loads(setup_file.read_text(encoding="utf-8"))
    spans = {name: range(s["first"], s["first"] + s["count"]) for name, s in setup.items() if name.endswith("_seeds")}
    assert {card["seeds"]["first"], card["seeds"]["last"], SEED, CHECK_SEED} <= set(spans["training_seeds"])
    names = sorted(spans)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert not set(spans[one]) & set(spans[other]), f"{one} and {other} overlap"


@pytest.mark.parametrize("family", ["linear", "quadratic"])
def test_it_looks_ahead(family: str) -> None:
    """Predict(2), coherence 0.5, families that it was never trained on: better than the level-only filter."""
    history = f"synthetic:{family}?coherence=0.5"
    ahead, level = (
        skill_of(name, range(6), "predict?horizon=2", history).skill for name in ("attention", "kalman-level")
    )
    assert ahead is not None and level is not None and ahead.mid > level.mid + 0.02


def test_longer_histories_are_seen_through_a_window() -> None:
    found = skill_of("attention", range(2), "predict", "synthetic:linear?coherence=0.9&centuries=13").skill
    assert found is not None and np.isfinite(found.mid) and found.mid > 0.3
