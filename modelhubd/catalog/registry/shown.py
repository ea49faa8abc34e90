"""What readers are told of the registry's catalog and its audit log. Pure."""

from datetime import datetime

from msgspec.structs import replace

from modelhubd.catalog.registry.freshness import stale_since
from modelhubd.catalog.registry.store import Kept
from modelhubd.catalog.registry.witness import Alarm, Seen
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import AuditAlarm, AuditWitness, CatalogInfo


def shown_alarm(alarm: Alarm, at: datetime) -> AuditAlarm:
    return AuditAlarm(code=alarm.code, detail=alarm.detail, at=rfc3339(at))


def shown_audit(seen: Seen | None, alarm: AuditAlarm | None) -> AuditWitness | None:
    """None until there is anything to say of the log."""
    if seen is None and alarm is None:
        return None
    return AuditWitness(
        size=0 if seen is None else seen.size,
        root_hash="" if seen is None else seen.root_hash,
        alarm=alarm,
    )


def shown_freshness(info: CatalogInfo, kept: Kept | None, now: datetime) -> CatalogInfo:
    """`info` with the times of the snapshot in use."""
    if kept is None:
        return replace(info, synced_at=None)
    since = stale_since(kept.expires_at, now)
    return replace(
        info,
        synced_at=rfc3339(kept.synced_at),
        checked_at=rfc3339(kept.checked_at),
        expires_at=rfc3339(kept.expires_at),
        published_at=kept.head.catalog.published_at,
        stale=since is not None,
        stale_since=None if since is None else rfc3339(since),
    )
