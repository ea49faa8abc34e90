"""What a trial adds to a request to the active model: the same requests through one daemon, without a trial
and with one that samples all of them, in turns within one run."""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.benchmarks.bench_gateway import session
from tests.benchmarks.figures import ms, percentile, table
from tests.contract.world import World, a_world, entry, local_file
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ANSWER, write_chat

ROUNDS, EACH, WARM = 12, 40, 20
BODY = {
    "model": "bench/active", "messages": [{"role": "user", "content": "Who are you? " * 40}],
    "temperature": 0, "max_tokens": 8,
}  # fmt: skip


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="trials", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of {EACH} requests each way")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "origin").mkdir()
        write_chat(root / "origin/active.gguf")
        write_chat(root / "origin/candidate.gguf", answer=(ANSWER[0], " again", "!"))
        with (
            Origin("--directory", str(root / "origin")) as origin,
            a_world(root / "home", origin, MODELHUB_LOAD_CTX="1024") as world,
        ):
            asyncio.run(measure(world, root / "origin", asked.rounds))


async def measure(world: World, files: Path, rounds: int) -> None:
    names = ("active", "candidate")
    world.list_locally(
        *(entry(f"bench/{name}", local_file(files / f"{name}.gguf", world.origin)) for name in names)
    )
    for name in names:
        world.download(f"bench/{name}", until="completed")
    body = {"library_id": "bench/active", "settings": {"threads": 1, "ctx": 1024}}
    world.post("/servers", body, wait="ready")
    samples: dict[str, list[float]] = {"no trial": [], "all sampled": []}
    async with session(world.daemon.socket) as client:
        for _ in range(WARM):
            await ask(client)
        for n in range(rounds):
            for how in samples if n % 2 else reversed(samples):
                trial = begin(world) if how == "all sampled" else None
                for _ in range(EACH):
                    samples[how].append(await ask(client))
                if trial is not None:
                    world.ask("DELETE", f"/trials/{trial}")
    rows = []
    for name, part in (("median", 0.5), ("p95", 0.95)):
        without, sampled = (percentile(samples[how], part) for how in samples)
        rows.append([name, ms(without), ms(sampled), ms(sampled - without)])
    rows.append(["mean", *(ms(statistics.fmean(samples[how])) for how in samples), ""])
    print(table(f"A request to the active model, {rounds * EACH} each way", ["", *samples, "added"], rows))


def begin(world: World) -> str:
    body: dict[str, Any] = {"active": "bench/active", "candidate": "bench/candidate", "when": "parallel"}
    return str(world.post("/trials", body | {"max_pending": 10_000}, status=201)["id"])


async def ask(client: aiohttp.ClientSession) -> float:
    began = time.perf_counter()
    async with client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
