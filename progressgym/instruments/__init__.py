"""Instruments and what they measure: questions, readings of answers, questionnaires, the stance model. numpy only."""

from progressgym.instruments.ask import DEFAULT_CONFIG, ReadingConfig
from progressgym.instruments.item import Item
from progressgym.instruments.protocol import Question, Reading
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.questionnaire import Questionnaire as Instrument
from progressgym.instruments.stance_model import StanceModel

__all__ = [
    "DEFAULT_CONFIG",
    "Instrument",
    "Item",
    "Question",
    "Questionnaire",
    "Reading",
    "ReadingConfig",
    "StanceModel",
]
