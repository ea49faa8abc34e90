"""Records in a folder of the test's own, told of made-up exchanges at made-up times."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelhubd.events import Bus
from modelhubd.exchange import Exchange, Figures, new_id
from modelhubd.records.service import Records
from modelhubd.settings import RecordsConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import EffectiveSetting, Server, ServerState

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


class Clock:
    """`now` is what the wall says, `steady` what never jumps."""

    def __init__(self) -> None:
        self.now = NOW
        self.steady = 0.0

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.steady += timedelta(**time).total_seconds()


def server(model: str = "lab/tiny", version: int = 1, ctx: int = 512) -> Server:
    return Server(
        id="1", name=model, library_id=f"lib-{version}", model=model, version=version, option="gguf-f16",
        state=ServerState.READY, build="11549", started_at="2026-01-01T00:00:00.000Z",
        settings={"ctx": EffectiveSetting(value=ctx, origin="load")},
    )  # fmt: skip


def exchange(at: datetime = NOW, **changes: Any) -> Exchange:
    """One that passed, unless told otherwise."""
    figures = {"latency_s": 1.0, "prompt_tokens": 20, "completion_tokens": 8} | changes.pop("figures", {})
    fields: dict[str, Any] = {
        "id": new_id(at), "route": "/v1/chat/completions", "streamed": False, "server": server(),
        "model": "lab/tiny", "app": None, "node": None, "started_at": at, "status": 200,
        "outcome": Outcome.PASS, "code": None,
    }  # fmt: skip
    return Exchange(**fields | changes, figures=Figures(**figures))


EDITOR = App(id="editor", version="2.1")


class Place:
    """A folder with the daemon's database, where records are opened as often as need be."""

    def __init__(self, folder: Path, main: Database) -> None:
        self.path = folder / "records.db"
        self.main = main
        self.bus = Bus("0badcafe")
        self.clock = Clock()

    @contextlib.asynccontextmanager
    async def records(self, **config: Any) -> AsyncIterator[Records]:
        made = Records(
            self.main,
            self.bus,
            config=RecordsConfig(**config),
            path=self.path,
            digest_of=self.digest_of,
            clock=lambda: self.clock.now,
            steady=lambda: self.clock.steady,
        )
        async with TaskOwner("test") as tasks:
            await made.start(tasks)
            yield made
            await made.close()

    async def digest_of(self, library_id: str) -> str | None:
        return f"digest of {library_id}"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Database.open(tmp_path / "main.db") as main:
        yield Place(tmp_path, main)
