"""How long the event loop is held up while something is done: what everybody else waits."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

from modelhubd.tasks import settle

EVERY_S = 0.001


def as_the_daemon() -> None:
    """From here on the interpreter is set as the daemon's is once it has started. Without it every full
    collection looks at all that the benchmark has imported and made."""
    gc.collect()
    settle()


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, float, float]:
    """(seconds that it took, the longest time beyond a millisecond for which nothing else ran, and the most
    that this process computed in such a time: a machine that is busy with other things does not lengthen
    that)."""
    worst = computed = 0.0

    async def tick() -> None:
        nonlocal worst, computed
        while True:
            began, before = time.perf_counter(), time.process_time()
            await asyncio.sleep(EVERY_S)
            waited = time.perf_counter() - began - EVERY_S
            worst = max(worst, waited)
            computed = max(computed, min(waited, time.process_time() - before))

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    began = time.perf_counter()
    try:
        await work()
        took = time.perf_counter() - began
        await asyncio.sleep(EVERY_S)  # so that the last wait is seen too
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
    return took, worst, computed
