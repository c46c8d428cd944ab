"""Panels: files checked line by line, people and communities as histories, and an agent that places them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from progressgym import History
from progressgym.agents.registry import make
from progressgym.cli.main import main
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_answers
from progressgym.histories.communities import class_of, latent_classes
from progressgym.histories.panel import Panel, panel_of
from progressgym.histories.people import new_people
from tests.histories.test_survey import ITEMS

torch.set_num_threads(1)
REAL = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real"
LINES = [
    f"{person},{wave},{item},{answer},{'left' if person % 2 else 'right'}"
    for person in range(12)
    for wave in (2, 10)
    for item, answer in (("lie", "wrong" if person % 2 else "right"), ("law", "dk" if person == 3 else "kept"))
]


def made(challenge: str, **arguments: Any) -> Any:
    return gym.make(f"ProgressGym/{challenge}", disable_env_checker=True, **arguments).unwrapped


def run(folder: Path, lines: list[str], header: str = "person,wave,item,answer,party", *more: str) -> int:
    (folder / "panel.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    (folder / "items.csv").write_text(ITEMS, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "history",
                "survey",
                str(folder / "items.csv"),
                "--panel",
                str(folder / "panel.csv"),
                "--out",
                str(folder / "p"),
                *more,
            ]
        )
    return int(ended.value.code or 0)


def test_a_file_becomes_people_groups_and_everybody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, LINES) == 0
    assert "12 people, 2 waves, 46 answers to 2 items" in capsys.readouterr().out
    place = tmp_path / "p"
    everyone, panel = History.load(place), Panel.load(place)
    assert everyone.people is not None
    assert everyone.labels == panel.waves == ("2", "10")  # as numbers, not as text
    assert everyone.answers[0, 0].tolist() == [0.5, 0.0, 0.5] and everyone.people.tolist() == [[12, 11]] * 2
    assert new_people(panel) == ["0", "5", "10"]
    one = History.load(f"people?panel={place}&person=5")
    assert one.labels == ("before", "2", "10") and one.answers[1:, 0].tolist() == [[1.0, 0.0, 0.0]] * 2
    # Of the nine who are known five are odd; one more, who knows no preference, stands beside them.
    np.testing.assert_allclose(one.answers[0, 0], np.array([5 + 1 / 3, 1 / 3, 4 + 1 / 3]) / 10, rtol=1e-6)
    right = History.load(f"people?panel={place}&group=party:right")
    assert right.people is not None
    assert right.people.tolist() == [[10, 9], [2, 2], [2, 2]] and right.answers[2, 0].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0,2,lye,wrong,", "line 26: there is no item 'lye' (did you mean 'lie'"),
        ("0,2,lie,wrnog,", "line 26: item 'lie' does not say what the answer 'wrnog' counts for (did you mean 'wrong'"),
        ("0,2,lie,1.0,", "line 26: item 'lie' does not say what the answer '1.0' counts for; it knows 'dk'"),
        ("0,2,lie,right,", "line 26: person '0' answered 'lie' in wave 2 already in line 2"),
        ("0,02,lie,right,", "line 26: person '0' answered 'lie' in wave 2 already in line 2"),
        ("0,first,lie,right,", "line 26: wave is 'first'; a whole number"),
        (",2,lie,right,", "line 26: person has 0 signs"),
        ("0,2,lie,right", "line 26: 4 fields, but the header names 5"),
        (f"{'x' * 101},2,lie,right,", "line 26: person has 101 signs"),
    ],
)
def test_a_bad_line_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    assert run(tmp_path, [*LINES[:24], line, *LINES[24:]]) == 2
    said = capsys.readouterr().err
    assert f"panel.csv {message}" in said and said.count("\n") == 1 and not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("lines", "header", "more", "message"),
    [
        (LINES, "person,wave,item,party,party2", (), "the header must name person,wave,item,answer"),
        (LINES, "person,wave,item,answer,answer", (), "the header must name person,wave,item,answer"),
        ([line for line in LINES if ",2," in line], "person,wave,item,answer,party", (), "has 1 wave"),
        (LINES[:20], "person,wave,item,answer,party", (), "has 5 people; 10 are the least"),
        ([], "person,wave,item,answer,party", (), "nobody gave an answer"),
        (LINES, "person,wave,item,answer,party", ("--years", "5"), "--years is for counts"),
        (LINES, "person,wave,item,answer,party", ("--complete",), "--complete is for counts"),
    ],
)
def test_a_bad_file_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    lines: list[str],
    header: str,
    more: tuple[str, ...],
    message: str,
) -> None:
    assert run(tmp_path, lines, header, *more) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("people", "say whose history"),
        ("people?person=0&community=0", "say whose history"),
        ("people?person=1", "person '1' is among those who are known beforehand; new are 0, 5, 10"),
        ("people?person=6000", "has no person '6000'"),
        ("people?group=camp", "TRAIT:VALUE is expected, and the traits of panel 'planted' are: camp"),
        ("people?group=camp:camp9", "nobody has camp 'camp9'"),
        ("people?community=3", "community 3 of 3"),
        ("people?community=0&k=65", "k"),
        ("people?panel=nowhere&community=0", "is no panel"),
        ("people?panel=plantd&community=0", "did you mean 'planted'"),
        ("people?persn=0", "persn"),
    ],
)
def test_wrong_ids(asked: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        History.load(asked)


def test_a_damaged_panel_is_one_line(tmp_path: Path) -> None:
    assert run(tmp_path, LINES) == 0
    file = tmp_path / "p" / "panel.npz"
    with np.load(file) as arrays:
        good = dict(arrays)
    for name, wrong in (
        ("choices", good["choices"] + np.int8(9)),
        ("choices", good["choices"].astype(np.float64)),
        ("people", good["people"][:3]),
        ("waves", good["waves"][[0, 0]]),
        ("traits", good["traits"][:0]),
    ):
        np.savez(file, **{**good, name: wrong})
        with pytest.raises(UserError):
            Panel.load(tmp_path / "p")


def test_communities_are_the_camps_that_were_planted() -> None:
    panel = panel_of("planted")
    pi, phi = latent_classes(panel.reference, panel.instrument.mask, 3)
    assert np.exp(pi).sum() == pytest.approx(1.0) and (np.diff(pi) <= 0).all()
    camp = np.unique(panel.traits["camp"], return_inverse=True)[1]
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (class_of(panel.choices[:, 0], pi, phi), camp), 1)
    assert table.max(0).sum() / len(panel) > 0.98
    whole = History.load("people?community=0")
    assert whole.card["respondents"] == int((panel.new & (class_of(panel.choices[:, 0], pi, phi) == 0)).sum())


def test_nobody_is_told_what_a_person_answers_to_evaluation_items() -> None:
    """Other answers of a person to evaluation items change nothing that an agent sees before it has answered."""
    panel = panel_of("planted")
    choices = panel.choices.copy()
    choices[5][:, panel.instrument.evaluation] = 0
    other = Panel(**{**vars(panel), "choices": choices})
    from progressgym.histories.people import _history, _one

    seen = []
    for source in (panel, other):
        history = _history(source, _one(source, "5"), "one", alone=True)
        env = made("Follow-v0", history=history, labels="sample")
        observation, _ = env.reset(seed=1)
        seen.append((env.task.initial_answers, observation["labels"], observation["pairs"]))
    for one, two in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.heavy
def test_a_few_answers_place_a_person() -> None:
    """Follow and Predict on new people of the planted panel: a model of how people differ beats everybody's mean."""
    right: dict[str, list[float]] = {}
    agents = [make(name) for name in ("static", "personal?model=bradley-terry", "personal?model=pal&k=3&rounds=60")]
    for person in new_people(panel_of("planted"))[:40]:
        for challenge in ("Follow-v0", "Predict-v0"):
            env = made(challenge, history=f"people?person={person}", labels="argmax")
            for agent in agents:
                observation, _ = env.reset(seed=0)
                agent.reset(env.task, 0)
                answers = to_answers(agent.act(observation, {}), env.history.instrument.mask)
                wave = 1 + env.horizon
                items = [i for i in env.task.evaluation if env.history.asked[wave, i]]
                hits = answers[items].argmax(-1) == env.history.answers[wave, items].argmax(-1)
                right.setdefault(f"{challenge} {agent.name}", []).append(float(hits.mean()))
    mean = {name: float(np.mean(values)) for name, values in right.items()}
    for challenge in ("Follow-v0", "Predict-v0"):
        everybody = mean[f"{challenge} static"]
        assert abs(mean[f"{challenge} personal?model=bradley-terry"] - everybody) < 0.03
        assert mean[f"{challenge} personal?k=3&model=pal&rounds=60"] > everybody + 0.1


