"""A careless user's arguments, mistyped, empty or missing: one line and exit code 2 before anything is computed or made."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from progressgym.cli.main import main
from tests.tuning.century_models import save_base

torch.set_num_threads(1)
TRAIN = "train lifelong-dpo --history synthetic:linear?seed=1 --out run"
BUILD = "history build corpus --out run --base good --top-layers 2 --tokens 64"
CENTURIES = "debate centuries --out run --models histsmol-v1"


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good base model and the same with one thing amiss; a corpus of one century."""
    home = tmp_path_factory.mktemp("careless")
    save_base(home / "good")
    for name in ("empty", "nothing"):
        (home / name).mkdir()
    for name in ("cut", "mute", "short", "blind"):
        shutil.copytree(home / "good", home / name)
    weights = home / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:3000])
    settings = json.loads((home / "mute" / "tokenizer_config.json").read_text())
    for kind in ("bos", "eos", "pad"):
        settings.pop(f"{kind}_token", None)
    (home / "mute" / "tokenizer_config.json").write_text(json.dumps(settings))
    (home / "mute" / "special_tokens_map.json").unlink(missing_ok=True)
    config = json.loads((home / "short" / "config.json").read_text())
    (home / "short" / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8}))
    for file in (home / "blind").glob("tokenizer*"):
        file.unlink()
    line = "It is a good man that keeps the law and the truth of his lord, and he shall not lie to them. "
    words = ("king", "queen", "miller", "abbot", "knight", "reeve")
    rows = [{"creation_year": 1450, "content": f"So said the {w}. {line}" * 6, "title": w} for w in words]
    (home / "corpus").mkdir()
    (home / "corpus" / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (home / "pairs.jsonl").write_text('{"prompt": "The deed is", "chosen": " just", "rejected": " wicked"}\n' * 2)
    (home / "file").write_text("no folder")
    return home


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{TRAIN} --policy lm:empty", "neither a config.json (a model) nor an adapter_config.json"),
        ("train dpo --data nowhere.jsonl --model good", "nowhere.jsonl"),
        ("train dpo --data pairs.jsonl --model good --loss ipoo", "unknown loss 'ipoo'"),
        ("train dpo --data pairs.jsonl --model good --loss rdpo", "the loss needs the column rationale or"),
        ("train dpo --data pairs.jsonl --model good", "nothing can be held out, say --held-out 0"),
        ("train dpo --data pairs.jsonl --model good --held-out 1", "held_out is 1"),
        (
            "train dpo --data pairs.jsonl --model short --held-out 0 --tokens mean",
            "longer than the model's window of 8",
        ),
        ("train dpo --data pairs.jsonl --model good --tokens means", "unknown tokens 'means'"),
        ("train grpo --evaluate gss-v9", "unknown history 'gss-v9'"),
        ("train grpo --evaluation-seeds 0", "evaluation_seeds is 0"),
        (f"{TRAIN} --policy lm:cut", "cannot load the model in cut"),
        (f"{TRAIN} --policy lm:mute", "no padding, end or beginning token"),
        (f"{TRAIN} --policy lm:short", "longer than the model's window of 8"),
        (f"{TRAIN} --policy lm:blind", "cannot load the tokenizer of blind"),
        (f"{TRAIN} --policy stance --device foo", "unknown device 'foo'"),
        (TRAIN.replace("lifelong-dpo", "lifelong-map"), "adjusts no language model; say --policy stance"),
        (f"{TRAIN} --policy stance --challenge ''", "--challenge is empty"),
        ("bench --agents lifelong-dpo --policy lm:cut --seeds 1 --history synthetic:linear --out run", "cut"),
        ("bench --history '' --out run", "--history is empty; give it a value, or leave it out"),
        ("bench --history= --out run", "--history is empty"),
        ("bench --agents , --out run", "',' lists nothing"),
        ("bench --agents static --out ''", "--out is empty"),
        (BUILD.replace("corpus", "nowhere"), "no such corpus: nowhere"),
        (BUILD.replace("corpus", "nothing"), "nothing holds no HistText file"),
        (BUILD.replace("corpus", "''"), "an argument is empty"),
        (BUILD.replace("good", "empty"), "not a base model"),
        (BUILD.replace("good", "cut"), "cannot load the model in cut"),
        (f"{BUILD} --centuries middle-ages", "'middle-ages' is no century"),
        (f"{BUILD} --seed -1", "the seed of a build is -1"),
        ("history measure nothing --out run", "0 finished century models"),
        ("values good --mode letters --out run", "unknown reading mode 'letters' (did you mean 'letter'"),
        ("values good --mode cloze --instrument written?texts=a --out run", "written"),
        (f"{CENTURIES} --centuries C013,C099", "has no model of C099"),
        (f"{CENTURIES} --dilemmas 0", "--dilemmas is 0"),
        (f"{CENTURIES} --exact -1", "--exact is -1"),
        (f"{CENTURIES} --transcripts 0", "--transcripts is 0"),
        ("leaderboard build --store mistyped --out run", "there is no board in mistyped"),
        ("leaderboard show --store mistyped", "there is no board in mistyped"),
        ("leaderboard show --store sqlite:///mistyped.sqlite --evidence here", "there is no board in mistyped.sqlite"),
        ("leaderboard export static --format lm-eval --store mistyped", "there is no board in mistyped"),
        ("leaderboard withdraw 1234 --store mistyped --because x", "there is no board in mistyped"),
        ("leaderboard submit file --store run --submitter ../me", "must be 1 to 64 letters"),
        ("leaderboard show --entries corpus", "corpus holds no submission"),
        ("leaderboard reproduce all --store run --key-file k --attempts 0", "--attempts"),
        ("leaderboard reproduce all --store run --key-file k --days 99999999999", "--days"),
        ("leaderboard reproduce all --store run --key-file k --seconds nan", "--seconds"),
        ("leaderboard reproduce all --store run --key-file k --tolerance -1", "--tolerance"),
        ("leaderboard reproduce all --store run --key-file k --private mistyped", "there is no folder mistyped"),
        ("debate play --seed -1", "--seed"),
        ("preferences export --seed -1 --out run.jsonl", "--seed"),
    ],
)
def test_nothing_is_begun(
    line: str, told: str, material: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(material)
    before = sorted(path.name for path in material.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    shown = capsys.readouterr()
    assert ended.value.code == 2, shown.err
    (only,) = shown.err.splitlines()
    assert told in only and shown.out == ""
    assert sorted(path.name for path in material.iterdir()) == before


def test_a_corpus_that_lacks_a_century_binds_no_folder(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(material)
    for rank in ("4", "8"):  # another recipe, into the same folder
        with pytest.raises(SystemExit) as ended:
            main([*shlex.split(BUILD), "--centuries", "C018", "--out", str(tmp_path / "out"), "--rank", rank])
        assert ended.value.code == 2 and "no text of C018; it has C015" in capsys.readouterr().err
    assert not (tmp_path / "out" / "recipe.json").exists()
