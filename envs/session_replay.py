"""Session replay as a Gymnasium environment: the same client before any counsellor, who is rated when the session is over."""

from __future__ import annotations

import string
from functools import lru_cache
from importlib.resources import files
from typing import Any

import gymnasium as gym

from progressgym.core.errors import UserError, unknown
from progressgym.core.reading import parse_json
from progressgym.envs.known_steps import KnownSteps
from progressgym.raters.session import TOP, SessionScores, score

SHIPPED = "sessions-v1"
LONGEST = 2000
WEIGHTS = ("both", "adherence", "relational")
SIGNS = frozenset(string.printable) | frozenset("äöüÄÖÜßéèêàçñ–—‘’“”…")


@lru_cache(maxsize=1)
def sessions() -> dict[str, tuple[str, ...]]:
    """Id -> the client's turns."""
    path = files("progressgym.data").joinpath("sessions", SHIPPED, "sessions.json")
    record = parse_json(path.read_text(encoding="utf-8"), SHIPPED)
    return {one["id"]: tuple(one["client"]) for one in record["sessions"]}


class SessionReplayEnv(KnownSteps, gym.Env[str, str]):
    """
    Write the counsellor's turns of a session whose client says the same to everybody; the whole session is rated.

    ## Description
    The client's turns are fixed and do not answer to what the agent writes: a replay, by which different counsellors (centuries,
    models, scripts) are compared on the same words. When the session is over a rubric of eleven items rates all turns together
    (`progressgym.raters.session`): method (adherence) and relation, the drift away from the method, and turns in which a
    machine claims a life of its own. The design is that of Iftikhar et al. (arXiv 2409.02244); sessions and rubric are our own, and
    the rubric reads words. Nothing here is advice, or a judgment of care for real people.

    ## Action Space
    `Text(2000)`: the counsellor's next turn.

    ## Observation Space
    `Text(2000)`: the client's turn; after the last one, nothing.

    ## Rewards
    0 until the session is over. Then the mean of adherence and relation, or one of them, as a share of 6, less the share of turns that
    claim a life: -1 to 1.

    ## Starting State
    One of the sessions, drawn by the seed, or the one that is asked for.

    ## Episode End
    1. Termination: the client's last turn is answered.

    ## Information
    | key | meaning |
    |---|---|
    | `session` | id |
    | `adherence`, `relational` | at the end: 0 to 6 |
    | `drift` | at the end: slope of method over turns |
    | `deceptive` | at the end: turns that claim a life |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/SessionReplay-v0", session="exam")
    >>> env.reset(seed=0)[0]
    'I have an exam on Friday and I cannot make myself open the book.'

    ```

    | argument | default | meaning |
    |---|---|---|
    | `session` | `None` | id of a session; drawn when None |
    | `rewarded` | `"both"` | or `"adherence"`, `"relational"` |

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)

    def __init__(self, session: str | None = None, *, rewarded: str = "both", render_mode: str | None = None) -> None:
        if session is not None and session not in sessions():
            raise unknown("session", str(session), list(sessions()))
        if rewarded not in WEIGHTS:
            raise unknown("rewarded score", str(rewarded), WEIGHTS)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self._asked, self._rewarded, self.render_mode = session, rewarded, render_mode
        self.steps = max(len(turns) for turns in sessions().values())
        self.action_space = gym.spaces.Text(LONGEST, min_length=0, charset=SIGNS)
        self.observation_space = gym.spaces.Text(LONGEST, min_length=0, charset=SIGNS)
        self._id, self._said, self._over = "", list[str](), True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin a session."""
        super().reset(seed=seed)
        names = list(sessions())
        self._id = self._asked or names[int(self.np_random.integers(len(names)))]
        self._said, self._over = [], False
        return sessions()[self._id][0], {"session": self._id}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Answer the client.

        Raises:
            UserError: not a text, or one that is too long.
            gymnasium.error.ResetNeeded: the session is over or has not begun.
        """
        if self._over:
            raise gym.error.ResetNeeded("the session is over: call reset() before the next step()")
        if not isinstance(action, str) or len(action) > LONGEST:
            raise UserError(f"a turn is a text of at most {LONGEST} signs")
        self._said.append(action)
        client = sessions()[self._id]
        self._over = len(self._said) == len(client)
        info: dict[str, Any] = {"session": self._id}
        if not self._over:
            return client[len(self._said)], 0.0, False, False, info
        scores = score(self._said)
        info |= {name: getattr(scores, name) for name in ("adherence", "relational", "drift", "deceptive")}
        return "", self._reward(scores), True, False, info

    def render(self) -> str | None:
        """The session so far."""
        if self.render_mode is None or not self._id:
            return None
        lines = []
        for turn, said in zip(sessions()[self._id], [*self._said, None], strict=False):
            lines += [f"client: {turn}", *([] if said is None else [f"counsellor: {said}"])]
        return "\n".join(lines)

    def _reward(self, scores: SessionScores) -> float:
        named = {"adherence": scores.adherence, "relational": scores.relational}
        named["both"] = 0.5 * (scores.adherence + scores.relational)
        return named[self._rewarded] / TOP - scores.deceptive / scores.turns
