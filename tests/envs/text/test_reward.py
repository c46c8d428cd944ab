"""What rewards teach: paying p[c] goes to the mode, leave-one-out to the human's distribution."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.envs.text.reward import brier, explained, leave_one_out, quadratic

HUMAN = np.array([0.35, 0.65])


def learned(pay: str, updates: int = 4000, group: int = 16, rate: float = 0.05) -> np.ndarray:
    """Probabilities of a softmax policy after REINFORCE on groups of letters, their mean as the baseline."""
    rng, logits, trail = np.random.default_rng(0), np.zeros(2), []
    for _ in range(updates):
        policy = np.exp(logits - logits.max())
        policy /= policy.sum()
        letters = np.eye(2)[(rng.random(group) < policy[1]).astype(int)]
        rewards = {
            "probability": letters @ HUMAN,
            "brier": quadratic(letters, HUMAN),
            "leave one out": leave_one_out(letters[:, None], np.ones((group, 1), dtype=bool), HUMAN[None]),
        }[pay]
        logits += rate * ((rewards - rewards.mean())[:, None] * (letters - policy)).mean(0)
        trail.append(policy)
    tail: np.ndarray = np.mean(trail[-500:], axis=0)
    return tail


@pytest.mark.parametrize("pay", ["probability", "brier"])
def test_paying_a_letter_its_probability_teaches_the_mode(pay: str) -> None:
    assert learned(pay)[1] > 0.98


def test_leave_one_out_teaches_the_distribution() -> None:
    np.testing.assert_allclose(learned("leave one out"), HUMAN, atol=0.03)


def test_leave_one_out_is_an_unbiased_gradient_of_the_quadratic_score() -> None:
    """E[r(c) grad log q(c)] = grad S(q, p), exactly, over all groups of 3 letters."""
    policy = np.array([0.2, 0.5, 0.3])
    human = np.array([0.6, 0.3, 0.1])
    expected = np.zeros(3)
    for group in np.ndindex(3, 3, 3):
        letters = np.eye(3)[list(group)]
        rewards = leave_one_out(letters[:, None], np.ones((3, 1), dtype=bool), human[None])
        expected += policy[list(group)].prod() * (rewards[:, None] * (letters - policy)).mean(0)
    jacobian = np.diag(policy) - np.outer(policy, policy)
    np.testing.assert_allclose(expected, jacobian @ (2 * human - 2 * policy), atol=1e-12)


def test_known_rewards_of_a_group() -> None:
    letters = np.eye(2)[[0, 0, 0, 1]][:, None]
    read = np.ones((4, 1), dtype=bool)
    np.testing.assert_allclose(leave_one_out(letters, read, HUMAN[None]), [0.7 - 4 / 3] * 3 + [1.3])
    unread = np.array([[True], [True], [True], [False]])
    letters[3] = 0
    np.testing.assert_allclose(leave_one_out(letters, unread, HUMAN[None]), [0.7 - 4 / 3] * 3 + [-2.0])
    with pytest.raises(UserError, match="at least 2"):
        leave_one_out(letters[:1], read[:1], HUMAN[None])


def test_stated_probabilities_are_paid_most_when_true() -> None:
    grid = np.linspace(0, 1, 1001)
    scores = quadratic(np.stack([grid, 1 - grid], 1), HUMAN)
    assert grid[scores.argmax()] == pytest.approx(0.35)
    assert brier(np.array([[0.0, 0.0]]), np.array([False]), HUMAN[None]).tolist() == [-1.0]
    assert quadratic([1.0, 0.0], [0.0, 1.0]) == -1.0


def test_drift_explained_of_an_episode() -> None:
    static, human = np.zeros((2, 3)), np.ones((2, 3))
    assert explained(human, static, human) == 1.0
    assert explained(static, static, human) == 0.0
    assert explained(human / 2, static, human) == pytest.approx(0.75)
    assert explained(-9 * human, static, human) == -1.0
    assert explained(human, static, static) == 0.0
