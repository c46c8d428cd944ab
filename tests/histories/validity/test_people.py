"""The shipped century models against 234 people, in the words of docs/validity.md."""

from __future__ import annotations

import pytest

from progressgym.histories.validity.asked import TEMPLATES, ask_actions
from progressgym.histories.validity.check import correlation
from progressgym.histories.validity.judgements import find_judgements, read_judgements
from progressgym.histories.validity.run import history_models
from progressgym.instruments.panel import load_panel

PUBLISHED = {"C013": (0.606, 0.480, 0.640), "C021": (0.788, 0.709, 0.554)}
PANEL = {"C013": 0.776, "C021": 0.860}


@pytest.mark.heavy
@pytest.mark.parametrize("century", PUBLISHED)
def test_agreement_with_people_is_what_is_published(century: str) -> None:
    """Within .02: the three templates, and the panel above them all."""
    table = find_judgements(None)
    if table is None:
        pytest.skip("the judgements are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/mort")
    people = read_judgements(table)
    panel, templates = ask_actions(history_models("histsmol-v1")[century](), people.actions, load_panel("verdict-v2"))
    assert templates.shape == (len(TEMPLATES), len(people.actions))
    assert correlation(templates, people.shares) == pytest.approx(PUBLISHED[century], abs=0.02)
    assert float(correlation(panel.mean((0, 1)), people.shares)) == pytest.approx(PANEL[century], abs=0.02)
