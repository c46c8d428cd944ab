"""Every bad input ends in a reason, within the limits; harmless ones score what they deserve."""

from __future__ import annotations

from pathlib import Path

import pytest

from progressgym.core.limits import Limits
from progressgym.leaderboard.limited import verify_all_apart
from progressgym.leaderboard.records import Verdict
from tests.leaderboard.builders import zipped
from tests.leaderboard.cases import ACCEPTED, BY_STORE, CASES
from tests.leaderboard.cases_of_form import Case
from tests.leaderboard.helpers import base_files
from tests.leaderboard.page import render

LIMITS = Limits(memory=1_000_000_000, processor_seconds=120, wall_seconds=1200)


def all_verdicts(folder: Path) -> dict[str, Verdict]:
    """All cases through one limited child: if any of them broke it, those behind would say `limits`."""
    paths = []
    for case in CASES:
        (folder / case.number).mkdir()
        paths.append(case.build(folder / case.number))
    found = verify_all_apart(paths, resamples=20, limits=LIMITS)
    return {case.number: verdict for case, (verdict, _) in zip(CASES, found, strict=True)}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    return all_verdicts(tmp_path_factory.mktemp("cases"))


@pytest.mark.parametrize("case", CASES, ids=[f"{case.number}-{case.title}" for case in CASES])
def test_bad_input(case: Case, verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[case.number]
    codes = {problem.code for problem in verdict.problems}
    if case.codes == (ACCEPTED,):
        assert verdict.accepted, verdict.problems
        for (
            group
        ) in verdict.groups:  # Coevolve rewards a whisper: it is ranked as a pair with lock-in, see test_ranking
            assert group.skill is None or group.skill.mid <= 1e-6 or group.lock_in, "it deserves nothing"
    else:
        assert not verdict.accepted and codes & set(case.codes), verdict.problems
    for problem in verdict.problems:
        assert problem.message.isascii() and problem.message.isprintable() and len(problem.message) <= 300
        assert "Traceback" not in problem.message


def test_the_page_is_up_to_date(verdicts: dict[str, Verdict]) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "leaderboard-inputs.md"
    assert _outcomes(page.read_text(encoding="utf-8")) == _outcomes(render(verdicts)), (
        "run python docs/generate_inputs.py"
    )


def _outcomes(page: str) -> list[str]:
    """Rows without their reasons, some of which are words of Python and pydantic that change between versions."""
    return [line.rpartition(" | ")[0] for line in page.splitlines()]


def test_every_number_of_the_survey_is_there() -> None:
    numbers = {
        int("".join(sign for sign in number if sign.isdigit()))
        for number in [*(case.number for case in CASES), *(row[0] for row in BY_STORE)]
    }
    assert numbers == set(range(1, 59))


def test_numbers_are_unique() -> None:
    numbers = [case.number for case in CASES] + [row[0] for row in BY_STORE]
    assert len(set(numbers)) == len(numbers)


def test_the_good_submission_is_accepted(tmp_path: Path) -> None:
    verdict, evidence = verify_all_apart([zipped(base_files())(tmp_path)], resamples=20, limits=LIMITS)[0]
    assert verdict.accepted and verdict.rung == "recomputed" and evidence is not None, verdict.problems


def test_a_child_that_hangs_or_grows_is_ended(tmp_path: Path) -> None:
    path = zipped(base_files())(tmp_path)
    for limits in (Limits(wall_seconds=0.2), Limits(memory=90_000_000)):
        verdict, evidence = verify_all_apart([path], limits=limits)[0]
        assert [problem.code for problem in verdict.problems] == ["limits"] and evidence is None
