"""Endpoints: the same numbers as the model behind them, and a clear outcome whatever the server does.

All of it against a real server process on loopback (`server.py`).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.models import load_model
from progressgym.models.endpoints.address import KEY_VARIABLE, parse_address
from progressgym.models.endpoints.model import EndpointModel
from progressgym.models.language_model import LanguageModel
from tests.models.endpoints.lettered import lettered_llama
from tests.models.tiny import CONTEXTS, FRAMINGS, OPTIONS

torch.set_num_threads(1)
FAST = "attempts=3&backoff=0.01"
SHORT = "attempts=2&backoff=0.01&timeout=1"
"""A time that a machine under load still answers in."""


class Server:
    """The server process and its remote control."""

    def __init__(self, folder: Path, port_file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.endpoints.server", str(folder), "--port-file", str(port_file)]
        )
        deadline = time.monotonic() + 120
        while not port_file.exists():
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{port_file.read_text()}"

    def control(self, **settings: Any) -> None:
        httpx2.post(f"{self.url}/control", json=settings, trust_env=False).raise_for_status()

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx2.get(f"{self.url}/stats", trust_env=False).json()
        return found

    def spec(self, arguments: str = FAST, model: str = "tiny") -> str:
        return f"openai:{self.url}#{model}?{arguments}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lettered_llama(tmp_path_factory.mktemp("served") / "tiny")


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(folder, tmp_path_factory.mktemp("port") / "port")
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture
def server(running: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """As new, with a cache of its own."""
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    running.control(faults=[], style="vllm", model="tiny", requests=0, most=0, authorization=[])
    running.control(stale=False, salt="ignored", last={})
    return running


@pytest.fixture(scope="module")
def local(folder: Path) -> LanguageModel:
    model = load_model(folder, device="cpu", dtype="float32")
    assert isinstance(model, LanguageModel)
    return model


@pytest.fixture(scope="module")
def part() -> Questionnaire:
    whole = Questionnaire.load("moral19-v1")
    return Questionnaire.from_items(whole.items[:360:40], name="part-v1", version="1", config=whole.config)


def endpoint(server: Server, arguments: str = FAST) -> EndpointModel:
    model = load_model(server.spec(arguments))
    assert isinstance(model, EndpointModel)
    return model


def largest_difference(ours: list[Any], theirs: list[Any]) -> float:
    assert [table.shape for table in ours] == [table.shape for table in theirs]
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("style", "way"), [("vllm", "echo"), ("vllm-prompt", "prompt_logprobs")])
def test_scored_prompts_equal_the_model_itself(
    server: Server, local: LanguageModel, part: Questionnaire, style: str, way: str
) -> None:
    server.control(style=style)
    model = endpoint(server)
    assert model.way.name == way and model.scores_text
    asked = (CONTEXTS, FRAMINGS, OPTIONS)
    assert largest_difference(model.framed_option_logprobs(*asked), local.framed_option_logprobs(*asked)) < 1e-4
    reading, direct = part.read(model, "verdict"), part.read(local, "verdict")
    np.testing.assert_allclose(reading.answers, direct.answers, atol=1e-4)
    assert reading.mode == "verdict" and reading.note == f"prompt log-probabilities of the endpoint ({way})"
    assert reading.tokens is not None and reading.tokens > 1000 and direct.note == ""


def test_options_whose_tokens_are_no_whole_signs(server: Server, local: LanguageModel) -> None:
    """One byte a token: the server cannot show thorn's two halves, so the joint is found by the prompt's tokens."""
    prompts, options = ["Hwæt", "Þa"], [[" þorn", " a"], [" æsc", " æ", "š"]]
    model = endpoint(server)
    assert largest_difference(model.option_logprobs(prompts, options), local.option_logprobs(prompts, options)) < 1e-4


@pytest.mark.parametrize(("style", "way"), [("llama", "top_logprobs"), ("chat", "chat_top_logprobs")])
def test_letters_where_prompts_are_not_scored(
    server: Server, local: LanguageModel, part: Questionnaire, style: str, way: str
) -> None:
    """The mode asked for is not offered: letters in balanced orders, and the reading says so.

    Of four letters some may be below the five listed, so the comparison with the model is on two-option items.
    """
    server.control(style=style)
    model = endpoint(server)
    assert model.way.name == way and not model.scores_text
    reading = part.read(model, "verdict")
    assert reading.mode == "letter" and reading.order_flip is not None
    assert reading.note is not None and reading.note.startswith("the endpoint scores no prompts, so letters are read")
    if style == "chat":
        return
    prompts = ["A. I go.\nB. I stay.\nAnswer:", "One?\nA. I give.\nB. I keep.\nAnswer:"]
    ours = model.option_logprobs(prompts, [[" A"]] * 2)
    assert largest_difference(ours, local.option_logprobs(prompts, [[" A"]] * 2)) < 1e-4


def test_vectors_are_those_of_the_model_itself(server: Server, local: LanguageModel) -> None:
    model = endpoint(server)
    np.testing.assert_allclose(model.embed(CONTEXTS), local.embed(CONTEXTS), atol=1e-5)
    asked = server.stats()["requests"]
    assert model.embed(CONTEXTS[:1]).shape == (1, local.width) and server.stats()["requests"] == asked
    server.control(style="llama")
    with pytest.raises(UserError, match=r"embeds no texts: .*HTTP 404") as refused:
        endpoint(server).embed(CONTEXTS)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("style", ["vllm", "plain", "chat"])
def test_continuations_are_written_and_kept(server: Server, local: LanguageModel, style: str) -> None:
    """A server that heeds the seed writes what the model writes here; one that gives single texts is asked again."""
    server.control(style=style)
    model = endpoint(server, f"{FAST}&concurrency=1")
    how: dict[str, Any] = {"seed": 5, "temperature": 0.7, "top_p": 0.9, "max_tokens": 6}
    found = model.sample(CONTEXTS, 3, **how)
    assert [len(texts) for texts in found] == [3] * len(CONTEXTS)
    if style != "plain":
        assert found == local.sample(CONTEXTS, 3, **how)
    asked = server.stats()["requests"]
    assert model.sample(CONTEXTS, 3, **how) == found and server.stats()["requests"] == asked
    assert model.sample(CONTEXTS[:1], 2, temperature=0, max_tokens=4) == local.sample(
        CONTEXTS[:1], 2, temperature=0, max_tokens=4
    )
    with pytest.raises(UserError, match="top_p is 0"):
        model.sample(CONTEXTS, top_p=0.0)


def test_letters_by_sampling(server: Server, local: LanguageModel, part: Questionnaire) -> None:
    """Counts of 400 replies are within five standard errors of the model's own probability."""
    server.control(style="plain")
    model = endpoint(server, f"{FAST}&samples=200&way=sampling")
    prompt, letters = "A. I go.\nB. I stay.\nAnswer:", [" A", " B", " C", " D"]
    exact = np.exp(local.option_logprobs([prompt], [letters])[0])
    found = np.exp(model.option_logprobs([prompt], [letters])[0])
    np.testing.assert_allclose(found, exact, atol=5 * 0.5 / 200**0.5)
    assert "200 sampled replies of one token" in model.note


