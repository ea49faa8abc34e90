"""Looking whether a busy server gets on."""

import asyncio

import aiohttp

from modelhubd.llama import health
from modelhubd.llama.hanging import HANG_S, SPIN_S, begun, hung_for, seen
from modelhubd.llama.launch import Machine
from modelhubd.llama.leases import Leases

LOOK_S = 10.0


async def until_hung(
    session: aiohttp.ClientSession, pid: int, leases: Leases, machine: Machine
) -> tuple[str, str]:
    """An error's code and the reason why the server counts as hung, once it does: a request has been in
    flight all the while, none has ended, and the work has not moved. Never where it tells of none."""
    loop = asyncio.get_running_loop()
    path = None
    while True:
        path = path or await health.telling(session)
        await leases.busy()
        progress, ended = begun(loop.time(), machine.cpu_s(pid)), leases.ended
        while leases and leases.ended == ended:
            await asyncio.sleep(LOOK_S)
            if path is None:
                continue
            mark = await health.work(session, path)
            progress = seen(progress, now=loop.time(), mark=mark, cpu_s=machine.cpu_s(pid))
            still_s = hung_for(progress, hang_s=HANG_S, spin_s=SPIN_S)
            if leases and leases.ended == ended and still_s is not None:
                return "timeout", f"it has not got on with a request for {still_s:.0f} s"
