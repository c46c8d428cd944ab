"""Every reader of a file, under a thousand seeded mutations: it reads, or it says what is wrong in one line.

A mutation changes bytes (flips, cuts, repeats, marks, other encodings), values of a JSON document (every wrong type,
endless numbers, half surrogates), or the layout of an archive (method, encryption flag, header of an array).
"""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.core.files import write_npz
from progressgym.core.frames import Frame, FrameError, decode_all, encode
from progressgym.core.reading import parse_json, read_json, read_npz
from progressgym.core.seals import seal_of, write_sealed
from progressgym.histories.validity.judgements import read_judgements
from progressgym.instruments.practices import read_practices
from progressgym.instruments.questionnaire import Questionnaire

MUTATIONS = 30
"""Of each reader."""
MARK = "@@ a value of a stranger @@"
ODD = (
    *[
        "null",
        "true",
        "false",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e308",
        "1e308",
        "1e-308",
        "0",
        "-1",
        "0.5",
        "1.5",
        "9223372036854775808",
        "[]",
        "{}",
        "[[]]",
    ],
    *[
        "[{}]",
        '""',
        '"x"',
        '"\\ud83d"',
        '"\\u0000"',
        '"nan"',
        '"1e9"',
        "[null]",
        "[1e308]",
        "[true]",
        '{"a":{}}',
        '["\\udc80"]',
        '"a\\nb"',
    ],
    *("9" * digits for digits in (41, 400, 5000)),
    json.dumps("x" * 3000),
    "[" * 3000 + "]" * 3000,
)
"""What a stranger may put in place of a value, as JSON text."""


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed."""
    kind = rng.randrange(9)
    if kind == 0:
        return data[: rng.randrange(len(data) + 1)]
    if kind == 1:
        return b"\xef\xbb\xbf" + data
    if kind == 2:
        return data.decode("latin-1").encode(rng.choice(["utf-16", "utf-32", "utf-7"]))
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        at = rng.randrange(len(changed) + 1)
        if kind in (3, 4, 5) and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 6:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 7:
            changed[at:at] = changed[at : at + rng.randint(1, 40)]
        else:
            changed[at:at] = rng.choice([b"\0", b"\r", b"\n", b"\xff", b'"', b"{", b"]", b"\\ud800", b"9" * 400, b","])
    return bytes(changed)


def edited(text: str, rng: random.Random) -> str:
    """A JSON document with a value replaced, removed or put under another key."""
    root: dict[str, Any] = {"": json.loads(text)}
    node: Any = root
    while True:
        key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
        child = node[key]
        if not isinstance(child, (dict, list)) or not child or rng.random() < 0.2:
            break
        node = child
    action = rng.randrange(5)
    if action == 0:
        del node[key]
    elif action == 1 and isinstance(node, dict):
        node[rng.choice(["x", "schema", "\ud83d"])] = child
    else:
        node[key] = MARK
    return json.dumps(root.get("", MARK)).replace(json.dumps(MARK), rng.choice(ODD))


def edited_json(data: bytes, rng: random.Random) -> bytes:
    """Bytes or values of a JSON file changed."""
    return damaged(data, rng) if rng.random() < 0.3 else edited(data.decode(), rng).encode()


def edited_lines(data: bytes, rng: random.Random) -> bytes:
    """One line of a JSON Lines file changed."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = edited_json(lines[at], rng)
    return b"\n".join(lines)


