"""What `doctor` checks of the organisation's registry: its catalog and its audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime

from modelhub_cli import words
from modelhub_cli.checks import Check
from modelhubd.wire.catalog import CatalogInfo

SEVERE = frozenset(
    {
        "no_root", "bad_root", "bad_url", "credentials", "not_allowed", "wrong_root", "bad_signature",
        "rolled_back", "mixed", "audit_alarm", "clock_wrong", "storage",
    }
)  # fmt: skip
"""Errors that do not go away by themselves."""
SYNC = "Look again: modelhub registry sync"


def registry(info: CatalogInfo) -> Iterator[Check]:
    """Nothing where no registry is set."""
    if info.registry is None:
        return
    yield _catalog(info)
    yield from _audit(info)


def _catalog(info: CatalogInfo) -> Check:
    error, now = info.last_error, datetime.now(UTC)
    stale = f"; stale since {info.stale_since}" if info.stale else ""
    if error is not None:
        made = Check.fail if error.code in SEVERE or info.source == "floor" else Check.warn
        return made("registry", f"{error.code}: {error.detail}{stale}", SYNC)
    if info.stale:
        return Check.warn("registry", f"nobody vouches for its catalog since {info.stale_since}", SYNC)
    if info.source != "registry":
        return Check.warn("registry", f"{info.registry} has not been looked at yet", SYNC)
    checked = words.ago(info.checked_at, now)
    return Check.ok("registry", f"{info.registry}, revision {info.revision}, checked {checked}")


def _audit(info: CatalogInfo) -> Iterator[Check]:
    if info.audit is None:
        return
    if (alarm := info.audit.alarm) is not None:
        yield Check.fail(
            "audit log",
            f"{alarm.code}, {alarm.at}: {alarm.detail}",
            "Ask the registry's administrator what happened. Once you know: modelhub registry sync "
            "--acknowledge-alarm",
        )
    else:
        yield Check.ok("audit log", f"{info.audit.size} entries, each continuing those before")
