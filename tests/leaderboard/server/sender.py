"""One submitter's uploads, all at once. Nothing else is imported, for each runs in a process of its own."""

from __future__ import annotations

import asyncio
from random import Random

import httpx2

ZIP = {"Content-Type": "application/zip"}
Answer = tuple[int, bool | None, str]


def send_all(url: str, token: str, uploads: list[bytes], times: int, seed: int) -> list[Answer]:
    """Returns status, whether it was new, and the id or the reason, of each of so many uploads."""

    async def send(client: httpx2.AsyncClient, data: bytes) -> Answer:
        answer = await client.post("/api/v1/submissions", content=data, headers=ZIP)
        told = answer.json()
        return answer.status_code, told.get("created"), told.get("id", told.get("problems", [{}])[0].get("code", ""))

    async def run() -> list[Answer]:
        order = [uploads[n % len(uploads)] for n in range(times)]
        Random(seed).shuffle(order)
        limits = httpx2.Limits(max_connections=times)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=300, limits=limits) as client:
            return list(await asyncio.gather(*(send(client, data) for data in order)))

    return asyncio.run(run())
