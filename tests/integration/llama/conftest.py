"""Real servers on real models, and what watches that they are gone."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import psutil
import pytest

from modelhubd.device import DeviceProbe, available_ram, boot_id, cpu_seconds, process_start_time, rss_bytes
from modelhubd.errors import NotFound
from modelhubd.events import Bus
from modelhubd.llama.discovery import Build, Discovery
from modelhubd.llama.launch import Launch, Machine, Surroundings
from modelhubd.llama.service import Servers
from modelhubd.llama.settings import default_settings
from modelhubd.llama.store import Child
from modelhubd.llama.supervisor import Life
from modelhubd.settings import LlamaConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.device import Device
from modelhubd.wire.library import Artifact, ArtifactFile
from modelhubd.wire.servers import LoadSettings, Server, ServerState
from tests.fakes import samples
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import write_chat
from tests.real.kinds import KINDS, the_real_one
from tests.running import still_running

SETTINGS = default_settings(ctx=512, threads=1, ttl_s=-1)


MACHINE = Machine(rss=rss_bytes, cpu_s=cpu_seconds, process_start_time=process_start_time, boot_id=boot_id)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_chat(folder / "tiny.gguf")
    return folder


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Every child that a test starts is gone when it ends."""
    before = set(psutil.Process().children(recursive=True))
    yield
    started = set(psutil.Process().children(recursive=True)) - before
    alive = still_running(started, within_s=10)
    for process in alive:
        process.kill()
    assert not alive


def _started_since(before: set[psutil.Process]) -> set[psutil.Process]:
    """New children of this process with all beneath them; what those of before start is not the test's."""
    found: set[psutil.Process] = set()
    for child in set(psutil.Process().children()) - before:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {child, *child.children(recursive=True)}
    return found


class Lives:
    """Starts lives and keeps what they save."""

    def __init__(self, folder: Path, tasks: TaskOwner) -> None:
        self.folder = folder
        self.tasks = tasks
        self.saved: list[tuple[Server, Child]] = []
        self.around = Surroundings(
            runtime_dir=folder,
            logs_dir=folder,
            environ=dict(os.environ),
            machine=MACHINE,
            clock=lambda: datetime.now(UTC),
            chance=lambda: 0.5,
            save=self._save,
            used=lambda server, in_flight: None,
        )

    async def _save(self, server: Server, child: Child) -> None:
        self.saved.append((server, child))

    @property
    def states(self) -> list[str]:
        states = [server.state.value for server, _ in self.saved]
        return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]

    def start(self, build: Build, model: Path, settings: LoadSettings = SETTINGS, **more: object) -> Life:
        server = Server(
            id="0123456789abcdef",
            name="lab/tiny",
            library_id="a",
            model="lab/tiny",
            version=1,
            option="gguf-f16",
            state=ServerState.STARTING,
            started_at="2026-01-01T00:00:00.000Z",
        )
        launch = Launch(build=build, settings=settings, model=model, needed_bytes=20_000_000, **more)  # type: ignore[arg-type]  # fields of Launch
        life = Life(server, launch, self.around, self.tasks)
        self.tasks.start(life.run(), name="life")
        return life


@pytest.fixture
async def lives(tmp_path: Path) -> AsyncIterator[Lives]:
    async with TaskOwner("test", patience_s=10) as tasks:
        yield Lives(tmp_path, tasks)


