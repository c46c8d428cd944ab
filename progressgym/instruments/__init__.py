"""Instruments and what they measure: questions, readings of answers, questionnaires, the stance model. numpy only."""

from progressgym.instruments.ask import DEFAULT_CONFIG, ReadingConfig, ask
from progressgym.instruments.choosers import Coherent
from progressgym.instruments.direction import MoralDirection
from progressgym.instruments.direction import drift as axis_drift
from progressgym.instruments.fitness import examined
from progressgym.instruments.indifference import indifference_point
from progressgym.instruments.item import Item
from progressgym.instruments.protocol import Asked, Planting, Question, Reading
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.questionnaire import Questionnaire as Instrument
from progressgym.instruments.registry import load_instrument, load_questionnaire
from progressgym.instruments.respondents import FirstPosition, Planted
from progressgym.instruments.stance_model import StanceModel

__all__ = [
    "DEFAULT_CONFIG",  # how models are asked when nothing else is said
    "Asked",  # what a respondent answered
    "Coherent",  # has one utility and chooses by it wherever an option stands
    "FirstPosition",  # takes what is shown first
    "Instrument",  # the questionnaire, as users have called it
    "Item",  # one question of a questionnaire, with its loadings
    "MoralDirection",  # the axis between praised and blamed deeds in a model's vectors
    "Planted",  # answers by the stance model with a known theta
    "Planting",  # a respondent with known values, and which they are
    "Question",  # one question of any instrument
    "Questionnaire",  # items with their scoring key
    "Reading",  # what the answers say
    "ReadingConfig",  # in which words a language model is asked
    "StanceModel",  # a response model shared by synthetic histories, numeric environments and agents
    "ask",  # ask every question
    "axis_drift",  # cosine of two models' axes
    "examined",  # a reading without what is not fit
    "indifference_point",  # where an offer is taken as often as refused
    "load_instrument",  # an instrument of any kind
    "load_questionnaire",  # an instrument that environments and histories can stand on
]
