"""The private split: its key, its paths, its name."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.leaderboard.board import CellKey, load_board
from progressgym.leaderboard.hidden import alike, check_hidden, load_hidden, make_hidden
from progressgym.leaderboard.private import Key, PrivateSplit, new_key, read_key
from progressgym.leaderboard.truth import episode_truth


def split(key: Key, **more: History) -> PrivateSplit:
    return PrivateSplit(key=key, board=load_board(), hidden=more)


def known(digit: str = "1", rotation: str = "1") -> Key:
    return Key(rotation=rotation, key=digit * 64)


def test_only_its_owner_can_read_a_key(tmp_path: Path) -> None:
    made = new_key(tmp_path / "board.key", "2026-1")
    assert stat.S_IMODE((tmp_path / "board.key").stat().st_mode) == 0o600
    assert read_key(tmp_path / "board.key") == made
    assert made.key not in repr(made), "it is not printed by accident"
    with pytest.raises(UserError, match="never overwritten"):
        new_key(tmp_path / "board.key", "2026-1")
    os.chmod(tmp_path / "board.key", 0o640)
    with pytest.raises(UserError, match="others can read the key"):
        read_key(tmp_path / "board.key")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"scheme": "private-v1", "rotation": "1", "key": "12"}'])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text, encoding="utf-8")
    os.chmod(tmp_path / "k", 0o600)
    with pytest.raises(UserError, match="is no key; make one with"):
        read_key(tmp_path / "k")


def test_the_command_prints_the_commitment_and_not_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "board.key")
    assert dispatch(["leaderboard", "key", "new", path, "--rotation", "2026-1"]) == 0
    assert dispatch(["leaderboard", "key", "show", path]) == 0
    first, second = capsys.readouterr().out.splitlines()
    key = read_key(Path(path))
    assert first == second == f"rotation 2026-1, commitment {key.commitment}"
    assert key.key not in first
    with pytest.raises(UserError, match="small letters"):
        dispatch(["leaderboard", "key", "new", str(tmp_path / "other.key"), "--rotation", "../x"])


def test_seeds_follow_from_the_key_alone() -> None:
    """Golden: published private scores can be checked with a published key, so these numbers never change."""
    groups = split(known()).groups
    assert [private.group.id for private in groups] == [
        "follow on synthetic:linear?coherence=0.5",
        "predict on synthetic:linear?coherence=0.5",
        "coevolve on synthetic:linear?coherence=0.5",
    ]
    golden = (208236629236172205079699953519685053473, 315214813821317772943712127623864326110)
    assert groups[0].board.seeds[:2] == golden
    assert known().commitment == "bae84a30e45161af912fcf868c3c3c6421276e9e43ee4ee706c0e42a6ba071fd"
    assert groups[0].board.seeds == split(known(rotation="2")).groups[0].board.seeds


def test_every_challenge_has_paths_of_its_own() -> None:
    groups = split(known()).groups
    seeds = [seed for private in groups for seed in private.board.seeds]
    others = [seed for private in groups for seed in private.agent_seeds]
    assert len(set(seeds)) == len(seeds) == 30 and len(set(others)) == 30
    assert min(seeds) > 2**100 and max(others) < 2**24 and not set(seeds) & set(load_board().seeds)
    assert not set(seeds) & {s for private in split(known("2")).groups for s in private.board.seeds}


def test_private_paths_are_drawn_like_the_public_ones_and_are_others() -> None:
    board = load_board()
    private = split(known()).groups[0]
    truths = [episode_truth(private.board, CellKey(*private.group, seed)) for seed in private.board.seeds[:3]]
    public = [episode_truth(board, CellKey(*private.group, seed)) for seed in board.seeds[:3]]
    assert len({truth.history.hash for truth in truths + public}) == 6
    assert {truth.shape for truth in truths} == {truth.shape for truth in public}
    assert {truth.history.card["synthetic"] for truth in truths} == {
        truth.history.card["synthetic"] for truth in public
    }


def test_the_splits_name_changes_with_whatever_can_move_a_score() -> None:
    hidden = secret_history(0)
    names = {
        split(known()).name,
        split(known("2")).name,
        split(known(rotation="2")).name,
        split(known(), **{"histsmol-v1": hidden}).name,
        split(known(), **{"histsmol-v1": secret_history(1)}).name,
    }
    assert len(names) == 5 and all(name.startswith(("1-", "2-")) and len(name) <= 64 for name in names)
    assert split(known(), **{"histsmol-v1": hidden}).commitments == {
        "key": known().commitment,
        "histsmol-v1": hidden.hash,
    }


def test_a_hidden_history_stands_in_under_the_shipped_name() -> None:
    hidden = secret_history(0)
    both = split(known(), **{"histsmol-v1": hidden})
    assert len(both.groups) == 6
    private = both.groups[0]
    assert private.group.id == "follow on histsmol-v1"
    truth = episode_truth(private.board, CellKey(*private.group, private.board.seeds[0]))
    assert truth.history is hidden and truth.history.hash != History.load("histsmol-v1").hash
    with pytest.raises(UserError, match="'other' is not a history of board-v1"):
        split(known(), other=hidden)


def secret_history(seed: int) -> History:
    """Answers of nobody to other items than the published ones: half of them, in other words."""
    from progressgym.instruments.item import Item
    from progressgym.instruments.questionnaire import Questionnaire

    items = [
        Item(id=f"own-{i.id}", main=i.main, text="Once more: " + i.text, options=i.options, tags=i.tags)
        for i in Questionnaire.load("moral19-v1").items[::2]
    ]
    instrument = Questionnaire.from_items(items, name="secret")
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(9, *instrument.mask.shape)).cumsum(0)
    weights = np.exp(logits) * instrument.mask
    answers = weights / weights.sum(-1, keepdims=True)
    return History(
        name="hidden",
        labels=tuple(f"C{c:03d}" for c in range(13, 22)),
        answers=answers.astype(np.float32),
        instrument=instrument,
    )


def test_a_resample_of_a_shipped_history_is_refused() -> None:
    """By its card, by its questionnaire, and by its answers alone when both are rewritten and noise is added."""
    source = History.load("resampled:histsmol-v1?seed=1")
    with pytest.raises(UserError, match="as its card says"):
        check_hidden(source)
    with pytest.raises(UserError, match="answers the published"):
        check_hidden(renamed(History.load("histsmol-v1"), noise=0.0))
    with pytest.raises(UserError, match=r"repeats \d\d+% of its answers from the published histsmol-v1"):
        check_hidden(renamed(source, noise=0.01))
    check_hidden(secret_history(0))
    assert alike(secret_history(0), History.load("histsmol-v1")) < 0.1


def renamed(history: History, noise: float) -> History:
    logs = np.log(np.maximum(history.answers, 1e-12)) + np.random.default_rng(0).normal(0, noise, history.answers.shape)
    weights = np.exp(logs) * history.instrument.mask
    answers = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
    return History(name="mine", labels=history.labels, answers=answers, instrument=history.instrument, card={})


@pytest.mark.heavy
def test_century_models_of_secret_text_become_a_private_history(tmp_path: Path) -> None:
    """The owner's way, on a tiny real model: build, measure, check, put in place; then the split holds it."""
    import torch

    from tests.histories.test_build import RECIPE, write_corpus
    from tests.tuning.tiny import save_tiny_llama

    torch.set_num_threads(1)
    base, corpus = str(save_tiny_llama(tmp_path / "base")), write_corpus(tmp_path / "secret-text")
    some = [item for n, item in enumerate(secret_history(0).instrument.items) if n % 12 == 0]
    items, folder = tmp_path / "items.jsonl", tmp_path / "store/private"
    items.write_text("".join(json.dumps(item.to_record()) + "\n" for item in some), encoding="utf-8")
    made = make_hidden(
        corpus, items, base, folder, name="histsmol-v1", recipe=replace(RECIPE, seed=1, instructions=None)
    )
    hidden = load_hidden(folder)["histsmol-v1"]
    assert hidden.hash == made.hash and hidden.labels == ("C013", "C016", "C020")
    assert len(hidden.instrument.items) == len(some) and not np.allclose(hidden.answers[0], hidden.answers[-1])
    private = split(known(), **{"histsmol-v1": hidden}).groups[0]
    truth = episode_truth(private.board, CellKey(*private.group, private.board.seeds[0]))
    assert truth.shape == (2, len(some), hidden.answers.shape[-1])
    with pytest.raises(UserError, match="is there already"):
        make_hidden(corpus, items, base, folder, name="histsmol-v1", recipe=RECIPE)


def test_published_items_make_no_private_history(tmp_path: Path) -> None:
    from progressgym.instruments.storage import shipped_folder

    items = str(shipped_folder() / "moral19-v1/items.jsonl")
    with pytest.raises(UserError, match="432 of 432 items are published"):
        dispatch(["leaderboard", "private", str(tmp_path), "--items", items, "--store", str(tmp_path / "store")])


def test_private_histories_are_read_from_the_stores_folder(tmp_path: Path) -> None:
    assert load_hidden(tmp_path / "private") == {}
    hidden = secret_history(0)
    hidden.save(tmp_path / "private/histsmol-v1")
    hidden.instrument.save(tmp_path / "private/histsmol-v1/instrument")
    assert load_hidden(tmp_path / "private")["histsmol-v1"].hash == hidden.hash
    card = tmp_path / "private/histsmol-v1/card.json"
    card.write_text(json.dumps({"source_hash": "x"}), encoding="utf-8")
    with pytest.raises(UserError, match="as its card says"):
        load_hidden(tmp_path / "private")
