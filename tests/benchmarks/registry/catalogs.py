"""Large catalogs in the registry: to import, to sign, to sign again after a change, to serve.

What a daemon makes of them, in seconds, bytes and searches, is measured by `tests.benchmarks.bench_sync`.
"""

import asyncio
import gzip
import time
from pathlib import Path

import aiohttp
import msgspec

from modelhubd.registry.database import Database
from modelhubd.registry.migrate import migrate
from modelhubd.registry.opening import now
from modelhubd.registry.routes import PREFIX
from modelhubd.registry.seed.service import first_start
from tests.benchmarks.bench_catalog import synthetic_entries
from tests.benchmarks.figures import ms, percentile
from tests.benchmarks.registry.people import People, registry_of

FLIPS = 10


async def measure(folder: Path, database: str, models: int) -> list[list[str]]:
    """The rows of a table."""
    floor = msgspec.json.encode({"models": synthetic_entries(models)})
    began = time.perf_counter()
    async with Database.open(database) as opened:
        await migrate(opened)
        await first_start(opened, "bench", now, floor)
    rows = [["importing them", f"{time.perf_counter() - began:.2f} s"]]
    async with registry_of(folder / "state", database, 10) as people:
        began = time.perf_counter()
        while (await people.reader.get("/catalog")).status != 200:
            await asyncio.sleep(0.02)
        rows.append(["the first signed catalog after its start", f"{time.perf_counter() - began:.2f} s"])
        took = [await _flip(people) for _ in range(FLIPS)]
        rows.append(["one verification until it is signed, median", ms(percentile(took, 0.5))])
        rows.append(["the slowest of them", ms(max(took))])
        rows += await _sizes(people, models)
    return rows


async def _flip(people: People) -> float:
    """Seconds until one change of what is served is answered, and so signed."""
    model = (await people.reader.get("/models?limit=1")).json["items"][0]
    method = "DELETE" if model["verified"] else "PUT"
    began = time.perf_counter()
    answer = await people.admin.ask(method, f"/models/{model['id']}/verification")
    assert answer.status == 200, answer.body
    return time.perf_counter() - began


async def _sizes(people: People, models: int) -> list[list[str]]:
    headers = {"Authorization": f"Bearer {people.reader.token}", "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        began = time.perf_counter()
        async with session.get(f"{people.reader.url}{PREFIX}/catalog", headers=headers) as answer:
            packed = await answer.read()
        took = time.perf_counter() - began
    document = gzip.decompress(packed)
    assert len(msgspec.json.decode(document)["entries"]) == models
    return [
        ["the document", f"{len(document) / 1e6:.2f} MB"],
        ["the target that is sent", f"{len(packed) / 1e6:.2f} MB"],
        ["sending it", ms(took)],
    ]
