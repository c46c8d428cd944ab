"""Plans: names and variants, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from progressgym.agents import headline
from progressgym.bench.challenges import DEFAULTS, parse_challenge
from progressgym.bench.plan import default_histories, make_plan
from progressgym.core.errors import UserError
from progressgym.envs.coefficients import FITTED_INFLUENCE
from progressgym.envs.coevolve import CoevolveEnv
from progressgym.histories.history import History


def test_the_default_is_everything() -> None:
    plan = make_plan()
    assert {group.agent for group in plan.groups} == set(headline())
    assert {group.challenge.unlabelled for group in plan.groups} == set(DEFAULTS)
    assert [*dict.fromkeys(group.history.id for group in plan.groups)] == default_histories()
    assert default_histories() == ["gss-v1", "synthetic:linear?coherence=0.5"]
    assert all(group.seeds == tuple(range(32 if group.history.splits else 10)) for group in plan.groups)
    assert all(group.seeds == tuple(range(10)) for group in make_plan(splits="shipped").groups)
    assert {group.history.id: group.history.splits for group in plan.groups} == {
        name: "synthetic" not in name for name in default_histories()
    }


def test_every_seed_of_a_fixed_history_has_its_own_split() -> None:
    def at(spec: str, **more: str) -> list[str]:
        (group,) = make_plan(
            agents=["static"], challenges=["follow"], histories=[spec], labels=["probability"], seeds=3, **more
        ).groups
        assert group.history.id.partition("@")[0] in (spec, "synthetic:linear?seed=1&split=2")
        return [group.history.at(seed) for seed in group.seeds]

    assert at("gss-v1") == ["gss-v1", "gss-v1?split=1", "gss-v1?split=2"]
    assert at("gss-v1", splits="shipped") == ["gss-v1"] * 3
    assert at("gss-v1?split=5") == ["gss-v1?split=5"] * 3, "a split that is named is kept"
    assert at("synthetic:linear?seed=1") == [f"synthetic:linear?seed=1{end}" for end in ("", "&split=1", "&split=2")]
    assert at("synthetic:linear?split=2&seed=1") == ["synthetic:linear?split=2&seed=1"] * 3
    assert at("synthetic:linear") == ["synthetic:linear"] * 3, "a family draws a history a seed"
    assert at("resampled:histsmol-v1?seed=1") == ["resampled:histsmol-v1?seed=1"] * 3, "it has copies of items"


def test_only_learning_agents_are_run_with_both_kinds_of_labels() -> None:
    plan = make_plan(agents=["static", "lifelong-map"], challenges=["follow"], histories=["synthetic:linear"])
    assert [(group.challenge.id, group.agent) for group in plan.groups] == [
        ("follow", "static"),
        ("follow", "lifelong-map"),
        ("follow?labels=sample", "lifelong-map"),
    ]


def test_a_challenge_that_names_its_labels_is_left_alone() -> None:
    plan = make_plan(agents=["static"], challenges=["follow?labels=sample"], histories=["synthetic:linear"])
    assert [group.challenge.id for group in plan.groups] == ["follow?labels=sample"]


def test_equal_variants_have_equal_ids() -> None:
    assert parse_challenge("predict?horizon=1").id == "predict"
    assert parse_challenge("coevolve?influence=1").id == parse_challenge("coevolve?influence=1.0").id
    assert parse_challenge("follow?queries=100&labels=sample").id == "follow?labels=sample&queries=100"


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    history = History.load("synthetic:linear?seed=1")
    history.save(tmp_path / "mine")
    (group,) = make_plan(
        agents=["static"], challenges=["follow"], histories=[str(tmp_path / "mine")], labels=["probability"]
    ).groups
    assert group.history.id == f"mine@{history.hash[:8]}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"agents": ["statc"]}, "unknown agent 'statc' .did you mean 'static'"),
        ({"agents": ["lifelong-dpo?beta_dpo=-1"]}, "positive number"),
        ({"challenges": ["folow"]}, "unknown challenge 'folow' .did you mean 'follow'"),
        ({"challenges": ["follow?horizon=1"]}, "unknown argument of challenge 'follow' 'horizon'"),
        ({"challenges": ["predict?horizon=9"]}, "horizon 9 leaves no step"),
        ({"challenges": ["coevolve?influence=2"]}, "from 0 to 1"),
        ({"challenges": ["follow?labels=some"]}, "unknown kind of labels"),
        ({"histories": ["synthetic:linaer"]}, "did you mean 'linear'"),
        ({"histories": ["histsmol"]}, "unknown history 'histsmol'"),
        ({"seeds": 0}, "positive number of seeds"),
        ({"splits": "every"}, "unknown splits 'every'"),
        ({"histories": ["gss-v1?split=-1"]}, "split of history 'gss-v1' is -1; use a whole number from 0"),
        ({"histories": ["gss-v1?split=two"]}, "use a whole number from 0"),
        ({"histories": ["resampled:histsmol-v1?seed=1&split=1"]}, "no other split may divide copies"),
        ({"histories": ["synthetic:linear?split=1"]}, "give it a seed"),
        ({"histories": ["gss-v1?splt=1"]}, "unknown history"),
        ({"seeds": [-1]}, "positive number of seeds"),
        ({"labels": ["some"]}, "unknown kind of labels"),
        ({"policy": "tiny"}, "unknown policy"),
        ({"agents": ["nowhere:Mine"]}, "no module 'nowhere'"),
        ({"agents": ["tests.bench.own:Nothing"]}, "no class 'Nothing'"),
        ({"agents": ["tests.bench.own:Deaf"]}, "lacks reset and act"),
    ],
)
def test_bad_plans_are_refused_in_one_line(arguments: dict[str, object], message: str) -> None:
    complete: dict[str, object] = {"histories": ["synthetic:linear"], "challenges": ["follow"], "agents": ["static"]}
    with pytest.raises(UserError, match=message) as caught:
        make_plan(**{**complete, **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_version_is_an_environment_with_its_own_defaults() -> None:
    old, new = parse_challenge("coevolve"), parse_challenge("coevolve-v1")
    assert (old.environment, new.environment) == ("ProgressGym/Coevolve-v0", "ProgressGym/Coevolve-v1")
    assert new.id == "coevolve-v1" and new.kind == old.kind == "coevolve"
    env = new.make("synthetic:linear")
    assert isinstance(env, CoevolveEnv) and env.influence == FITTED_INFLUENCE
    assert parse_challenge(f"coevolve-v1?influence={FITTED_INFLUENCE}").id == "coevolve-v1"
