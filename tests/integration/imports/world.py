"""A library with a real catalog, real policies and real jobs, into which things are imported."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from modelhubd.catalog.service import Catalog
from modelhubd.events import Bus
from modelhubd.library.found.service import Finder
from modelhubd.library.imports.service import Imports
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.policy.layers import Layers
from modelhubd.policy.service import Policies
from modelhubd.settings import PolicyConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from modelhubd.wire.imports import ImportMode, ImportRequest, ImportResult
from modelhubd.wire.jobs import Job, JobState
from modelhubd.wire.library import Artifact
from tests.integration.library.world import DEVICE, NOW

PATIENCE_S = 30


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """What is in a folder, with what would change if anybody wrote there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (facts.st_mode, facts.st_mtime_ns, facts.st_ino, what)
    return found


class World:
    def __init__(self, folder: Path, database: Database, tasks: TaskOwner, policy: PolicyConfig) -> None:
        self.folder = folder
        self.database = database
        self.models = folder / "models"
        self.home = folder / "home"
        self.tasks = tasks
        self.bus = Bus("00000000")
        self.environ: dict[str, str] = {}
        self.policies = Policies(
            database,
            self.bus,
            Layers(values=policy),
            listed=lambda model: self.catalog.listed(model),
            publisher_keys=lambda publisher: (),
            tombstones=lambda: (),
        )
        self.catalog = Catalog(
            database,
            self.bus,
            local_dir=folder / "catalog.d",
            local_entries=lambda: self.policies.rules.local_entries,
            device=lambda: DEVICE,
            installed=lambda: self.library.keys(),
            clock=lambda: NOW,
        )
        self.promised = 0
        self.jobs = Jobs(self.bus, clock=lambda: NOW)
        self.library = Library(
            database,
            self.bus,
            models_dir=self.models,
            entry=self.catalog.entry,
            device=lambda: DEVICE,
            loaded=dict,
            clock=lambda: NOW,
            home=self.home,
            before_look=lambda: self.imports.recover(),
            forgotten=self.catalog.forget_imported,
            jobs=self.jobs,
        )
        self.finder = Finder(
            database,
            self.catalog,
            root=self.library.root,
            environ=self.environ,
            home=self.home,
            clock=lambda: NOW,
        )
        self.imports = Imports(
            database,
            self.library,
            self.jobs,
            self.catalog,
            reserve_bytes=0,
            promised=self._promised,
            home=self.home,
            clock=lambda: NOW,
            permit=self.policies.refuse_import,
            older=self.policies.served_before,
            found=self.finder.source,
        )

    async def _promised(self) -> int:
        return self.promised

    async def know(self, model: str, **options: dict[str, bytes]) -> None:
        """The catalog lists this model, each option with its files and their content."""
        entry = CatalogEntry(
            id=model,
            options=tuple(
                Option(
                    id=option,
                    format=Format.GGUF,
                    quantization="Q4_K_M",
                    files=tuple(
                        OptionFile(
                            name=name, role=_role(name), size_bytes=len(content), sha256=sha256(content)
                        )
                        for name, content in files.items()
                    ),
                )
                for option, files in options.items()
            ),
        )
        name = model.replace("/", "-")
        (self.folder / "catalog.d" / f"{name}.json").write_bytes(msgspec.json.encode(entry))
        await self.catalog.sync()

    def source(self, path: str, content: bytes = b"model") -> Path:
        """A file of somebody else's beneath the home folder."""
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    async def start(self, path: Path | str | None, mode: str = "link", **rest: Any) -> Job:
        named = None if path is None else str(path)
        return await self.imports.start(ImportRequest(path=named, mode=ImportMode(mode), **rest))

    async def ended(self, job: Job) -> Job:
        async with asyncio.timeout(PATIENCE_S):
            while not self.jobs.get(job.id).state.ended:
                await asyncio.sleep(0.005)
        return self.jobs.get(job.id)

    async def bring(self, path: Path | str | None, mode: str = "link", **rest: Any) -> ImportResult:
        """Import it; that it succeeds is checked."""
        job = await self.ended(await self.start(path, mode, **rest))
        assert job.state is JobState.COMPLETED, job.error
        assert isinstance(job.result, ImportResult)
        return job.result

    async def refused(self, path: Path | str | None, mode: str = "link", **rest: Any) -> tuple[str, str]:
        """(code, words) of an import that must fail, which leaves nothing behind."""
        before = snapshot(self.models), await self.artifacts()
        job = await self.ended(await self.start(path, mode, **rest))
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert (snapshot(self.models), await self.artifacts()) == before
        assert await self.database.reader.fetch_all("SELECT * FROM importing") == []
        assert str(self.folder) not in job.error.detail, "no absolute path in an error"
        return job.error.code, job.error.detail

    async def artifacts(self) -> dict[str, Artifact]:
        return {f"{one.model}@{one.version}:{one.option}": one for one in await self.library.all()}


def _role(name: str) -> Role:
    if "mmproj" in name:
        return Role.PROJECTOR
    return Role.SHARD if "-of-" in name and "-00001-of-" not in name else Role.MODEL


@contextlib.asynccontextmanager
async def world_in(folder: Path, policy: PolicyConfig | None = None) -> AsyncIterator[World]:
    for name in ("models", "home", "catalog.d"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    async with Database.open(folder / "modelhub.db") as database, TaskOwner("test") as tasks:
        world = World(folder, database, tasks, policy or PolicyConfig())
        await world.policies.load()
        await world.catalog.start(tasks)
        await world.library.scan()  # leaves its marker
        try:
            yield world
        finally:
            await world.jobs.close()
