"""Histories of people: one of a panel's new people, or a community of them.

    people?panel=runs/panel&person=7
    people?panel=runs/panel&group=party:left
    people?panel=planted&community=0&k=3

Step 0 is what is known before anybody has spoken: the first wave of the known people, all together. Then come the waves of
the person or group. So in Follow an agent is told some answers of a wave and predicts the others, in Predict with horizon=1 it
predicts the next wave's, and who never learns answers as everybody does. What a person was not asked is missing, as in any
history. A community is a latent class of the known people (`communities`); new people belong where their first wave is likeliest.

Legend of shapes: P people, W waves, N items, K options.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Whole, Within
from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.ids import Scalar, format_id
from progressgym.histories.communities import class_of, latent_classes
from progressgym.histories.history import History
from progressgym.histories.panel import NO_ANSWER, Panel, chosen, panel_of, people_named, shares_of, tabulate

Classes = Annotated[int, Within(1, 64)]
BEFORE = "before"
"""Label of step 0."""


def people(
    *,
    panel: str = "planted",
    person: str = "",
    group: str = "",
    community: Whole | None = None,
    k: Classes = 3,
    seed: Whole = 0,
) -> History:
    """The history of an id.

    Args:
        panel: `planted`, or the folder of a panel of yours.
        person: the name of a new person.
        group: trait and value, `party:left`.
        community: the number of a community, the largest being 0.
        k: how many communities there are.
        seed: of the planted panel and of the search for communities.

    Raises:
        UserError: no such panel, person, trait or community, or not exactly one of them named.
    """
    if (person != "") + (group != "") + (community is not None) != 1:
        raise UserError("say whose history: people? with one of person=NAME, group=TRAIT:VALUE and community=NUMBER")
    source = panel_of(panel, seed)
    given: dict[str, Scalar] = {"panel": panel, "seed": seed}
    if person:
        return _history(source, _one(source, person), format_id("people", person=person, **given), alone=True)
    if group:
        return _history(source, _having(source, group), format_id("people", group=group, **given))
    assert community is not None
    members = _community(source, community, k, seed)
    return _history(source, members, format_id("people", community=community, k=k, **given))


def new_people(panel: Panel, least: int = 1) -> list[str]:
    """Names of the new people who gave at least so many answers in every wave."""
    enough = ((panel.choices != NO_ANSWER).sum(2) >= least).all(1)
    return [panel.people[row] for row in np.flatnonzero(panel.new & enough)]


def _history(panel: Panel, members: NDArray[np.bool_], name: str, *, alone: bool = False) -> History:
    """Everybody known, then these people wave by wave."""
    choices, instrument = panel.choices[members], panel.instrument
    if (choices == NO_ANSWER).all():
        raise UserError(f"{name}: nobody of these people gave an answer that counts")
    shares, count = tabulate(choices, instrument)
    reference = panel.reference
    before = (reference != NO_ANSWER).sum(0) + 1.0
    answers = chosen(choices[0], instrument.mask.shape[1]) if alone else shares
    return History(
        name=name,
        labels=(BEFORE, *panel.waves),
        answers=np.concatenate([shares_of(reference, instrument)[None], answers]).astype(np.float32),
        instrument=instrument,
        people=None if alone else np.concatenate([before[None], count]).astype(np.float32),
        card={"respondents": int(members.sum()), "known_beforehand": len(reference), "panel": panel.name},
    )


def _one(panel: Panel, person: str) -> NDArray[np.bool_]:
    member = np.array([name == person for name in panel.people])
    if not member.any():
        raise UserError(f"panel {panel.name!r} has no person {person!r}{did_you_mean(person, panel.people)}")
    if not (member & panel.new).any():
        raise UserError(
            f"person {person!r} is among those who are known beforehand; new are {', '.join(people_named(panel, panel.new))} ..."
        )
    return member


def _having(panel: Panel, group: str) -> NDArray[np.bool_]:
    trait, colon, value = group.partition(":")
    if not colon or trait not in panel.traits:
        names = ", ".join(panel.traits) or "none"
        raise UserError(
            f"group is {group!r}; TRAIT:VALUE is expected, and the traits of panel {panel.name!r} are: {names}"
        )
    values = sorted(set(panel.traits[trait]) - {""})
    if value not in values:
        raise UserError(
            f"nobody has {trait} {value!r}{did_you_mean(value, values)}; there are {', '.join(values)[:200]}"
        )
    return _new(panel, np.array([own == value for own in panel.traits[trait]]), group)


def _community(panel: Panel, number: int, k: int, seed: int) -> NDArray[np.bool_]:
    if number >= k:
        raise UserError(f"community {number} of {k}; they are numbered from 0")
    pi, phi = latent_classes(panel.reference, panel.instrument.mask, k, seed)
    return _new(panel, class_of(panel.choices[:, 0], pi, phi) == number, f"community {number}")


def _new(panel: Panel, members: NDArray[np.bool_], group: str) -> NDArray[np.bool_]:
    if not (members & panel.new).any():
        raise UserError(f"no new person of panel {panel.name!r} belongs to {group}")
    return members & panel.new
