"""Verifying a model, and taking it back."""

from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.parts import Parts
from modelhubd.registry.release.store import bump
from modelhubd.registry.verification import store
from modelhubd.registry.verification.states import changes
from modelhubd.registry.versions.seen import check_seen
from modelhubd.registry.versions.store import served_version
from modelhubd.wire.base import rfc3339
from modelhubd.wire.registry import VerificationChanged


async def verify(parts: Parts, caller: Caller, model: str, wanted: bool) -> VerificationChanged:
    """The badges that follow, once a signed release with them is out. Doing it again changes nothing.

    Raises:
        NotFound: there is no such model.
        Conflict: (`not_served`).
    """
    at = parts.clock()
    async with parts.database.changing() as connection:
        await check_seen(connection, caller, model)
        served = await served_version(connection, model)
        changed = changes(
            model,
            is_served=served is not None,
            is_verified=await store.is_verified(connection, model),
            wanted=wanted,
        )
        if changed:
            if wanted:
                await store.add(connection, model, by=caller.principal, at=rfc3339(at))
            else:
                await store.remove(connection, model)
            await audit.append(
                connection, actor=caller.principal, action="model.verified" if wanted else "model.unverified",
                subject=model, detail={"version": served}, at=at,
            )  # fmt: skip
            await bump(connection)
        badges = await store.badges(connection, model)
    if changed:
        await parts.releases.released()
    return VerificationChanged(changed=changed, verified=wanted, templates=badges)
