"""How long a catalog search takes: `python -m tests.benchmarks.bench_catalog [--entries N] [--rounds N]`.

Builds a catalog of synthetic entries (the real families, sizes and quantizations, shuffled), then asks a
mix of what people type and tick through `Catalog.search`, one after the other, and prints percentiles.
"""

import argparse
import asyncio
import contextlib
import gc
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from modelhubd.catalog.search import SearchQuery
from modelhubd.catalog.service import Catalog
from modelhubd.events import Bus
from modelhubd.floor.loader import load_floor
from modelhubd.storage.database import Database
from modelhubd.wire.catalog import CatalogEntry, Format
from modelhubd.wire.device import Device
from tests.benchmarks.figures import percentile, table

GIB = 1024**3
FAMILIES = (
    "Qwen3", "Qwen2.5", "Llama 3.1", "Llama 3.2", "Gemma 3", "Mistral", "Phi-4", "DeepSeek R1", "Granite",
    "Falcon", "OLMo", "StarCoder", "InternLM", "Yi", "SmolLM2", "GLM-4", "Command R", "Nemotron", "Hermes",
)  # fmt: skip
SIZES = (0.5, 1, 1.5, 3, 4, 7, 8, 9, 12, 14, 24, 27, 32, 70)
KINDS = ("Instruct", "Chat", "Coder", "Base", "Vision", "Reasoning", "Math", "Embedding", "Tools")
THEMES = (
    "medicine", "law", "finance", "stories", "translation", "summaries", "poetry", "robotics", "tutoring",
    "biology", "history", "music", "support", "security", "chemistry", "roleplay", "search", "planning",
)  # fmt: skip
QUANTIZATIONS = (("Q3_K_M", 0.49), ("Q4_K_M", 0.6), ("Q5_K_M", 0.71), ("Q6_K", 0.82), ("Q8_0", 1.06))


def synthetic_entries(count: int, seed: int = 7) -> list[CatalogEntry]:
    """`count` entries like a big registry's: 300 publishers, 1 to 4 options, prose of 20 to 50 words."""
    chance = random.Random(seed)
    real = load_floor()
    words = sorted({word for entry in real for word in (entry.description or "").lower().split()})
    publishers = [f"{chance.choice(THEMES)}-lab-{number}" for number in range(300)]
    return [_synthetic(number, chance, real, words, publishers) for number in range(count)]


def write_catalog(folder: Path, entries: int) -> None:
    """`entries` synthetic entries in files of a thousand."""
    made = synthetic_entries(entries)
    for start in range(0, entries, 1000):
        (folder / f"{start:06d}.json").write_bytes(msgspec.json.encode(made[start : start + 1000]))


def _synthetic(
    number: int, chance: random.Random, real: Sequence[CatalogEntry], words: list[str], publishers: list[str]
) -> CatalogEntry:
    family, kind, theme = (chance.choice(part) for part in (FAMILIES, KINDS, THEMES))
    size = chance.choice(SIZES)
    name = f"{family} {size:g}B {kind} {theme.title()} v{number % 9 + 1}"
    slug = name.lower().replace(" ", "-")
    shape = chance.choice(real)
    publisher = chance.choice(publishers)
    options = []
    for quantization, share in chance.sample(QUANTIZATIONS, chance.randint(1, 4)):
        digest = hashlib.sha256(f"{number} {quantization}".encode()).hexdigest()
        file = {
            "name": f"{slug}-{quantization.lower()}.gguf",
            "size_bytes": int(size * 1e9 * share),
            "sha256": digest,
            "urls": [f"https://models.example/{publisher}/{slug}/resolve/{digest[:40]}/{quantization}.gguf"],
        }
        options.append(
            {
                "id": f"gguf-{quantization.lower()}", "format": "gguf", "quantization": quantization,
                "quantizer": publisher, "size_bytes": file["size_bytes"], "files": [file],
            }
        )  # fmt: skip
    return msgspec.convert(
        {
            "id": f"{publisher}/{slug}-{number}",
            "display_name": name,
            "publisher": publisher.replace("-", " ").title(),
            "description": " ".join(chance.choices(words, k=chance.randint(20, 50))),
            "parameters": int(size * 1e9),
            "capabilities": chance.sample(["chat", "tools", "code", "vision", "reasoning", "embedding"], 2),
            "license": {"spdx": chance.choice(["Apache-2.0", "MIT", "LicenseRef-Gemma", "CC-BY-NC-4.0"])},
            "tags": [theme, *chance.sample(["moe", "edge", "small", "long-context", "distill"], 2)],
            "architecture": msgspec.to_builtins(shape.architecture),
            "published_at": f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}T00:00:00Z",
            "options": options,
        },
        CatalogEntry,
    )


