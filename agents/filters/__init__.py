"""Bayesian filters of the stance: state-space models of drift, their evidence, and what they expect to come."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.filters.kalman import Kalman, StanceFilter

__all__ = [
    "Kalman",  # expects what state-space models of drift do, averaged by their evidence
    "StanceFilter",  # keeps the evidence and answers by an expectation
]
__getattr__ = lazy(
    __name__,
    {
        "kalman": "Kalman StanceFilter",
    },
)
