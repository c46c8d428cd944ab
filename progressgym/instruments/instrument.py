"""`Instrument`, as environments, histories and users have called the questionnaire that they stand on.

What any instrument is, is said in `progressgym.instruments.protocol`.
"""

from progressgym.instruments.ask import DEFAULT_CONFIG, ReadingConfig
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.questionnaire import Questionnaire as Instrument

__all__ = ["DEFAULT_CONFIG", "Instrument", "Questionnaire", "ReadingConfig"]
