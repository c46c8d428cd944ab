"""The learned forecaster of `attention-v2`: trained over a distribution of questionnaires, to serve on others."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.learned.transfer.transfer_agent import TransferAgent

__all__ = [
    "TransferAgent",  # forecasts with weights that were learned over a distribution of questionnaires
]
__getattr__ = lazy(
    __name__,
    {
        "transfer_agent": "TransferAgent",
    },
)
