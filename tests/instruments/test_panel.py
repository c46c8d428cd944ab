"""Reading `verdict-v2`: a panel of words and leads from one call, and the spread that it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.instruments.ask import verdicts_of
from progressgym.instruments.panel import PANELS, Panel, load_panel
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.respondents import ScriptedScorer
from progressgym.instruments.spread import spread_of

KIND = {" good", " helpful"}
UNKIND = {" bad", " harmful"}


def score(prompt: str, option: str) -> float:
    """Knows two pairs of words only, and in these is of the opinion that short deeds are good."""
    worth = (len(prompt) % 7) / 7
    return -2.0 + 0.3 * worth * ((option in KIND) - (option in UNKIND))


@pytest.fixture(scope="module")
def instrument() -> Questionnaire:
    return Questionnaire.load("moral19-v1").thinned(4)


def test_one_call_reads_every_word_after_every_lead(instrument: Questionnaire) -> None:
    panel, scorer = load_panel("verdict-v2"), ScriptedScorer(score)
    reading = instrument.read(scorer, "verdict-v2")
    assert len(panel.words) >= 8 and len(panel.leads) >= 4
    assert len(scorer.calls) == 1 and reading.order_flip is None and reading.mode in PANELS
    assert reading.verdict_scores is not None and len(reading.verdict_scores) == len(panel.words) * len(panel.leads)
    single = replace(instrument.config, verdicts=((panel.leads[1], *panel.words[2]),))
    alone = replace(instrument, config=single).read(ScriptedScorer(score), "verdict")
    assert alone.verdict_scores is not None
    np.testing.assert_array_equal(alone.verdict_scores[0], reading.verdict_scores[len(panel.words) + 2])


def test_the_spread_names_words_that_say_nothing(instrument: Questionnaire) -> None:
    """In six pairs of eight every value is 0; the spread between words is that of two values and six zeros."""
    reading = instrument.read(ScriptedScorer(score), "verdict-v2")
    spread = spread_of(instrument, reading)
    assert spread is not None and spread.study is not None
    blind = [name not in ("good/bad", "helpful/harmful") for name in spread.words]
    assert np.abs(spread.by_word[blind]).max() < 1e-9 < np.abs(spread.by_word).max()
    np.testing.assert_allclose(spread.between_words, spread.by_word.std(0, ddof=1))
    np.testing.assert_allclose(spread.by_word[0], spread.by_word[spread.words.index("helpful/harmful")])
    assert spread_of(instrument, instrument.read(ScriptedScorer(score), "verdict")) is None


def test_leads_that_speak_of_no_deed_stay(instrument: Questionnaire) -> None:
    """people-v1 asks for opinions and keeps its own leads; moral19-v1's are in the panel."""
    panel, survey = load_panel("verdict-v2"), Questionnaire.load("people-v1")
    leads = {lead for lead, _, _ in verdicts_of("verdict-v2", survey.config)}
    assert leads == {" This answer is", " I find this answer"}
    own = {lead for lead, _, _ in instrument.config.verdicts}
    assert own <= set(panel.leads) == set(panel.leads_for(sorted(own))) == set(panel.leads_for([]))
    with pytest.raises(UserError, match="unknown panel"):
        load_panel("verdict-v9")
    with pytest.raises(UserError, match="begins with a space"):
        Panel(name="x", words=(("good", " bad"),), leads=(" is",), deed_leads=(" is",))
