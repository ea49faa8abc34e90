"""A library on a real database and a real folder."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelhubd.events import Bus
from modelhubd.library.jobs import Jobs
from modelhubd.library.layout import Key, folder_of
from modelhubd.library.service import Library
from modelhubd.storage.database import Database
from modelhubd.trust.digests import option_digest
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile
from modelhubd.wire.device import Device
from modelhubd.wire.library import Artifact, ArtifactFile, Finished

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
GB = 1_000_000_000
DEVICE = Device(
    os="linux",
    os_version="6",
    arch="x86_64",
    cpu_model=None,
    cpu_cores=4,
    cpu_threads=8,
    ram_total_bytes=16 * GB,
    ram_available_bytes=12 * GB,
    models_dir="~/models",
    models_dir_present=True,
    disk_total_bytes=None,
    disk_free_bytes=None,
)


class World:
    def __init__(self, database: Database, models: Path) -> None:
        self.database = database
        self.models = models
        self.bus = Bus("00000000")
        self.events = self.bus.subscribe()
        self.entries: dict[str, CatalogEntry] = {}
        self.loaded: dict[str, tuple[str, ...]] = {}
        self.keys_changed = 0
        self.jobs = Jobs(self.bus, clock=lambda: NOW)
        self.library = Library(
            database,
            self.bus,
            jobs=self.jobs,
            models_dir=models,
            entry=self._entry,
            device=lambda: DEVICE,
            loaded=lambda: self.loaded,
            clock=lambda: NOW,
            on_keys_changed=self._keys_changed,
        )

    async def _entry(self, model: str) -> CatalogEntry | None:
        return self.entries.get(model)

    def _keys_changed(self) -> None:
        self.keys_changed += 1

    def write(self, path: str, content: bytes = b"model") -> Path:
        """A file beneath the models directory."""
        target = self.models / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def know(self, model: str, version: int = 1, **options: dict[str, bytes]) -> None:
        """The catalog has this model; each option with its files and their content."""
        self.entries[model] = CatalogEntry(
            id=model,
            version=version,
            capabilities=("chat",),
            options=tuple(
                Option(
                    id=option,
                    format=Format.GGUF,
                    quantization="Q4_K_M",
                    files=tuple(
                        OptionFile(
                            name=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
                        )
                        for name, content in files.items()
                    ),
                )
                for option, files in options.items()
            ),
        )

    async def install(
        self,
        model: str = "acme/tiny",
        version: int = 1,
        option: str = "gguf",
        files: dict[str, bytes] | None = None,
    ) -> Artifact:
        """As a finished download does it."""
        contents = {"tiny.gguf": b"model"} if files is None else files
        directory = folder_of(Key(model, version, option))
        for name, content in contents.items():
            self.write(f"{directory}/{name}", content)
        described = tuple(
            ArtifactFile(
                name=name, role="model", size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
            )
            for name, content in contents.items()
        )
        finished = Finished(
            model=model,
            version=version,
            option=option,
            format="gguf",
            quantization="Q4_K_M",
            digest=option_digest(
                [
                    OptionFile(name=file.name, size_bytes=file.size_bytes, sha256=file.sha256)
                    for file in described
                ]
            ),
            directory=directory,
            files=described,
            verified_at="2026-03-01T11:59:00.000Z",
        )
        async with self.database.transaction() as tx:
            await self.library.arrivals.add(tx, finished)
        return await self.library.resolve(f"{model}@{version}:{option}")

    async def told(self) -> list[tuple[str, str]]:
        """(type, artifact) of the events since the last call."""
        batch = await self.events.take(within_s=0.01)
        return [(event.type, msgspec.json.decode(event.data)["id"]) for event in batch.events]

    async def states(self) -> dict[str, str]:
        return {artifact.option: artifact.state.value for artifact in await self.library.all()}


@contextlib.asynccontextmanager
async def world_in(folder: Path, models: Path | None = None) -> AsyncIterator[World]:
    folder.mkdir(exist_ok=True)
    async with Database.open(folder / "modelhub.db") as database:
        yield World(database, models or folder / "models")


async def becomes(look: Callable[[], object], wanted: object, *, within_s: float = 20.0) -> float:
    """Seconds until `look` (a function, perhaps of a coroutine) answers `wanted`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found == wanted:
            return loop.time() - began
        assert loop.time() - began < within_s, f"{found!r} is not {wanted!r}"
        await asyncio.sleep(0.02)
