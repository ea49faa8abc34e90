"""One server from its first start to its end. A single task owns the process; others ask it to stop."""

import asyncio
import contextlib
import os
import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from modelhubd.errors import Unavailable
from modelhubd.llama import health
from modelhubd.llama.command import Endpoint, command
from modelhubd.llama.failures import classify, failure
from modelhubd.llama.launch import Launch, Surroundings
from modelhubd.llama.leases import CutOff, Leases
from modelhubd.llama.loading import Loading
from modelhubd.llama.logs import ServerLog
from modelhubd.llama.placement import Running
from modelhubd.llama.process import Process
from modelhubd.llama.states import RESTARTS, ServerEvent, advance, restart_delay
from modelhubd.llama.store import Child
from modelhubd.llama.watchdog import until_hung
from modelhubd.places import SOCKET_PATH_MAX
from modelhubd.tasks import TaskOwner
from modelhubd.wire.base import rfc3339
from modelhubd.wire.servers import Server, ServerError, ServerMemory, ServerState

SHORTEST_TTL_S = 1
"""For whoever has waited for the load to come with the first request."""
SLOTS_S = 1.0
"""In which the slots may come to rest before the first signal."""
SLOT_POLL_S = 0.02
SLOT_POLLS = 50
PORTS = 3
"""How many a build without sockets is tried on: anybody may take one before it does."""


