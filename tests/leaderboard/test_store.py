"""The store: idempotent, owned names, tombstones, a log that only grows, one line when the disk is full."""

from __future__ import annotations

import datetime
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from progressgym.core.errors import UserError
from progressgym.leaderboard import store as store_module
from progressgym.leaderboard.database import DATABASE
from progressgym.leaderboard.database_tables import METADATA
from progressgym.leaderboard.problems import problem
from progressgym.leaderboard.records import Reproduction, Verdict
from progressgym.leaderboard.store import Receipt, Store
from tests.leaderboard.stores import reproduction, verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "board")
    yield opened
    opened.close()


def codes(receipt: object) -> list[str]:
    return [one.code for one in getattr(receipt, "problems")]  # noqa: B009  (a receipt)


def contents(store: Store) -> tuple[list[str], list[str]]:
    """Entries and evidence."""
    return [entry.digest for entry in store.entries(withdrawn=True)], list(store.evidence.digests())


def test_an_entry_and_its_evidence(store: Store) -> None:
    told, evidence = verdict()
    receipt = store.submit(told, evidence, "ada")
    assert receipt.created and receipt.rung == "recomputed"
    entry = store.entry(str(receipt.id))
    assert (entry.agent, entry.submitter, entry.rung) == ("mine", "ada", "recomputed")
    assert store.read_evidence(entry.digest) == evidence
    assert {s.id: s.skill for s in store.scores("public")[entry.digest]} == {g.id: g.skill for g in told.groups}
    assert store.cells(entry.digest) == told.cells


def test_resubmission_changes_nothing(store: Store) -> None:
    first = store.submit(*verdict(), "ada")
    revision = store.revision()
    again = store.submit(*verdict(), "ada")
    assert (again.id, again.created, again.rung) == (first.id, False, first.rung)
    assert store.revision() == revision and len(store.entries()) == 1


def test_what_was_only_validated_can_climb(store: Store) -> None:
    told, evidence = verdict()
    form = told.model_copy(update={"rung": "validated", "groups": [], "cells": []})
    assert store.submit(form, evidence, "ada").rung == "validated"
    assert store.scores("public") == {}
    receipt = store.submit(told, evidence, "ada")
    assert (receipt.rung, receipt.created) == ("recomputed", False)
    assert len(store.scores("public")[str(told.digest)]) == len(told.groups) and store.cells(str(told.digest))
    assert store.submit(form, evidence, "ada").rung == "recomputed", "and never falls"


def test_replay_of_a_bundle_changes_nothing(store: Store) -> None:
    """Whoever sends somebody's signed bundle again gets that somebody's receipt; the entry stays theirs."""
    store.submit(*verdict(signer="a" * 64), "ada")
    receipt = store.submit(*verdict(signer="a" * 64), "mallory")
    assert not receipt.created and store.entries()[0].submitter == "ada"


def test_other_content_needs_another_version(store: Store) -> None:
    store.submit(*verdict(), "ada")
    before = contents(store)
    assert codes(store.submit(*verdict(content="other"), "ada")) == ["version-taken"]
    assert contents(store) == before
    assert store.submit(*verdict(version="2"), "ada").created


def test_a_name_belongs_to_who_used_it_first(store: Store) -> None:
    store.submit(*verdict(), "ada")
    assert codes(store.submit(*verdict(version="2"), "mallory")) == ["name-taken"]


@pytest.mark.parametrize("name", ["1ifelong-map", "lifelong-rnap", "LIFELONG_MAP", "lifel0ng.map"])
def test_names_that_look_alike(store: Store, name: str) -> None:
    store.submit(*verdict("lifelong-map"), "ada")
    assert codes(store.submit(*verdict(name), "mallory")) == ["name-alike"]


def test_variants_do_not_look_alike(store: Store) -> None:
    for name in ("map?prior=1.5", "map?prior=15", "map?prior=2", "map"):
        assert store.submit(*verdict(name), "ada").created


