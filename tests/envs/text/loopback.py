"""A model behind a server on loopback that speaks OpenAI's chat completions and answers from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve(answer: Callable[[str], str]) -> Iterator[str]:
    """Serve what `answer` says to the last message; yields the URL of the interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = answer(asked["messages"][-1]["content"])
            stream = asked.get("stream", False)
            said = {"role": "assistant", "content": text}
            choice = {"index": 0, "finish_reason": "stop", "delta" if stream else "message": said}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            kind = "chat.completion.chunk" if stream else "chat.completion"
            body = {
                "id": "1",
                "object": kind,
                "created": 0,
                "model": asked["model"],
                "choices": [choice],
                "usage": usage,
            }
            line = json.dumps(body)
            sent = (f"data: {line}\n\ndata: [DONE]\n\n" if stream else line).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
