"""Running models: load, unload, look at, and lease one for a request."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelhubd.device import boot_id, cpu_seconds, process_start_time
from modelhubd.errors import BadModelFile, Unavailable
from modelhubd.events import Bus
from modelhubd.llama.admission import (
    free_name,
    is_replaced,
    refuse_bad,
    refuse_name,
    refuse_taken,
    refuse_unknown,
    refuse_unrunnable,
    running_alike,
    usable_build,
)
from modelhubd.llama.aside import Aside
from modelhubd.llama.devices import shares
from modelhubd.llama.discovery import Build, Discovery
from modelhubd.llama.facts import facts_of
from modelhubd.llama.launch import Launch, Machine
from modelhubd.llama.leftovers import end_leftovers, forget_dead_sockets
from modelhubd.llama.logs import RING_LINES, forget_old_logs
from modelhubd.llama.on_demand import OnDemand, Upstream
from modelhubd.llama.permission import Permit, always, as_it_is, with_refusal
from modelhubd.llama.planning import (
    Planned,
    asked_settings,
    estimate_of,
    launch,
    load_plan,
    new_server,
    plan,
)
from modelhubd.llama.room import Room
from modelhubd.llama.roster import Roster
from modelhubd.llama.saved import SavedSettings, no_entry
from modelhubd.llama.settings import Configured
from modelhubd.llama.supervisor import Life
from modelhubd.llama.weighing import Weighing
from modelhubd.places import private_dir
from modelhubd.settings import LlamaConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.device import Device, Gpu, LlamaBuild
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.servers import (
    Estimate,
    EstimateRequest,
    LoadPlan,
    LoadRequest,
    LoadSettings,
    Server,
    ServerState,
)

READY_S = 600.0
"""The longest that somebody waits for a load; the load itself goes on."""
CLOSE_DRAIN_S = 2.0
"""For requests in flight when the daemon stops."""


class Servers:
    """Owns every llama-server. Use `start` once, `close` at the end. `aside` is for who tries models.

    `entry` gives the catalog's entry of a model id. `saved` holds what each load begins with. `prove` has
    what is to be loaded read again where it was changed. `permit` raises NotAllowed for what may not be run,
    `permit_served` for an artifact's id that runs and may not be used, `permit_app` Conflict for one that is
    not for the app that asks. `on_ready` is told of each server that has come to answer.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        config: LlamaConfig,
        environ: Mapping[str, str],
        runtime_dir: Path,
        logs_dir: Path,
        resolve: Callable[[str], Awaitable[Artifact]],
        model_path: Callable[[Artifact], tuple[Path, Path | None]],
        available_ram: Callable[[], int],
        rss: Callable[[int], int | None],
        device: Callable[[], Device],
        on_loaded_changed: Callable[[str], Awaitable[None]],
        cpu_s: Callable[[int], float | None] = cpu_seconds,
        entry: Callable[[str], Awaitable[CatalogEntry | None]] = no_entry,
        configured: Configured = Configured(),  # noqa: B008  # frozen
        process_start_time: Callable[[int], float | None] = process_start_time,
        boot_id: Callable[[], str] = boot_id,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        permit: Permit = always,
        prove: Callable[[Artifact], Awaitable[Artifact]] = as_it_is,
        permit_served: Callable[[str], Awaitable[None]] = always,
        permit_app: Callable[[str, App], Awaitable[None]] = always,
        on_ready: Callable[[Server], None] = lambda server: None,
    ) -> None:
        self._on_ready, self._prove = on_ready, prove
        self._permit, self._permit_app, self._permit_served = permit, permit_app, permit_served
        self._database, self._config = database, config
        self._resolve, self._model_path = resolve, model_path
        self._machine = Machine(rss=rss, cpu_s=cpu_s, process_start_time=process_start_time, boot_id=boot_id)
        self.saved = SavedSettings(
            database,
            configured,
            resolve=resolve,
            model_path=model_path,
            entry=entry,
            threads=lambda: max(device().cpu_cores, 1),
            ttl_s=config.default_ttl_s,
        )
        self._clock, self._discovery = clock, Discovery(config.binary, environ)
        self._runtime_dir, self._logs_dir = runtime_dir, logs_dir
        self._known_builds: tuple[Build, ...] = ()
        self._weighing = Weighing(database, environ)
        self._placing = asyncio.Lock()
        self._roster = Roster(
            database,
            bus,
            environ=environ,
            runtime_dir=runtime_dir,
            logs_dir=logs_dir,
            machine=self._machine,
            on_loaded_changed=on_loaded_changed,
            on_ready=self._measured,
            clock=clock,
            chance=chance,
        )
        self._room = Room(
            self._roster,
            available_ram=available_ram,
            gpus=self.gpus,
            budget_bytes=config.memory_budget_bytes,
            drain_s=config.drain_s,
        )
        self._on_demand = OnDemand(self._roster, resolve=resolve, load=self.load)
        self.aside = Aside(self._roster, self.load)

    async def start(self, tasks: TaskOwner) -> None:
        """End what an earlier daemon has left running, and look for llama-server in the background."""
        private_dir(self._runtime_dir)
        private_dir(self._logs_dir)
        forget_old_logs(self._logs_dir)
        await end_leftovers(self._database, self._machine.boot_id(), self._machine.process_start_time)
        forget_dead_sockets(self._runtime_dir)
        tasks.start(self._discover(), name="llama-server discovery")

    async def close(self) -> None:
        """Stop all servers at once, within 10 s."""
        await self._roster.close(min(self._config.drain_s, CLOSE_DRAIN_S))

    def builds(self) -> tuple[LlamaBuild, ...]:
        """The llama-servers found last, the one that is used first; every load looks again."""
        return tuple(build.about for build in self._known_builds)

    @property
    def in_use(self) -> bool:
        """Whether one loads or answers just now."""
        return any(life.held.busy or not life.held.ready for life in self._roster.running())

    async def gpus(self) -> tuple[Gpu, ...]:
        """The devices of the build that loads models, and the memory that is free on them now."""
        usable = [build for build in await self._discover() if build.about.usable]
        return await self._discovery.devices(usable[0]) if usable else ()

    async def load(
        self, request: LoadRequest, app: App | None = None, *, aside: bool = False, evict: bool = True
    ) -> Server:
        """Start a server for an artifact, or give the one that runs it already with the same settings. One
        that is loaded `aside` makes nobody go, and goes for everybody (see `Aside`).

        Raises:
            NotFound: nothing installed has this id.
            NotAllowed: `refused_by_policy`.
            InvalidInput: settings that cannot be run.
            Conflict: `binary_missing`, `not_enough_memory`, `would_evict` without `evict`, `name_taken`,
                `already_loaded`, `decided_elsewhere`, `requirement_not_met`, or the artifact's state.
        """
        artifact = await self._prove(await self._resolve(request.library_id))
        await self._permit(artifact, app, request.force)
        refuse_unrunnable(artifact)
        refuse_name(artifact, request.name)
        asked = asked_settings(request)
        if not aside:
            await self._roster.step_aside(artifact.id)
        async with self._turn(artifact.id):
            build = usable_build(await self._discover())
            model, projector = self._model_path(artifact)
            try:
                facts = await facts_of(artifact, model, projector)
            except BadModelFile as fault:
                server = new_server(artifact, request.name or artifact.model, build, self._clock())
                todo = Launch(build=build, settings=asked, model=model, startable=False)
                await self._roster.forget_failed(artifact.id)
                return self._roster.show_broken(server, todo, str(fault))
            planned = await self._plan(artifact, facts, asked, build)
            same, name = self._admitted(artifact, planned, build, request.name)
            if same:
                return self._roster.life(same).server
            force, needed, evict = request.force, planned.need.total_bytes, evict and not aside
            await self._room.make(artifact.model, planned.settings, needed, force=force, evict=evict)
            await self._roster.forget_failed(artifact.id)
            server = new_server(artifact, name, build, self._clock(), planned, yields=aside)
            todo = launch(planned, build, model, projector, facts, force=force, yields=aside)
            self._roster.begin(server, todo)
            return server

    async def dry_run(self, request: LoadRequest, app: App | None = None) -> LoadPlan:
        """What `load` would do. Nothing is started, and nothing makes room.

        Raises:
            NotFound, NotAllowed, InvalidInput, Conflict: as for `load`, but for `not_enough_memory`: that is
                in the answer; also Conflict `bad_model` for a broken file.
        """
        artifact, facts = await self.saved.opened(request.library_id)
        await self._permit(artifact, app, request.force)
        refuse_name(artifact, request.name)
        build = usable_build(await self._discover())
        planned, estimate = await self._estimated(artifact, facts, asked_settings(request), build)
        same, name = self._admitted(artifact, planned, build, request.name)
        return load_plan(artifact, planned, build, estimate, facts, name=name, running=same)

    async def estimate(self, library_id: str, request: EstimateRequest) -> Estimate:
        """Memory that a load with these settings would take, and whether it is there.

        Raises:
            NotFound, InvalidInput, Conflict: as for `load`; also Conflict `bad_model` for a broken file.
        """
        artifact, facts = await self.saved.opened(library_id)
        build = next((build for build in await self._discover() if build.about.usable), None)
        _, estimate = await self._estimated(artifact, facts, request.settings, build)
        return await with_refusal(estimate, artifact, self._permit)

    async def _estimated(
        self, artifact: Artifact, facts: ModelFacts, asked: LoadSettings, build: Build | None
    ) -> tuple[Planned, Estimate]:
        planned = await self._plan(artifact, facts, asked, build)
        replaced = [life.server.id for life in self._roster.running() if is_replaced(life.server, artifact)]
        cards = await self._room.cards(planned.settings)
        placement = self._room.look(cards, planned.need.total_bytes, replaced)
        split = shares(planned.need, cards, facts.architecture.n_layers, planned.settings.gpu_layers)
        return planned, estimate_of(planned, placement, split)

    async def wait_ready(self, server_id: str, *, within_s: float = READY_S) -> Server:
        """See `Roster.until_ready`."""
        return await self._roster.until_ready(server_id, within_s)

    async def list(self) -> Page[Server]:
        """Every server that runs or has failed, the oldest first."""
        servers = sorted((life.server for life in self._roster.all()), key=lambda server: server.started_at)
        return Page(items=tuple(servers), total=len(servers))

    async def get(self, server_id: str) -> Server:
        """Raises NotFound."""
        return self._roster.life(server_id).server

    async def unload_forbidden(self) -> None:
        """Unload what runs and may not be used any more; its requests have the time to drain."""
        await self._roster.unload_refused(self._permit_served, self._config.drain_s)

    async def unload(self, server_id: str) -> Server:
        """Stop the server and forget it; it is given back in its last state.

        Raises:
            NotFound: there is no such server.
        """
        life = self._roster.life(server_id)
        await self._roster.unload(life, self._config.drain_s)
        return life.server

    def moved(self, before: Path, after: Path) -> None:
        """See `Roster.moved`."""
        self._roster.moved(before, after)

    async def rename(self, server_id: str, name: str) -> None:
        """Have a server answer to this name, unless another one does. Raises NotFound."""
        await self._roster.rename(self._roster.life(server_id), name)

    async def restart(self, server_id: str) -> Server:
        """Stop the server if it runs, and start it again with the same settings under the same id.

        Raises:
            NotFound: there is no such server, or it was unloaded meanwhile.
            NotAllowed: `refused_by_policy`.
            Conflict: `bad_model`; or it had ended and `not_enough_memory` or its name (`name_taken`) is left.
            Unavailable: it does not stop, or the daemon is stopping.
        """
        async with self._placing:
            life = self._roster.life(server_id)
            await self._permit_served(life.server.library_id)
            refuse_bad(life.server.name, startable=life.launch.startable)
            if life.server.state.ended:
                refuse_taken(life.server.name, [server.name for server in self.running()])
                todo = life.launch
                await self._room.make(life.server.name, todo.settings, todo.needed_bytes, force=todo.force)
            return await self._roster.restart(life, self._config.drain_s)

    async def log_tail(self, server_id: str, n: int) -> tuple[str, ...]:
        """The last `n` lines the server wrote. Raises NotFound."""
        return tuple(self._roster.life(server_id).log.tail(n))

    def follow(self, server_id: str, n: int) -> AsyncIterator[str]:
        """The last `n` lines and then each new one, until the server ends. Raises NotFound."""
        return self._roster.life(server_id).log.follow(n)

    def loaded(self) -> dict[str, tuple[str, ...]]:
        """Ids of running servers, by the artifact they run."""
        found: dict[str, tuple[str, ...]] = {}
        for life in self._roster.running():
            found[life.server.library_id] = (*found.get(life.server.library_id, ()), life.server.id)
        return found

    def running(self) -> tuple[Server, ...]:
        """Every server that has not ended."""
        return tuple(life.server for life in self._roster.running())

    def upstreams(self) -> tuple[Upstream, ...]:
        """Those that answer, to look at them: unlike `lease` it does not count as use."""
        ready = (life for life in self._roster.running() if life.server.state is ServerState.READY)
        return tuple(Upstream(life.session, life.server) for life in ready if life.session is not None)

    @contextlib.asynccontextmanager
    async def lease(
        self, name: str, app: App | None = None, *, within_s: float = READY_S
    ) -> AsyncIterator[Upstream]:
        """A server that answers for `name` (a server's name or id, an artifact's id, a model reference),
        loaded first if it must be, and kept from idling while the context lasts.

        Raises:
            NotFound: nothing installed is called so.
            NotAllowed: `refused_by_policy`, for what is loaded already too.
            Conflict: (`requirement_not_met`) it is not for the `app` that asks.
            LoadFailed, Conflict, Unavailable: it cannot be loaded, or is being stopped.
        """
        life = await self._on_demand.life_for(name, app)
        await self._permit_served(life.server.library_id)
        if app is not None:
            await self._permit_app(life.server.library_id, app)
        server = await self.wait_ready(life.server.id, within_s=within_s)
        await self._permit_served(server.library_id)
        if life.session is None or life.leaving:
            raise Unavailable(f"{server.name} is being stopped. Try again.", retry_after_s=1)
        async with life.use():
            yield Upstream(life.session, life.server)

    @contextlib.asynccontextmanager
    async def _turn(self, library_id: str) -> AsyncIterator[None]:
        """The sole right to place a load, once no server of this artifact is on its way out."""
        await self._roster.until_none_leaves(library_id, self._config.drain_s)
        async with self._placing:
            await self._roster.until_none_leaves(library_id, self._config.drain_s)
            yield

    async def _discover(self) -> tuple[Build, ...]:
        self._known_builds = await self._discovery.builds()
        return self._known_builds

    async def _plan(
        self, artifact: Artifact, facts: ModelFacts, asked: LoadSettings, build: Build | None
    ) -> Planned:
        """With the memory that it takes on this machine."""
        planned = plan(artifact, facts, asked, await self.saved.below(artifact, facts))
        model, settings = self._model_path(artifact)[0], planned.settings
        need = await self._weighing.weigh(artifact.id, planned.need, facts, settings, build, model)
        return msgspec.structs.replace(planned, need=need)

    def _admitted(
        self, artifact: Artifact, planned: Planned, build: Build, asked: str | None
    ) -> tuple[str | None, str]:
        """(id of the server that runs it so already, the name it has or would have)."""
        running = [(life.server, life.launch.settings) for life in self._roster.running()]
        if same := running_alike(running, artifact, planned.settings, asked):
            return same, self._roster.life(same).server.name
        name = free_name([server.name for server, _ in running], artifact, asked)
        refuse_unknown(build, planned.settings, planned.effective)
        return None, name

    async def _measured(self, life: Life) -> None:
        self._on_ready(life.server)
        launch, server = life.launch, life.server
        tail, measured = life.log.tail(RING_LINES), server.memory.measured_bytes
        await self._weighing.keep(server.library_id, launch.settings, launch.build, tail, measured)