def test_a_name_keeps_its_key(store: Store) -> None:
    store.submit(*verdict(signer="a" * 64), "ada")
    assert codes(store.submit(*verdict(version="2", signer="b" * 64), "ada")) == ["signer"]
    assert codes(store.submit(*verdict(version="2"), "ada")) == ["signer"]
    assert store.submit(*verdict(version="2", signer="a" * 64), "ada").created


def submitted(store: Store, name: str, who: str, agent: str, *, answers: str = "same") -> Receipt:
    """An entry whose agent has this id."""
    told, evidence = verdict(name, answers=answers)
    assert told.record is not None
    record = told.record.model_copy(update={"agent": told.record.agent.model_copy(update={"id": agent})})
    return store.submit(told.model_copy(update={"record": record}), evidence, who)


def prove(store: Store, receipt: Receipt) -> Reproduction:
    return store.record_reproduction(str(receipt.id), reproduction(0.4))


def test_copies_of_another_entry(store: Store) -> None:
    prove(store, submitted(store, "mine", "ada", "mine:Agent"))
    assert codes(submitted(store, "yours", "mallory", "yours:Agent")) == ["copy"]
    assert submitted(store, "twin", "ada", "mine:Agent").created, "one's own twin is no theft"


def test_what_nobody_has_proven_blocks_nobody(store: Store) -> None:
    """A row of unproven code that carries a shipped agent's answers, or anybody's."""
    thief = submitted(store, "first", "mallory", "theft:Agent")
    honest = submitted(store, "tracker", "ada", "lifelong-map")
    other = submitted(store, "other", "bob", "bobs:Agent")
    assert thief.created and honest.created and other.created
    assert prove(store, honest).matches


def test_an_honest_run_of_a_shipped_agent_is_no_copy_of_somebodys_code(store: Store) -> None:
    prove(store, submitted(store, "first", "mallory", "theft:Agent"))
    honest = submitted(store, "tracker", "ada", "lifelong-map?prior=2")
    assert honest.created and prove(store, honest).matches
    assert codes(submitted(store, "again", "eve", "lifelong-map?prior=2")) == ["copy"], "but of another honest run"
    assert codes(submitted(store, "unknown", "eve", "no-such-agent")) == ["copy"], "nor is every id a shipped agent's"


