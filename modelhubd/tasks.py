"""Background tasks with an owner and an end."""

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    MutableSequence,
)
from types import TracebackType
from typing import Any, Self, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

HANDOVER_S = 0.001
"""A thread that computes lets the event loop in after so long. The interpreter's own 5 ms begin anew each
time that the loop has waited for something: two or three of them in one turn are a pause that is noticed."""
FREED_SLICE = 256
"""Rows or structs freed in a row, in less than a millisecond."""


async def uninterrupted(work: Awaitable[T], *, on_cancel: Callable[[], None] = lambda: None) -> T:
    """Await `work` to its end even if cancelled meanwhile; the cancellation is raised after it. `on_cancel`
    is called at once, to tell the work that nobody wants it any more."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
            on_cancel()
        except BaseException:  # noqa: S110  # the task's own, raised by result() below
            pass
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking `work` in a thread. It is waited for even if cancelled: a thread cannot be taken back."""
    return await uninterrupted(asyncio.to_thread(work))


async def unhurried(items: Iterable[T], *, at_once: int = 100) -> AsyncIterator[T]:
    """The items one by one; after so many of them whatever else is ready runs first."""
    for place, item in enumerate(items):
        if place and place % at_once == 0:
            await asyncio.sleep(0)
        yield item


def settle() -> None:
    """For a process that has started: what is there now lives as long as it does, and is looked at for
    cycles no more; threads hand over to the event loop within `HANDOVER_S`."""
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(HANDOVER_S)


_GENTLE = threading.Lock()
_gentle: list[bool] = []
"""Whether cycles were looked for before the first of those that are gentle now; empty while nobody is."""


@contextlib.contextmanager
def gently() -> Iterator[None]:
    """Meanwhile nobody looks for cycles: in what is read and decoded there are none, and to look at ten
    thousand of it takes up to 60 ms. Several may be so at once."""
    with _GENTLE:
        _gentle.append(_gentle[0] if _gentle else gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _GENTLE:
            collects = _gentle.pop()
            if collects and not _gentle:
                gc.enable()


def freed(items: MutableSequence[Any]) -> None:
    """Empties a list that nobody needs any more, for a thread: in one go nobody else would run meanwhile."""
    while items:
        del items[-FREED_SLICE:]


class TaskOwner:
    """Holds the background tasks of one part of the daemon.

    A task that raises is logged with its name and is gone; it takes nothing else with it. Leaving the
    context cancels what still runs and waits at most `patience_s` seconds for it.
    """

    def __init__(self, name: str, *, patience_s: float = 5.0) -> None:
        self._name = name
        self._patience_s = patience_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` until it ends or the owner closes.

        Raises:
            RuntimeError: the owner is closed already.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._name} is closed: {name} cannot start")
        task = asyncio.create_task(work, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel everything and wait for it."""
        self._closed = True
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=self._patience_s)
            for task in pending:
                log.error("%s did not end within %s s of being cancelled", task.get_name(), self._patience_s)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)
