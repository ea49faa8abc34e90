"""What is newer than what is installed."""

from collections.abc import Iterable

from modelhub_client.call import Call, api, body_of
from modelhubd.wire.base import Page
from modelhubd.wire.updates import AppliedUpdates, ApplyUpdates, RollBack, RolledBack, Switch, Update


def updates(
    *,
    q: str | None = None,
    formats: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    limit: int | None = None,
    after: str | None = None,
) -> Call[Page[Update]]:
    """What is newer than what is installed, with its notes and size, and what holds it back."""
    target = api(
        "/updates",
        {"q": q or None, "format": formats, "capability": capabilities, "limit": limit, "after": after},
    )
    return Call(method="GET", target=target, answer=Page[Update])


def apply_updates(
    ids: Iterable[str] | None = None,
    *,
    switch: Switch = "next_load",
    force: bool = False,
    dry_run: bool = False,
    trial: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[AppliedUpdates]:
    """Begin these updates (by library id), or all that nothing holds back; follow their downloads. With
    `trial` each is tried beside the old version first; unset is what the daemon is set to. With an
    `idempotency_key` a repeat answers what the first request did."""
    wanted = ApplyUpdates(
        ids=None if ids is None else tuple(ids), switch=switch, force=force, dry_run=dry_run, trial=trial
    )
    return Call(
        method="POST",
        target=api("/updates/apply"),
        answer=AppliedUpdates,
        body=body_of(wanted),
        idempotency_key=idempotency_key,
    )


def roll_back(model: str, *, switch: Switch = "next_load", dry_run: bool = False) -> Call[RolledBack]:
    """Have the version before be the active one again, with the settings it had."""
    wanted = RollBack(model=model, switch=switch, dry_run=dry_run)
    return Call(method="POST", target=api("/updates/rollback"), answer=RolledBack, body=body_of(wanted))