def test_many_people_at_once_are_single_ones() -> None:
    """And labels of any kind, or none, give finite logits; who has told nothing is answered as known people are on average."""
    name = "personal?model=user&size=2&rounds=10"
    envs = [made("Follow-v0", history=f"people?person={n}", labels="argmax", queries=9) for n in (5, 10)]
    seen = [env.reset(seed=0)[0] for env in envs]
    many = make(name)
    many.reset([env.task for env in envs], seed=[0, 0])
    together = many.act({key: np.stack([one[key] for one in seen]) for key in seen[0]}, {})
    for row, (env, observation) in enumerate(zip(envs, seen, strict=True)):
        alone = make(name)
        alone.reset(env.task, 0)
        np.testing.assert_array_equal(alone.act(observation, {}), together[row])
    for label in (np.nan, -1.0, 0.5):
        alone.reset(envs[1].task, 0)
        nothing = alone.act({**seen[1], "labels": np.full(9, label, np.float32)}, {})
        assert np.isfinite(nothing).all() and np.abs(nothing - together[1]).max() > 0.01


def test_an_agent_of_another_panel_says_so() -> None:
    env = made("Follow-v0", history="synthetic:linear?seed=0")
    env.reset(seed=0)
    with pytest.raises(UserError, match="was asked other questions"):
        make("personal?model=bradley-terry").reset(env.task, 0)


@pytest.mark.skipif(
    not (REAL / "gss-panel").is_dir(),
    reason="the panel is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/",
)
@pytest.mark.heavy
def test_the_general_social_survey(tmp_path: Path) -> None:
    from research.panel import main as convert

    assert convert(["--out", str(tmp_path / "panel.csv")]) == 0
    with pytest.raises(SystemExit) as ended:
        main(["history", "survey", "--panel", str(tmp_path / "panel.csv"), "--out", str(tmp_path / "gss")])
    assert not ended.value.code
    panel = Panel.load(tmp_path / "gss")
    assert (len(panel), len(panel.waves), len(panel.instrument)) == (2000, 3, 68)
    liberal, conservative = (
        History.load(f"people?panel={tmp_path / 'gss'}&group=leaning:{side}").values()[1]
        for side in ("liberal", "conservative")
    )
    names = panel.instrument.dimensions
    assert liberal[names.index("traditional")] < conservative[names.index("traditional")] - 0.2
