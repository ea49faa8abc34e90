"""The whole daemon as people run it, on a boot and with traps of a test's choosing:

    CRASH_PLAN='{"boot_id": "two", …}' python -m tests.crash.whole_daemon …

`tests.crash.traps.Plan` says what may be chosen. Its arguments are those of `modelhubd`.
"""

import asyncio
import functools
import os
import sys
from typing import Any

import msgspec

from modelhubd import __main__, composition
from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import Backoff
from modelhubd.downloads.service import Downloads
from modelhubd.library import scrub
from tests.crash import traps

WORKER, OURS = "modelhubd.downloads.worker", "tests.crash.worker"


def use_our_worker() -> None:
    start = asyncio.create_subprocess_exec

    @functools.wraps(start)
    async def started(*arguments: Any, **rest: Any) -> Any:
        return await start(*(OURS if argument == WORKER else argument for argument in arguments), **rest)

    asyncio.create_subprocess_exec = started


def main() -> int:
    plan = traps.plan_of(os.environ)
    if boot_id := plan.get("boot_id"):
        vars(composition)["boot_id"] = lambda: boot_id
    if look_s := plan.get("scrub_look_s"):
        vars(scrub)["LOOK_S"] = look_s
    chosen: dict[str, Any] = {}
    if "backoff" in plan:
        chosen["backoff"] = Backoff(**plan["backoff"])
    if "limits" in plan:
        chosen["limits"] = msgspec.convert(plan["limits"], Limits)
    vars(composition)["Downloads"] = functools.partial(Downloads, **chosen)
    use_our_worker()
    traps.set_all(plan, "daemon")
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
