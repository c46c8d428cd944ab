"""Limits without a network: seats of the queue, requests of one address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from progressgym.leaderboard.server.errors import Refusal
from progressgym.leaderboard.server.guard import Guard, Receive, Scope, Send
from progressgym.leaderboard.server.intake import Intake
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "board")
    yield opened
    opened.close()


def test_seats_are_bounded_and_given_back(store: Store) -> None:
    async def run() -> None:
        intake = Intake(store, Settings(waiting=2, submissions_an_hour=1))
        async with intake.seat("ada"):
            with pytest.raises(Refusal) as eager:
                async with intake.seat("ada"):
                    raise AssertionError("one an hour")
            async with intake.seat("bob"):
                with pytest.raises(Refusal) as full:
                    async with intake.seat("eve"):
                        raise AssertionError("two at a time")
        assert (eager.value.status, full.value.status) == (429, 503)
        assert all(one.value.retry_after for one in (eager, full))
        async with intake.seat("ada"):
            pass  # all seats are free again
        intake.close()

    asyncio.run(run())


def test_a_burst_within_the_limit_is_let_in(store: Store) -> None:
    """Of five at once with a limit of three, three sit down: those that wait do not shut each other out."""

    async def run() -> None:
        intake = Intake(store, Settings(submissions_an_hour=3))
        done = asyncio.Event()

        async def sit() -> bool:
            try:
                async with intake.seat("ada"):
                    await done.wait()
                    return True
            except Refusal:
                return False

        tasks = [asyncio.create_task(sit()) for _ in range(5)]
        await asyncio.wait(tasks[3:])
        done.set()
        assert [await task for task in tasks] == [True, True, True, False, False]
        intake.close()

    asyncio.run(run())


def test_requests_of_one_address_are_counted() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    async def run() -> list[httpx2.Response]:
        guard = Guard(app, Settings(requests_a_minute=2))
        transport = httpx2.ASGITransport(app=guard)
        async with httpx2.AsyncClient(transport=transport, base_url="http://board") as client:
            return [await client.get("/") for _ in range(3)]

    answers = asyncio.run(run())
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json()["problems"][0]["code"] == "rate" and int(answers[2].headers["retry-after"]) > 0
    assert all("content-security-policy" in one.headers for one in answers)
