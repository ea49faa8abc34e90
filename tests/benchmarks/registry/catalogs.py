"""Large catalogs: to import and sign in the registry, to sync and search in a daemon."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from modelhubd.catalog.search import SearchQuery
from modelhubd.registry.app import now
from modelhubd.registry.database import Database
from modelhubd.registry.migrate import migrate
from modelhubd.registry.seed.service import first_start
from tests.benchmarks.bench_api import latencies
from tests.benchmarks.bench_catalog import realistic_queries, synthetic_entries
from tests.benchmarks.figures import ms, percentile
from tests.benchmarks.registry.people import People, registry_of
from tests.fakes.registered import registered
from tests.running import RunningDaemon

T = TypeVar("T")
DISTINCT = 50


async def measure(folder: Path, models: int, searches: int) -> list[list[str]]:
    """The rows of a table."""
    url = f"sqlite+aiosqlite:///{folder / 'registry.db'}"
    floor = msgspec.json.encode({"models": synthetic_entries(models)})
    began = time.perf_counter()
    async with Database.open(url) as database:
        await migrate(database)
        await first_start(database, "bench", now, floor)
    rows = [["importing them", _s(time.perf_counter() - began)]]
    began = time.perf_counter()
    async with registry_of(folder / "state", url, 10) as people:
        while (await people.reader.get("/catalog", headers={"Accept-Encoding": "gzip"})).status != 200:
            await asyncio.sleep(0.02)
        rows.append(["start to the first signed catalog", _s(time.perf_counter() - began)])
        rows += await _changed(people)
        root = folder / "root.json"
        root.write_text(people.process.command("keys", "root", "--first").stdout)
        machine = registered(
            folder / "home", registry=people.process.url, root=root, token=people.reader.token or "",
            settings={"MODELHUB_CATALOG_SYNC_INTERVAL_S": "604800"},
        )  # fmt: skip
        try:
            rows += await _synced(people, machine, models)
            rows += await asyncio.to_thread(_searched, machine, searches)
        finally:
            if machine.process is not None:
                await asyncio.to_thread(machine.stop)
    return rows


async def _changed(people: People) -> list[list[str]]:
    began = time.perf_counter()
    await _flip(people)
    took = time.perf_counter() - began
    target = await people.reader.get("/catalog", headers={"Accept-Encoding": "gzip"})
    size = len(target.body)
    packed = target.headers.get("Content-Length", "")
    return [
        ["one verification until it is signed", _s(took)],
        ["the catalog, JSON", f"{size / 1e6:.2f} MB"],
        ["the catalog as it is sent", f"{int(packed or size) / 1e6:.2f} MB"],
    ]


async def _flip(people: People) -> None:
    listed = (await people.reader.get("/models?limit=1")).json["items"]
    model = listed[0]["id"]
    method = "DELETE" if listed[0]["verified"] else "PUT"
    answer = await people.admin.ask(method, f"/models/{model}/verification")
    assert answer.status == 200, answer.body


async def _synced(people: People, machine: RunningDaemon, models: int) -> list[list[str]]:
    await asyncio.to_thread(machine.start)
    cold = await asyncio.to_thread(_timed, lambda: machine.client.sync_catalog(wait=True))
    info = machine.client.catalog_info()
    assert (info.source, info.models, info.last_error) == ("registry", models, None), info
    unchanged = await asyncio.to_thread(_timed, lambda: machine.client.sync_catalog(wait=True))
    await _flip(people)
    changed = await asyncio.to_thread(_timed, lambda: machine.client.sync_catalog(wait=True))
    return [
        ["a daemon's first sync (from its start's own on)", _s(cold)],
        ["its sync when nothing is new", _s(unchanged)],
        ["its sync after one verification", _s(changed)],
    ]


def _searched(machine: RunningDaemon, searches: int) -> list[list[str]]:
    paths = [_path(query) for query in realistic_queries(DISTINCT)]
    samples: list[float] = []
    for path in paths:
        samples += latencies(machine, path, max(1, searches // DISTINCT))
    return [
        ["a search over the socket, median", ms(percentile(samples, 0.5))],
        ["a search over the socket, p99", ms(percentile(samples, 0.99))],
    ]


def _path(query: SearchQuery) -> str:
    asked: dict[str, object] = {"q": query.q, "sort": query.sort, "limit": query.limit}
    if query.compatible:
        asked["compatible"] = "true"
    lists = {"format": query.format, "capability": query.capability, "license": query.license}
    return "/api/v1/catalog/models?" + urlencode(asked | lists, doseq=True)


def _timed(act: Callable[[], T]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"
