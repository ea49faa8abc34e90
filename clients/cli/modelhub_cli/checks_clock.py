"""What `doctor` checks of this machine's clock: against the registry's, or against what has happened."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from modelhub_cli import words
from modelhub_cli.checks import Check

CLOCK_S = 300.0
ASK_S = 5.0
SET_IT = "Set this machine's clock, best by NTP: timedatectl set-ntp true"


def against_registry(ahead_s: float) -> Check:
    """By how much our clock is ahead of the registry's."""
    if abs(ahead_s) <= CLOCK_S:
        return Check.ok("clock", "as the registry's")
    way = "ahead of" if ahead_s > 0 else "behind"
    return Check.warn("clock", f"{abs(ahead_s):.0f} s {way} the registry's", SET_IT)


def against_past(moments: Iterable[str | None], now: datetime) -> Check:
    """Whether something has happened in the future: then the clock was ahead once, or is behind now."""
    known = [found for text in moments if text and (found := words.moment(text)) is not None]
    latest = max(known, default=None)
    if latest is not None and latest - now > timedelta(seconds=CLOCK_S):
        return Check.warn(
            "clock",
            f"says {now:%Y-%m-%d %H:%M} UTC, and what this machine holds is of {latest:%Y-%m-%d %H:%M} UTC:"
            " it is behind now, or was ahead then",
            f"{SET_IT}; signatures and schedules go by it.",
        )
    return Check.ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, after all that has happened here")


def reach(registry_url: str, now: datetime) -> Iterator[Check]:
    """Whether a registry answers this program, where no daemon can be asked, and how its clock goes."""
    import http.client
    from email.utils import parsedate_to_datetime

    parts = urlsplit(registry_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=ASK_S)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/api/v1/health")
            answer = connection.getresponse()
            answer.read(4096)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield Check.warn(
            "registry",
            f"{parts.hostname} cannot be reached: {reason}",
            "Check the address (modelhub config get catalog.registry_url) and the network.",
        )
        return
    if answer.status != 200:
        yield Check.warn(
            "registry",
            f"{parts.hostname} answers with status {answer.status}",
            "Is this a registry?",
        )
    else:
        yield Check.ok("registry", f"{parts.hostname} answers")
    try:
        told = parsedate_to_datetime(answer.getheader("Date") or "")
    except ValueError:
        return
    if told.tzinfo is not None:
        yield against_registry((now - told.astimezone(UTC)).total_seconds())
