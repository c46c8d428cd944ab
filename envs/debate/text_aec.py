"""Debate in text as a PettingZoo environment of turns."""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from progressgym.core.debate import Domain, Judge
from progressgym.envs.debate import aec
from progressgym.envs.debate.text_table import TextTable


class raw_env(aec.raw_env):
    """
    Debate as a dialogue, for language models: each debater is asked in words which piece of evidence to show.

    ## Description
    The game of `ProgressGym/Debate-v0`, with the same cases and openers for the same seed. What a debater is asked tells the case, the
    decision that it argues for, what has been shown, and what may be. Pieces that are named are those of the numeric game, and
    get its rewards to the last bit.

    ## Action Space
    `Text(1500)`: one piece, by its number or by its own text. What cannot be read has an outcome too:

    | outcome | when | what happens |
    |---|---|---|
    | `number`, `piece` | read | the piece is shown |
    | `missing`, `twice`, `unreadable` | nothing, more than one line, or no piece's number or text | the debater forfeits |
    | `shown` | a piece that is on the table | the same |
    | `too long` | more signs than any piece could need | the same |

    ## Observation Space
    That of `ProgressGym/Debate-v0`, and

    | key | space | meaning |
    |---|---|---|
    | `prompt` | `Text(1000000)` | what the debater is asked; no completion ever gets into one; after the end `The episode is over.` |

    `state()` is that of `ProgressGym/Debate-v0`.

    ## Rewards
    As in `ProgressGym/Debate-v0` with `"sign"` or `"shaped"`. A forfeit pays as if the judge had found infinitely for the other side: -1, or
    minus all that the case gave at its start. No play gets less, so that what cannot be read is no way to pass a turn.

    ## Starting State
    As in `ProgressGym/Debate-v0`.

    ## Episode End
    1. Termination: L pieces were shown, or a debater forfeited.

    Never truncated.

    ## Information
    | key | meaning |
    |---|---|
    | `outcome` | what became of the debater's last completion |
    | `ruling` | at the end 1 for debater 0, -1 for debater 1, 0 for neither |
    | `margin` | at the end, where the judge ruled: by how much debater 0 leads |
    | `forfeit` | at the end, True where one side forfeited |

    ## Arguments
    ```pycon
    >>> import pettingzoo, progressgym
    >>> env = pettingzoo.make("aec", "ProgressGym/DebateText-v0", render_mode="ansi", opening="first")
    >>> env.reset(seed=1)
    >>> print(env.last()[0]["prompt"])
    A patient with sepsis. Which treatment is right for the next hours?
    You argue for: antibiotics, vasopressors and ventilation
    The other debater argues for: antibiotics and ventilation
    <BLANKLINE>
    Nothing has been shown yet.
    <BLANKLINE>
    Pieces of evidence that may be shown, 4 of them before a judge rules:
    1. heart rate is normal
    2. blood pressure is low
    3. oxygen is normal
    4. glucose is normal
    5. antibiotics is off
    6. vasopressors is off
    7. ventilation is off
    <BLANKLINE>
    The judge sees the pieces that were shown and nothing else. Show the piece that helps you most: its number and nothing else.
    Answer:
    >>> env.step("2")
    >>> env.step("I would rather not say.")
    >>> env.infos["debater_1"]
    {'ruling': 1, 'forfeit': True, 'outcome': 'unreadable'}

    ```

    Those of `ProgressGym/Debate-v0`; `payoff` is `"sign"` or `"shaped"`, and `repeats` is of no effect.

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {**aec.raw_env.metadata, "name": "debate_text_v0"}  # noqa: RUF012  (PettingZoo declares it so)
    table_type = TextTable
    table: TextTable

    def step(self, action: Any) -> None:
        """Take the completion of the debater whose turn it is.

        Raises:
            UserError: the action is no text; a judge that gives no finite scores.
        """
        super().step(action)
        for side, agent in enumerate(self.possible_agents):
            if agent in self.infos and side in self.table.outcomes:
                self.infos[agent] = {**self.infos[agent], "outcome": self.table.outcomes[side]}


def env(
    domain: str | Domain = "simulator", judge: Judge | None = None, *, render_mode: str | None = None, **rules: Any
) -> AECEnv:
    """The environment with PettingZoo's guard against calls out of order; see `raw_env`."""
    return OrderEnforcingWrapper(raw_env(domain, judge, render_mode=render_mode, **rules))
