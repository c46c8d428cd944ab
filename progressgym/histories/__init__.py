"""Histories: answers of a human proxy per century, measured from language models or made with known dynamics."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.histories.build import BuildRecipe, build_history
    from progressgym.histories.evidence import coherence, common_share
    from progressgym.histories.families import FAMILIES, Family
    from progressgym.histories.history import History
    from progressgym.histories.live import HumanRecipe, LiveHuman
    from progressgym.histories.panel import Panel
    from progressgym.histories.people import new_people
    from progressgym.histories.publishing import publish
    from progressgym.histories.signs import sign_faults
    from progressgym.histories.source import HistorySource, resolve_history
    from progressgym.histories.survey import Steps, survey_history
    from progressgym.histories.synthetic import SyntheticSpec

__all__ = [
    "FAMILIES",  # synthetic histories, by name
    "BuildRecipe",  # everything that decides what a century model becomes, next to corpus and base
    "Family",  # one kind of dynamics
    "History",  # answers of every century to every item of an instrument
    "HistorySource",  # one or several histories or distributions of histories
    "HumanRecipe",  # how a live human learns
    "LiveHuman",  # a language model that begins as a history's first century and is taught from there on
    "Panel",  # the same people asked again
    "Steps",  # how years become steps
    "SyntheticSpec",  # what a synthetic id says
    "build_history",  # train one adapter per century
    "coherence",  # correlation of the drift on elicitation items with that on evaluation items
    "common_share",  # share of the variance of the items' drift that all items have in common
    "new_people",  # people of a panel whose histories these are
    "publish",  # measure a build, gather the evidence for it, and write the history
    "resolve_history",  # read what a user wrote into a source of histories
    "sign_faults",  # items whose tags point against people of known leaning
    "survey_history",  # make a history of two files
]
__getattr__ = lazy(
    __name__,
    {
        "build": "BuildRecipe build_history",
        "evidence": "coherence common_share",
        "families": "FAMILIES Family",
        "history": "History",
        "live": "HumanRecipe LiveHuman",
        "panel": "Panel",
        "people": "new_people",
        "publishing": "publish",
        "signs": "sign_faults",
        "source": "HistorySource resolve_history",
        "survey": "Steps survey_history",
        "synthetic": "SyntheticSpec",
    },
)
