"""What the gateway adds to a llama-server: the same requests to its own socket and through the daemon.

One process asks, one is the daemon, one the server with one thread: on two cores they take from each other,
so the shares count, not the figures.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.benchmarks.figures import ms, percentile, table
from tests.contract.world import World, a_world, entry, local_file
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ROOMY, large_shape, write_chat

SLOTS = 8
STREAMS = (1, 8, 64)
TOKENS = 64
FIRST_ROUNDS = 200
CANCEL_ROUNDS = 20
LARGE_BYTES = 60 * 1024**2
MODELS = {"tiny": ROOMY, "slow": large_shape(66)}
HEAD = ["", "own socket", "gateway", "added"]


@dataclass(frozen=True)
class Stream:
    """One answer: seconds to its first token, seconds to its end, and how many pieces it came in."""

    first_s: float
    all_s: float
    pieces: int


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="gateway", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--binary", default="", help="a llama-server to use instead of the built-in one")
    parser.add_argument("--rounds", type=int, default=5, help="of each throughput (default: 5)")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "origin").mkdir()
        for name, shape in MODELS.items():
            write_chat(root / "origin" / f"{name}.gguf", shape=shape)
        with Origin("--directory", str(root / "origin")) as origin:
            settings = {"MODELHUB_LLAMA_BINARY": asked.binary} if asked.binary else {}
            with a_world(root / "home", origin, **settings) as world:
                asyncio.run(measure(world, root / "origin", asked.rounds))


async def measure(world: World, files: Path, rounds: int) -> None:
    world.list_locally(
        *(entry(f"bench/{name}", local_file(files / f"{name}.gguf", world.origin)) for name in MODELS)
    )
    for name in MODELS:
        world.download(f"bench/{name}", until="completed")
    async with loaded(world, "tiny", ctx=ROOMY.n_ctx, parallel=1) as (own, gateway):
        print(table("One request, to its first token", HEAD, await first_tokens(own, gateway)))
        print(table("A client that goes", ["", "median", "worst"], [await cancelled(own, gateway)]))
        print(table("A body of 60 MiB", ["", "alone", "meanwhile"], [await large_body(gateway)]))
    async with loaded(world, "slow", ctx=SLOTS * 512, parallel=SLOTS) as (own, gateway):
        rows = [await throughput(own, gateway, streams, rounds) for streams in STREAMS]
        print(table(f"Streams of {TOKENS} tokens, {SLOTS} slots, tokens per second", HEAD, rows))


@contextlib.asynccontextmanager
async def loaded(
    world: World, name: str, **settings: int
) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """Clients of the server's own socket and of the daemon's while the model is loaded."""
    before = set((world.daemon.home / "run").glob("*.sock"))
    body = {"library_id": f"bench/{name}", "name": "bench", "settings": {"threads": 1} | settings}
    server = world.post("/servers", body, wait="ready")
    (socket,) = set((world.daemon.home / "run").glob("*.sock")) - before
    try:
        async with session(socket) as own, session(world.daemon.socket) as gateway:
            yield own, gateway
    finally:
        world.ask("DELETE", f"/servers/{server['id']}")


def session(socket: Path) -> aiohttp.ClientSession:
    connector = aiohttp.UnixConnector(path=str(socket), limit=0, force_close=True)
    return aiohttp.ClientSession("http://localhost", connector=connector)


async def ask(client: aiohttp.ClientSession, tokens: int) -> Stream:
    began = time.perf_counter()
    body = question(tokens)
    async with client.post("/v1/completions", json=body) as answer:
        assert answer.status == 200, await answer.text()
        await answer.content.readline()
        first = time.perf_counter() - began
        pieces = 1
        async for line in answer.content:
            pieces += line.startswith(b"data: {")
    return Stream(first, time.perf_counter() - began, pieces)


def question(tokens: int) -> dict[str, Any]:
    return {
        "model": "bench", "prompt": "Who are you?", "stream": True, "max_tokens": tokens, "temperature": 0,
        "ignore_eos": True, "cache_prompt": False,
    }  # fmt: skip


async def first_tokens(own: aiohttp.ClientSession, gateway: aiohttp.ClientSession) -> list[list[str]]:
    samples: dict[aiohttp.ClientSession, list[float]] = {own: [], gateway: []}
    for n in range(FIRST_ROUNDS + 10):
        for client in (own, gateway):
            found = await ask(client, 1)
            if n >= 10:
                samples[client].append(found.first_s)
    return [
        [
            name,
            ms(percentile(samples[own], part)),
            ms(percentile(samples[gateway], part)),
            ms(percentile(samples[gateway], part) - percentile(samples[own], part)),
        ]
        for name, part in (("median", 0.5), ("p95", 0.95))
    ]


async def throughput(
    own: aiohttp.ClientSession, gateway: aiohttp.ClientSession, streams: int, rounds: int
) -> list[str]:
    """All streams at once. Each round asks both, one after the other: the median of the rounds' shares."""
    rates: dict[aiohttp.ClientSession, list[float]] = {own: [], gateway: []}
    for n in range(rounds):
        for client in (own, gateway) if n % 2 else (gateway, own):
            began = time.perf_counter()
            await asyncio.gather(*(ask(client, TOKENS) for _ in range(streams)))
            rates[client].append(streams * TOKENS / (time.perf_counter() - began))
    shares = [through / direct for direct, through in zip(rates[own], rates[gateway], strict=True)]
    direct, through = (statistics.median(rates[client]) for client in (own, gateway))
    added = f"{(statistics.median(shares) - 1) * 100:+.1f} %"
    return [f"{streams} at once", f"{direct:.1f}", f"{through:.1f}", added]


async def cancelled(own: aiohttp.ClientSession, gateway: aiohttp.ClientSession) -> list[str]:
    """From closing the connection until the server's slot is idle, as the server says itself."""
    samples = []
    for _ in range(CANCEL_ROUNDS):
        async with gateway.post("/v1/completions", json=question(100_000)) as answer:
            await answer.content.readline()
        began = time.perf_counter()
        while any(slot["is_processing"] for slot in await slots(own)):
            await asyncio.sleep(0.001)
        samples.append(time.perf_counter() - began)
    return ["its slot is free after", ms(statistics.median(samples)), ms(max(samples))]


async def slots(own: aiohttp.ClientSession) -> list[Any]:
    async with own.get("/slots") as answer:
        return list(await answer.json())


async def large_body(gateway: aiohttp.ClientSession) -> list[str]:
    """The longest that a small request waits, without and with the large one."""
    body = b'{"prompt":"' + b"QUFB" * (LARGE_BYTES // 4) + b'","model":"bench/nothing"}'
    alone = await slowest_health(gateway, asyncio.create_task(asyncio.sleep(1)))

    async def send() -> None:
        async with gateway.post("/v1/completions", data=_pieces(body)) as answer:
            assert answer.status == 404, await answer.text()

    meanwhile = await slowest_health(gateway, asyncio.create_task(send()))
    return ["longest wait for /health", ms(alone), ms(meanwhile)]


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 256 * 1024):
        yield body[start : start + 256 * 1024]


async def slowest_health(gateway: aiohttp.ClientSession, until: "asyncio.Task[None]") -> float:
    worst = 0.0
    while not until.done():
        began = time.perf_counter()
        async with gateway.get("/api/v1/health") as answer:
            json.loads(await answer.read())
        worst = max(worst, time.perf_counter() - began)
    await until
    return worst


if __name__ == "__main__":
    main()
