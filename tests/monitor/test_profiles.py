"""Pictures of whole profiles."""

from __future__ import annotations

import numpy as np

from progressgym.monitor import profiles

FIT = (("care", "law"), np.array([0.5, np.nan]), np.array([[0.4, np.nan], [0.6, np.nan]]))
UNFIT = (("care", "law"), np.full(2, np.nan), np.full((2, 2), np.nan))


def test_what_is_fit_has_a_panel_and_what_is_not_shares_a_line() -> None:
    figure = profiles.profile({"one": FIT, "a": UNFIT, "two": FIT, "b": UNFIT}, title="t")
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["one", "two"]
    assert "nothing is fit: a, b" in [text.get_text() for text in figure.texts]


def test_a_profile_of_which_nothing_is_fit_is_a_line() -> None:
    names = [f"instrument-{n:02}" for n in range(20)]
    figure = profiles.profile(dict.fromkeys(names, UNFIT), title="t")
    (line,) = [text.get_text() for text in figure.texts if "nothing" in text.get_text()]
    assert not figure.axes and all(name in line for name in names) and "\n" in line