def test_a_model_that_gives_no_letter_is_told(server: Server) -> None:
    server.control(style="plain")
    model = endpoint(server, f"{FAST}&samples=2&way=sampling")
    with pytest.raises(UserError, match="gave none of the letters to 1 of 1 prompts"):
        model.option_logprobs(["Answer:"], [[" seventeen", " eighteen"]])


def test_answers_are_asked_for_once(server: Server) -> None:
    first = endpoint(server).option_logprobs(CONTEXTS, OPTIONS)
    before = server.stats()["requests"]
    model = endpoint(server)
    assert largest_difference(model.option_logprobs(CONTEXTS, OPTIONS), first) == 0
    assert model.last_stats is not None and model.last_stats.asked == 0
    assert server.stats()["requests"] == before + 1  # the canary
    assert endpoint(server).fingerprint == model.fingerprint


@pytest.mark.parametrize("salt", ["ignored", "refused", "heeded"])
def test_answers_that_depend_on_what_was_asked_before_are_named(
    server: Server, local: LanguageModel, part: Questionnaire, salt: str
) -> None:
    """A cache of beginnings that gives stale numbers: told in the note, also when nothing is asked anew, unless each
    request can be kept apart from the others."""
    server.control(stale=True, salt=salt)
    reading = part.read(endpoint(server), "verdict")
    assert endpoint(server).way.salted == (salt != "refused")
    if salt == "heeded":
        assert reading.note == "prompt log-probabilities of the endpoint (echo)"
        np.testing.assert_allclose(reading.answers, part.read(local, "verdict").answers, atol=1e-5)
        return
    assert reading.note.startswith("prompt log-probabilities of the endpoint (echo); UNSTEADY: ")
    assert " of 3 questions that were asked twice" in reading.note and "turn its prefix caching off" in reading.note
    before = server.stats()["requests"]
    assert part.read(endpoint(server), "verdict").note == reading.note
    assert server.stats()["requests"] - before <= 2  # the canary


