"""kill -9, a database that goes away, several processes: nothing is lost, doubled or left unaudited."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from modelhubd.registry import database as database_module
from modelhubd.registry.database import Database
from modelhubd.registry.schema import version
from tests.fakes.postgres import Cluster, fresh_database
from tests.fakes.registry import running_registry
from tests.fakes.registry_load import People, Told, load, people
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.fakes.registry_template import Copies, Place, copied_place
from tests.integration.registry.ledger import check

KILLS = 3
pytestmark = pytest.mark.timeout(300)

RATES = {"MODELHUB_REGISTRY_REQUESTS_PER_S": "100000", "MODELHUB_REGISTRY_REQUESTS_AT_ONCE": "100000"}


@contextlib.asynccontextmanager
async def under_load(told: Told, *who: People) -> AsyncIterator[None]:
    """The block runs while `who` work."""
    until = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(load(who, told, until))
        try:
            yield
        finally:
            until.set()


async def kept(url: str, told: Told) -> None:
    """What was told is there."""
    async with Database.open(url) as database, database.reading() as connection:
        rows = await connection.execute(sa.select(version.c.model, version.c.version, version.c.status))
        found = {(row.model, row.version): row.status for row in rows}
    assert told.published <= found.keys()
    assert all(found[place] == "approved" for place in told.approved)


async def start(process: RegistryProcess) -> None:
    process.environ |= RATES
    await asyncio.to_thread(process.start)


async def test_killed_at_any_moment_it_has_lost_nothing_it_told(place: Place) -> None:
    told, chance, database_url = Told(), random.Random(5), place.url
    process = RegistryProcess(place.state_dir, database_url)
    try:
        await start(process)
        async with aiohttp.ClientSession() as session:
            who = await people(database_url, process.url, session)
            async with under_load(told, who):
                for _ in range(KILLS):
                    await asyncio.sleep(0.3 + 1.2 * chance.random())
                    await asyncio.to_thread(process.kill)
                    await check(database_url)
                    await start(process)
                before = len(told.published)
                for _ in range(1800):  # however busy the machine is
                    if len(told.published) > before and told.approved and told.flipped:
                        break
                    await asyncio.sleep(0.05)
        await asyncio.to_thread(process.stop)
    finally:
        if process.process is not None and process.process.poll() is None:
            process.kill()
    acts = await check(database_url)
    await kept(database_url, told)
    assert not told.unclear
    assert told.published and told.approved and told.lost
    assert acts["model.verified"] > 0


async def test_several_processes_are_one_registry(tmp_path: Path) -> None:
    told = Told()
    with copied_place("postgresql", tmp_path / "state") as place, contextlib.ExitStack() as stack:
        state, url = place.state_dir, place.url
        first = stack.enter_context(registry_process(state, url))
        second = stack.enter_context(registry_process(state, url))
        async with aiohttp.ClientSession() as session:
            who = await people(url, first.url, session)
            other = who.at(second.url)
            async with under_load(told, who, other):
                await asyncio.sleep(4)
            catalogs = [await one.admin.get("/catalog") for one in (who, other)]
            revisions = [one.json["revision"] for one in catalogs]
            assert revisions[0] == revisions[1]
            assert catalogs[0].body == catalogs[1].body
        acts = await check(url)
        await kept(url, told)
        assert not told.unclear
        assert acts["version.published"] == len(told.published)
        assert acts["version.approved"] == len(told.approved) > 0


async def test_two_first_starts_at_once_make_one_registry(tmp_path: Path) -> None:
    with fresh_database() as url:
        processes = [RegistryProcess(tmp_path / "state", url), RegistryProcess(tmp_path / "state", url)]
        try:
            await asyncio.gather(*(asyncio.to_thread(process.start) for process in processes))
        finally:
            for process in processes:
                if process.process is not None and process.process.poll() is None:
                    process.stop()
        assert (await check(url))["seed.imported"] == 1


async def test_a_database_that_restarts_under_load_is_found_again(tmp_path: Path) -> None:
    told = Told()
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="registry-postgres-")))
    try:
        cluster.start()
        url = cluster.url(cluster.make_database())
        async with running_registry(
            tmp_path / "state", url, requests_per_s=1e6, requests_at_once=10**6
        ) as registry:
            who = People(author=registry.author, reviewer=registry.reviewer, admin=registry.admin)
            async with under_load(told, who):
                for how in ("fast", "immediate"):
                    await asyncio.sleep(1)
                    await asyncio.to_thread(cluster.stop, how)
                    away = await registry.anybody.get("/health")
                    assert (away.status, away.code) == (503, "database_away")
                    assert away.headers["Retry-After"] == "1"
                    await asyncio.sleep(0.5)
                    await asyncio.to_thread(cluster.start)
                    before = len(told.published)
                    for _ in range(300):
                        if len(told.published) > before:
                            break
                        await asyncio.sleep(0.1)
                    assert len(told.published) > before
            assert (await registry.anybody.get("/health")).status == 200
            await registry.parts.releases.released()
        await check(url)
        await kept(url, told)
    finally:
        cluster.close()
    assert not told.unclear
    assert told.statuses[503] > 0
    assert told.lost == 0


async def test_who_waits_too_long_for_others_is_told_to_come_back(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "LOCK_S", 0.3)
    monkeypatch.setitem(database_module.SQLITE, "busy_timeout", 300)
    async with copies() as registry:
        async with Database.open(registry.parts.config.database_url) as other, other.changing():
            held_up = await registry.admin.post("/publishers", {"name": "initech"})
            assert (held_up.status, held_up.code) == (503, "database_away")
            assert held_up.headers["Retry-After"] == "1"
            assert (await registry.reader.get("/me")).status == 200
        assert (await registry.admin.post("/publishers", {"name": "initech"})).status == 201


async def test_what_has_begun_is_finished_when_it_is_told_to_stop(place: Place) -> None:
    database_url = place.url
    with registry_process(place.state_dir, database_url) as process:
        async with aiohttp.ClientSession() as session:
            who = await people(database_url, process.url, session)
            async with (
                Database.open(database_url) as other,
                asyncio.TaskGroup() as group,
                other.changing(),
            ):
                asked = group.create_task(who.admin.post("/publishers", {"name": "initech"}))
                await asyncio.sleep(0.5)
                assert process.process is not None
                process.process.terminate()
                await asyncio.sleep(0.5)
                assert process.process.poll() is None
            assert asked.result().status == 201
        assert await asyncio.to_thread(process.process.wait, 15) == 0
