"""Watching a run: progress on the terminal, TensorBoard logs, pictures. Nothing here knows what is being run."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.monitor.pareto import ParetoPoint, pareto_chart
    from progressgym.monitor.plots import trajectories
    from progressgym.monitor.progress import Progress
    from progressgym.monitor.tensorboard import RunLog

__all__ = [
    "ParetoPoint",  # one agent in the picture
    "Progress",  # counts finished pieces of work
    "RunLog",  # the log of one run
    "pareto_chart",  # utility against displacement with intervals
    "trajectories",  # one small panel a dimension: the human in black, agents in colour, all panels on one scale
]
__getattr__ = lazy(
    __name__,
    {
        "pareto": "ParetoPoint pareto_chart",
        "plots": "trajectories",
        "progress": "Progress",
        "tensorboard": "RunLog",
    },
)
