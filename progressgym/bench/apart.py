"""Own agents in a process of their own: whatever they do to it, the benchmark goes on.

python -m progressgym.bench.apart MODULE:CLASS

An agent may call `sys.exit`, take its process down or be killed for lack of memory. So strangers' code is imported and
run here only, one whole episode at a time: a request comes in as a frame, actions or a reason go out as one. What the
agent prints goes to standard error, never into results.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import traceback
import weakref
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.bench.own_agents import code_hash, load_class
from progressgym.core.errors import UserError
from progressgym.core.frames import PREFIX, Frame, decode, encode, lengths
from progressgym.core.processes import end_with_parent

ATTEMPTS = 2
"""How often an episode may take the process down before it is given up."""
MOST_HEADER, MOST_BODY = 2**20, 512 * 2**20
READY, PLAY, ACTIONS, FAILED = "ready", "play", "actions", "failed"


class Gone(UserError):
    """An agent ended its process."""


def check(agent: str) -> None:
    """See that an own agent can be imported and has the methods of an agent.

    Raises:
        UserError: it cannot, or has not.
    """
    try:
        _process(agent, code_hash(agent)).ready()
    except Gone as error:
        _process.cache_clear()
        raise UserError(f"agent {agent!r}: importing its module failed: {error}") from None


def play(agent: str, challenge: str, spec: str, seed: int) -> NDArray[np.float32]:
    """Run an own agent through one episode.

    Args:
        agent: `module:Class`.
        challenge: id of the challenge.
        spec: of the history.
        seed: of the episode.

    Returns:
        (n, N, K) actions.

    Raises:
        UserError: what the agent did instead of playing.
        Gone: it ended its process, every time.
    """
    request = Frame(kind=PLAY, fields={"challenge": challenge, "history": spec, "seed": seed})
    for attempt in range(ATTEMPTS):
        process = _process(agent, code_hash(agent))
        try:
            process.ready()
            return process.ask(request).arrays["actions"]
        except Gone:
            _process.cache_clear()
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("every attempt returns or raises")


class _Process:
    """One process with one agent."""

    def __init__(self, agent: str) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *filter(None, sys.path)])}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "progressgym.bench.apart", agent, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._ready: Frame | None = None
        weakref.finalize(self, _end, self._child)

    def ready(self) -> None:
        """Wait until the agent's class is there."""
        if self._ready is None:
            self._ready = self._answer()
        _raise_failure(self._ready)

    def ask(self, frame: Frame) -> Frame:
        """Send a request and wait for what comes back."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(encode(frame))
            self._child.stdin.flush()
        answer = self._answer()
        _raise_failure(answer)
        return answer

    def _answer(self) -> Frame:
        assert self._child.stdout is not None
        frame = _receive(self._child.stdout)
        if frame is not None:
            return frame
        _end(self._child)
        raise Gone(_how_it_ended(self._child.returncode))


@lru_cache(maxsize=4)
def _process(agent: str, digest: str | None) -> _Process:
    """The process of an agent, kept for its next episode among those of the last few; another source is another agent."""
    return _Process(agent)


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, perhaps for lack of memory"
    if code < 0:
        return f"its process was ended by signal {-code}"
    return f"the agent ended its process (exit code {code})"


def _end(child: subprocess.Popen[bytes]) -> None:
    """Take a process away; one that has closed its pipe gets a moment to end by itself, so that its code is its own."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        child.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _raise_failure(answer: Frame) -> None:
    if answer.kind == FAILED:
        raise UserError(str(answer.fields["reason"]))


# The agent's side.


def main() -> None:
    """Serve episodes until the other side closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(int(sys.argv[2]))
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    agent = sys.argv[1]
    _send(answers, _attempt(partial(_load, agent)))
    while (frame := _receive(requests)) is not None:
        _send(answers, _attempt(partial(_play, agent, frame.fields)))


def _attempt(work: Callable[[], Frame]) -> Frame:
    """What came of some work of the agent's, or why nothing did."""
    try:
        return work()
    except BaseException as error:  # noqa: BLE001  (also sys.exit and what an agent calls an interrupt: its cell fails)
        return Frame(kind=FAILED, fields={"reason": _reason(error)})


def _load(agent: str) -> Frame:
    load_class(agent)
    return Frame(kind=READY)


def _play(agent: str, fields: Mapping[str, Any]) -> Frame:
    from progressgym.bench.challenges import parse_challenge
    from progressgym.bench.episodes import environments, run_single
    from progressgym.bench.threads import one_thread
    from progressgym.histories.source import resolve_history

    spec = fields["history"]
    env = environments(parse_challenge(fields["challenge"]), resolve_history(spec), spec, 1)[0]
    with one_thread():
        actions = run_single(load_class(agent)(), env, fields["seed"])
    return Frame(kind=ACTIONS, arrays={"actions": actions})


def _reason(error: BaseException) -> str:
    """One line: what happened, and where in whose code."""
    text = ""
    with contextlib.suppress(BaseException):  # its own way to tell itself may fail as well
        text = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
    if isinstance(error, UserError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text or 'without a word'}{where}"


def _receive(stream: IO[bytes]) -> Frame | None:
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header, body = lengths(prefix, MOST_HEADER, MOST_BODY)
    parts = stream.read(header), stream.read(body)
    return decode(*parts) if (len(parts[0]), len(parts[1])) == (header, body) else None


def _send(stream: IO[bytes], frame: Frame) -> None:
    stream.write(encode(frame))
    stream.flush()


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the agent has closed the pipe
        main()
