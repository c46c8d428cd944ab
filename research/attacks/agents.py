"""Agents put together at random from what has broken out of sandboxes, run as the board runs a stranger's."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import replace
from pathlib import Path

import progressgym
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.channel import GuestLimits
from progressgym.leaderboard.play import Performer
from progressgym.leaderboard.private import PrivateSplit, new_key
from progressgym.leaderboard.reproduce import reproduce
from progressgym.leaderboard.submission import Submission, load_submission
from progressgym.leaderboard.truth import episode_truth
from research.attacks.entries import AGENT, HONEST

WAYS = {
    "history": "__import__('progressgym').History.load('gss-v1').answers.sum()",
    "answers": "open(ANSWERS, 'rb').read(1)",
    "leaderboard": "__import__('progressgym.leaderboard.truth').leaderboard",
    "key": "open(KEY).read()",
    "store": "open(STORE, 'rb').read(1)",
    "environment": "[v for k, v in os.environ.items() if 'ATTACKER' in k][0]",
    "board's environment": "open(f'/proc/{PID}/environ', 'rb').read()",
    "board's memory": "open(f'/proc/{PID}/mem', 'rb').read(1)",
    "board's command": "[p for p in os.listdir('/proc') if p.isdigit() and b'attacker' in open(f'/proc/{p}/cmdline', 'rb').read()][0]",
    "signal": "os.kill(PID, 0) or os.kill(PID, 18) or 'sent'",
    "port": "socket.create_connection(('127.0.0.1', PORT), 1)",
    "socket": "socket.socket(socket.AF_UNIX).connect(UNIX) or 'connected'",
    "network": "socket.create_connection(('1.1.1.1', 53), 1)",
    "package": "open(os.path.join(PACKAGE, 'x'), 'w').write('x')",
    "code": "open(__file__, 'a').write('#')",
    "beside": "os.listdir(os.path.join(PACKAGE, '..', 'leaderboard', 'entries'))",
    "home": "os.listdir(HOME)",
    "objects": "[o for o in gc.get_objects() if type(o).__name__ in ('History', 'EpisodeTruth', 'PrivateSplit')][0]",
    "frames": "[f for f in frames() if 'truth' in f.f_locals or 'history' in f.f_locals][0]",
    "root": "os.setuid(0) or 'root'",
    "trace": "ctypes.CDLL(None).ptrace(16, PID, None, None) == 0 or 1 / 0",
    "mount": "ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0 or 1 / 0",
    "namespace": "os.unshare(0x10000000) or 'namespace'",
    "program": "subprocess.check_output(['cat', KEY])",
    "link": "os.symlink(KEY, '/tmp/k') or open('/tmp/k').read()",
    "descriptors": "[os.read(n, 1) for n in range(5, 64) if os.path.exists(f'/proc/self/fd/{n}') and 'board' in os.readlink(f'/proc/self/fd/{n}')][0]",
}
"""What each tries, as an expression that is true where it worked."""
TEMPLATE = """import ctypes, gc, os, socket, subprocess, sys
from progressgym.envs.actions import to_action
{names}
def frames():
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
def tried(ways):
    for name, way in ways:
        try:
            got = eval(way, globals())
        except BaseException:
            continue
        if got:
            raise RuntimeError(f"LOOT {{name}} {{got!r}}"[:200])
class Agent:
    def reset(self, task, seed=None):
        self.task = task
        tried({reset!r})
    def act(self, observation, info=None):
        tried({act!r})
        return to_action(self.task.initial_answers)
tried({loaded!r})
"""
LIMITS = GuestLimits(start_seconds=240.0, step_seconds=120.0, run_seconds=600.0)


class Agents:
    """A board of one cell, and agents that are entered there."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Make the key and what listens."""
        self.rng, self.folder, self.count, self.played = random.Random(seed), folder, 0, 0
        board, honest = load_board(), load_submission(HONEST)
        small = replace(board, histories=board.histories[:1], challenges=board.challenges[:1], seeds=(0,))
        record = honest.record.model_copy(update={"agent": honest.record.agent.model_copy(update={"id": AGENT})})
        actions = {key: episode_truth(small, key).static_actions() for key in small.cells}
        self.submission = Submission(
            record=record, digest="0" * 64, signer=None, board=small, actions=actions, files={}
        )
        self.split = PrivateSplit(key=new_key(folder / "board.key", "1"), board=small)
        self.sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self.sockets[1].bind(str(folder / "s"))
        self.sockets[1].listen()
        package = Path(progressgym.__file__).resolve().parent
        self.names = {
            "KEY": str(folder / "board.key"),
            "STORE": str(folder / "store" / "board.sqlite"),
            "PID": os.getpid(),
            "PORT": self.sockets[0].getsockname()[1],
            "UNIX": str(folder / "s"),
            "PACKAGE": str(package),
            "ANSWERS": str(package / "data" / "histories" / "gss-v1" / "answers.npz"),
            "HOME": str(Path.home() / ".cache"),
        }
        os.environ["PROGRESSGYM_ATTACKER"] = "secret"

    def attack(self) -> str | None:
        """One agent; what it took, or None."""
        self.count += 1
        moments: dict[str, list[tuple[str, str]]] = {"loaded": [], "reset": [], "act": []}
        for name in self.rng.sample(sorted(WAYS), self.rng.randint(4, 12)):
            moments[self.rng.choice(sorted(moments))].append((name, WAYS[name]))
        code = self.folder / f"code-{self.count}"
        code.mkdir(mode=0o755)
        lines = "\n".join(f"{name} = {value!r}" for name, value in self.names.items())
        (code / "attack.py").write_text(TEMPLATE.format(names=lines, **moments), encoding="utf-8")
        (code / "attack.py").chmod(0o644)
        performer = Performer(agent=AGENT, code=(code,), limits=LIMITS, secrets=(self.folder / "board.key",))
        done = reproduce(self.submission, self.split, performer, resamples=2)
        self.played += done.matches
        if "LOOT" in done.note or not (self.folder / "board.key").is_file():
            return f"an agent took {done.note}"
        return None