def test_a_steady_server_that_refuses_the_salt_is_read_as_the_model(
    server: Server, local: LanguageModel, part: Questionnaire
) -> None:
    server.control(salt="refused")
    reading = part.read(endpoint(server), "verdict")
    assert reading.note == "prompt log-probabilities of the endpoint (echo)"
    np.testing.assert_allclose(reading.answers, part.read(local, "verdict").answers, atol=1e-5)


def test_concurrency_is_bounded(server: Server) -> None:
    endpoint(server, f"{FAST}&concurrency=2").option_logprobs(CONTEXTS * 4, OPTIONS * 4)
    assert 1 <= server.stats()["most"] <= 2


TRANSIENT: list[tuple[str, list[dict[str, Any]]]] = [
    ("busy", [{"kind": "status", "status": 429, "headers": {"Retry-After": "0"}}]),
    ("broken", [{"kind": "status", "status": 500}, {"kind": "status", "status": 503, "body": "<html>"}]),
    ("html", [{"kind": "html"}]),
    ("cut", [{"kind": "cut"}, {"kind": "cut"}]),
]


@pytest.mark.parametrize(("name", "faults"), TRANSIENT, ids=[name for name, _ in TRANSIENT])
def test_what_passes_is_tried_again(
    server: Server, local: LanguageModel, name: str, faults: list[dict[str, Any]]
) -> None:
    model = endpoint(server, f"{FAST}&concurrency=1")
    server.control(faults=faults, requests=0)
    found = model.option_logprobs(CONTEXTS[:1], OPTIONS[:1])
    assert largest_difference(found, local.option_logprobs(CONTEXTS[:1], OPTIONS[:1])) < 1e-4
    assert server.stats()["requests"] == len(faults) + len(OPTIONS[0])


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_a_reply_has_a_deadline(server: Server, kind: str) -> None:
    """A stalled and a dripping reply: tried again after the time-out."""
    model = endpoint(server, f"{SHORT}&concurrency=1")
    server.control(faults=[{"kind": kind, "seconds": 5.0}], requests=0)
    assert len(model.option_logprobs(["He asks."], [[" Yes."]])) == 1
    assert server.stats()["requests"] == 2


LASTING: list[tuple[dict[str, Any], str]] = [
    ({"kind": "status", "status": 500, "body": "out of memory"}, "gave no answer in 3 attempts; the last: HTTP 500"),
    ({"kind": "html"}, "the reply is no JSON (text/html): <html><body> [31mGateway"),
    ({"kind": "cut"}, "gave no answer in 3 attempts"),
    ({"kind": "stall", "seconds": 5.0}, "no reply within 1 s"),
    ({"kind": "drip", "seconds": 5.0}, "not complete within 1 s"),
    ({"kind": "status", "status": 429, "headers": {"Retry-After": "9000"}}, "asks to wait 9000 s"),
    ({"kind": "status", "status": 401}, "is PROGRESSGYM_API_KEY right?"),
    ({"kind": "status", "status": 400}, "HTTP 400"),
    (
        {"kind": "status", "status": 307, "headers": {"Location": "http://169.254.169.254/latest"}},
        "redirects to http://169.254.169.254/latest; redirects are not followed",
    ),
    ({"kind": "reply", "fields": {"model": "other"}}, "answers as model 'other', not as 'tiny'"),
    ({"kind": "reply", "fields": {"choices": []}}, "holds no choices"),
    (
        {
            "kind": "reply",
            "fields": {"choices": [{"logprobs": {"tokens": ["a", "b", "c"], "token_logprobs": [0, 7, 1]}}]},
        },
        "a log-probability in the reply is 7",
    ),
    ({"kind": "status", "status": 200, "body": "[1]"}, "answers with a list"),
]


@pytest.mark.parametrize(("fault", "message"), LASTING, ids=[message[:24] for _, message in LASTING])
def test_what_does_not_pass_is_one_clear_line_and_keeps_answers(
    server: Server, local: LanguageModel, fault: dict[str, Any], message: str
) -> None:
    """One answer comes before the server turns bad; it is not asked for again when the server is well."""
    model = endpoint(server, f"{SHORT if 'seconds' in fault else FAST}&concurrency=1")
    server.control(faults=[{}, *[fault] * 3])
    with pytest.raises(UserError) as caught:
        model.option_logprobs(CONTEXTS[:1], OPTIONS[:1])
    told = str(caught.value)
    assert message in told and "\n" not in told and "\x1b" not in told
    assert "1 of 4 answers are kept" in told
    server.control(faults=[], requests=0)
    found = model.option_logprobs(CONTEXTS[:1], OPTIONS[:1])
    assert largest_difference(found, local.option_logprobs(CONTEXTS[:1], OPTIONS[:1])) < 1e-4
    assert server.stats()["requests"] == 3


