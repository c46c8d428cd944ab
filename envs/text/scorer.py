"""Reads a language model by the log-probability of the letters, and writes what it read as a completion."""

from __future__ import annotations

import numpy as np

from progressgym.core.answers import softmax_options
from progressgym.core.protocols import OptionScorer
from progressgym.envs.text.flavour import TextFlavour
from progressgym.envs.text.reading import written
from progressgym.instruments.forms import LETTERS


def completion_of(scorer: OptionScorer, env: TextFlavour) -> str:
    """What a model answers to the questions that come next: P(letter) among the letters offered, exactly written.

    Several questions of one prompt are asked one by one, each after the number that its answer has.

    Args:
        scorer: a language model.
        env: in the middle of an episode.
    """
    batch, width = env.batch, env.task.instrument.mask.shape[1]
    prompts = [env.prompt + (f" {number}." if len(batch) > 1 else "") for number in range(1, len(batch) + 1)]
    letters = [[f" {letter}" for letter in LETTERS[: len(options)]] for options in batch]
    scores = np.zeros((len(batch), width))
    for row, logprobs in zip(scores, scorer.option_logprobs(prompts, letters), strict=True):
        row[: len(logprobs)] = logprobs
    mask = np.arange(width) < np.array([len(options) for options in batch])[:, None]
    return written(softmax_options(scores, mask), batch)
