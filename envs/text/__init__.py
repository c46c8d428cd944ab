"""Environments as dialogues, for language models: a prompt of text, a completion, and the numeric environments beneath.

`flavour` is the environment, `prompts` writes what it asks, `reading` reads what is answered, `reward` pays for it, `tasks`
names episodes, `shells` hands them to the frameworks in which language models are trained and judged.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.envs.text.dialogue import Dialogue
    from progressgym.envs.text.flavour import TextFlavour
    from progressgym.envs.text.reading import Reply, read_completion, written
    from progressgym.envs.text.reward import brier, explained, leave_one_out, quadratic
    from progressgym.envs.text.scorer import completion_of
    from progressgym.envs.text.tasks import TaskSet, TextTask

__all__ = [
    "Dialogue",  # one episode as a dialogue: what every framework's shell drives
    "Reply",  # what a completion said
    "TaskSet",  # the episodes of a split
    "TextFlavour",  # mixed in before a challenge: prompts and completions
    "TextTask",  # one episode, as plain JSON
    "brier",  # scores of stated probabilities
    "completion_of",  # what a scorer of options answers, as a completion
    "explained",  # drift explained of an episode
    "leave_one_out",  # rewards of a group whose optimum is the human's distribution
    "quadratic",  # the score 2 p.q - q.q
    "read_completion",  # reads what was written, whatever it is
    "written",  # the completion that states these probabilities
]
__getattr__ = lazy(
    __name__,
    {
        "dialogue": "Dialogue",
        "flavour": "TextFlavour",
        "reading": "Reply read_completion written",
        "reward": "brier explained leave_one_out quadratic",
        "scorer": "completion_of",
        "tasks": "TaskSet TextTask",
    },
)
