"""The arguments of a debate stand in one place, and every environment of it takes them from there."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pettingzoo
import pytest

from progressgym.envs import debate
from progressgym.envs.debate import aec
from progressgym.envs.debate.config import DebateConfig

DEFAULTS = {field.name: field.default for field in dataclasses.fields(DebateConfig)}


def test_the_page_names_every_argument_with_its_default() -> None:
    rows = dict(re.findall(r"^\s*\| `(\w+)` \| `?([^|`]*)`? \|", aec.raw_env.__doc__ or "", re.MULTILINE))
    for name, default in DEFAULTS.items():
        assert rows[name].strip().strip('"') == str(default), name


def test_all_environments_take_them() -> None:
    given: dict[str, Any] = {"payoff": "margin", "turns": 2, "see_other": False, "repeats": "waste"}
    for env in (
        debate.raw_env(**given),
        debate.env(**given).unwrapped,
        debate.parallel_env(**given),
        pettingzoo.make("aec", "ProgressGym/Debate-v0", **given).unwrapped,
    ):
        rules = env.table.rules
        assert (rules.payoff, rules.turns, env.table.see_other, env.table.strict) == ("margin", 2, False, False)
    assert debate.raw_env(max_cycles=3).table.rules.turns == 6


@pytest.mark.parametrize("argument", ["order", "opening"])
def test_nobody_opens_where_both_speak_at_once(argument: str) -> None:
    with pytest.raises(TypeError, match=f"multiple values for keyword argument '{argument}'"):
        debate.parallel_env("simulator", None, **{argument: "random"})


def test_an_argument_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'pay'"):
        debate.env(pay="sign")
