"""A forecaster learned on synthetic paths: attention over the centuries seen."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.learned.attention_agent import AttentionAgent

__all__ = [
    "AttentionAgent",  # forecasts with the learned weights
]
__getattr__ = lazy(
    __name__,
    {
        "attention_agent": "AttentionAgent",
    },
)
