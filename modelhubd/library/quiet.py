"""Threads that yield to everybody else. A thread's priority can be lowered but not raised again, so that each
piece of work has one of its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from modelhubd.device import step_back

T = TypeVar("T")


async def in_quiet_thread(work: Callable[[], T], *, idle: bool = False) -> T:
    """What blocking `work` returns. With `idle` it reads the disk only while nobody else does. If cancelled
    the thread goes on by itself; `tasks.uninterrupted` waits for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            set_it(value)

    def run() -> None:
        step_back(idle=idle)
        try:
            result = work()
        except BaseException as error:
            loop.call_soon_threadsafe(settle, done.set_exception, error)
        else:
            loop.call_soon_threadsafe(settle, done.set_result, result)

    threading.Thread(target=run, name="quiet", daemon=True).start()
    return await done


def helpers(count: int) -> ThreadPoolExecutor:
    """So many threads of low priority, for a quiet thread whose work somebody waits for: hashes leave the
    processor's other cores to it. For the caller to shut down."""
    return ThreadPoolExecutor(count, "quiet", initializer=partial(step_back, idle=False))