def edited_npz(data: bytes, rng: random.Random) -> bytes:
    """An archive with damaged bytes, another layout, or other arrays under its names."""
    if rng.random() < 0.4:
        return damaged(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    kind = rng.randrange(4)
    if kind == 0:
        members[name] = damaged(members[name], rng)
    elif kind == 1:
        members[name] = members[name].replace(*rng.choice(HEADERS), 1)
    elif kind == 2:
        members[name] = npy(rng.choice(ARRAYS))
    else:
        members[name + rng.choice(["", "x", "\n", "/"])] = members.pop(name)
    made = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(made, "w", method) as archive:
        for key, content in members.items():
            archive.writestr(key, content)
    packed = bytearray(made.getvalue())
    if rng.random() < 0.3:
        at = packed.rindex(b"PK\1\2")
        packed[at + rng.choice([8, 10])] = rng.choice([1, 9, 97, 99])  # encrypted, or packed in an unknown way
    return bytes(packed)


HEADERS = [
    (b"(", b"(("),
    (b"'<", b"'>"),
    (b"f4", b"c8"),
    (b"f4", b"O "),
    (b"f4", b"V4"),
    (b"False", b"True "),
    (b"descr", b"dexcr"),
    (b"(2", b"(-"),
    (b"2,", b"9" * 2),
    (b"}", b'"'),
    (b"{", b"0x"),
    (b"\x01\x00", b"\x02\x00"),
    (b"\x01\x00", b"\x09\x00"),
]
"""Changes of an npy header."""
ARRAYS: list[np.ndarray[Any, Any]] = [
    np.zeros((3, 8, 4), np.complex64),
    np.array([["0.5", "0.5"]]),
    np.full((3, 8, 4), 1e308),
    np.full((3, 8, 4), np.nan, np.float32),
    np.zeros((0, 8, 4), np.float32),
    np.zeros(()),
    np.array(["\ud83d"]),
    np.frombuffer(b"\xff\xff\xff\xff" * 3, "<U3"),
    np.array([2**63], np.uint64),
    np.array(["2020-01-01"], "M8[D]"),
    np.array([b"bytes"]),
    np.ones((3, 8, 4), bool),
]


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array in npy format."""
    made = io.BytesIO()
    np.lib.format.write_array(made, array, allow_pickle=False)
    return made.getvalue()


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


def _adapter(folder: Path) -> None:
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
    "adapter": Kind("adapter_model.safetensors", _adapter, _resealed, _read_adapter),
    "head of an adapter": Kind("adapter_config.json", _adapter, edited_json, _read_adapter),
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
    "practices": Kind(
        "a.jsonl",
        _put("a.jsonl", json.dumps(PRACTICE).encode()),
        edited_lines,
        lambda folder: read_practices(folder / "a.jsonl"),
    ),
    "frame": Kind("f", _frame, damaged, lambda folder: decode_all((folder / "f").read_bytes())),
}


@pytest.fixture(scope="module", params=list(KINDS))
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, Path]:
    """A kind of file and a folder with a sound one."""
    folder = tmp_path_factory.mktemp("sound")
    kind = KINDS[request.param]
    kind.write(folder)
    return kind, folder


def check(kind: Kind, folder: Path) -> None:
    """Read; anything but a value or a refusal in one line is an error of the reader."""
    from progressgym.leaderboard.problems import Refused

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            kind.read(folder)
        except (UserError, FrameError, Refused) as error:
            message = str(error)
            assert message and len(message.splitlines()) == 1, message
            message.encode()


def test_sound_files_are_read(sound: tuple[Kind, Path], tmp_path: Path) -> None:
    kind, folder = sound
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    kind.read(tmp_path)


@settings(
    max_examples=MUTATIONS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_mutated_files_are_read_or_refused(sound: tuple[Kind, Path], tmp_path: Path, seed: int) -> None:
    kind, folder = sound
    place = tmp_path / "mutated"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    path = place / kind.file
    path.write_bytes(kind.mutate(path.read_bytes(), random.Random(seed)))
    check(kind, place)


def test_a_folder_in_place_of_a_file(sound: tuple[Kind, Path], tmp_path: Path) -> None:
    kind, folder = sound
    if kind.file in ("f", "steps.npz", "s.zip") or kind.read is _read_strict:
        pytest.skip("read from bytes, or a folder is a submission")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / kind.file).unlink()
    (tmp_path / kind.file).mkdir()
    check(kind, tmp_path)


IDS = [
    "synthetic:linear?seed=3&coherence=0.5&centuries=9&amplitude=1&noise=0",
    "resampled:histsmol-v1?seed=3",
    "gss-v1?split=3",
    "lifelong-dpo?independent=true&order=1&forecast=1&beta_dpo=1.0",
    "kalman?forecast=2&scale=1.0",
    "predict?horizon=2&queries=40&labels=sample",
    "coevolve?influence=0.2&pull=0.1",
]
NUMBERS = [
    "100000000",
    "-1",
    "1e308",
    "1e999",
    "nan",
    "inf",
    "9" * 40,
    "9" * 5000,
    "true",
    "",
    "x",
    "0.5",
    "\ud83d",
    "a\nb",
]


@pytest.mark.parametrize("text", IDS)
@pytest.mark.parametrize("value", NUMBERS)
def test_ids_have_bounds(text: str, value: str) -> None:
    from progressgym.agents.registry import check as check_agent
    from progressgym.bench.challenges import parse_challenge
    from progressgym.histories.source import resolve_history

    name, _, query = text.partition("?")
    pairs = query.split("&")
    for number in range(len(pairs)):
        key = pairs[number].partition("=")[0]
        changed = f"{name}?" + "&".join([*pairs[:number], f"{key}={value}", *pairs[number + 1 :]])
        try:
            if ":" in name or "gss" in name:
                resolve_history(changed)
            elif name in ("predict", "coevolve"):
                parse_challenge(changed).make("synthetic:linear?seed=0")
            else:
                check_agent(changed)
        except UserError as error:
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("value", ODD)
def test_odd_values_parse_or_are_refused(value: str) -> None:
    try:
        json.dumps(parse_json(value, "a value")).encode()
    except UserError as error:
        assert len(str(error).splitlines()) == 1
