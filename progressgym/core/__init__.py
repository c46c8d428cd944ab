"""The ground floor: names, errors, seeds, files. Depends on numpy only."""

from progressgym.core.answers import centred_log, softmax_options
from progressgym.core.arguments import Count, Named, OneOf, Positive, Rule, Whole
from progressgym.core.debate import Cases, CaseText, Domain, Judge
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.ids import VariantId
from progressgym.core.protocols import AgentLike, Chooser, Embedder, Info, Observation, OptionScorer, Respondent, Writer
from progressgym.core.registry import Entry, Registry

__all__ = [
    "DIMENSIONS",  # names of the 19 dimensions of a value vector
    "AgentLike",  # an agent of the benchmark
    "CaseText",  # one case of a debate in words
    "Cases",  # a batch of cases of one domain of debates
    "Chooser",  # somebody who chooses among options as they are shown
    "Count",  # 1, 2, ..., at most a million
    "Domain",  # where the cases of debates come from
    "Embedder",  # turns texts into vectors
    "Entry",  # one row of a registry
    "Info",  # what an environment says beside an observation
    "Judge",  # rules on cases from the evidence shown
    "Named",  # an id of another registry, whose own arguments may stand beside it
    "Observation",  # what an agent sees
    "OneOf",  # one of a few names
    "OptionScorer",  # a language model as far as reading its values needs it
    "Positive",  # a number above 0, at most a million
    "Registry",  # names of one kind of thing, what ships first, then what is installed
    "Respondent",  # anything that answers the items of a questionnaire
    "Rule",  # what an annotation asks of a value
    "UserError",  # bad input: one line, what was wrong and what would be right
    "VariantId",  # a name with arguments
    "Whole",  # 0, 1, 2, ..., at most a million
    "Writer",  # continues texts
    "centred_log",  # log-probabilities minus their mean over the item's options
    "softmax_options",  # softmax over each item's real options, (..., N, K) -> (..., N, K)
]