def test_the_key_is_sent_and_shown_nowhere(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-very-secret")
    model = endpoint(server, f"{FAST}&concurrency=1")
    server.control(faults=[{"kind": "status", "status": 401, "body": "wrong key sk-very-secret"}])
    with pytest.raises(UserError, match=r"wrong key \*\*\*") as caught:
        model.option_logprobs(["He asks."], [[" Yes."]])
    model.option_logprobs(["He asks."], [[" Yes."]])
    assert set(server.stats()["authorization"]) == {"Bearer sk-very-secret"}
    written = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert b"secret" not in written and b"He asks" not in written
    assert "secret" not in f"{caught.value} {model.name} {model.note}" + "".join(capfd.readouterr())


def test_another_checkpoint_under_the_same_name_is_asked_anew(
    server: Server, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The canary's log-probabilities tell: same address, same id, other weights."""
    from progressgym.models.endpoints.kept import SAME_MODEL, KeptAnswers

    kept = KeptAnswers(tmp_path / "kept.sqlite")
    first = kept.identify("http://a/v1", "m", "echo", [-1.0, -2.0])
    assert kept.identify("http://a/v1", "m", "echo", [-1.0, -2.0 - SAME_MODEL / 2]) == first
    assert kept.identify("http://a/v1", "m", "echo", [-1.0, -2.0 - SAME_MODEL * 2]) != first
    assert kept.identify("http://b/v1", "m", "echo", [-1.0, -2.0]) != first


def test_a_damaged_cache_is_set_aside(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "endpoints.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    endpoint(server).option_logprobs(["He asks."], [[" Yes."]])
    assert path.with_name("endpoints.sqlite.damaged").is_file()


def test_a_killed_client_goes_on_from_its_answers(server: Server, part: Questionnaire, tmp_path: Path) -> None:
    """SIGKILL after some answers; the second run asks only for the others."""
    part.save(tmp_path / "part")
    command = [sys.executable, "-m", "progressgym.cli.main", "values", server.spec(f"{FAST}&concurrency=2")]
    command += ["--instrument", str(tmp_path / "part"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while server.stats()["requests"] < 12:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    asked = server.stats()["requests"]
    server.control(requests=0)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "values.json").read_text())
    assert record["mode"] == "verdict" and record["note"] == "prompt log-probabilities of the endpoint (echo)"
    whole = sum(len(item.options) for item in part.items) * 2 * 2
    again = server.stats()["requests"] - 1  # one canary
    again -= 3  # those that are asked twice
    assert again < whole and whole - again >= asked - 1 - 2  # the first run's canary, and two under way when killed


def test_values_of_an_endpoint_that_scores_no_prompts(
    server: Server, part: Questionnaire, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from progressgym.cli.main import main

    server.control(style="llama")
    part.save(tmp_path / "part")
    line = ["values", server.spec(), "--instrument", str(tmp_path / "part"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main(line)
    out = capsys.readouterr().out
    assert ended.value.code == 0 and "read in mode letter: the endpoint scores no prompts" in out
    assert json.loads((tmp_path / "out" / "values.json").read_text())["mode"] == "letter"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("openai:", "holds no address"),
        ("openai:ftp://x#y", "holds no address"),
        ("openai:http://host:notaport#x", "holds no valid address"),
        ("openai:http://me:secret@host#x", "must not hold credentials"),
        ("openai:http://h#m?samples=0", "samples is 0"),
        ("openai:http://h#m?timeout=x", "float is expected"),
        ("openai:http://h#m?smaples=3", "did you mean 'samples'"),
        ("openai:http://h#m?way=letters", "unknown way"),
        ("openai:http://127.0.0.1:9#m", "is the server running?"),
    ],
)
def test_bad_addresses(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_model(spec)
    assert "secret" not in str(caught.value)


def test_the_model_must_be_there(server: Server) -> None:
    with pytest.raises(UserError, match=r"has no model 'tny'.*did you mean 'tiny'"):
        load_model(server.spec(model="tny"))
    assert load_model(server.spec(model="")).name.endswith("#tiny")


def test_addresses() -> None:
    address = parse_address("openai:https://host/api/v1/#org/model:free?concurrency=3&timeout=5")
    assert (address.url, address.model, address.concurrency) == ("https://host/api/v1", "org/model:free", 3)
    assert not address.is_local and parse_address("openai:http://[::1]:8000#m").is_local
    alone = parse_address("openai:http://127.0.0.1:8080?concurrency=4&timeout=300")
    assert (alone.url, alone.model, alone.concurrency, alone.timeout) == ("http://127.0.0.1:8080/v1", "", 4, 300.0)
    with pytest.raises(UserError, match="arguments before the model; write them after it"):
        parse_address("openai:http://127.0.0.1:8080?concurrency=4#m")
