"""A real HTTP server, in a process of its own, that wraps a tiny model and answers as vLLM, llama.cpp and others do.

    python -m tests.models.endpoints.server MODEL_FOLDER --port-file FILE

It also misbehaves when it is told to: POST /control with `faults`, one for each of the next completions.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from progressgym.models import load_language_model

torch.set_num_threads(1)
STYLES = ("vllm", "vllm-prompt", "llama", "chat", "plain")
"""What is offered: echo; prompt_logprobs only; top_logprobs in llama.cpp's shape; the same for chat; text only."""


class State:
    """What the server holds."""

    def __init__(self, folder: Path) -> None:
        self.lm = load_language_model(folder, device="cpu", dtype="float32")
        self.lock = threading.Lock()
        self.faults: list[dict[str, Any]] = []
        self.style = "vllm"
        self.model = "tiny"
        self.stale = False
        """Whether a text's beginning gets the numbers of whatever was asked last with the same beginning."""
        self.salt = "ignored"
        """What becomes of `cache_salt`: ignored, heeded or refused."""
        self.last: dict[str, list[float | None]] = {}
        self.requests = 0
        self.under_way = 0
        self.most = 0
        self.authorization: list[str | None] = []

    def log_probabilities(self, ids: list[int]) -> Any:
        """(L, V)."""
        with self.lock, torch.inference_mode():
            return torch.log_softmax(self.lm.model(input_ids=torch.tensor([ids])).logits[0].double(), -1)

    def embed(self, text: str) -> list[float]:
        with self.lock:
            vector: list[float] = self.lm.embed([text])[0].tolist()
        return vector


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one packet a reply: two would wait for each other's acknowledgement
    state: State

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        state = self.state
        if self.path == "/v1/models":
            self.reply(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})
        elif self.path == "/stats":
            stats = {"requests": state.requests, "most": state.most, "authorization": state.authorization}
            self.reply(200, stats)
        else:
            self.reply(404, {"error": {"message": "no such page"}})

    def do_POST(self) -> None:
        state = self.state
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            for name, value in payload.items():
                setattr(state, name, value)
            self.reply(200, {})
            return
        with state.lock:
            state.requests += 1
            state.under_way += 1
            state.most = max(state.most, state.under_way)
            state.authorization.append(self.headers.get("Authorization"))
            fault = state.faults.pop(0) if state.faults else {}
        try:
            self.answer(payload, fault)
        finally:
            with state.lock:
                state.under_way -= 1

    def answer(self, payload: dict[str, Any], fault: dict[str, Any]) -> None:
        kind = fault.get("kind")
        if kind == "stall":
            time.sleep(fault["seconds"])
        if kind == "status":
            self.reply(fault["status"], fault.get("body", {"error": {"message": "not now"}}), fault.get("headers"))
        elif kind == "html":
            self.send(200, "text/html", b"<html><body>\x1b[31mGateway</body></html>")
        elif kind == "drip":
            self.drip(fault["seconds"])
        elif kind == "cut":
            self.send(200, "application/json", b'{"model": "tiny", "choices": [', length=5000)
            self.close_connection = True
        else:
            done = self.complete(payload)
            if kind == "reply":
                done = (200, {**done[1], **fault["fields"]})
            self.reply(*done)

    def complete(self, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        chat, style = self.path == "/v1/chat/completions", self.state.style
        if self.path == "/v1/embeddings" and style == "vllm":
            vector = self.state.embed(payload["input"])
            return 200, {"model": self.state.model, "data": [{"index": 0, "embedding": vector}]}
        if self.path not in ("/v1/completions", "/v1/chat/completions") or (chat and style != "chat"):
            return 404, {"error": {"message": "not found"}}
        if not chat and style == "chat":
            return 404, {"error": {"message": "chat only"}}
        if "cache_salt" in payload and self.state.salt == "refused":
            return 400, {"error": {"message": "extra inputs are not permitted: cache_salt"}}
        text = payload["messages"][0]["content"] if chat else payload["prompt"]
        if payload.get("max_tokens", 1) > 1:
            return 200, {"model": self.state.model, "choices": self.write(text, payload, chat)}
        ids = self.state.lm.tokenizer(text)["input_ids"]
        logs = self.state.log_probabilities(ids)
        made = int(logs[-1].argmax())
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        if payload.get("echo"):
            if style == "llama":
                return 500, {"error": {"message": "Only no echo is supported"}}
            if style == "vllm":
                choice["logprobs"] = self.echo(ids, logs, made)
                if self.state.stale:
                    salt = payload.get("cache_salt", "") if self.state.salt == "heeded" else ""
                    choice["logprobs"]["token_logprobs"] = self.cached(salt + text[:8], choice["logprobs"])
        if payload.get("prompt_logprobs") is not None and style == "vllm-prompt":
            choice["prompt_logprobs"] = self.prompt_logprobs(ids, logs)
        if style in ("llama", "chat") and (top := payload.get("top_logprobs") or payload.get("logprobs")):
            if top > 10:
                return 400, {"error": {"message": "logprobs must be at most 10"}}
            best = logs[-1].topk(int(top))
            listed = [
                {"token": self.decode(i, chat), "logprob": float(v)}
                for v, i in zip(best.values, best.indices, strict=True)
            ]
            choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]}
        choices = []
        for number in range(1 if style == "plain" else payload.get("n", 1)):
            said = made
            if payload.get("temperature"):
                generator = torch.Generator().manual_seed(payload.get("seed", 0) * 1000 + number)
                said = int(torch.multinomial(logs[-1].exp(), 1, generator=generator))
            reply = self.decode(said, chat)
            choices.append(choice | ({"message": {"content": reply}} if chat else {"text": reply}))
        usage = {"prompt_tokens": len(ids), "completion_tokens": 1}
        return 200, {"model": self.state.model, "choices": choices, "usage": usage}

    def write(self, text: str, payload: dict[str, Any], chat: bool) -> list[dict[str, Any]]:
        asked = {name: payload[name] for name in ("seed", "temperature", "top_p", "max_tokens")}
        count = 1 if self.state.style == "plain" else payload.get("n", 1)
        with self.state.lock:
            (said,) = self.state.lm.sample([text], count, **asked)
        return [{"message": {"content": reply}} if chat else {"text": reply} for reply in said]

    def decode(self, token: int, chat: bool = False) -> str:
        text = str(self.state.lm.tokenizer.decode([token]))
        return text.strip() if chat else text

    def echo(self, ids: list[int], logs: Any, made: int) -> dict[str, Any]:
        values = [None, *(float(logs[j, token]) for j, token in enumerate(ids[1:])), float(logs[-1, made])]
        return {"tokens": [self.decode(token) for token in [*ids, made]], "token_logprobs": values, "top_logprobs": []}

    def cached(self, beginning: str, own: dict[str, Any]) -> list[float | None]:
        """A text's numbers, those of another one in front of them where that has the same beginning."""
        true: list[float | None] = own["token_logprobs"]
        with self.state.lock:
            before = self.state.last.get(beginning, true)
            self.state.last[beginning] = true
        return [*before[: len(true) - 1], *true[len(before[: len(true) - 1]) :]]

    def prompt_logprobs(self, ids: list[int], logs: Any) -> list[Any]:
        return [
            None,
            *(
                {str(token): {"logprob": float(logs[j, token]), "rank": 1, "decoded_token": self.decode(token)}}
                for j, token in enumerate(ids[1:])
            ),
        ]

    def drip(self, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.02)
        self.close_connection = True

    def reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send(status, "application/json", body, headers=headers)

    def send(
        self, status: int, kind: str, body: bytes, length: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port-file", type=Path, required=True)
    given = parser.parse_args()
    Handler.state = State(given.folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    given.port_file.with_suffix(".tmp").write_text(str(server.server_address[1]))
    given.port_file.with_suffix(".tmp").rename(given.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
