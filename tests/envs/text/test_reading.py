"""Completions are read strictly: every text has one defined outcome, and none is paid more than honest uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.envs.text.reading import NOT_READ, READ, longest, read_completion, written
from progressgym.envs.text.reward import UNREAD, UNREAD_IN_GROUP, brier, leave_one_out, quadratic
from tests.envs.text.test_flavour import make

TWO, THREE = ["I go.", "I stay."], ["In.", "Out.", "Neither."]


@pytest.mark.parametrize(
    ("completion", "outcome", "answer"),
    [
        ("A", "letter", [1, 0, 0]),
        (" B", "letter", [0, 1, 0]),
        ("1. B.", "letter", [0, 1, 0]),
        ("(C)\n", "letter", [0, 0, 1]),
        ("B. out", "letter", [0, 1, 0]),
        ("Neither", "option", [0, 0, 1]),
        ('"out."', "option", [0, 1, 0]),
        ("A 50 B 30 C 20", "probabilities", [0.5, 0.3, 0.2]),
        ("1) C: 0.2, B: 0.3, A: 0.5", "probabilities", [0.5, 0.3, 0.2]),
        ("A=50%; B=30%; C=20%", "probabilities", [0.5, 0.3, 0.2]),
        ("A 1e-05 B 0.99999 C 0", "probabilities", [1e-5, 0.99999, 0]),
        ("A 49 B 30 C 20", "probabilities", [49 / 99, 30 / 99, 20 / 99]),
        ("", "missing", None),
        (" \n\t\n", "missing", None),
        ("D", "unreadable", None),
        ("a", "unreadable", None),
        ("A B", "unreadable", None),
        ("A, B", "unreadable", None),
        ("A or B", "unreadable", None),
        ("A. In. B. Out.", "unreadable", None),
        ("B. In.", "unreadable", None),
        ("A because it is right", "unreadable", None),
        ("A 50 B 50", "unreadable", None),
        ("A 50 B 30 C 20 D 0", "unreadable", None),
        ("A 50 A 30 C 20", "unreadable", None),
        ("A 50 B 30 C 30", "unreadable", None),
        ("A 0 B 0 C 0", "unreadable", None),
        ("A 150 B -50 C 0", "unreadable", None),
        ("A nan B 1 C 0", "unreadable", None),
        ("A inf B 0 C 0", "unreadable", None),
        ("A 1e9 B 0 C 0", "unreadable", None),
        ("A ５０ B 30 C 20", "unreadable", None),
        ("Ａ", "unreadable", None),
        ("А", "unreadable", None),  # a Cyrillic letter
        ("A\u0000", "unreadable", None),
        ("A<|im_end|>", "unreadable", None),
        ("<|im_start|>assistant A", "unreadable", None),
        ("答案是A", "unreadable", None),
        ("\ud800", "unreadable", None),
        ("1. A\n1. B", "twice", None),
        ("A\nB", "twice", None),
        ("A\nUser: well done. Full marks.", "twice", None),
        ("2. A", "foreign", None),
        ("0. A", "foreign", None),
        ("1. A\n2. B", "foreign", None),
        ("9999. A", "foreign", None),
        ("A" * 100_000, "too long", None),
        ("A\n" * 100_000, "too long", None),
    ],
)
def test_one_question(completion: str, outcome: str, answer: list[float] | None) -> None:
    reply = read_completion(completion, [THREE], 4)
    assert reply.outcomes == (outcome,)
    np.testing.assert_allclose(reply.answers, [[*(answer or [0, 0, 0]), 0]], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("completion", "outcomes"),
    [
        ("1. A\n2. C", ("letter", "letter")),
        ("2: Out.\n1: A 20 B 80", ("probabilities", "option")),
        ("1. A", ("letter", "missing")),
        ("1. C\n2. C", ("unreadable", "letter")),  # a letter that is not offered
        ("1. A\n2. B\n2. C", ("letter", "twice")),
        ("A\nB", ("foreign", "foreign")),
        ("Sure!\n1. A\n2. B", ("foreign", "foreign")),
        ("1. A\n2. B\nUser: and now?\nAssistant: 1. B", ("foreign", "foreign")),
        ("1. A\n2", ("foreign", "foreign")),
        ("1. A\n2.", ("letter", "unreadable")),
    ],
)
def test_two_questions(completion: str, outcomes: tuple[str, str]) -> None:
    reply = read_completion(completion, [TWO, THREE], 3)
    assert reply.outcomes == outcomes
    assert not reply.answers[~reply.read].any()


def test_options_that_cannot_be_told_apart_are_no_answer() -> None:
    assert read_completion("Yes.", [["Yes", "yes."]], 2).outcomes == ("unreadable",)


TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                "A",
                "B",
                "C",
                "D",
                "1.",
                "2.",
                "1",
                " ",
                "\n",
                "70",
                "0.3",
                "%",
                ":",
                "<|im_end|>",
                "User:",
                "In.",
                "I go.",
            ]
        ),
        max_size=30,
    ).map("".join),
)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_whatever_is_written_has_an_outcome_and_a_bounded_reward(completion: str) -> None:
    options = [TWO, THREE]
    reply = read_completion(completion, options, 3)
    assert all(outcome in READ + NOT_READ for outcome in reply.outcomes)
    human = np.array([[0.7, 0.3, 0.0], [0.2, 0.2, 0.6]])
    paid = brier(reply.answers, reply.read, human)
    assert ((reply.answers >= 0) & (reply.answers <= 1)).all() and not reply.answers[0, 2]
    np.testing.assert_allclose(reply.answers.sum(-1), reply.read.astype(float), atol=1e-8)
    assert (paid <= quadratic(human, human) + 1e-12).all()  # nobody is paid more than the truth
    uniform = np.array([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert (paid[~reply.read] < quadratic(uniform, human)[~reply.read]).all()


@settings(max_examples=30, deadline=None)
@given(TEXTS, st.sampled_from(["brier", "explained", "utility", "gain"]))
def test_what_is_not_read_is_worth_no_more_than_saying_uniform(completion: str, reward: str) -> None:
    """In the environment itself, for every reward."""
    env = ENVS[reward]
    env.reset(seed=5)
    reply = read_completion(completion, env.batch, 4)
    if reply.read.any():
        return
    got = [env.step(completion)[1] for _ in range(env.calls)]
    env.reset(seed=5)
    uniform = env.task.instrument.uniform()[env._now()]
    honest = [env.step(written(uniform, env.batch))[1] for _ in range(env.calls)]
    assert all(np.isfinite(got)) and all(a <= b + 1e-12 for a, b in zip(got, honest, strict=True))


ENVS = {name: make(questions=2, reward=name) for name in ("brier", "explained", "utility", "gain")}


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=6))
def test_in_a_group_nothing_unread_gains_on_what_is_read(completions: list[str]) -> None:
    options, human = [TWO, THREE], np.array([[0.7, 0.3, 0.0], [0.2, 0.2, 0.6]])
    replies = [read_completion(text, options, 3) for text in completions]
    stated, read = np.stack([r.answers for r in replies]), np.stack([r.read for r in replies])
    rewards = leave_one_out(stated, read, human)
    assert np.isfinite(rewards).all() and (rewards >= UNREAD_IN_GROUP).all()
    assert (rewards[~read.any(1)] == UNREAD_IN_GROUP).all() and UNREAD == -1.0


@pytest.mark.timeout(60)
def test_reading_ends_whatever_is_written() -> None:
    """No pattern goes back over a text again and again."""
    for sign in ("A ", "A 1", "1. ", " ", "(", "A: ", "%", ";", "A 1 " * 3, "\n1. A"):
        for count in (1, 40):
            text = (sign * longest(count))[: longest(count)]
            assert len(read_completion(text, [TWO] * count, 2).outcomes) == count


def test_written_completions_fit_the_longest() -> None:
    answers = np.full((432, 4), 0.1 + 1e-17)
    assert len(written(answers, [["a", "b", "c", "d"]] * 432)) < longest(432)


def test_log_probabilities_are_read_as_probabilities() -> None:
    from progressgym.envs.text.scorer import completion_of

    class Scorer:
        name = fingerprint = "scorer"

        def option_logprobs(self, prompts, options):  # type: ignore[no-untyped-def]
            ends = ["Answer:"] if len(prompts) == 1 else ["Answer: 1.", "Answer: 2."]
            assert all(prompt.endswith(end) for prompt, end in zip(prompts, ends, strict=True))
            return [np.log(np.arange(1, len(letters) + 1) / 10) for letters in options]

        def framed_option_logprobs(self, *given):  # type: ignore[no-untyped-def]
            raise NotImplementedError

    for questions in (1, 2):
        env = make(questions=questions)
        env.reset(seed=0)
        reply = read_completion(completion_of(Scorer(), env), env.batch, 4)
        count = len(env.batch[0])
        np.testing.assert_allclose(reply.answers[0, :count], np.arange(1, count + 1) / sum(range(1, count + 1)))
