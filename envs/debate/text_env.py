"""One side of a debate in text as a Gymnasium environment, against an opponent that computes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import unknown
from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.rules import look_ahead
from progressgym.envs.debate.table import check_render_mode
from progressgym.envs.debate.text_table import TextTable
from progressgym.envs.text.prompts import LONGEST
from progressgym.envs.text.spaces import AnyText

OPPONENTS = ("greedy", "random")


class DebateTextEnv(gym.Env[str, str]):
    """
    One side of a debate as a dialogue, for language models, against an opponent that computes.

    ## Description
    The game of `ProgressGym/Debate-v0` from debater 0's side, with the same cases and openers for the same seed. Which decision it argues
    for and who opens is drawn. With two models that both learn: `pettingzoo.make("aec", "ProgressGym/DebateText-v0")`.

    ## Action Space
    `Text(1500)`: one piece, by its number or by its own text. What cannot be read has an outcome too:

    | outcome | when | what happens |
    |---|---|---|
    | `number`, `piece` | read | the piece is shown |
    | `missing`, `twice`, `unreadable` | nothing, more than one line, or no piece's number or text | the debate is forfeited |
    | `shown` | a piece that is on the table | the same |
    | `too long` | more signs than any piece could need | the same |

    ## Observation Space
    `Text(1000000)`: the prompt. No completion ever gets into one. The last observation is `The episode is over.`

    ## Rewards
    Those of debater 0 in `ProgressGym/Debate-v0` with `"sign"` or `"shaped"`, with what the opponent's answer changed. A forfeit pays as if the
    judge had found infinitely for the other side: no play gets less.

    ## Starting State
    As in `ProgressGym/Debate-v0`; where the opponent opens, it has shown its first piece.

    ## Episode End
    1. Termination: L pieces were shown, or the debate was forfeited. Never truncated.

    ## Information
    | key | meaning |
    |---|---|
    | `outcomes` | list of one: what became of the completion |
    | `ruling` | at the end 1, -1 or 0: won, lost or neither |
    | `margin` | at the end, where the judge ruled: by how much it was |
    | `forfeit` | at the end, True where it was forfeited |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/DebateText-v0", opponent="greedy", opening="second")
    >>> prompt, info = env.reset(seed=1)
    >>> print(prompt.splitlines()[4])
    The other debater showed: vasopressors is off
    >>> prompt, reward, terminated, truncated, info = env.step("oxygen is normal")
    >>> info["outcomes"], terminated
    (['piece'], False)

    ```

    | argument | default | meaning |
    |---|---|---|
    | `opponent` | `"greedy"` | shows the piece after which it leads most; `"random"`: any |

    and those of `ProgressGym/Debate-v0`; `payoff` is `"sign"` or `"shaped"`, and `repeats` is of no effect.

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array", "human"], "render_fps": 2}  # noqa: RUF012

    def __init__(
        self,
        domain: str | Domain = "simulator",
        judge: Judge | None = None,
        *,
        opponent: str = "greedy",
        render_mode: str | None = None,
        **rules: Any,
    ) -> None:
        """Make one.

        Raises:
            UserError: an unknown opponent, or what `DebateConfig` refuses.
        """
        if opponent not in OPPONENTS:
            raise unknown("opponent", str(opponent), OPPONENTS)
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.opponent = opponent
        self.table = TextTable(DebateConfig(domain=domain, judge=judge, **rules))
        _, self.action_space, _ = self.table.spaces()
        self.observation_space = AnyText(LONGEST)

    @property
    def steps(self) -> int:
        """Completions of an episode that is not forfeited."""
        turns = self.table.rules.turns
        return turns if self.table.rules.order == "solo" else turns // 2

    @property
    def calls(self) -> int:
        """The same, as the environments in text name it."""
        return self.steps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin a debate; `options={"cases": ...}` debates a given case."""
        super().reset(seed=seed)
        self.table.reset(seed, options)
        self._answer()
        self._show()
        return self.table.prompt(0), {"outcomes": []}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take a completion, and let the opponent answer.

        Raises:
            UserError: the action is no text. Whatever a text says has an outcome.
            gymnasium.error.ResetNeeded: the debate is over or has not begun.
        """
        if self.table.done:
            raise gym.error.ResetNeeded("the debate is over: call reset() before the next step()")
        gain = self.table.show(action)
        gain += self._answer()
        done = self.table.done
        info = {"outcomes": [self.table.outcomes[0]], **(self.table.info() if done else {})}
        self._show()
        return self.table.prompt(0), gain, done, False, info

    def render(self) -> Any:
        """The transcript: text for `ansi`, an RGB array for `rgb_array`, printed for `human`."""
        return self.table.render(self.render_mode)

    def _answer(self) -> float:
        """The opponent's turns until it is debater 0's; returns what debater 0 gets."""
        gain = 0.0
        while not self.table.done and self.table.mover == 1:
            gain += self.table.put(self._choose())
        return gain

    @property
    def greedy(self) -> str:
        """What the greedy debater would say in the model's place: for judges and for expert traces."""
        return str(self._best(0) + 1)

    def _choose(self) -> int:
        """The piece that the opponent shows."""
        if self.opponent == "random":
            return int(self.np_random.choice(np.flatnonzero(~self.table.revealed[0])))
        return self._best(1)

    def _best(self, side: int) -> int:
        """The piece after which a side leads most, the first of equals."""
        revealed = self.table.revealed
        lead = (1.0 - 2.0 * side) * look_ahead(self.table.judge, self.table.cases, revealed)[0]
        return int(np.where(revealed[0], -np.inf, lead).argmax())

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()