def test_a_copy_is_found_out_when_it_is_proven(store: Store) -> None:
    """Both came in while nothing was proven: the earlier one is the original, whichever is proven first."""
    moments = iter(f"2026-01-01T00:00:{second:02d}+00:00" for second in range(60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "_now", lambda: next(moments))
        original = submitted(store, "original", "ada", "mine:Agent")
        copy = submitted(store, "copied", "mallory", "yours:Agent")
        late = submitted(store, "late", "eve", "hers:Agent")
        assert prove(store, late).matches, "nothing earlier is proven yet"
        assert prove(store, original).matches, "an earlier one is no copy of a later one"
        done = prove(store, copy)
    assert not done.matches and done.groups == [] and "original 1: a copy" in done.note
    assert store.entry(str(copy.id)).rung == "recomputed" and store.log()[-1].action == "not-reproduced"
    assert str(store.entry(str(copy.id)).digest) not in store.scores("private")


def test_a_name_is_kept_until_its_proof_fails(store: Store) -> None:
    """An unproven row keeps a name from others only as long as the board has not tried it."""
    squatter = store.submit(*verdict(name="my-map", version="1"), "mallory")
    mine = verdict(name="My_Map", version="2")
    assert codes(store.submit(*mine, "ada")) == ["name-alike"]
    store.record_reproduction(str(squatter.id), reproduction(0.5, matches=False))
    honest = store.submit(*mine, "ada")
    assert honest.created and codes(store.submit(*verdict(name="my-map", version="3"), "mallory")) == ["name-alike"]
    assert prove(store, honest).matches
    again = store.record_reproduction(str(squatter.id), reproduction(0.5))
    assert not again.matches and "belongs to 'ada', who proved it first" in again.note
    store.withdraw(str(honest.id), "ada", "a mistake")
    assert codes(store.submit(*verdict(name="My_Map", version="4"), "eve")) == ["name-taken"], "once proven, for ever"


def test_the_first_who_proves_a_name_has_it(store: Store) -> None:
    squatter = store.submit(*verdict(name="my-map", version="1"), "mallory")
    store.record_reproduction(str(squatter.id), reproduction(0.5, matches=False))
    late = store.submit(*verdict(name="my-map", version="2"), "ada")
    assert store.record_reproduction(str(squatter.id), reproduction(0.5)).matches, "tried again, and proven after all"
    assert not prove(store, late).matches
    assert codes(store.submit(*verdict(name="my-map", version="3"), "ada")) == ["name-taken"]


def test_a_tombstone_blocks_no_answers(store: Store) -> None:
    receipt = submitted(store, "mine", "ada", "mine:Agent")
    prove(store, receipt)
    store.withdraw(str(receipt.id), "ada", "a mistake")
    assert submitted(store, "yours", "bob", "yours:Agent").created


def test_withdrawal_leaves_a_tombstone(store: Store) -> None:
    receipt = store.submit(*verdict(), "ada")
    with pytest.raises(UserError, match="belongs to ada"):
        store.withdraw(str(receipt.id), "mallory", "mine now")
    store.withdraw(str(receipt.id), "ada", "a mistake \x1b[31m")
    assert store.entries() == []
    [stone] = store.entries(withdrawn=True)
    assert stone.withdrawn is not None and stone.withdrawn_because == "a mistake \\x1b[31m"
    with pytest.raises(UserError, match="was withdrawn"):
        store.read_evidence(stone.digest)
    assert codes(store.submit(*verdict(), "ada")) == ["withdrawn"]
    assert codes(store.submit(*verdict(content="other"), "ada")) == ["version-taken"]


def test_refusals_are_logged_and_change_nothing_else(store: Store) -> None:
    store.submit(*verdict(), "ada")
    before = contents(store)
    refused = Verdict(digest=None, rung=None, problems=[problem("json-empty", "submission.json", "empty")])
    assert store.submit(refused, None, "mallory").rung is None
    assert contents(store) == before
    last = store.log()[-1]
    assert (last.action, last.actor) == ("refused", "mallory") and "json-empty" in last.reasons[0]


def test_reproduction_climbs_only_if_it_matches(store: Store) -> None:
    receipt = store.submit(*verdict(), "ada")
    store.record_reproduction(str(receipt.id), reproduction(0.4, matches=False))
    assert store.entries()[0].rung == "recomputed" and store.scores("private") == {}
    store.record_reproduction(str(receipt.id), reproduction(0.4))
    entry = store.entries()[0]
    assert entry.rung == "reproduced" and entry.private_split == "private-1" and entry.reproduction is not None
    [samples] = store.samples("private").values()
    assert samples["follow on histsmol-v1"].tolist() == pytest.approx([0.35, 0.4, 0.45])
    assert [one.action for one in store.log()] == ["accepted", "not-reproduced", "reproduced"]


def test_the_log_only_grows(store: Store, tmp_path: Path) -> None:
    for version in ("1", "2"):
        store.submit(*verdict(version=version), "ada")
    store.check_log()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'board' / DATABASE}")
    for statement in ("DELETE FROM decisions", "UPDATE decisions SET actor = 'x'"):
        with pytest.raises(sa.exc.IntegrityError, match="only grows"), engine.begin() as connection:
            connection.execute(sa.text(statement))
    with engine.begin() as connection:  # somebody with the file itself can; the chain tells
        connection.execute(sa.text("DROP TRIGGER decisions_keep_UPDATE"))
        connection.execute(sa.text("UPDATE decisions SET actor = 'eve' WHERE sequence = 1"))
    with pytest.raises(UserError, match="tampered with at line 1"):
        store.check_log()