@pytest.fixture(scope="session")
def builtin() -> Build:
    """The wheel's server, as discovery finds it, for what the real program cannot do."""
    builds = asyncio.run(Discovery("", {**os.environ, "PATH": ""}).builds())
    assert builds[0].about.origin == "builtin"
    return builds[0]


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which real server a test runs on: `builtin` or `real`."""
    return str(request.param)


@pytest.fixture(scope="session")
def build(kind: str, request: pytest.FixtureRequest) -> Build:
    """This kind of server, as discovery finds it."""
    if kind == "builtin":
        return cast(Build, request.getfixturevalue("builtin"))
    found = asyncio.run(Discovery(the_real_one(), {**os.environ, "PATH": ""}).builds())[0]
    assert found.about.usable
    return found


async def fake(folder: Path, *faults: str) -> Build:
    build, *_ = await Discovery(str(install(folder, *faults)), dict(os.environ)).builds()
    assert build.about.usable
    return build


async def ready(life: Life) -> Server:
    server = await life.until(
        lambda server: server.state is ServerState.READY or server.state.ended, within_s=60
    )
    assert server.state is ServerState.READY, server.error
    return server


async def ended(life: Life) -> Server:
    return await life.until(lambda server: server.state.ended, within_s=60)


def artifact(path: Path, name: str = "tiny", **changes: object) -> Artifact:
    """An installed artifact whose only file is at `path`."""
    size = path.stat().st_size
    file = ArtifactFile(name=path.name, role="model", size_bytes=size, sha256=None)
    fields = {"model": f"lab/{name}", "size_bytes": size, "files": (file,), "digest": None}
    return samples.artifact(f"lib-{name}", **(fields | changes))


class Shelf:
    """Artifacts by id and model id, as the library resolves them."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}
        self.artifacts: dict[str, Artifact] = {}
        self.changed: list[str] = []
        self.broken = False

    def put(self, path: Path, name: str = "tiny", **changes: object) -> Artifact:
        found = artifact(path, name, **changes)
        self.artifacts[found.id] = self.artifacts[found.model] = found
        self.paths[found.id] = path
        return found

    async def resolve(self, text: str) -> Artifact:
        if text not in self.artifacts:
            raise NotFound(f"Nothing installed is called {text}.", code="model_not_found")
        return self.artifacts[text]

    def model_path(self, found: Artifact) -> tuple[Path, Path | None]:
        return self.paths[found.id], None

    async def all(self) -> list[Artifact]:
        return list({found.id: found for found in self.artifacts.values()}.values())

    async def on_loaded_changed(self, library_id: str) -> None:
        if self.broken:
            raise RuntimeError(library_id)
        self.changed.append(library_id)


class House:
    """A database, a bus, a shelf with one model, and what makes `Servers` of them."""

    def __init__(self, folder: Path, database: Database, bus: Bus, shelf: Shelf, tasks: TaskOwner) -> None:
        self.folder = folder
        self.database = database
        self.bus = bus
        self.shelf = shelf
        self.tasks = tasks
        self.ram = available_ram()

    def servers(self, config: LlamaConfig | None = None, environ: dict[str, str] | None = None) -> Servers:
        return Servers(
            self.database,
            self.bus,
            config=config or LlamaConfig(drain_s=0.5),
            environ={**os.environ, "PATH": ""} if environ is None else environ,
            runtime_dir=self.folder / "run",
            logs_dir=self.folder / "logs",
            resolve=self.shelf.resolve,
            model_path=self.shelf.model_path,
            available_ram=lambda: self.ram,
            rss=rss_bytes,
            device=lambda: one_core(self.folder),
            on_loaded_changed=self.shelf.on_loaded_changed,
        )


def one_core(folder: Path) -> Device:
    probed = DeviceProbe(folder, 0, folder).probe()
    return msgspec.structs.replace(probed, cpu_cores=1)


@pytest.fixture
async def house(tmp_path: Path, models: Path) -> AsyncIterator[House]:
    shelf = Shelf()
    shelf.put(models / "tiny.gguf")
    async with Database.open(tmp_path / "x.db") as database, TaskOwner("test") as tasks:
        yield House(tmp_path, database, Bus("0badcafe"), shelf, tasks)


on_both_kinds = pytest.mark.parametrize("config", KINDS, indirect=True)
"""Of a test that uses `servers`: it runs on each real server. Without it, on the wheel's."""


@pytest.fixture
def config(request: pytest.FixtureRequest) -> LlamaConfig:
    """Of `servers`."""
    real = getattr(request, "param", "builtin") == "real"
    return LlamaConfig(binary=the_real_one() if real else "", drain_s=0.5)


@pytest.fixture
async def servers(house: House, config: LlamaConfig) -> AsyncIterator[Servers]:
    found = house.servers(config)
    await found.start(house.tasks)
    yield found
    await found.close()
