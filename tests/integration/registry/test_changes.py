"""Waiting for what others do, over one and over several processes."""

import asyncio
import dataclasses
import time
from pathlib import Path

import aiohttp
import pytest

from modelhubd.registry.changes import service
from tests.fakes.postgres import fresh_database
from tests.fakes.registry import Registry, running_registry
from tests.integration.registry.publishes import MODEL, approved, publish

FAR_S = 20
"""Below how long a waiting one would wait, and far above what a change takes."""


async def cursor_of(registry: Registry) -> str:
    return str((await registry.reader.get("/changes")).json["cursor"])


async def waited(registry: Registry, cursor: str) -> str:
    answer = await registry.reader.get(f"/changes?after={cursor}&wait_s=30")
    assert answer.status == 200, answer.body
    return str(answer.json["cursor"])


async def waiting_of(registry: Registry, count: int) -> None:
    async with asyncio.timeout(FAR_S):
        while registry.parts.changes._waiting.total() != count:
            await asyncio.sleep(0.01)


async def test_whoever_waits_is_told_of_every_act_and_of_no_other_s_content(registry: Registry) -> None:
    acts = (
        lambda: publish(registry.author),
        lambda: approved(registry),
        lambda: registry.admin.put(f"{MODEL}/verification"),
        lambda: registry.admin.put("/templates/one", {"name": "One", "models": ["acme/tiny"]}),
        lambda: registry.admin.post("/publishers", {"name": "umbrella"}),
    )
    for act in acts:
        before = await cursor_of(registry)
        waiting = asyncio.create_task(waited(registry, before))
        began = time.monotonic()
        await asyncio.sleep(0)
        await act()
        assert await asyncio.wait_for(waiting, FAR_S) != before
        assert time.monotonic() - began < FAR_S
    assert set((await registry.reader.get("/changes")).json) == {"cursor", "revision", "released"}


async def test_a_change_of_another_process_on_the_same_database_is_told(tmp_path: Path) -> None:
    with fresh_database() as url:
        async with (
            running_registry(tmp_path / "registry", url) as one,
            running_registry(tmp_path / "registry", url) as other,
        ):
            before = await cursor_of(one)
            waiting = asyncio.create_task(waited(one, before))
            await publish(other.author)
            assert await asyncio.wait_for(waiting, FAR_S) != before


async def test_without_a_change_the_answer_comes_when_the_time_is_over(sqlite_registry: Registry) -> None:
    before = await cursor_of(sqlite_registry)
    assert (await sqlite_registry.reader.get(f"/changes?after={before}&wait_s=0.1")).json["cursor"] == before
    for wrong in ("x", "1", "1.2.3", "-1.0", "9" * 19 + ".1"):
        refused = await sqlite_registry.reader.get(f"/changes?after={wrong}")
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "?after")
    assert (await sqlite_registry.reader.get("/changes?wait_s=31")).status == 422


async def test_one_person_cannot_take_every_place_and_whoever_leaves_frees_one(
    sqlite_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "WAITING_MAX_EACH", 2)
    before = await cursor_of(sqlite_registry)
    tasks = [asyncio.create_task(waited(sqlite_registry, before)) for _ in range(2)]
    await waiting_of(sqlite_registry, 2)
    path = f"/changes?after={before}&wait_s=0.01"
    refused = await sqlite_registry.reader.get(path)
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "too_many_waiting", "5")
    assert (await sqlite_registry.author.get(path)).status == 200
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(FAR_S):
        while (await sqlite_registry.reader.get(path)).status != 200:
            await asyncio.sleep(0.05)


async def test_a_registry_that_ends_does_not_wait_for_those_who_wait(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with running_registry(tmp_path / "registry", drain_s=FAR_S) as registry:
            before = await cursor_of(registry)
            person = dataclasses.replace(registry.reader, session=session)
            waiting = asyncio.create_task(person.get(f"/changes?after={before}&wait_s=30"))
            await waiting_of(registry, 1)
            began = time.monotonic()
        assert time.monotonic() - began < FAR_S / 2
        assert (await waiting).json["cursor"] == before


async def test_one_version_is_reviewed_alone_and_says_whether_two_agreed(sqlite_registry: Registry) -> None:
    await approved(sqlite_registry)
    await publish(sqlite_registry.author, description="Another one.")
    found = (await sqlite_registry.reviewer.get(f"{MODEL}/versions/2/review")).json
    assert [(change["pointer"], change["after"]) for change in found["changes"]] == [
        ("/description", "Another one.")
    ]
    assert (found["served_version"], found["blocked"], found["version"]["four_eyes"]) == (1, False, None)
    first = (await sqlite_registry.reviewer.get(f"{MODEL}/versions/1/review")).json
    assert (first["version"]["four_eyes"], first["changes"]) == (True, [])
    assert (await sqlite_registry.reviewer.get(f"{MODEL}/versions/9/review")).status == 404


async def test_the_log_is_read_from_its_end_too(sqlite_registry: Registry) -> None:
    oldest = (await sqlite_registry.admin.get("/audit?limit=200")).json["items"]
    page = (await sqlite_registry.admin.get("/audit?limit=3&order=newest")).json
    assert page["items"] == oldest[::-1][:3]
    following = (await sqlite_registry.admin.get(f"/audit?limit=3&order=newest&after={page['next']}")).json
    assert following["items"] == oldest[::-1][3:6]
