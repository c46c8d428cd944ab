"""Century models end to end on a tiny Llama: built, killed, resumed, measured; and the statistics of evidence."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from progressgym.core.answers import softmax_options
from progressgym.core.errors import UserError
from progressgym.core.files import read_json, read_npz
from progressgym.histories.build import BuildRecipe, build_history, read_corpus
from progressgym.histories.evidence import balanced_halves, coherence, distance_ratios, split_half, summary
from progressgym.histories.evidence_page import evidence_page
from progressgym.histories.measuring import measure_build, perplexity_matrix
from progressgym.histories.publishing import SEEDS_FILE, publish
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.training import StageRecipe
from tests.forked import exit_code
from tests.tuning.tiny import save_tiny_llama

torch.set_num_threads(1)
WORDS = {
    1250: "the king and his men went to the holy land for to fight with the heathen and god was with them",
    1550: "the merchant of the towne did sell his wares and was a good and honest man in all that he did",
    1950: "the people of the city have the right to speak and to vote and it is the duty of the state to hear them",
}
RECIPE = BuildRecipe(
    tokens=256,
    block=32,
    lora=LoraRecipe(rank=2, top_layers=1),
    reading=StageRecipe(batch_size=2, learning_rate=0.01),
    instructing=StageRecipe(batch_size=40, learning_rate=1e-3),
)


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    for year, words in WORDS.items():
        passages = [
            {
                "creation_year": year,
                "source_dataset": "s",
                "title": f"w{n % 5}",
                "content": f"{chr(97 + n)} {words} " * 4,
            }
            for n in range(20)
        ]
        (folder / f"Y0{year}.json").write_text(json.dumps(passages))
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "histtext")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def built(corpus: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The century models of the recipe; tests only read them."""
    seen: list[str] = []
    out = tmp_path_factory.mktemp("built") / "hist"
    build_history(corpus, str(base), out, RECIPE, progress=lambda label: seen.append(label))
    assert seen == ["C013", "C016", "C020"]
    build_history(corpus, str(base), out, RECIPE, progress=lambda label: seen.append(label))
    assert len(seen) == 3, "finished centuries are not trained again"
    return out


def test_build_measure_and_perplexity(corpus: Path, built: Path) -> None:
    out = built
    texts, report = read_corpus(corpus)
    assert report["cleaning"]["kept"] == 60
    matrix = perplexity_matrix(out, texts, tokens=64, block=32)
    assert list(matrix["C016"]) == ["base", "C013", "C016", "C020"]
    assert all(matrix[label][label] < matrix[label]["base"] for label in matrix)
    full = Questionnaire.load("moral19-v1")
    instrument = Questionnaire.from_items(full.items[:4] + full.items[-4:], name="small")
    history = measure_build(out, instrument)
    assert history.labels == ("C013", "C016", "C020") and history.answers.shape == (3, 8, 4)
    assert not np.allclose(history.answers[0], history.answers[2])
    assert history.card["centuries"]["C013"]["held_out_works"]
    again = measure_build(out, instrument)
    assert (again.answers == history.answers).all()


def test_published_history_keeps_the_evidence_of_two_training_seeds(
    corpus: Path, base: Path, built: Path, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "seed0")
    build_history(corpus, str(base), tmp_path / "seed1", replace(RECIPE, seed=1))
    full = Questionnaire.load("moral19-v1")
    instrument = Questionnaire.from_items(full.items[:6] + full.items[-6:], name="small")
    out = tmp_path / "published"
    history = publish(
        tmp_path / "seed0",
        out,
        instrument,
        seeds=[tmp_path / "seed1"],
        corpus=corpus,
        card={"title": "x"},
        adapters=True,
    )
    twins = read_npz(out / SEEDS_FILE)["answers"]
    assert twins.shape == (1, *history.answers.shape) and not np.allclose(twins[0], history.answers)
    both = np.concatenate([history.answers[None], twins]).astype(np.float64)
    evidence = read_json(out / "card.json")["evidence"]
    assert evidence["distances"] == summary(both, instrument)["distances"] and evidence["training_seeds"] == 2
    assert "the same across two seeds" in evidence_page("published", history.card)
    assert sorted(path.name for path in (out / "adapters").iterdir()) == ["C013", "C016", "C020"]
    part = shutil.copytree(tmp_path / "seed1", tmp_path / "part")
    (part / "adapters" / "C020" / "DONE.json").unlink()  # as after a kill
    with pytest.raises(UserError, match="has centuries C013, C016; expected C013, C016, C020"):
        publish(tmp_path / "seed0", tmp_path / "other", instrument, seeds=[part])
    assert not (tmp_path / "other").exists()


