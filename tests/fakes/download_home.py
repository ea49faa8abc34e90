"""The download service as the daemon runs it, with a catalog and a library of a few lines around it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from modelhubd.downloads.limits import Configured
from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import Backoff
from modelhubd.downloads.schedule import Local
from modelhubd.downloads.service import Downloads
from modelhubd.errors import NotFound
from modelhubd.events import Bus
from modelhubd.settings import DownloadsConfig
from modelhubd.storage.database import Database, Transaction
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile
from modelhubd.wire.downloads import CreateDownload, Download, DownloadState
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App

QUICK = Backoff(first_s=0.02, most_s=0.05, storage_s=0.1)
BRISK = Limits(connect_s=30, stall_s=20, drip_bytes_per_s=1024, drip_s=20, sync_s=0.5)
IMPATIENT = msgspec.structs.replace(BRISK, stall_s=1.5, drip_s=2.0)
"""For origins that fall silent on purpose. With others, a machine that holds everybody up looks the same."""
INSTALLED = "CREATE TABLE IF NOT EXISTS installed (model TEXT, version INTEGER, option TEXT, finished TEXT)"


@dataclass(frozen=True)
class Pick:
    entry: CatalogEntry
    option: Option
    version: int = 1


def option_of(*files: OptionFile, id: str = "gguf-q4", format: Format = Format.GGUF) -> Option:
    return Option(id=id, format=format, files=files)


@dataclass(kw_only=True)
class Home:
    """A place for one daemon after another: the database and the models directory stay."""

    folder: Path
    allow_origins: tuple[str, ...] = ()
    max_active: int = 2
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    local: Local = lambda moment: moment.astimezone(UTC)
    reserve_bytes: int = 0
    boot_id: str = "boot-1"
    limits: Limits = BRISK
    backoff: Backoff = QUICK
    online: Callable[[], bool] = lambda: True
    catalog: dict[str, Pick] = field(default_factory=dict)
    models_dir: Path = field(init=False)

    def __post_init__(self) -> None:
        self.models_dir = self.folder / "models"
        self.models_dir.mkdir(exist_ok=True)

    def offer(self, model: str, option: Option) -> None:
        self.catalog[model] = Pick(CatalogEntry(id=model, options=(option,)), option)

    @contextlib.asynccontextmanager
    async def daemon(self) -> AsyncIterator["Running"]:
        async with Database.open(self.folder / "state.db") as database:
            async with database.transaction() as tx:
                await tx.execute(INSTALLED)
            bus = Bus("00000001")
            running = Running(self, database, bus)
            await running.downloads.start()
            try:
                yield running
            finally:
                began = time.monotonic()
                await running.downloads.close()
                assert time.monotonic() - began < 20, "the service stops soon"


class Running:
    def __init__(self, home: Home, database: Database, bus: Bus) -> None:
        self.home = home
        self.database = database
        self.bus = bus
        self.dialled: list[tuple[str, str]] = []
        self.downloads = Downloads(
            database,
            bus,
            models_dir=home.models_dir,
            configured=Configured(values=DownloadsConfig(max_active=home.max_active)),
            allow_origins=home.allow_origins,
            reserve_bytes=home.reserve_bytes,
            boot_id=home.boot_id,
            choose=self._choose,
            is_installed=self._is_installed,
            install=self._install,
            outbound=lambda host, purpose: self.dialled.append((host, purpose)),
            clock=lambda: home.clock(),
            local=lambda moment: home.local(moment),
            online=lambda: home.online(),
            limits=home.limits,
            backoff=home.backoff,
        )

    async def pull(self, model: str = "acme/tiny", **rest: Any) -> Download:
        download, _ = await self.downloads.create(CreateDownload(model=model, **rest))
        return download

    async def until(
        self,
        id: str,
        *states: DownloadState,
        within_s: float = 60,
        past: int = 0,
    ) -> Download:
        """The download once it is in one of these states (default: ended) and has more than `past` bytes."""
        async with asyncio.timeout(within_s):
            while True:
                found = await self.downloads.get(id)
                if (found.state in states if states else found.state.ended) and (
                    not past or found.progress.done_bytes > past
                ):
                    return found
                await asyncio.sleep(0.01)

    async def installed(self) -> list[Finished]:
        rows = await self.database.reader.fetch_all("SELECT finished FROM installed")
        return [msgspec.json.decode(row["finished"], type=Finished) for row in rows]

    async def _choose(
        self, model: str, version: int | None, option: str | None, force: bool, app: App | None = None
    ) -> Pick:
        if model not in self.home.catalog:
            raise NotFound(f"There is no model {model}.", code="model_not_found")
        return self.home.catalog[model]

    async def _is_installed(self, model: str, version: int, option: str) -> bool:
        row = await self.database.reader.fetch_one(
            "SELECT 1 FROM installed WHERE model = ? AND version = ? AND option = ?", (model, version, option)
        )
        return row is not None

    async def _install(self, tx: Transaction, finished: Finished) -> None:
        await tx.execute(
            "INSERT INTO installed VALUES (?, ?, ?, ?)",
            (finished.model, finished.version, finished.option, msgspec.json.encode(finished).decode()),
        )
