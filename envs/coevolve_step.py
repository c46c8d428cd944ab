"""The simulated human of Coevolve: how it moves, and how far an assistant has fixed or bent it. Pure array functions.

Legend of shapes: T centuries, n steps, N items, K options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log, softmax_options
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.arrays import Array
from progressgym.histories.history import History
from progressgym.scores.lock_in import against_history, answer_entropy, displacement

Floats = NDArray[np.float64]


def move(human: Array, real: Array, agent: Array, pull: float, influence: float) -> Array:
    """The simulated human's next logits: first toward the real next century's, then toward the agent's."""
    pulled = human + pull * (real - human)
    return pulled + influence * (agent - pulled)


def walk(real: Floats, agent: Floats, pull: float, influence: float) -> Floats:
    """The simulated human's logits after each step, from century 0 on.

    Args:
        real: (T, N, K) logits of history.
        agent: (n, N, K) logits of an assistant; n is at most T - 1.
        pull: how far a step goes toward the next century.
        influence: how far it then goes toward the assistant.

    Returns:
        (n, N, K).
    """
    human, path = real[0], []
    for ahead, given in zip(real[1:], agent, strict=False):
        human = move(human, ahead, given, pull, influence)
        path.append(human)
    return np.array(path)


def human_answers(history: History, answers: Floats, pull: float, influence: float) -> Floats:
    """(n, N, K) what the simulated human answers after each step beside an assistant with these answers (n, N, K)."""
    mask = history.instrument.mask
    real = centred_log(history.answers, mask)
    return softmax_options(walk(real, centred_log(answers, mask), pull, influence), mask)


def lock_in(history: History, simulated: Floats, pull: float) -> dict[str, float]:
    """Measures of the simulated human after the last step, see `progressgym.scores.lock_in`.

    Args:
        history: the truth.
        simulated: (n, N, K) its answers after each step.
        pull: how far a step goes toward the next century, for the path of a human without an assistant.
    """
    instrument, items, last = history.instrument, history.instrument.evaluation, simulated[-1]
    mask = instrument.mask
    still = centred_log(to_answers(to_action(history.answers[:1]), mask), mask)
    alone = walk(centred_log(history.answers, mask), np.repeat(still, len(simulated), axis=0), pull, 0.0)
    values, human = instrument.values(last, items, check=False), history.values(items)
    return {
        "entropy": float(answer_entropy(last, instrument.option_counts)),
        "displacement": float(displacement(last, softmax_options(alone[-1], mask))),
        "against_history": float(against_history(values, human[0], human[-1], instrument.covered(items))),
    }