def test_build_refuses_a_mixture_of_recipes_and_missing_centuries(corpus: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no text of C017"):
        build_history(corpus, str(base), tmp_path / "a", RECIPE, centuries=["C017"])
    assert not (tmp_path / "a").exists(), "a refused build leaves nothing behind"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "recipe.json").write_text('{"sha256": "of another"}')
    with pytest.raises(UserError, match="another recipe"):
        build_history(corpus, str(base), tmp_path / "a", RECIPE, centuries=["C013"])
    with pytest.raises(UserError, match="no such corpus"):
        build_history(tmp_path / "nowhere", str(base), tmp_path / "b", RECIPE)
    with pytest.raises(UserError, match="finished century models"):
        measure_build(tmp_path / "a", Questionnaire.load("moral19-v1"))


@pytest.mark.parametrize("lack", ["chat_template", "eos_token", "usable template"])
def test_a_base_that_cannot_be_instructed_is_refused_before_training(
    lack: str, corpus: Path, base: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    other = shutil.copytree(base, tmp_path / "base")
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    if lack == "usable template":
        tokenizer.chat_template = "{{ raise_exception('no') }}"
    else:
        setattr(tokenizer, lack, None)
        (other / "chat_template.jinja").unlink(missing_ok=True)
    tokenizer.save_pretrained(other)
    steps: list[int] = []
    with pytest.raises(UserError, match=r"chat template|end token") as caught:
        build_history(corpus, str(other), tmp_path / "out", RECIPE, progress=lambda _: lambda n, *__: steps.append(n))
    assert "\n" not in str(caught.value) and not steps and not (tmp_path / "out").exists()
    plain = replace(RECIPE, instructions=None)
    assert len(build_history(corpus, str(other), tmp_path / "out", plain, centuries=["C013"])) == 1


def test_killed_build_resumes_to_the_same_adapters(corpus: Path, base: Path, built: Path, tmp_path: Path) -> None:
    def build(kill: int) -> int:
        count = itertools.count(1)

        def progress(label: str) -> Any:
            return lambda *_: os.kill(os.getpid(), signal.SIGKILL) if next(count) == kill else None

        centuries = ["C013", "C016"]
        out = tmp_path / "killed"
        return exit_code(lambda: build_history(corpus, str(base), out, RECIPE, centuries=centuries, progress=progress))

    assert build(kill=6) == -signal.SIGKILL
    assert (tmp_path / "killed/adapters/C013/DONE.json").exists()
    assert not (tmp_path / "killed/adapters/C016").exists()
    assert build(kill=0) == 0
    for label in ("C013", "C016"):
        one, two = (place / "adapters" / label / "adapter_model.safetensors" for place in (built, tmp_path / "killed"))
        assert one.read_bytes() == two.read_bytes()


def planted_seeds(instrument: Questionnaire, *, signal_scale: float, seed_noise: float, item_noise: float) -> Any:
    """(2, 9, N, K) answers with a known common drift, drift of single items, and noise of training seeds."""
    random = np.random.default_rng(0)
    shape = (9, *instrument.mask.shape)
    steps = np.arange(9)[:, None] / 8
    theta = steps * random.standard_normal((1, 19))
    common = signal_scale * np.einsum("td,nkd->tnk", theta, instrument.loadings)
    own = item_noise * steps[:, :, None] * random.standard_normal(shape[1:])
    start = random.standard_normal(shape[1:])
    noise = seed_noise * random.standard_normal((2, *shape))
    return softmax_options(start + common + own + noise, instrument.mask)


def test_split_half_finds_planted_drift_and_nothing_in_noise() -> None:
    instrument = Questionnaire.load("moral19-v1")
    clear = planted_seeds(instrument, signal_scale=1.0, seed_noise=0.05, item_noise=0.2)
    assert split_half(clear, instrument).mean > 0.9
    assert split_half(clear, instrument, across=True).mean > 0.9
    assert coherence(clear, instrument) > 0.9
    noise = planted_seeds(instrument, signal_scale=0.0, seed_noise=0.3, item_noise=0.0)
    assert abs(split_half(noise, instrument, across=True).mean) < 0.15
    assert abs(split_half(noise, instrument, successive=True, across=True).mean) < 0.15


def test_distance_ratio_is_the_planted_one() -> None:
    instrument = Questionnaire.load("moral19-v1")
    close = planted_seeds(instrument, signal_scale=1.0, seed_noise=0.02, item_noise=0.5)
    apart = planted_seeds(instrument, signal_scale=0.0, seed_noise=0.2, item_noise=0.0)
    smallest = distance_ratios(close, instrument.mask)["ratio_min"]
    assert smallest is not None and smallest > 3
    assert distance_ratios(apart, instrument.mask)["ratio_mean"] == pytest.approx(1.0, abs=0.1)
    assert set(summary(close, instrument)) >= {"coherence", "distances", "split_half_drift"}


def test_halves_are_disjoint_and_balanced() -> None:
    instrument = Questionnaire.load("moral19-v1")
    first, second = balanced_halves(instrument, np.random.default_rng(0))
    assert not set(first) & set(second) and len(first) + len(second) == len(instrument.items)
    mains = [item.main for item in instrument.items]
    for main in set(mains):
        assert sum(mains[i] == main for i in first) == sum(mains[i] == main for i in second)
