"""What readers are told of the registry's catalog and of its log."""

from datetime import UTC, datetime, timedelta
from typing import Any

from modelhubd.catalog.registry.shown import shown_alarm, shown_audit, shown_freshness
from modelhubd.catalog.registry.store import Kept
from modelhubd.catalog.registry.witness import Alarm, Seen
from modelhubd.wire.catalog import CatalogInfo

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SEEN = Seen(origin="registry.test", size=7, root_hash="ab" * 32, key="k", note="n")
ALARM = shown_alarm(Alarm(code="log_shrunk", detail="It is shorter.", evidence=("a", "b")), NOW)


def test_nothing_is_said_of_a_log_before_there_is_anything_to_say() -> None:
    assert shown_audit(None, None) is None
    told = shown_audit(SEEN, None)
    assert told is not None and (told.size, told.root_hash, told.alarm) == (7, "ab" * 32, None)


def test_an_alarm_is_told_with_its_time_even_where_nothing_was_seen() -> None:
    assert (ALARM.code, ALARM.at) == ("log_shrunk", "2026-05-04T12:00:00.000Z")
    told = shown_audit(None, ALARM)
    assert told is not None and (told.size, told.alarm) == (0, ALARM)


class Head:
    class catalog:  # noqa: N801  # as it is called there
        published_at = "2026-05-01T00:00:00.000Z"


def kept(expires_at: datetime) -> Kept:
    some: Any = Head()
    return Kept(
        head=some, signatures=some, root_version=1, expires_at=expires_at, synced_at=NOW - timedelta(hours=2),
        checked_at=NOW - timedelta(hours=1),
    )  # fmt: skip


def test_the_times_of_the_snapshot_in_use_are_shown_and_whether_anybody_vouches_for_it() -> None:
    info = CatalogInfo(source="registry", revision="3", models=1, local_entries=0, synced_at="before")
    fresh = shown_freshness(info, kept(NOW + timedelta(days=1)), NOW)
    assert (fresh.stale, fresh.stale_since) == (False, None)
    assert (fresh.synced_at, fresh.checked_at) == ("2026-05-04T10:00:00.000Z", "2026-05-04T11:00:00.000Z")
    assert (fresh.expires_at, fresh.published_at) == ("2026-05-05T12:00:00.000Z", Head.catalog.published_at)
    stale = shown_freshness(info, kept(NOW - timedelta(days=1)), NOW)
    assert (stale.stale, stale.stale_since) == (True, "2026-05-03T12:00:00.000Z")
    assert shown_freshness(info, None, NOW).synced_at is None
