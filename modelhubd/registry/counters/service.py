"""Counting downloads and stars, telling them, and setting them back."""

import re

from modelhubd.errors import InvalidInput
from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.counters import store
from modelhubd.registry.counters.store import Report
from modelhubd.registry.parts import Parts
from modelhubd.registry.versions.seen import check_seen
from modelhubd.wire.catalog import Counters

_KEY = re.compile(r"[!-~]{1,200}")


async def downloaded(parts: Parts, caller: Caller, model: str, key: str | None) -> None:
    """Count one download, unless the principal has reported it under this key before, or reports too many.
    It is written a moment later, with others.

    Raises:
        NotFound: there is no such model.
        Unavailable: the database has been away for too long.
    """
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput.at("", "an Idempotency-Key has 1 to 200 visible ASCII characters")
    async with parts.database.reading(quick=True) as connection:
        await check_seen(connection, caller, model)
    once = None if key is None else f"downloads {model} {key}"
    parts.reports.add(Report(caller.principal, model, once))


async def star(parts: Parts, caller: Caller, model: str, wanted: bool) -> None:
    """Let the caller's principal have starred the model, or not.

    Raises:
        NotFound: there is no such model.
    """
    async with parts.database.noting() as connection:
        await check_seen(connection, caller, model)
        if wanted:
            await store.add_star(connection, model, caller.principal)
        else:
            await store.remove_star(connection, model, caller.principal)
    parts.counted.forget()


async def reset(parts: Parts, caller: Caller, model: str) -> Counters:
    """The counters of the model, which are zero now; what they were stands in the audit log.

    Raises:
        NotFound: there is no such model.
    """
    at = parts.clock()
    await parts.reports.written()
    async with parts.database.changing() as connection:
        await check_seen(connection, caller, model)
        before = await store.get(connection, model)
        await store.reset(connection, model)
        await audit.append(
            connection, actor=caller.principal, action="model.counters_reset", subject=model,
            detail={"downloads": before.downloads, "stars": before.stars}, at=at,
        )  # fmt: skip
    parts.counted.forget()
    return Counters()
