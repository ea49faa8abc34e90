"""Where a process under test dies or halts by itself, and the diary of what it wrote to disk.

`CRASH_PLAN` in the environment is a `Plan` in JSON. A trap names a function of the `daemon` or of the
`worker` (`os.fsync`, `staging.place`) and is sprung by its Nth call; with a file of its own once for all.
"""

import asyncio
import functools
import importlib
import inspect
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

OWNERS = {
    "os": "os",
    "staging": "modelhubd.downloads.staging",
    "store": "modelhubd.downloads.store",
    "root": "modelhubd.storage.confined:ConfinedRoot",
    "database": "modelhubd.storage.database:Database",
    "library": "modelhubd.library.service:Library",
    "arrivals": "modelhubd.library.arrivals:Arrivals",
    "removal": "modelhubd.library.removal",
    "library_store": "modelhubd.library.store",
    "integrity": "modelhubd.library.integrity:Integrity",
    "examination": "modelhubd.library.examining:Examination",
    "seeding": "modelhubd.downloads.repairs",
    "space": "modelhubd.space.service:Space",
    "update_store": "modelhubd.updates.store",
    "copying": "modelhubd.space.copying",
    "space_store": "modelhubd.space.store",
    "takeover": "modelhubd.updates.takeover:Takeover",
    "downloads": "modelhubd.downloads.service:Downloads",
    "spool": "modelhubd.trials.spool:Spool",
    "trials": "modelhubd.trials.service:Trials",
    "trial_store": "modelhubd.trials.store",
    "trial_deciding": "modelhubd.trials.deciding",
    "placing": "modelhubd.packages.placing",
    "making": "modelhubd.packages.making",
    "packages_store": "modelhubd.packages.store",
    "imports": "modelhubd.library.imports.service:Imports",
    "updater": "tuf.ngclient:Updater",
    "registry": "modelhubd.catalog.registry.look",
    "registry_store": "modelhubd.catalog.registry.store",
    "catalog_store": "modelhubd.catalog.store",
    "daemon": "tests.fakes.download_home:Running",
}
VARIABLE = "CRASH_PLAN"
LOOK_S = 0.01


class Trap(TypedDict, total=False):
    who: str
    call: str
    moment: str
    """`before` the call or `after` it."""
    count: int
    do: str
    """`die`; `die both`, the worker's daemon too; `hold`, until the trap's file is gone."""
    file: str
    """Made when it is sprung. One that is there already springs no more."""
    armed: str
    """A file: calls count only while it is there."""


class Plan(TypedDict, total=False):
    boot_id: str
    limits: dict[str, float]
    backoff: dict[str, float]
    scrub_look_s: float
    traps: list[Trap]
    diary: str
    """A file for what the worker writes and syncs."""


def plan_of(environ: Mapping[str, str]) -> Plan:
    found: Plan = json.loads(environ.get(VARIABLE, "{}"))
    return found


def die(both: bool = False) -> None:
    if both:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def set_all(plan: Plan, who: str) -> None:
    """Set the traps for this process. Call it before the modules that use `os` are imported."""
    for trap in plan.get("traps", ()):
        if trap.get("who", "daemon") == who:
            arm(trap)


def arm(trap: Trap) -> None:
    owner_name, _, name = trap["call"].partition(".")
    module, _, kind = OWNERS[owner_name].partition(":")
    owner: Any = importlib.import_module(module)
    owner = getattr(owner, kind) if kind else owner
    setattr(owner, name, _trapped(getattr(owner, name), trap))


def _trapped(original: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    calls = 0
    before = trap["moment"] == "before"

    def sprung() -> bool:
        nonlocal calls
        if "armed" in trap and not Path(trap["armed"]).exists():
            return False
        calls += 1
        return calls == trap.get("count", 1) and _first(trap)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def trapped_coroutine(*arguments: Any, **rest: Any) -> Any:
            mine = sprung()
            if mine and before:
                await _held(trap)
            result = await original(*arguments, **rest)
            if mine and not before:
                await _held(trap)
            return result

        return trapped_coroutine

    @functools.wraps(original)
    def trapped(*arguments: Any, **rest: Any) -> Any:
        mine = sprung()
        if mine and before:
            _hold(trap)
        result = original(*arguments, **rest)
        if mine and not before:
            _hold(trap)
        return result

    return trapped


def _first(trap: Trap) -> bool:
    if "file" not in trap:
        return True
    try:
        Path(trap["file"]).open("x").close()
    except FileExistsError:
        return False
    return True


def _hold(trap: Trap) -> None:
    if trap["do"] != "hold":
        die(both=trap["do"] == "die both")
    while Path(trap["file"]).exists():
        time.sleep(LOOK_S)


async def _held(trap: Trap) -> None:
    if trap["do"] != "hold":
        die()
    while Path(trap["file"]).exists():
        await asyncio.sleep(LOOK_S)
