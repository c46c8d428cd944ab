"""Debaters: random, greedy, exact and trained ones, exact solutions of small debates, how debates are measured, and
policies whose decisions hold in debates."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.debate.debaters import Debater, GreedyDebater, MinimaxDebater, RandomDebater, play
    from progressgym.agents.debate.measures import exact_accuracy, persuasion
    from progressgym.agents.debate.ppo import PpoRecipe
    from progressgym.agents.debate.solver import solve
    from progressgym.agents.debate.training import DebateRecipe, train_debater

__all__ = [
    "DebateRecipe",  # how much a debater trains
    "Debater",  # chooses what to show
    "GreedyDebater",  # shows the piece after which it leads most: one step of look-ahead with the judge
    "MinimaxDebater",  # plays the exact solution
    "PpoRecipe",  # how a debater learns
    "RandomDebater",  # shows any free piece
    "exact_accuracy",  # measure a judge under exact play
    "persuasion",  # measure how far a judge can be misled
    "play",  # play the debates that were reset to their end
    "solve",  # the exact solution of debates, on margins
    "train_debater",  # train a debater
]
__getattr__ = lazy(
    __name__,
    {
        "debaters": "Debater GreedyDebater MinimaxDebater RandomDebater play",
        "measures": "exact_accuracy persuasion",
        "ppo": "PpoRecipe",
        "solver": "solve",
        "training": "DebateRecipe train_debater",
    },
)
