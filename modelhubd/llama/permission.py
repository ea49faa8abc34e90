"""Whether what is installed may be run, as somebody else decides."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from modelhubd.errors import Conflict, NotAllowed
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.servers import Estimate

Permit = Callable[[Artifact, App | None, bool], Awaitable[None]]
"""Raises NotAllowed for what may not be run, and Conflict for what is not for the app or the programs here,
unless it is forced."""


async def always(*what: object) -> None:
    """Refuses nothing."""


async def as_it_is(artifact: Artifact) -> Artifact:
    """Proves nothing."""
    return artifact


async def with_refusal(estimate: Estimate, artifact: Artifact, permit: Permit) -> Estimate:
    """The estimate, which says so where a load would be refused."""
    try:
        await permit(artifact, None, False)
    except (NotAllowed, Conflict) as refusal:
        return replace(estimate, notes=(*estimate.notes, f"A load is refused: {refusal.detail}"))
    return estimate