class Life:
    """The server, as others see it. `run` is its owner and runs in one task."""

    def __init__(self, server: Server, launch: Launch, around: Surroundings, tasks: TaskOwner) -> None:
        self.server = server
        self.launch = launch
        self.log = ServerLog(around.logs_dir / f"{server.id}.log")
        self.owner: asyncio.Task[None] | None = None
        """Runs it; None if nothing was ever started."""
        self.again = False
        """Whether its owner starts the server again once it has stopped."""
        self.leases = Leases(self._used)
        self.session: aiohttp.ClientSession | None = None
        self._around = around
        self._tasks = tasks
        self._child = Child(instance=uuid.uuid4().hex, boot_id=around.machine.boot_id())
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._log_begins = 0

    @property
    def leaving(self) -> bool:
        """Whether it is on its way out, or about to be."""
        return self._stop.done() or self.server.state is ServerState.DRAINING or self.server.state.ended

    @property
    def held(self) -> Running:
        """Its part in placement."""
        pid, on_gpu = self.server.pid, self.launch.build.about.devices
        return Running(
            id=self.server.id,
            name=self.server.name,
            estimated_bytes=self.launch.needed_bytes,
            mapped_bytes=self.launch.mapped_bytes,
            held_bytes=None if pid is None or on_gpu else self._around.machine.rss(pid),
            ready=self.server.ready_at is not None and pid is not None,
            busy=len(self.leases) > 0,
            yields=self.launch.yields,
            pinned=(self.launch.settings.ttl_s or 0) < 0,
            leaving=self.leaving and not self.again,
            idle_since=self.leases.used_at,
        )

    def ask_to_stop(self, drain_s: float) -> None:
        """Have it end, after at most `drain_s` seconds for the requests in flight; the shortest time that was
        asked for counts."""
        self.leases.drain_by(asyncio.get_running_loop().time() + drain_s)
        if not self._stop.done():
            self._stop.set_result(None)

    async def until(self, done: Callable[[Server], bool], *, within_s: float) -> Server:
        """The server once `done` holds for it.

        Raises:
            TimeoutError: it does not within `within_s` seconds.
        """
        async with asyncio.timeout(within_s):
            while not done(self.server):
                await self._changed.wait()
        return self.server

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Counts as a request in flight: the server is not idle, and is drained before it stops.

        Raises:
            Unavailable: it has to stop and the request had not ended in time to drain; whatever the block
                was doing is cancelled.
        """
        try:
            async with self.leases.use():
                yield
        except CutOff:
            raise Unavailable(f"{self.server.name} was stopped.", code="server_stopped") from None

    async def run(self) -> None:
        """Start it, keep it running, end it. Returns when the server is stopped or failed."""
        crashes: tuple[float, ...] = ()
        ports = 1
        loop = asyncio.get_running_loop()
        try:
            while True:
                error = await self._run_once()
                if error is None:
                    await self._change(ServerEvent.ENDED, pid=None)
                    return
                if error.code == "port_in_use" and self._child.socket is None and ports < PORTS:
                    ports += 1
                    await self._change(ServerEvent.PORT_TAKEN, pid=None)
                    continue
                crashes = (*crashes[-RESTARTS:], loop.time())
                delay = restart_delay(crashes, self._around.chance())
                if self.server.state is not ServerState.READY or error.code == "killed" or delay is None:
                    await self._change(ServerEvent.BROKE, error=error, pid=None, endpoint=None)
                    return
                await self._change(ServerEvent.CRASHED, error=error, pid=None, endpoint=None)
                if await self._either(within_s=delay):
                    await self._change(ServerEvent.STOP_ASKED)
                    await self._change(ServerEvent.ENDED)
                    return
        finally:
            if not self.server.state.ended:  # the task itself broke, and has taken the process with it
                error = failure("crashed", "the daemon stopped watching it")
                self.server = msgspec.structs.replace(self.server, state=ServerState.FAILED, error=error)
            self.log.close()
            self._wake()

    async def _run_once(self) -> ServerError | None:
        """One process from start to end: None when it was stopped as asked, else why it ended. The state is
        still `ready` when it had been."""
        endpoint = self._new_endpoint()
        self._child = Child(
            instance=uuid.uuid4().hex, boot_id=self._around.machine.boot_id(), socket=endpoint.socket
        )
        await self._around.save(self.server, self._child)
        asked = command(
            self.launch.build.options,
            self.launch.settings,
            model=str(self.launch.model),
            name=self.server.name,
            endpoint=endpoint,
            instance=self._child.instance,
            environ=self._around.environ,
            projector=str(self.launch.projector) if self.launch.projector else None,
            embeddings=self.launch.embeddings,
            ranks=self.launch.ranks,
        )
        self._log_begins = self.log.lines
        self.log.progress = None
        try:
            process = await Process.start(
                [*self.launch.build.program, *asked.arguments], asked.environment, self._tasks, self.log.write
            )
        except OSError as error:
            return failure("binary_missing", f"llama-server cannot be run ({error.strerror})")
        if self.launch.yields:
            process.step_back()
        try:
            async with health.open_session(endpoint) as self.session:
                return await self._watch(process, endpoint)
        finally:
            self.session = None
            process.kill_group()
            _forget_socket(endpoint)

    async def _watch(self, process: Process, endpoint: Endpoint) -> ServerError | None:
        started = self._around.machine.process_start_time(process.pid)
        self._child = msgspec.structs.replace(self._child, pid=process.pid, process_started=started)
        await self._change(ServerEvent.SPAWNED, pid=process.pid, ready_at=None, error=None)
        error = await self._load(process, endpoint)
        if error is None and not self._stop.done():
            await self._answered(process)
            error = await self._serve(process)
        if error is not None:
            await process.stop()
            return error
        await self._change(ServerEvent.STOP_ASKED, endpoint=None)
        await self._drain()
        await process.stop()
        return None

    async def _load(self, process: Process, endpoint: Endpoint) -> ServerError | None:
        """None once it answers or a stop is asked, else why it never will."""
        assert self.session is not None
        loading = Loading(process, self.launch, self._around.machine, self.log, self._got_on)
        if fault := await loading.until_ready(self.session, endpoint, self._stop):
            return failure(*fault, self._last_lines())
        return self._death(process) if process.ended.done() and not self._stop.done() else None

    def _got_on(self, progress: float) -> None:
        self.server = msgspec.structs.replace(self.server, load_progress=progress)
        self._around.used(self.server, 0)

    async def _answered(self, process: Process) -> None:
        now = rfc3339(self._around.clock())
        memory = ServerMemory(
            estimated_bytes=self.launch.needed_bytes,
            measured_bytes=self._around.machine.rss(process.pid),
        )
        self.leases.used_at = asyncio.get_running_loop().time()
        await self._change(
            ServerEvent.ANSWERED, ready_at=now, last_used_at=now, memory=memory, endpoint="/v1", error=None
        )

    async def _serve(self, process: Process) -> ServerError | None:
        """None once a stop is asked or it was idle for its time to live, else how it died."""
        assert self.session is not None
        hung = self._tasks.start(
            until_hung(self.session, process.pid, self.leases, self._around.machine),
            name=f"watchdog {self.server.id}",
        )
        try:
            while (left_s := self._left_s()) is None or left_s > 0:
                if await self._either(process.ended, hung, within_s=left_s):
                    break
            if self._stop.done() or not (process.ended.done() or hung.done()):
                return None
            if process.ended.done():
                return self._death(process, was_ready=True)
            code, reason = hung.result()
            return failure(code, reason, self._last_lines())
        finally:
            hung.cancel()

    def _left_s(self) -> float | None:
        """Seconds until it has been idle for its time to live; None where it has none."""
        ttl_s = self.launch.settings.ttl_s
        if ttl_s is None or ttl_s < 0:
            return None
        idle_s = 0.0 if self.leases else asyncio.get_running_loop().time() - self.leases.used_at
        return max(ttl_s, SHORTEST_TTL_S) - idle_s

    async def _drain(self) -> None:
        """Wait for requests in flight, then cut them off, then let the slots come to rest: llama-server can
        hang for ever when it is stopped while it generates."""
        if not self._stop.done():
            self.leases.drain_by(0)
        await self.leases.drain()
        assert self.session is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SLOTS_S):
                for _ in range(SLOT_POLLS):
                    if not await health.busy_slots(self.session):
                        break
                    await asyncio.sleep(SLOT_POLL_S)

    def _death(self, process: Process, *, was_ready: bool = False) -> ServerError:
        return classify(self._last_lines(), process.ended.result(), was_ready=was_ready)

    def _last_lines(self) -> list[str]:
        """Of the present process alone."""
        self.log.settle()
        return self.log.tail(200, since=self._log_begins)

    async def _either(self, *ended: "asyncio.Future[Any]", within_s: float | None) -> bool:
        """Wait for a stop to be asked or the process to end; whether either has happened."""
        waited: list[asyncio.Future[Any]] = [self._stop, *ended]
        done, _ = await asyncio.wait(waited, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def _change(self, event: ServerEvent, **fields: Any) -> None:
        state = advance(self.server.state, event)
        self.server = msgspec.structs.replace(self.server, state=state, load_progress=None, **fields)
        await self._around.save(self.server, self._child)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _used(self) -> None:
        now = rfc3339(self._around.clock())
        self.server = msgspec.structs.replace(self.server, last_used_at=now)
        self._around.used(self.server, len(self.leases))

    def _new_endpoint(self) -> Endpoint:
        path = self._around.runtime_dir / f"{secrets.token_hex(4)}.sock"
        if self.launch.build.options.sockets and len(os.fsencode(path)) <= SOCKET_PATH_MAX:
            return Endpoint(socket=str(path))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return Endpoint(port=probe.getsockname()[1], api_key=secrets.token_urlsafe(32))


def _forget_socket(endpoint: Endpoint) -> None:
    if endpoint.socket:
        Path(endpoint.socket).unlink(missing_ok=True)
