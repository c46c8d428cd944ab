"""What a history of models, or one model, is worth: checks against people, against time and against itself."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.histories.validity.asked import Asking
    from progressgym.histories.validity.check import Check
    from progressgym.histories.validity.items import item_rows
    from progressgym.histories.validity.run import history_models, make_asking, validate_models
    from progressgym.histories.validity.validity_report import Report

__all__ = [
    "Asking",  # what models are asked for a report
    "Check",  # one statistic with its interval, its p and its verdict
    "Report",  # every check, and how the variance divides
    "history_models",  # what loads the model of each of a history's centuries
    "item_rows",  # difficulty, discrimination, drift, agreement and form of every item
    "make_asking",  # what is asked: items, survey, panel, practices, judgements
    "validate_models",  # the report on models in order of time
]
__getattr__ = lazy(
    __name__,
    {
        "asked": "Asking",
        "check": "Check",
        "items": "item_rows",
        "run": "history_models make_asking validate_models",
        "validity_report": "Report",
    },
)
