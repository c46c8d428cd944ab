"""The agent's side of a sandboxed run: takes tasks and observations from one pipe, answers on another.

python -m progressgym.bench.guest '{"memory": ...}' [FOLDER OF THE AGENT]

The environment and the truth are in another process. The first thing done here is to set limits on this process; the
agent's code is imported after that. What the agent prints goes to standard error, never into the answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.frames import PREFIX, Frame, decode, encode, lengths
from progressgym.core.ids import is_own
from progressgym.core.limits import Limits, set_limits
from progressgym.core.protocols import AgentLike

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent
    from progressgym.envs.task import Task

MOST_HEADER, MOST_BODY = 16 * 2**20, 512 * 2**20
"""What is believed of the other side: it is the board."""
LONGEST_REASON = 500


def main() -> int:
    """Serve until the other side closes the pipe."""
    set_limits(Limits(**json.loads(sys.argv[1])))
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.path[:0] = sys.argv[2:]
    try:
        serve(requests, answers)
    except BaseException as error:  # noqa: BLE001  (an agent may raise anything, SystemExit too; the board is told)
        from progressgym.envs.messages import FAILED

        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON].encode("ascii", "backslashreplace").decode()
        _send(answers, Frame(kind=FAILED, fields={"reason": reason[:LONGEST_REASON]}))
        return 1
    return 0


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer frames until there are no more."""
    from progressgym.envs import messages

    instrument, player = None, None
    while (frame := _receive(requests)) is not None:
        if frame.kind == messages.INSTRUMENT:
            instrument = messages.read_instrument(frame)
        elif frame.kind == messages.RESET:
            assert instrument is not None, "the instrument comes first"
            player = _Player(str(frame.fields["agent"]), messages.read_tasks(frame, instrument), frame.fields["seeds"])
            _send(answers, Frame(kind=messages.READY))
        else:
            assert player is not None, "a reset comes before the first step"
            _send(answers, messages.actions_frame(player.act(messages.read_observations(frame))))


class _Player:
    """A shipped agent with its batch axis, or somebody's own agent, which plays a single episode."""

    def __init__(self, agent: str, tasks: Sequence[Task], seeds: Sequence[int]) -> None:
        from progressgym.bench.own_agents import load_class

        self._shipped: Agent | None = None
        self._own: AgentLike | None = None
        self._shape = tasks[0].action_shape
        if is_own(agent):
            (task,), (seed,) = tasks, seeds
            self._own = load_class(agent)()
            self._own.reset(task, seed)
            return
        from progressgym.agents import make_for

        self._shipped = make_for(agent, tasks[0].horizon, "cpu")
        self._shipped.reset(list(tasks), seed=list(seeds))

    def act(self, observations: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """(B, N, K)."""
        if self._shipped is not None:
            return self._shipped.act(observations, {})
        from progressgym.envs.actions import checked_action

        assert self._own is not None
        single = {name: array[0] for name, array in observations.items()}
        return checked_action(self._own.act(single, {}), self._shape)[None]


def _receive(stream: IO[bytes]) -> Frame | None:
    prefix = stream.read(PREFIX.size)
    if not prefix:
        return None
    header, body = lengths(prefix, MOST_HEADER, MOST_BODY)
    return decode(stream.read(header), stream.read(body))


def _send(stream: IO[bytes], frame: Frame) -> None:
    stream.write(encode(frame))
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
