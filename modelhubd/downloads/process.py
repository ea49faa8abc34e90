"""The daemon's hold on the worker process: started on demand, gone when idle, its death told as a fault."""

import asyncio
import contextlib
import itertools
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import modelhubd
from modelhubd.downloads.messages import (
    LAST,
    LENGTH,
    MAX_FRAME,
    Faulted,
    Fetch,
    Halt,
    Limits,
    Look,
    Order,
    Rates,
    ReadHeader,
    Report,
    decode_report,
    frame,
)
from modelhubd.downloads.plan import Fault, TransferEnded
from modelhubd.tasks import TaskOwner

log = logging.getLogger(__name__)
IDLE_S = 10.0
HALT_S = 8.0
"""A halt waits for a sync that is under way."""
END_S = 2.0
WORKER_DIED = Fault(code="http_error", detail="The transfer process ended unexpectedly.", passing=True)


def cannot_start(error: OSError) -> Fault:
    detail = f"The transfer process cannot be started ({error.strerror}). Close other programs."
    return Fault(code="http_error", detail=detail, passing=True)


class Carried:
    """One transfer in the worker. `report` gives what it says, in order."""

    def __init__(self, worker: "TransferWorker", number: int) -> None:
        self.number = number
        self._worker = worker
        self._inbox: asyncio.Queue[Report] = asyncio.Queue()
        self.ended = asyncio.Event()

    def offer(self, report: Report) -> None:
        if isinstance(report, LAST):
            self.ended.set()
        self._inbox.put_nowait(report)

    async def report(self) -> Report:
        return await self._inbox.get()

    def reports_left(self) -> list[Report]:
        """What was said and not read yet."""
        left = []
        while not self._inbox.empty():
            left.append(self._inbox.get_nowait())
        return left

    async def halt(self) -> None:
        """Return once nothing writes to the file any more; the worker is killed if it does not obey."""
        await self._worker.halt(self)


@dataclass(eq=False)
class _Running:
    process: asyncio.subprocess.Process
    listener: asyncio.Task[None] | None = None


class TransferWorker:
    def __init__(self, tasks: TaskOwner, *, idle_s: float = IDLE_S, hung_s: float = Limits().hung_s) -> None:
        self._tasks = tasks
        self._idle_s = idle_s
        self._hung_s = hung_s
        self._rates = Rates()
        self._numbers = itertools.count(1)
        self._carried: dict[int, Carried] = {}
        self._running: _Running | None = None
        self._starting = asyncio.Lock()
        self._retirement: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Of the running worker; None while there is none."""
        return self._running.process.pid if self._running is not None else None

    def next_number(self) -> int:
        return next(self._numbers)

    async def begin(self, order: Fetch | ReadHeader | Look) -> Carried:
        """Have the worker do it; starts one if there is none.

        Raises:
            TransferEnded: no process can be started.
        """
        self._stay()
        carried = Carried(self, order.transfer)
        self._carried[order.transfer] = carried
        try:
            async with self._starting:
                if self._running is None:
                    self._running = await self._start()
                    self._send(self._rates)
        except BaseException as error:
            self._forget(carried)
            if isinstance(error, OSError):
                raise TransferEnded(cannot_start(error)) from error
            raise
        self._send(order)
        return carried

    def limit(self, max_bytes_per_s: int | None, connections: int, downloads: Mapping[str, int]) -> None:
        """At once in force, for a later worker too. `connections` are those of each download; `downloads`
        gives some of them, by id, a limit of their own."""
        self._rates = Rates(
            max_bytes_per_s=max_bytes_per_s, connections=connections, downloads=dict(downloads)
        )
        self._send(self._rates)

    async def halt(self, carried: Carried) -> None:
        if carried.ended.is_set():
            return
        self._send(Halt(transfer=carried.number))
        try:
            async with asyncio.timeout(HALT_S):
                await carried.ended.wait()
        except TimeoutError:
            log.error("the transfer worker does not answer and is killed")
            if self._running is not None:
                await self._end(self._running, patience_s=0)

    async def close(self) -> None:
        """End the worker and wait for it."""
        self._stay()
        running = self._running
        if running is not None:
            self._let_go()
            await self._end(running, patience_s=END_S)

    async def _start(self) -> _Running:
        package = str(Path(modelhubd.__file__).parent.parent)
        environ = dict(os.environ)
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environ.get("PYTHONPATH"))))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "modelhubd.downloads.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environ,
            cwd="/",
            start_new_session=True,
        )
        running = _Running(process)
        running.listener = self._tasks.start(self._listen(running), name="transfer worker")
        return running

    def _send(self, order: Order) -> None:
        if self._running is not None and self._running.process.stdin is not None:
            self._running.process.stdin.write(frame(order))

    async def _listen(self, running: _Running) -> None:
        stdout = running.process.stdout
        assert stdout is not None
        try:
            while True:
                async with asyncio.timeout(self._hung_s if self._carried else None):
                    (size,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                if size > MAX_FRAME:
                    raise ValueError("a frame of the transfer worker is too long")
                self._hear(decode_report(await stdout.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass  # it has ended
        except TimeoutError:
            log.error("the transfer worker has not said a word for %.0f s and is killed", self._hung_s)
        finally:
            await self._bury(running)

    async def _bury(self, running: _Running) -> None:
        process = running.process
        if process.stdin is not None:
            process.stdin.close()
        if self._running is running:
            # It was not told to go: whatever it was doing is over.
            self._running = None
            _kill(process)
            log.warning("the transfer worker ended unexpectedly")
            for carried in list(self._carried.values()):
                carried.offer(Faulted(transfer=carried.number, fault=WORKER_DIED))
                self._forget(carried)
        async with asyncio.timeout(END_S):
            await process.wait()

    def _hear(self, report: Report) -> None:
        carried = self._carried.get(report.transfer)
        if carried is None:
            return
        carried.offer(report)
        if carried.ended.is_set():
            self._forget(carried)

    def _forget(self, carried: Carried) -> None:
        self._carried.pop(carried.number, None)
        if not self._carried and self._running is not None:
            self._stay()
            self._retirement = asyncio.get_running_loop().call_later(self._idle_s, self._let_go)

    def _stay(self) -> None:
        if self._retirement is not None:
            self._retirement.cancel()
            self._retirement = None

    def _let_go(self) -> None:
        self._retirement = None
        if self._running is not None and self._running.process.stdin is not None:
            self._running.process.stdin.close()
            self._running = None

    async def _end(self, running: _Running, *, patience_s: float) -> None:
        assert running.listener is not None
        if patience_s:
            await asyncio.wait({running.listener}, timeout=patience_s)
        _kill(running.process)
        await asyncio.wait({running.listener}, timeout=END_S)


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
