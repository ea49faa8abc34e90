"""Records: a million of them, and what recording adds to a request.

The million stands for some months of a busy machine, with three models, five apps and eight nodes. The
requests are asked in turn with and without a listener, of a server in this process that answers at once: what
is measured is the gateway alone.
"""

import argparse
import asyncio
import contextlib
import random
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from modelhubd.errors import NotFound
from modelhubd.events import Bus
from modelhubd.exchange import Exchange, Figures, Listener, new_id
from modelhubd.gateway.proxy import Gateway
from modelhubd.llama.on_demand import Upstream
from modelhubd.records import store
from modelhubd.records.exports import Exports
from modelhubd.records.figures import SeriesQuery, StatsQuery
from modelhubd.records.rows import row_of
from modelhubd.records.service import Records, RecordsQuery
from modelhubd.settings import RecordsConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.records import ExportRequest, Outcome, Purge
from modelhubd.wire.servers import Server, ServerState
from tests.benchmarks.figures import load, ms, percentile, table
from tests.benchmarks.loop_lag import as_the_daemon, timed

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RESULTS = Path(__file__).parent.parent.parent / "docs" / "benchmarks" / "records.md"
BATCH = 256
"""As the writer writes them."""
MULTIPLE = 50
"""Of these many records one is written as it always is; the others are copies of it at other times."""


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures, and with `--write` put them into docs/benchmarks/records.md."""
    parser = argparse.ArgumentParser(prog="records", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=2000, help="of each kind (default: 2000)")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        many, added = asyncio.run(measure(Path(folder), asked.rows, asked.requests))
    head = ["", "median", "p95", "worst"]
    print(table(f"{asked.rows} records", ["", "time", "others wait", "of it computing"], many))
    print(table("A request through the gateway", head, added))
    if asked.write:
        RESULTS.write_text(page(asked.rows, asked.requests, many, added))


async def measure(folder: Path, rows: int, requests: int) -> tuple[list[list[str]], list[list[str]]]:
    async with Database.open(folder / "main.db") as database, TaskOwner("bench") as tasks:
        records = Records(
            database, Bus("0badcafe"), config=RecordsConfig(max_bytes=10**12), path=folder / "records.db",
            artifact=removed, clock=lambda: NOW,
        )  # fmt: skip
        await records.start(tasks)
        many = await a_million(records, folder, rows)
        added = await overhead(records, requests)
        await records.close()
    return many, added


async def removed(library_id: str) -> Artifact:
    raise NotFound(library_id)


async def of_catalog(source: str, model: str) -> bool:
    return True


async def a_million(records: Records, folder: Path, rows: int) -> list[list[str]]:
    written = rows // MULTIPLE
    began = time.perf_counter()
    async with records.keeping.using() as database:
        for batch in batches(written):
            async with database.transaction() as tx:
                await store.insert(tx, batch)
        filled = time.perf_counter() - began
        await multiply(database, rows // written)
    exports = Exports(
        records.keeping, folder / "exports", is_from=of_catalog, flush=records.flush, clock=lambda: NOW
    )
    first = await records.list(RecordsQuery(limit=200))
    as_the_daemon()
    asked: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("newest 50", lambda: records.list(RecordsQuery())),
        ("the page behind the first 200", lambda: records.list(RecordsQuery(after=first.next))),
        ("of one model", lambda: records.list(RecordsQuery(model="lab/m1"))),
        ("of one app and node", lambda: records.list(RecordsQuery(app="app2", node="node3"))),
        ("failed", lambda: records.list(RecordsQuery(outcome=Outcome.FAIL))),
        ("of one day", lambda: records.list(RecordsQuery(since=day(3), until=day(2)))),
        ("with a part of a name", lambda: records.list(RecordsQuery(q="ode7"))),
        ("figures by model, all times", lambda: records.stats(StatsQuery(by="model"))),
        ("figures by app, last week", lambda: records.stats(StatsQuery(by="app", since=day(7)))),
        ("series by model, hours of a day", lambda: records.series(SeriesQuery(by="model"))),
        ("series by app, days of a month", lambda: records.series(SeriesQuery(by="app", step="day"))),
        ("series by minute, last hour", lambda: records.series(SeriesQuery(step="minute"))),
        ("a mark", lambda: mark(records, first.items[7].id)),
        ("preview of an export", lambda: exports.preview(ExportRequest())),
        ("preview of its groups alone", lambda: exports.preview(ExportRequest(rows=False))),
    ]
    found = [[f"writing them, {BATCH} at a time", f"{written / filled:,.0f} a second", "", ""]]
    found.append(["size", f"{(await records.summary()).size_bytes / rows:.0f} bytes a record", "", ""])
    for name, ask in asked:
        each = [await timed(ask) for _ in range(5)]
        found.append([name, *(ms(statistics.median(times)) for times in zip(*each, strict=True))])
    for name, purge in (
        ("a third", Purge(before=day(60))),
        ("a model of three", Purge(model="lab/m1")),
        ("the rest", Purge(all=True)),
    ):
        took, *held = await timed(lambda asked=purge: records.purge(asked))  # type: ignore[misc]
        found.append([f"deleting {name}", f"{took:.1f} s", *map(ms, held)])
    return found


async def multiply(database: Database, times: int) -> None:
    """Fill the time between each record and the next with copies, and count them. Ids begin with the time, as
    those do that the daemon makes."""
    async with database.transaction() as tx:
        columns = [row["name"] for row in await tx.fetch_all("PRAGMA table_info(record)")]
        chosen = [name for name in columns if name not in ("seq", "id", "at")]
        names = ", ".join(chosen)
        (last, step), *_ = await tx.fetch_all(
            "SELECT max(seq), (max(at) - min(at)) / (count(*) - 1) FROM record"
        )
        await tx.execute(
            f"WITH copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {times - 1})"
            f" INSERT INTO record (id, at, {names})"
            f" SELECT printf('%012x', at + n * {step // times}) || lower(hex(randomblob(4))),"
            f" at + n * {step // times}, {names}"
            " FROM record CROSS JOIN copy"
        )
        await store.count_since(tx, last)


async def mark(records: Records, record_id: str) -> None:
    from modelhubd.wire.records import Feedback

    await records.mark(record_id, Feedback(mark="good"))


def day(ago: int) -> str:
    return (NOW - timedelta(days=ago)).isoformat()


def batches(rows: int) -> Iterable[list[tuple[dict[str, Any], None]]]:
    chance = random.Random(4)
    step = timedelta(days=90) / rows
    for start in range(0, rows, BATCH):
        yield [
            (row_of(made_up(chance, NOW - timedelta(days=90) + step * n), None), None)
            for n in range(start, min(start + BATCH, rows))
        ]


def made_up(chance: random.Random, at: datetime) -> Exchange:
    model = f"lab/m{chance.randrange(3)}"
    failed = chance.random() < 0.02
    latency = chance.lognormvariate(0, 1)
    return Exchange(
        id=new_id(at), route="/v1/chat/completions", streamed=True, server=server(model), model=model,
        app=App(id=f"app{chance.randrange(5)}", version="1.0"), node=f"node{chance.randrange(8)}",
        started_at=at,
        status=500 if failed else 200, outcome=Outcome.FAIL if failed else Outcome.PASS,
        code="answered_500" if failed else None,
        figures=Figures(
            prompt_tokens=chance.randrange(4000), cached_tokens=0, completion_tokens=chance.randrange(900),
            ttft_s=latency / 5, tokens_per_s=chance.uniform(5, 90), latency_s=latency, finish_reason="stop",
        ),
    )  # fmt: skip


def server(model: str) -> Server:
    return Server(
        id="1", name=model, library_id=model, model=model, version=1, option="gguf-q4",
        state=ServerState.READY, build="11549", started_at="2026-01-01T00:00:00.000Z",
    )  # fmt: skip


ANSWER = (
    b'{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Hello"}}],'
    b'"usage":{"completion_tokens":8,"prompt_tokens":21},"timings":{"predicted_ms":1.8}}'
)


class AtOnce:
    """What the gateway asks of servers, on one that answers at once."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._upstream = Upstream(session, server("lab/m1"))

    @contextlib.asynccontextmanager
    async def lease(self, name: str, app: App | None, /) -> AsyncIterator[Upstream]:
        yield self._upstream

    def running(self) -> Iterable[Server]:
        return ()


