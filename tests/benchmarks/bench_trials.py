"""What a trial adds to a request to the active model: the same requests through one daemon, without a trial
and with one that samples all of them, in turns within one run. And what looking at many pairs takes."""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from modelhubd.events import Bus
from modelhubd.storage.database import Database
from modelhubd.trials import store
from modelhubd.trials.judging import Judging
from modelhubd.trials.store import Stored
from modelhubd.trials.telling import Telling
from modelhubd.wire.trials import MOST_PAIRS, Pair, PairSide, TrialModel, TrialState
from tests.benchmarks.bench_gateway import session
from tests.benchmarks.figures import load, ms, percentile, table
from tests.benchmarks.loop_lag import as_the_daemon, timed
from tests.contract.world import World, a_world, entry, local_file
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ANSWER, write_chat

ROUNDS, EACH, WARM = 12, 40, 20
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BODY = {
    "model": "bench/active", "messages": [{"role": "user", "content": "Who are you? " * 40}],
    "temperature": 0, "max_tokens": 8,
}  # fmt: skip


RESULTS = Path(__file__).parent.parent.parent / "docs" / "benchmarks" / "trials.md"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures, and with `--write` put them into docs/benchmarks/trials.md."""
    parser = argparse.ArgumentParser(prog="trials", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of {EACH} requests each way")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        looked = asyncio.run(look_at_many(Path(folder)))
    print(table(f"A trial with {MOST_PAIRS} pairs", ["", "time", "others wait", "of it computing"], looked))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "origin").mkdir()
        write_chat(root / "origin/active.gguf")
        write_chat(root / "origin/candidate.gguf", answer=(ANSWER[0], " again", "!"))
        with (
            Origin("--directory", str(root / "origin")) as origin,
            a_world(root / "home", origin, MODELHUB_LOAD_CTX="1024") as world,
        ):
            added = asyncio.run(measure(world, root / "origin", asked.rounds))
    head = ["", "no trial", "all sampled", "added"]
    print(table(f"A request to the active model, {asked.rounds * EACH} each way", head, added))
    if asked.write:
        RESULTS.write_text(page(asked.rounds, added, looked))


async def look_at_many(folder: Path) -> list[list[str]]:
    """Evidence and a page of a trial that has as many pairs as one can have."""
    async with Database.open(folder / "main.db") as database:
        trial = Stored(
            id="many", state=TrialState.PAUSED, active=model(1), candidate=model(2), sample=1, when="idle",
            keep=0, max_pending=1, max_pairs=MOST_PAIRS, created_at="", changed_at="",
        )  # fmt: skip
        chance = random.Random(8)
        async with database.transaction() as tx:
            await store.put(tx, trial)
            for n in range(1, MOST_PAIRS + 1):
                await store.add_pair(tx, trial.id, str(n), made_up(chance, n))
        judging = Judging(
            database, Telling(database, Bus("0badcafe"), {}), {}, root=folder, clock=lambda: NOW,
            chance=chance.random,
        )  # fmt: skip
        asked: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
            ("its evidence", lambda: judging.evidence(trial)),
            ("a page of 200 pairs", lambda: judging.pairs(trial.id, limit=200)),
        ]
        found = []
        as_the_daemon()
        for name, ask in asked:
            each = [await timed(ask) for _ in range(5)]
            found.append([name, *(ms(statistics.median(times)) for times in zip(*each, strict=True))])
        return found


def model(version: int) -> TrialModel:
    return TrialModel(library_id=str(version), model="bench/tried", version=version, option="gguf-q4")


def made_up(chance: random.Random, n: int) -> Pair:
    def side() -> PairSide:
        latency = chance.lognormvariate(0, 1)
        return PairSide(
            prompt_tokens=100, completion_tokens=chance.randrange(1, 500), ttft_s=latency / 5,
            tokens_per_s=chance.uniform(5, 90), latency_s=latency, confidence=chance.random(),
        )  # fmt: skip

    return Pair(
        n=n, route="/v1/chat/completions", at="2026-11-30T12:00:00.000Z", active=side(), candidate=side(),
        exact=chance.random() < 0.1, normalised=chance.random() < 0.2, similarity=chance.random(),
    )  # fmt: skip


async def measure(world: World, files: Path, rounds: int) -> list[list[str]]:
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
    means = [statistics.fmean(samples[how]) for how in samples]
    return [*rows, ["mean", *map(ms, means), ms(means[1] - means[0])]]


def page(rounds: int, added: list[list[str]], looked: list[list[str]]) -> str:
    def lines(found: list[list[str]]) -> str:
        return "".join(f"| {' | '.join(line)} |\n" for line in found)

    return f"""# Trials

Made by `python -m tests.benchmarks trials --write` ({load()}) on the built-in server
with generated models; {rounds * EACH} requests each way in one run, in turns of {EACH}, all of them
sampled. What counts is what is added: the candidate is asked between requests only, at the lowest priority.

| a request to the active model | no trial | all sampled | added |
|---|---|---|---|
{lines(added)}
Looking at a trial with {MOST_PAIRS:,} pairs, which is as many as one can have. *Others wait* is the longest
time for which the daemon did nothing else; *of it computing* is what a machine that is busy with other things
does not lengthen.

| | time | others wait | of it computing |
|---|---|---|---|
{lines(looked)}"""


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
