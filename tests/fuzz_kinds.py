"""Kinds of files that the product reads: how a sound one is written, how it is read, how it is mutated."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.files import write_npz
from progressgym.core.frames import Frame, decode_all, encode
from progressgym.core.reading import read_json, read_npz
from progressgym.core.seals import seal_of, write_sealed
from progressgym.histories.panel import Panel
from progressgym.histories.survey import SHIPPED_QUESTIONS
from progressgym.histories.validity.judgements import read_judgements
from progressgym.instruments.practices import read_practices
from progressgym.instruments.questionnaire import Questionnaire
from tests.mutations import damaged, edited_json, edited_lines, edited_npz


def small() -> Questionnaire:
    """Eight items of the shipped questionnaire."""
    whole = Questionnaire.load("moral19-v1")
    return Questionnaire.from_items([whole.items[i] for i in range(0, 480, 60)], name="small")


class Kind:
    """A kind of file: a sound one, how it is changed, and who reads it."""

    def __init__(self, file: str, write: Callable[[Path], None], mutate: Any, read: Callable[[Path], object]) -> None:
        self.file, self.write, self.mutate, self.read = file, write, mutate, read


def _put(file: str, data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_bytes(data)

    return write


def _json(value: Any) -> Callable[[Path], None]:
    return _put("a.json", json.dumps(value).encode())


def _history(folder: Path) -> None:
    from progressgym.histories.history import History

    instrument = small()
    instrument.save(folder / "instrument")
    answers = np.array([instrument.uniform()] * 3, np.float32)
    card = {"base_model": "x", "reading": {"mode": "verdict"}, "centuries": {"C013": {"tokens": 3}}}
    history = History(name="h", labels=("C013", "C014", "C015"), answers=answers, instrument=instrument, card=card)
    history.save(folder / "h")


def _read_history(folder: Path) -> object:
    from progressgym.cli.history_show import _card_lines
    from progressgym.histories.history import History

    history = History.load(folder / "h", Questionnaire.load(folder / "instrument"))
    return history.values(), history.hash, history.reading, "\n".join(_card_lines(history.card)).encode()


def _instrument(folder: Path) -> None:
    small().save(folder)


def _read_instrument(folder: Path) -> object:
    instrument = Questionnaire.load(folder)
    return instrument.hash, instrument.values(instrument.uniform())


def _panel_csv(folder: Path) -> None:
    lines = [f"{p},{wave},homosex,always wrong,{'ab'[p % 2]}" for p in range(12) for wave in (1, 2)]
    (folder / "panel.csv").write_text("person,wave,item,answer,camp\n" + "\n".join(lines))


def _read_panel_csv(folder: Path) -> object:
    return Panel.read(folder / "panel.csv", SHIPPED_QUESTIONS, name="p").choices


def _panel(folder: Path) -> None:
    _panel_csv(folder)
    Panel.read(folder / "panel.csv", SHIPPED_QUESTIONS, name="p").save(folder / "p")


RECORDS = [
    {
        "creation_year": 1450 + n,
        "content": "a good man and \u00fe",
        "title": f"t {n}",
        "author": "a",
        "source_dataset": "s",
    }
    for n in range(6)
]


def _corpus(form: str) -> Callable[[Path], None]:
    data = ("\n".join(map(json.dumps, RECORDS)) if "jsonl" in form else json.dumps(RECORDS)).encode()
    return _put(f"a.{form}", gzip.compress(data) if form.endswith("gz") else data)


def _read_corpus(folder: Path) -> object:
    from progressgym.histories.build import corpus_lines, read_corpus
    from progressgym.histories.spelling import normalise

    texts, report = read_corpus(folder)
    text = [normalise(passage.text) for century in texts.values() for passage in century.training]
    return "".join(text).encode(), "\n".join(corpus_lines({**report})).encode(), json.dumps(report).encode()


UPSTREAM = {
    "a": {
        "Follow": {"actual_vector": np.eye(9, 19).tolist(), "examinee_vector": np.eye(8, 19).tolist(), "score": 0.5},
        "Coevolve": {"supplementary_data": {"actual_model_vector": [[1.0, 2]], "simulated_model_vector": [[2.0, 1]]}},
        "Predict": {"error": "it ended", "score": None},
    }
}


def _read_upstream(folder: Path) -> object:
    from progressgym.cli.import_upstream import _record, _text
    from progressgym.scores.upstream import read_upstream

    results = read_upstream(folder / "a.json")
    return "".join(map(_text, results)).encode(), json.dumps(_record(results, None), allow_nan=False)


def _plan(folder: Path) -> None:
    from progressgym.agents.debate.study import Study, StudyConfig

    study = Study(StudyConfig(domain="simulator"), folder)
    (folder / "plan.json").write_text(json.dumps(study._wanted))


def _read_plan(folder: Path) -> object:
    from progressgym.agents.debate.study import Study

    study = Study.load(folder)
    return study.stages(), study.plan.settings


def _debater(folder: Path) -> None:
    from progressgym.agents.debate.network import DebaterNet
    from progressgym.agents.debate.trained import save_debater
    from progressgym.envs.debate.simulator import SimulatorDomain

    save_debater(folder / "d.safetensors", DebaterNet(30, 7, 4), SimulatorDomain(), {"method": "x"})


def _resealed(data: bytes, rng: random.Random) -> bytes:
    return damaged(data[: 8 + 600], rng) + data[608:] if rng.random() < 0.7 else damaged(data, rng)


def _read_debater(folder: Path) -> object:
    """Whoever seals a damaged file anew gets no further than the reader of its content."""
    from progressgym.agents.debate.trained import load_debater
    from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain

    path = folder / "d.safetensors"
    if path.is_file() and path.stat().st_size % 2:
        write_sealed(path, path.read_bytes())
    return load_debater(path, BayesJudge(SimulatorDomain()))


def _judge(folder: Path) -> None:
    from progressgym.preferences.learned_judge import LearnedJudge

    layers = [(np.ones(shape), np.ones(shape[:1])) for shape in ((4, 9), (4, 4), (1, 4))]
    LearnedJudge(layers, [np.ones(4), np.ones(4)]).save(folder / "j")  # type: ignore[arg-type]


def _read_judge(folder: Path) -> object:
    from progressgym.preferences.learned_judge import LearnedJudge

    path = folder / "j" / "judge.safetensors"
    if path.is_file() and path.stat().st_size % 2:
        write_sealed(path, path.read_bytes())
    return LearnedJudge.load(folder / "j")


def make_adapter(folder: Path) -> None:
    import torch
    from safetensors.torch import save

    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "x", "peft_type": "LORA"}))
    write_sealed(folder / "adapter_model.safetensors", save({"a.lora_A": torch.ones(2, 3)}))


def _read_adapter(folder: Path) -> object:
    from progressgym.models.checkpoint import read_adapter

    path = folder / "adapter_model.safetensors"
    if path.is_file() and path.stat().st_size % 2:
        seal_of(path).unlink(missing_ok=True)
    return read_adapter(folder)


def _build(folder: Path) -> None:
    (folder / "recipe.json").write_text(
        json.dumps({"base": "x", "recipe": {"spelling": "none", "tokens": 3}, "text": 2})
    )
    for label in ("C013", "C014"):
        place = folder / "adapters" / label
        place.mkdir(parents=True)
        (place / "DONE.json").write_text("{}")
        (place / "training.json").write_text(json.dumps({"tokens": 5, "losses": [1.0, 2.0], "held_out_works": ["w"]}))


def _read_build(folder: Path) -> object:
    from progressgym.histories.measuring import adapters_of, build_recipe, training_record

    trained = [training_record(place / "training.json") for place in adapters_of(folder).values()]
    return json.dumps([build_recipe(folder), trained])


def _moral_evals(folder: Path) -> None:
    from progressgym.instruments import moral_evals as battery

    side = ["Yes"] * 12
    rows = {
        "moralchoice": (battery.MORALCHOICE_COLUMNS, ["H_1", "Do not kill", "We met.", "I go", "I stay", *side, *side]),
        "foundation": (battery.FOUNDATION_COLUMNS, ["F_1", "Harm_Care", "We met.", "I go", "I stay"]),
        "views": (battery.VIEWS_COLUMNS, ["V_1", "We met.", "a", "b", "c", "d"]),
    }
    for name, (columns, row) in rows.items():
        lines = [",".join(columns), *(",".join([f"{row[0]}{n}", *row[1 : len(columns)]]) for n in range(4))]
        (folder / f"{name}.csv").write_text("\n".join(lines))


def _zip(folder: Path) -> None:
    from progressgym.leaderboard.arrays import write_actions

    (folder / "steps.npz").write_bytes(write_actions(np.zeros((2, 8, 4), np.float32)))


def _read_zip(folder: Path) -> object:
    from progressgym.leaderboard.arrays import read_actions

    return read_actions((folder / "steps.npz").read_bytes(), (2, 8, 4), "steps.npz")


def _read_strict(folder: Path) -> object:
    from progressgym.leaderboard.strict_json import parse_json as strict

    return strict((folder / "a.json").read_bytes(), "a.json")


def _submission(folder: Path) -> None:
    with zipfile.ZipFile(folder / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("submission.json", "MANIFEST.sha256", "cells/h/c/0/config.json"):
            archive.writestr(name, "{}")


def _read_submission(folder: Path) -> object:
    from progressgym.leaderboard.unpack import read_submission

    return read_submission(folder / "s.zip")


def _frame(folder: Path) -> None:
    frame = Frame(kind="k", fields={"a": 1}, arrays={"x": np.ones((2, 3), np.float32)})
    (folder / "f").write_bytes(encode(frame))


CONFIG = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9}


def _read_shape(folder: Path) -> object:
    from progressgym.tuning.sizing.architecture import of_config

    return of_config(folder / "a.json")


def _read_results(folder: Path) -> object:
    from progressgym.scores.records import Done, load_record

    return load_record(folder / "a.json", Done)


PRACTICE = {"id": "a", "deed": "keep a slave", "kind": "fell", "since": 17, "until": 21, "source": "Act 1833"}

KINDS: dict[str, Kind] = {
    "json": Kind("a.json", _json({"a": [1, {"b": "c"}]}), edited_json, lambda folder: read_json(folder / "a.json")),
    "npz": Kind(
        "a.npz",
        lambda folder: write_npz(folder / "a.npz", x=np.ones((2, 3), np.float32), y=np.array(["a", "b"])),
        edited_npz,
        lambda folder: read_npz(folder / "a.npz"),
    ),
    "answers of a history": Kind("h/answers.npz", _history, edited_npz, _read_history),
    "card of a history": Kind("h/card.json", _history, edited_json, _read_history),
    "items": Kind("items.jsonl", _instrument, edited_lines, _read_instrument),
    "head of an instrument": Kind("instrument.json", _instrument, edited_json, _read_instrument),
    "corpus, lines": Kind("a.jsonl", _corpus("jsonl"), edited_lines, _read_corpus),
    "corpus, array": Kind("a.json", _corpus("json"), edited_json, _read_corpus),
    "corpus, gzip": Kind("a.json.gz", _corpus("json.gz"), damaged, _read_corpus),
    "upstream results": Kind("a.json", _json(UPSTREAM), edited_json, _read_upstream),
    "plan of a study": Kind("plan.json", _plan, edited_json, _read_plan),
    "debater": Kind("d.safetensors", _debater, _resealed, _read_debater),
    "judge": Kind("j/judge.safetensors", _judge, _resealed, _read_judge),
    "card of a judge": Kind("j/judge.json", _judge, edited_json, _read_judge),
    "seal": Kind("j/judge.safetensors.sha256", _judge, damaged, _read_judge),
    "adapter": Kind("adapter_model.safetensors", make_adapter, _resealed, _read_adapter),
    "head of an adapter": Kind("adapter_config.json", make_adapter, edited_json, _read_adapter),
    "recipe of a build": Kind("recipe.json", _build, edited_json, _read_build),
    "training of a century": Kind("adapters/C013/training.json", _build, edited_json, _read_build),
    "moral evals": Kind("views.csv", _moral_evals, damaged, lambda folder: Questionnaire.from_moral_evals(folder).hash),
    "config of a model": Kind("a.json", _json(CONFIG), edited_json, _read_shape),
    "record of a cell": Kind("a.json", _json({"files": {"a": "0" * 64}}), edited_json, _read_results),
    "actions of a submission": Kind("steps.npz", _zip, edited_npz, _read_zip),
    "JSON of a submission": Kind("a.json", _json(UPSTREAM), edited_json, _read_strict),
    "zip of a submission": Kind("s.zip", _submission, edited_npz, _read_submission),
    "judgements": Kind(
        "a.csv",
        _put("a.csv", "".join(["action,yes,no\n", *(f"do {n},{n},9\n" for n in range(30))]).encode()),
        damaged,
        lambda folder: read_judgements(folder / "a.csv").shares,
    ),
    "panel of a user": Kind("panel.csv", _panel_csv, damaged, _read_panel_csv),
    "panel": Kind("p/panel.npz", _panel, edited_npz, lambda folder: Panel.load(folder / "p").choices),
    "practices": Kind(
        "a.jsonl",
        _put("a.jsonl", json.dumps(PRACTICE).encode()),
        edited_lines,
        lambda folder: read_practices(folder / "a.jsonl"),
    ),
    "frame": Kind("f", _frame, damaged, lambda folder: decode_all((folder / "f").read_bytes())),
}