async def overhead(records: Records, requests: int) -> list[list[str]]:
    """The same requests in turn to a gateway that records and to one that does not."""
    async with contextlib.AsyncExitStack() as stack:
        upstream = await serving(stack, [("POST", "/v1/chat/completions", answer_at_once)])
        asking = await stack.enter_async_context(aiohttp.ClientSession(upstream))
        urls = {}
        for name, listeners in (("not recorded", ()), ("recorded", (records,))):
            chosen: tuple[Listener, ...] = listeners
            gateway = Gateway(AtOnce(asking), nothing, listeners=chosen)
            urls[name] = await serving(stack, gateway.routes())
        client = await stack.enter_async_context(aiohttp.ClientSession())
        took: dict[str, list[float]] = {name: [] for name in urls}
        for n in range(requests + 50):
            for name in urls if n % 2 else reversed(urls):
                began = time.perf_counter()
                async with client.post(f"{urls[name]}/v1/chat/completions", json=QUESTION) as found:
                    await found.read()
                if n >= 50:
                    took[name].append(time.perf_counter() - began)
        await records.flush()
        if (kept := (await records.list(RecordsQuery())).total) < requests:
            raise AssertionError(f"{kept} of {requests} were recorded")
    rows = {name: [percentile(times, part) for part in (0.5, 0.95, 1)] for name, times in took.items()}
    added = [more - less for more, less in zip(rows["recorded"], rows["not recorded"], strict=True)]
    return [[name, *map(ms, row)] for name, row in (*rows.items(), ("added", added))]


QUESTION = {"model": "lab/m1", "messages": [{"role": "user", "content": "Who are you?"}]}


async def answer_at_once(request: web.Request) -> web.StreamResponse:
    await request.read()
    return web.Response(body=ANSWER, content_type="application/json")


async def nothing() -> list[Artifact]:
    return []


async def serving(stack: contextlib.AsyncExitStack, routes: Iterable[tuple[str, str, Any]]) -> str:
    app = web.Application()
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def page(rows: int, requests: int, many: list[list[str]], added: list[list[str]]) -> str:
    def lines(found: Iterable[Sequence[str]]) -> str:
        return "".join(f"| {' | '.join(line)} |\n" for line in found)

    return f"""# Records

Made by `python -m tests.benchmarks records --write` ({load()}).

## {rows:,} records

Ninety days of three models, five apps and eight nodes. Each figure is the median of five. *Others wait* is
the longest time for which the daemon did nothing else; *of it computing* is what a machine that is busy with
other things does not lengthen.

| | time | others wait | of it computing |
|---|---|---|---|
{lines(many)}
## What recording adds to a request

{requests} requests of each kind, in turn, through two gateways in one process, to a server that answers at
once. Writing goes on meanwhile, four times a second; it is in these figures.

| | median | 95 % | worst |
|---|---|---|---|
{lines(added)}"""


if __name__ == "__main__":
    main()
