"""Which servers there are: each with the task that owns it, its row, and what readers are told of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from modelhubd.errors import LoadFailed, NotAllowed, NotFound, Unavailable
from modelhubd.events import Bus
from modelhubd.llama import store
from modelhubd.llama.failures import failure
from modelhubd.llama.hold_off import Failure, remembered, wait_s
from modelhubd.llama.launch import Launch, Machine, Surroundings
from modelhubd.llama.logs import forget_old_logs
from modelhubd.llama.states import ServerEvent, advance
from modelhubd.llama.store import Child
from modelhubd.llama.supervisor import Life
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.trust.text import printable
from modelhubd.wire.base import rfc3339
from modelhubd.wire.events import Removed
from modelhubd.wire.servers import Server, ServerLoad, ServerState

log = logging.getLogger(__name__)

STOP_S = 10.0
"""What a stop takes at most, beyond the time to drain."""


class Roster:
    """Every server that runs or has failed. A server that was stopped leaves it."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        environ: Mapping[str, str],
        runtime_dir: Path,
        logs_dir: Path,
        machine: Machine,
        on_loaded_changed: Callable[[str], Awaitable[None]],
        on_ready: Callable[[Life], Awaitable[None]],
        clock: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._bus = bus
        self._machine = machine
        self._clock = clock
        self._on_loaded_changed = on_loaded_changed
        self._on_ready = on_ready
        self._tasks = TaskOwner("llama")
        self._lives: dict[str, Life] = {}
        self._failures: dict[str, tuple[Failure, ...]] = {}
        self._logs_dir = logs_dir
        self._closing = False
        self._around = Surroundings(
            runtime_dir=runtime_dir,
            logs_dir=logs_dir,
            environ=environ,
            machine=machine,
            clock=clock,
            chance=chance,
            save=self._save,
            used=self._used,
        )

    def life(self, server_id: str) -> Life:
        """Raises NotFound."""
        if server_id not in self._lives:
            raise NotFound(
                f"No server has the id {printable(server_id)[:80]}. List the running ones.",
                code="server_not_found",
            )
        return self._lives[server_id]

    def all(self) -> tuple[Life, ...]:
        """Those that run and those that have failed."""
        return tuple(self._lives.values())

    def running(self) -> tuple[Life, ...]:
        """Those that have not ended."""
        return tuple(life for life in self._lives.values() if not life.server.state.ended)

    def called(self, name: str) -> Life | None:
        """The server of this name or id that runs and stays."""
        return next((life for life in self._staying() if name in (life.server.name, life.server.id)), None)

    def running_on(self, artifact_id: str, name: str) -> Life | None:
        """A server of this artifact that runs and stays, the one of this name if there is one."""
        found = [life for life in self._staying() if life.server.library_id == artifact_id]
        return next((life for life in found if life.server.name == name), found[0] if found else None)

    def refuse_held_off(self, artifact_id: str) -> None:
        """Raises LoadFailed with the last failure if this artifact has failed too often to be loaded by a
        request now."""
        now = asyncio.get_running_loop().time()
        failures = self._failures.get(artifact_id, ())
        if left_s := wait_s(failures, now):
            last = failures[-1]
            raise LoadFailed(last.detail, code=last.code, server_id=last.server_id, retry_after_s=left_s)

    def begin(self, server: Server, todo: Launch) -> None:
        """Start a server; it takes the place of an ended one with the same id.

        Raises:
            Unavailable: all are being stopped.
        """
        if self._closing:
            raise Unavailable("The daemon is stopping. Try again when it runs.", retry_after_s=5)
        life = self._add(server, todo)
        life.owner = self._tasks.start(self._own(life), name=f"server {server.id}")

    def show_broken(self, server: Server, todo: Launch, reason: str) -> Server:
        """Keep a server that has failed before anything was started, so that it can be seen."""
        error = failure("bad_model", reason)
        server = msgspec.structs.replace(server, state=advance(server.state, ServerEvent.BROKE), error=error)
        self._add(server, todo).log.close()
        self._note_failure(server)
        self._bus.publish("server.changed", server.id, server)
        return server

    async def stop(self, life: Life, drain_s: float) -> None:
        """Ask it to end and wait until it has, `drain_s` for its requests and 10 s at most."""
        life.ask_to_stop(drain_s)
        if life.owner is not None:
            await asyncio.wait([life.owner], timeout=drain_s + STOP_S)

    async def until_none_leaves(self, artifact_id: str, drain_s: float) -> None:
        """Wait for the end of those servers of this artifact that are on their way out."""
        for life in self.running():
            if life.server.library_id == artifact_id and life.leaving:
                await self.stop(life, drain_s)

    async def step_aside(self, artifact_id: str) -> None:
        """Unload those of this artifact that yield, at once."""
        for life in self.running():
            if life.server.library_id == artifact_id and life.launch.yields:
                await self.unload(life, 0)

    async def unload(self, life: Life, drain_s: float) -> None:
        """Stop it and take it off the list."""
        life.again = False
        await self.stop(life, drain_s)
        if life.server.state.ended and not life.again:
            await self.forget(life)

    async def unload_refused(self, permit: Callable[[str], Awaitable[None]], drain_s: float) -> None:
        """Unload those whose artifacts `permit` refuses, all at once."""
        async with asyncio.TaskGroup() as group:
            for life in self.running():
                try:
                    await permit(life.server.library_id)
                except NotAllowed as refusal:
                    log.warning("%s is unloaded: %s", life.server.name, refusal.detail)
                    group.create_task(self.unload(life, drain_s))

    async def until_ready(self, server_id: str, within_s: float) -> Server:
        """The server once it answers.

        Raises:
            NotFound: there is no such server.
            LoadFailed: it failed, or was stopped meanwhile.
            Unavailable: it is still loading after `within_s` seconds.
        """
        life = self.life(server_id)
        try:
            server = await life.until(
                lambda server: server.state is ServerState.READY or server.state.ended, within_s=within_s
            )
        except TimeoutError:
            raise Unavailable(f"{life.server.name} is still loading. Ask again.", retry_after_s=5) from None
        if server.state.ended and await self.started_again(life):
            return await self.until_ready(server_id, within_s)
        if server.error is not None and server.state is ServerState.FAILED:
            raise LoadFailed(server.error.detail, code=server.error.code, server_id=server_id)
        if server.state is not ServerState.READY:
            raise LoadFailed("It was unloaded before it was ready.", code="killed", server_id=server_id)
        return server

    async def restart(self, life: Life, drain_s: float) -> Server:
        """Stop it if it runs, and start it again under the same id, which goes on if nobody waits for it.

        Raises:
            NotFound: it was unloaded meanwhile.
            Unavailable: it does not stop, or all are being stopped.
        """
        if life.server.state.ended:
            self._begin_again(life)
        else:
            life.again = True
            await self.stop(life, drain_s)
        now = self.life(life.server.id)
        if now is life:
            raise Unavailable(f"{life.server.name} does not stop. Try again.", retry_after_s=5)
        return now.server

    async def started_again(self, life: Life) -> bool:
        """Whether an ended server has another in its place under the same id, which a restart has started."""
        if not life.again or life.owner is None:
            return False
        await asyncio.wait([life.owner], timeout=STOP_S)
        return self._lives.get(life.server.id, life) is not life

    async def close(self, drain_s: float) -> None:
        """Stop all of them at once, within 10 s in all."""
        self._closing = True
        for life in self.all():
            life.ask_to_stop(drain_s)
        if owners := [life.owner for life in self.all() if life.owner is not None]:
            await asyncio.wait(owners, timeout=STOP_S)
        await self._tasks.close()

    async def forget(self, life: Life) -> None:
        """Take an ended server off the list, if it is there."""
        server_id = life.server.id
        if self._lives.get(server_id) is not life:
            return
        del self._lives[server_id]
        async with self._database.transaction() as tx:
            await store.remove(tx, server_id)
            tx.after_commit(lambda: self._bus.publish("server.removed", server_id, Removed(id=server_id)))

    def moved(self, before: Path, after: Path) -> None:
        """The models directory is another folder from now on: what runs is started from there if it is ever
        started again."""
        for life in self._lives.values():
            model, projector = life.launch.model, life.launch.projector
            life.launch = msgspec.structs.replace(
                life.launch,
                model=_below(after, model, before),
                projector=None if projector is None else _below(after, projector, before),
            )

    async def rename(self, life: Life, name: str) -> None:
        """Have a server answer to another name from now on, unless one that runs has that name."""
        if any(other.server.name == name for other in self.running() if other is not life):
            return
        async with self._database.transaction() as tx:
            life.server = msgspec.structs.replace(life.server, name=name)
            server = life.server
            tx.after_commit(lambda: self._bus.publish("server.changed", server.id, server))

    async def forget_failed(self, library_id: str) -> None:
        """Take this artifact's failed servers off the list."""
        for life in self.all():
            if life.server.library_id == library_id and life.server.state is ServerState.FAILED:
                await self.forget(life)

    def _add(self, server: Server, todo: Launch) -> Life:
        forget_old_logs(self._logs_dir, in_use={life.server.id for life in self.running()})
        life = self._lives[server.id] = Life(server, todo, self._around, self._tasks)
        return life

    async def _own(self, life: Life) -> None:
        try:
            await life.run()
        except Exception:
            log.exception("the server %s cannot be watched any more", life.server.id)
            self._note_failure(life.server)
            self._bus.publish("server.changed", life.server.id, life.server)
        if life.again and not self._closing:
            self._begin_again(life)
        elif life.server.state is ServerState.STOPPED:
            await self.forget(life)

    def _staying(self) -> list[Life]:
        return [life for life in self.running() if not (life.leaving or life.launch.yields)]

    def _note_failure(self, server: Server) -> None:
        if server.error is None:
            return
        now = asyncio.get_running_loop().time()
        failed = Failure(at=now, code=server.error.code, detail=server.error.detail, server_id=server.id)
        self._failures = {
            artifact_id: kept
            for artifact_id, failures in self._failures.items()
            if (kept := remembered(failures, now))
        }
        self._failures[server.library_id] = (*self._failures.get(server.library_id, ()), failed)

    def _begin_again(self, life: Life) -> None:
        server = msgspec.structs.replace(
            life.server,
            state=advance(life.server.state, ServerEvent.RESTARTED),
            error=None,
            ready_at=None,
            started_at=rfc3339(self._clock()),
        )
        self.begin(server, life.launch)

    async def _save(self, server: Server, child: Child) -> None:
        if server.state is ServerState.FAILED:  # before anything is awaited: a request may come at once
            self._note_failure(server)
        async with self._database.transaction() as tx:
            await store.put(tx, server.id, server.state, child)
            tx.after_commit(lambda: self._bus.publish("server.changed", server.id, server))
        if server.state is ServerState.READY and (life := self._lives.get(server.id)):
            try:
                await self._on_ready(life)
            except Exception:
                log.exception("what the server %s has taken could not be kept", server.id)
        if server.state is ServerState.STARTING or server.state.ended:
            try:
                await self._on_loaded_changed(server.library_id)
            except Exception:
                log.exception("the library could not be told what is loaded")

    def _used(self, server: Server, in_flight: int) -> None:
        held = self._machine.rss(server.pid) if server.pid else None
        gauge = ServerLoad(
            id=server.id, busy_slots=in_flight, rss_bytes=held, load_progress=server.load_progress
        )
        self._bus.gauge("server.load", server.id, gauge)


def _below(after: Path, path: Path, before: Path) -> Path:
    return after / path.relative_to(before) if path.is_relative_to(before) else path