def test_tokens_are_hashed(store: Store, tmp_path: Path) -> None:
    token = store.enrol("ada")
    assert store.submitter_of(token) == "ada" and store.submitter_of(token + "x") is None
    with pytest.raises(UserError, match="already"):
        store.enrol("ada")
    store.close()
    assert all(token.encode() not in path.read_bytes() for path in (tmp_path / "board").rglob("*") if path.is_file())


def test_attempts_are_counted(store: Store) -> None:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    store.note("attempted", "ada")
    store.note("attempted", "ada")
    store.note("attempted", "bob")
    assert store.count("ada", "attempted", start) == 2
    assert store.count("ada", "attempted", start + datetime.timedelta(days=1)) == 0


def test_private_attempts_are_limited(store: Store) -> None:
    digest = str(store.submit(*verdict(), "ada").id)
    day = datetime.timedelta(days=1)
    for _ in range(2):
        store.attempt("ada", digest, most=2, per=day)
    with pytest.raises(UserError, match="used 2 of 2 attempts in 1 days"):
        store.attempt("ada", digest, most=2, per=day)
    store.attempt("bob", digest, most=2, per=day)
    store.attempt("ada", digest, most=2, per=datetime.timedelta(days=-1))


def test_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.submit(*verdict(), "ada")
    before, revision = contents(store), store.revision()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="No space left on device") as caught:
            store.submit(*verdict(version="2"), "ada")
    assert "\n" not in str(caught.value)
    assert contents(store) == before and store.revision() == revision
    assert store.submit(*verdict(version="2"), "ada").created


def test_full_database(store: Store) -> None:
    store.submit(*verdict(), "ada")
    before, revision = contents(store), store.revision()
    with store._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no page more than there are
    told, evidence = verdict("large", skill=0.3)
    told = told.model_copy(update={"warnings": ["x" * 1000] * 1000})
    with pytest.raises(UserError, match="full") as caught:
        store.submit(told, evidence, "ada")
    assert "\n" not in str(caught.value)
    assert contents(store)[0] == before[0] and store.revision() == revision
    assert store.sweep() == 1, "its evidence was written and belongs to nobody"


def test_evidence_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    (tmp_path / "board" / "evidence").write_text("a file is in the way")
    with pytest.raises(UserError, match="evidence cannot be written"):
        store.submit(*verdict(), "ada")
    assert store.entries() == [] and store.revision() == 0


def test_not_a_store(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError, match="not a database") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="needs a folder for its evidence"):
        Store.open("sqlite:///x.sqlite")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot use"):
        Store.open(tmp_path / "file" / "below")


def test_migrations_make_the_tables(store: Store, tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'board' / DATABASE}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / DATABASE}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer than this program"):
        Store.open(tmp_path)


def test_sweep_removes_evidence_without_an_entry(store: Store) -> None:
    store.submit(*verdict(), "ada")
    store.evidence.keep("f" * 64, b"orphan")
    assert store.sweep() == 1
    assert len(list(store.evidence.digests())) == 1


@pytest.mark.parametrize("name", ["a b", "ß?x#y", "a%41b", "a;b&c", "日本", "a\nb", "a:b@c"])
def test_a_store_lies_where_its_folder_is(name: str, tmp_path: Path) -> None:
    """Whatever signs the folder's name holds; and only opening makes nothing."""
    with pytest.raises(UserError, match="there is no board in"):
        Store.open(tmp_path / name, create=False)
    assert not list(tmp_path.iterdir())
    store = Store.open(tmp_path / name)
    store.enrol("ada")
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "board.sqlite").stat().st_size > 0
    again = Store.open(tmp_path / name, create=False)
    assert [line.actor for line in again.log()] == [line.actor for line in store.log()]
    again.close()
