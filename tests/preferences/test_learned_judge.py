"""The judge learned from preferences: its network, its loss, its calibration, its files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.core.debate import ForesightJudge, random_evidence
from progressgym.core.errors import UserError
from progressgym.envs.debate.dilemmas import DilemmaDomain
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.preferences.learned_judge import (
    JudgeRecipe,
    LearnedJudge,
    calibrate,
    fold,
    judge_inputs,
    judge_network,
    train_judge,
)
from tests.envs.debate.judges import BrokenJudge, SumDomain, SumJudge

DOMAIN = SimulatorDomain()
SMALL = JudgeRecipe(most_pieces=7, hidden=64, batch=256, steps=300, learning_rate=3e-3)


@lru_cache(maxsize=1)
def trained() -> LearnedJudge:
    torch.set_num_threads(1)
    return train_judge(DOMAIN, SMALL)


def test_the_network_is_the_papers() -> None:
    """113 inputs for 44 pieces and 25 options; two hidden layers of 256: 113 x 256, 256 x 256, 256 x 1 and the rest."""
    domain = SumDomain(44)
    domain.decisions = 25
    network = judge_network(domain, 256)
    assert network[0].in_features == 113
    assert sum(p.numel() for p in network.parameters()) == 113 * 256 + 256 * 256 + 3 * 256 + 1 + 2 * 256 + 4 * 256


def test_inputs() -> None:
    cases = SumDomain(3).cases(np.full((1, 4), 0.75))  # every piece says 0.5; debater 0 argues for option 1
    inputs = judge_inputs(cases, np.array([[True, False, True]]), 2)
    np.testing.assert_allclose(inputs[0, 0], [0.5, 0, 0.5, 1, 0, 1, 0, 1])
    np.testing.assert_allclose(inputs[0, 1], [0.5, 0, 0.5, 1, 0, 1, 1, 0])


def test_folded_weights_score_as_the_network() -> None:
    torch.manual_seed(0)
    network = judge_network(DOMAIN, 32)
    for _ in range(20):
        network(
            torch.randn(64, DOMAIN.pieces * 2 + DOMAIN.decisions)
        )  # moves the statistics of the batch normalisation
    rng = np.random.default_rng(0)
    cases, revealed = DOMAIN.cases(rng.random((50, 4))), rng.random((50, 7)) < 0.5
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(judge_inputs(cases, revealed, 8)).flatten(0, 1)).view(-1, 2)
    np.testing.assert_allclose(fold(network).score(cases, revealed), expected, atol=1e-4)


@pytest.mark.parametrize("slope", [0.25, 1.5])
def test_a_look_ahead_says_what_rulings_one_by_one_say(slope: float) -> None:
    torch.manual_seed(0)
    network = judge_network(DOMAIN, 32)
    torch.nn.init.constant_(next(network[1].parameters()), slope)
    judge, rng = fold(network.eval()), np.random.default_rng(0)
    cases = DOMAIN.cases(rng.random((20, DOMAIN.draws)))
    revealed = random_evidence(rng.random((20, DOMAIN.pieces)), 2)
    assert isinstance(judge, ForesightJudge) and not isinstance(BayesJudge(DOMAIN), ForesightJudge)
    told = judge.after_each(cases, revealed)
    for piece in range(DOMAIN.pieces):
        grown = revealed.copy()
        grown[:, piece] = True
        np.testing.assert_allclose(told[:, piece], judge.score(cases, grown), atol=1e-5)


def test_it_learns_what_evidence_is_worth() -> None:
    """Close to the exact judge on random evidence and on the whole; knows nothing from nothing; well calibrated."""
    rng = np.random.default_rng(1)
    cases = DOMAIN.cases(rng.random((8000, 4)))
    for pieces, slack in ((2, 0.03), (4, 0.03), (7, 0.03)):
        revealed = random_evidence(rng.random((8000, 7)), pieces)
        ours, exact = calibrate(trained(), cases, revealed), calibrate(BayesJudge(DOMAIN), cases, revealed)
        assert exact.accuracy - slack < ours.accuracy < exact.accuracy + 0.01
        assert ours.error < 0.06 and 0.7 < ours.temperature < 1.4 and ours.log_loss < 0.66


def test_the_bayes_judge_is_calibrated() -> None:
    """With balanced pairs its margin is the exact log-odds: temperature 1, no calibration error but that of sampling."""
    rng = np.random.default_rng(2)
    cases = DOMAIN.cases(rng.random((50_000, 4)))
    for pieces in (1, 4, 7):
        found = calibrate(BayesJudge(DOMAIN), cases, random_evidence(rng.random((50_000, 7)), pieces))
        assert found.temperature == pytest.approx(1.0, abs=0.05) and found.error < 0.015


def test_training_is_repeatable() -> None:
    config = JudgeRecipe(hidden=8, batch=32, steps=5)
    first, again = (train_judge(DOMAIN, config) for _ in range(2))
    other = train_judge(DOMAIN, JudgeRecipe(hidden=8, batch=32, steps=5, seed=1))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_held_out_states_are_not_seen() -> None:
    asked: list[int] = []

    class Watched(SumDomain):
        """States 0 and 1 by the first uniform number; says which cases a judge is trained on."""

        def cases(self, uniforms):  # type: ignore[no-untyped-def]
            found = super().cases(uniforms)
            found.states[:] = uniforms[:, 1] >= 0.5
            found.evidence[:, 0, 0] = found.states
            return found

    import progressgym.preferences.learned_judge as module

    plain = module.judge_inputs

    def watch(cases, revealed, decisions):  # type: ignore[no-untyped-def]
        asked.extend(cases.states.tolist())
        np.testing.assert_array_equal(cases.evidence[:, 0, 0], cases.states)
        return plain(cases, revealed, decisions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "judge_inputs", watch)
        train_judge(Watched(), JudgeRecipe(hidden=4, batch=64, steps=5), states=np.array([1]))
    assert set(asked) == {1} and len(asked) == 320


def test_saved_and_loaded(tmp_path: Path) -> None:
    trained().save(tmp_path / "judge")
    again = LearnedJudge.load(tmp_path / "judge")
    assert again.fingerprint == trained().fingerprint
    weights = tmp_path / "judge" / "judge.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(UserError, match="damaged"):
        LearnedJudge.load(tmp_path / "judge")
    weights.write_bytes(b"nothing")
    with pytest.raises(UserError, match="holds no judge"):
        LearnedJudge.load(tmp_path / "judge")


def test_calibration_by_hand() -> None:
    """Margins of log 3 (confidence 3/4), right in 3 of 4 cases: calibrated, error 0, temperature 1."""
    cases = SumDomain(3).cases(np.random.default_rng(0).random((400, 4))).honest_first()
    right = np.arange(400) % 4 != 0
    scores = np.stack([np.where(right, np.log(3.0), -np.log(3.0)), np.zeros(400)], axis=1)
    found = calibrate(BrokenJudge(scores), cases, np.zeros((400, 3), dtype=np.bool_))
    assert found.accuracy == 0.75 and found.error == pytest.approx(0.0, abs=1e-12)
    assert found.temperature == pytest.approx(1.0, abs=1e-3)
    sure = calibrate(BrokenJudge(2.0 * scores), cases, np.zeros((400, 3), dtype=np.bool_))
    assert sure.temperature == pytest.approx(2.0, abs=1e-2) and sure.error == pytest.approx(0.15)


def test_bad_input() -> None:
    with pytest.raises(UserError, match=r"most_pieces is 8, but simulator.* has 7"):
        train_judge(DOMAIN, JudgeRecipe(most_pieces=8))
    with pytest.raises(UserError, match="does not say which option is preferred"):
        train_judge(DilemmaDomain(), JudgeRecipe(steps=1))
    for field in ("hidden", "batch", "steps"):
        with pytest.raises(UserError, match=f"{field} of a judge is 0"):
            JudgeRecipe(**{field: 0})
    with pytest.raises(UserError, match="learning_rate"):
        JudgeRecipe(learning_rate=0.0)
    nan = np.full((2, 2), np.nan)
    with pytest.raises(UserError, match="all finite"):
        LearnedJudge([(nan, nan[0])] * 3, [nan[0]] * 2)
    unknown = DOMAIN.pairs(np.zeros(1, dtype=np.int64), np.array([[0, 1]]))
    with pytest.raises(UserError, match="preferred option is known"):
        calibrate(SumJudge(), unknown, np.zeros((1, 7), dtype=np.bool_))