def realistic_queries(count: int, seed: int = 11) -> list[SearchQuery]:
    """What a page and a command line send: words as they are typed, filters, sorts, nothing at all."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        typed = chance.choice(
            [
                "", "", chance.choice(FAMILIES), f"{chance.choice(FAMILIES)} {chance.choice(SIZES):g}b",
                f"{chance.choice(KINDS)} {chance.choice(THEMES)}",
                chance.choice(THEMES)[: chance.randint(1, 5)],
                chance.choice(FAMILIES)[: chance.randint(1, 5)],
                f"{chance.choice(FAMILIES)} q8_0",
                "q4_k_m", "chat", "no such thing",
            ]
        )  # fmt: skip
        made.append(
            SearchQuery(
                q=typed.lower(),
                format=(Format.GGUF,) if chance.random() < 0.2 else (),
                capability=tuple(chance.sample(["chat", "code", "vision"], 1))
                if chance.random() < 0.3
                else (),
                license=("Apache-2.0", "MIT") if chance.random() < 0.2 else (),
                compatible=chance.random() < 0.4,
                sort=chance.choice(["relevance"] * 6 + ["name", "params", "size", "updated"]),  # type: ignore[arg-type]
                limit=chance.choice([20, 50, 50, 200]),
            )
        )
    return made


@dataclass(frozen=True)
class Figures:
    """Milliseconds of each search, and what each kind of work took and held up."""

    entries: int
    searches_ms: list[float] = field(repr=False)
    slowest: SearchQuery
    works: dict[str, "Work"]

    def percentile(self, share: float) -> float:
        return statistics.quantiles(self.searches_ms, n=1000, method="inclusive")[round(share * 1000) - 1]


@dataclass
class Work:
    """Seconds that something took, and milliseconds that each turn of the event loop came late meanwhile."""

    took_s: float = 0.0
    late_ms: list[float] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, str, str, str]:
        over = sum(late > 10 for late in self.late_ms)
        return (
            f"{self.took_s:.2f} s",
            f"{percentile(self.late_ms, 0.99):.1f} ms",
            f"{max(self.late_ms):.1f} ms",
            str(over),
        )


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[Work]:
    """Watches the event loop while the block runs: it is to have a turn every millisecond."""
    work, ended = Work(), asyncio.Event()

    async def beat() -> None:
        while not ended.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            work.late_ms.append((time.perf_counter() - began) * 1000 - 1)

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    yield work
    work.took_s = time.perf_counter() - began
    await asyncio.sleep(0.01)
    ended.set()
    await heart


def machine() -> Device:
    """A laptop with 16 GiB of memory."""
    return Device(
        os="linux", os_version="", arch="x86_64", cpu_model=None, cpu_cores=4, cpu_threads=8,
        ram_total_bytes=16 * GIB, ram_available_bytes=11 * GIB, models_dir="~/models",
        models_dir_present=True, disk_total_bytes=500 * GIB, disk_free_bytes=200 * GIB,
    )  # fmt: skip


class World:
    """What the catalog is told of this machine."""

    def __init__(self) -> None:
        self.device = machine()
        self.installed: frozenset[tuple[str, int, str]] = frozenset()

    async def keys(self) -> frozenset[tuple[str, int, str]]:
        return self.installed

    def catalog(self, database: Database, local: Path) -> Catalog:
        return Catalog(
            database,
            Bus("00000000"),
            local_dir=local,
            local_entries=lambda: True,
            device=lambda: self.device,
            installed=self.keys,
        )


async def measure(entries: int = 10_000, searches: int = 2_000) -> Figures:
    """Time `searches` searches over `entries` synthetic entries on top of the floor, and what goes on beside
    searches: making the catalog, finding it as it was, judging it again."""
    queries = realistic_queries(searches)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "catalog.d"
        local.mkdir()
        write_catalog(local, entries)
        gc.collect()
        gc.freeze()  # as the daemon does
        async with Database.open(Path(folder) / "bench.db") as database:
            works = await _syncs(database, local)
            world = World()
            catalog = world.catalog(database, local)
            async with watched() as works["a start with nothing new"]:
                info = await catalog.sync()
            assert not info.faults, info.faults[:3]
            works |= await _judgements(world, catalog)
            for query in queries[:50]:
                await catalog.search(query)
            times: list[tuple[float, int]] = []
            async with watched() as works[f"{len(queries)} searches"]:
                for number, query in enumerate(queries):
                    began = time.perf_counter()
                    await catalog.search(query)
                    times.append(((time.perf_counter() - began) * 1000, number))
            return Figures(info.models, [took for took, _ in times], queries[max(times)[1]], works)


async def _syncs(database: Database, local: Path) -> dict[str, Work]:
    works: dict[str, Work] = {}
    catalog = World().catalog(database, local)
    async with watched() as works["sync, all new"]:
        await catalog.sync()
    (local / "zzz.json").write_bytes(msgspec.json.encode(synthetic_entries(1, seed=8)))
    async with watched() as works["sync, one file new"]:
        await catalog.sync()
    async with watched() as works["sync, nothing new"]:
        await catalog.sync()
    return works


async def _judgements(world: World, catalog: Catalog) -> dict[str, Work]:
    works: dict[str, Work] = {}
    world.device = replace(world.device, ram_available_bytes=9 * GIB)
    async with watched() as works["device changed"]:
        await catalog.device_changed()
    world.installed = frozenset({("qwen/qwen3-8b", 1, "gguf-q4_k_m")})
    async with watched() as works["installed changed"]:
        catalog.installed_changed()
        await catalog.search(SearchQuery())
    return works


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=2_000)
    options = parser.parse_args()
    figures = asyncio.run(measure(options.entries, options.searches))
    print(
        f"catalog search, {figures.entries} entries, {len(figures.searches_ms)} searches: "
        f"p50 {figures.percentile(0.5):.2f} ms, p99 {figures.percentile(0.99):.2f} ms, "
        f"slowest {max(figures.searches_ms):.2f} ms"
    )
    print(f"slowest: {figures.slowest}\n")
    rows = [(name, *work.row) for name, work in figures.works.items()]
    print(
        table(
            "catalog: how late the event loop's turns come",
            ("work", "took", "p99", "latest", "over 10 ms"),
            rows,
        )
    )


if __name__ == "__main__":
    main()
