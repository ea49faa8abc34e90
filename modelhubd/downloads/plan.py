"""What an answer of an origin means and what a fault becomes. Pure."""

import errno
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urljoin

import msgspec
from msgspec import Struct

from modelhubd.storage.confined import UnsafePath
from modelhubd.trust.urls import fault_in_url

MAX_ATTEMPTS = 20
MAX_HOPS = 5
MAX_CHANGES = 5
MAX_HEAD_BYTES = 64 * 1024
MAX_RETRY_AFTER_S = 3600.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})
_EXPIRED = frozenset({401, 403, 404, 410})
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a transfer ended early. `code` is one of the download error codes of the API."""

    code: str
    detail: str
    passing: bool
    reached: bool = True
    """Whether somebody answered; a fault without it may mean that this machine is offline."""
    waits_for: str | None = None
    """`storage` where the fault passes when the models directory comes back, `policy` when a policy changes:
    it is no attempt then."""
    retry_after_s: float | None = None


class TransferEnded(Exception):
    """Carries a fault to whoever owns the transfer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


def permanent(code: str, detail: str) -> Fault:
    return Fault(code=code, detail=detail, passing=False)


def passing(detail: str) -> Fault:
    return Fault(code="http_error", detail=detail, passing=True)


class Wanted(Struct, frozen=True):
    """What a request asked for."""

    offset: int
    etag: str | None
    """Strong validator of the bytes before `offset`."""
    size: int | None
    """As the catalog promises."""
    end: int | None = None
    """Nothing from there on was asked for."""


class Head(Struct, frozen=True):
    version: str
    """Of HTTP: `1.0`, `1.1`, `2`, `3`."""
    status: int
    fields: Mapping[str, str]
    """By lower-case name."""

    @property
    def framed(self) -> bool:
        """Whether the end of a body without Content-Length can be told from a cut."""
        coding = self.fields.get("transfer-encoding", "").lower()
        return self.version[:1] in ("2", "3") or coding.rpartition(",")[2].strip() == "chunked"


class Take(Struct, frozen=True):
    """Write the body from `offset` on. `length` is what the body must hold, None where it was not told."""

    offset: int
    length: int | None
    total: int | None
    etag: str | None
    """None: this file cannot be continued after an interruption."""


class Follow(Struct, frozen=True):
    location: str


class AskWhole(Struct, frozen=True):
    """The partial file is of no use here: ask again from the first byte."""


Meaning = Take | Follow | AskWhole | Fault


def read_head(head: Head, wanted: Wanted, now: datetime) -> Meaning:
    """What to do with this answer."""
    if head.status in _REDIRECTS and head.fields.get("location"):
        return Follow(head.fields["location"])
    if head.status == 416 and wanted.offset > 0:
        return AskWhole()
    if head.status not in (200, 206):
        return _refusal(head, now)
    return _fault_in_content(head) or (_whole(head, wanted) if head.status == 200 else _part(head, wanted))


def _refusal(head: Head, now: datetime) -> Fault:
    passing = head.status in _PASSING or 500 <= head.status <= 599
    if passing:
        detail = f"The origin answered {head.status}; it is asked again later."
    elif head.status in (401, 403):
        detail = (
            f"The origin refuses access ({head.status}). Accept the model's terms there, or choose another "
            "source."
        )
    elif head.status in (404, 410):
        detail = (
            f"The origin has no such file any more ({head.status}). Synchronise the catalog, or choose "
            "another version."
        )
    elif head.status == 407:
        detail = (
            "The proxy asks for a name and password (407). Put them into http_proxy in the daemon's "
            "environment, then retry."
        )
    else:
        detail = f"The origin answered {head.status}, which is no download."
    return Fault(
        code="http_error",
        detail=detail,
        passing=passing,
        retry_after_s=retry_after_s(head.fields.get("retry-after"), now) if passing else None,
    )


def is_expired(head: Head) -> bool:
    """Whether an answer behind a redirect may mean that the signed URL has run out."""
    return head.status in _EXPIRED


def _fault_in_content(head: Head) -> Fault | None:
    coding = head.fields.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        return permanent(
            "wrong_content",
            f"The origin sends the file in another coding ({coding[:20]!r}). Use another source.",
        )
    kind = head.fields.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        return a_page()
    if kind == "multipart/byteranges":
        return permanent("wrong_content", "The origin answered several ranges where one was asked for.")
    return None


def _whole(head: Head, wanted: Wanted) -> Take | Fault:
    length = _number(head.fields.get("content-length"))
    if wanted.size is not None and length is not None and length != wanted.size:
        return size_fault(length, wanted.size)
    total = length if length is not None else wanted.size
    if total is None and not head.framed:
        return permanent("wrong_content", "The origin does not say how long the file is. Use another source.")
    # A 200 to a range request says that ranges are ignored: no use to remember a validator, unless the range
    # was refused because the content had changed.
    etag = strong_etag(head.fields.get("etag")) if _serves_ranges(head, wanted) else None
    return Take(offset=0, length=length, total=total, etag=etag)


def _serves_ranges(head: Head, wanted: Wanted) -> bool:
    if head.fields.get("accept-ranges", "").strip().lower() == "bytes":
        return True
    return wanted.etag is not None and strong_etag(head.fields.get("etag")) != wanted.etag


def _part(head: Head, wanted: Wanted) -> Meaning:
    match = _RANGE.fullmatch(head.fields.get("content-range", "").strip())
    if match is None:
        return permanent("wrong_content", "The origin answered a part of the file without saying which.")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    length = _number(head.fields.get("content-length"))
    beyond = (total is not None and last >= total) or (wanted.end is not None and last >= wanted.end)
    if first != wanted.offset or last < first or beyond:
        return permanent("wrong_content", "The origin answered another part of the file than was asked for.")
    if length is not None and length != last - first + 1:
        return permanent("wrong_content", "The origin contradicts itself about the length of its answer.")
    if wanted.size is not None and total is not None and total != wanted.size:
        return size_fault(total, wanted.size)
    if wanted.size is not None and last >= wanted.size:
        return size_fault(last + 1, wanted.size)
    etag = strong_etag(head.fields.get("etag"))
    if wanted.etag is not None:
        if head.fields.get("etag") is not None and etag != wanted.etag:
            return AskWhole()
        etag = wanted.etag
    return Take(
        offset=first, length=last - first + 1, total=total if total is not None else wanted.size, etag=etag
    )


def size_fault(found: int, promised: int) -> Fault:
    return permanent(
        "size_mismatch",
        f"The origin's file has {found} bytes where the catalog promises {promised}. Synchronise the catalog "
        "or choose another version.",
    )


def looks_like_a_page(beginning: bytes) -> bool:
    """Whether a body begins as HTML does, whatever its Content-Type says."""
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def a_page() -> Fault:
    return permanent(
        "wrong_content",
        "The answer is a web page and not the file. Sign in to the network or proxy, then retry.",
    )


def strong_etag(text: str | None) -> str | None:
    """A validator that promises the same bytes; weak ones (`W/"…"`) do not."""
    text = (text or "").strip()
    return text if len(text) <= 1024 and _STRONG.fullmatch(text) else None


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def next_hop(url: str, location: str, hops: int, allow_origins: frozenset[str]) -> str | Fault:
    """Where a redirect leads, `hops` being how many were followed before it."""
    if hops >= MAX_HOPS:
        return permanent(
            "forbidden_url", f"The origin redirects more than {MAX_HOPS} times. Use another source."
        )
    try:
        target = urljoin(url, location.strip()).partition("#")[0]
        reason = fault_in_url(target, allow_origins)
    except ValueError:
        reason = "it is no URL"
    if reason is not None:
        return permanent("forbidden_url", f"The origin redirects to where this daemon does not go: {reason}.")
    return target


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for, at most an hour; None where it says nothing that can be read."""
    text = (text or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), MAX_RETRY_AFTER_S)
    when = _http_date(text)
    if when is None:
        return None
    return min(max((when - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _http_date(text: str) -> datetime | None:
    match = re.fullmatch(r"(\w{3}), (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", text, re.ASCII)
    if match is None or match[1] not in _WEEKDAYS or match[3] not in _MONTHS:
        return None
    year, day, hour, minute, second = (int(match[part]) for part in (4, 2, 5, 6, 7))
    try:
        return datetime(year, _MONTHS.index(match[3]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def disk_full() -> Fault:
    return permanent(
        "disk_full",
        "The disk is full. The partial file was removed; free some space, then retry the download.",
    )


def storage_fault(error: OSError) -> Fault:
    """What a failure to write becomes."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full()
    if isinstance(error, UnsafePath):
        return permanent(
            "unsafe_name",
            f"The file cannot be written safely ({error.reason}). Remove what is in its way, then retry.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return permanent(
            "unsafe_name",
            "The file's name is too long for the disk of the models directory. Choose another option.",
        )
    if error.errno == errno.EFBIG:
        return permanent(
            "disk_full",
            "The file is larger than a file may be on the disk of the models directory (FAT32: 4 GiB). "
            "Choose a smaller option, or a disk with another file system.",
        )
    return Fault(
        code="storage_offline",
        detail=f"The models directory cannot be written ({error.strerror or 'input/output error'}). "
        "Reconnect it or make it writable; the download then goes on.",
        passing=True,
        waits_for="storage",
    )


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before trying again: doubling from `first_s` up to `most_s`, by chance half more."""

    first_s: float = 1.0
    most_s: float = 300.0
    storage_s: float = 10.0
    """Between looks at a models directory that is away."""
    policy_s: float = 3600.0
    """For a policy, whose change is told."""

    def delay_s(self, fault: Fault, attempts: int, chance: float) -> float:
        """`attempts` counts this fault too; `chance` is within [0, 1). Never less than a Retry-After."""
        if fault.waits_for == "storage":
            return self.storage_s
        if fault.waits_for == "policy":
            return self.policy_s
        grown = self.first_s * 2.0 ** min(max(attempts, 1) - 1, 32)
        delay = min(grown * (1.0 + 0.5 * chance), self.most_s)
        return max(delay, fault.retry_after_s or 0.0)


class Verdict(Struct, frozen=True):
    """What becomes of a download after a fault."""

    failed: bool
    attempts: int
    detail: str
    waits_for: str | None = None


def after_fault(fault: Fault, attempts: int, online: bool) -> Verdict:
    """`attempts` are those before this fault, `online` is whether the machine has a network."""
    if not fault.passing:
        return Verdict(failed=True, attempts=attempts, detail=fault.detail)
    waits_for = fault.waits_for or ("network" if not fault.reached and not online else None)
    if waits_for is not None:
        return Verdict(failed=False, attempts=attempts, detail=fault.detail, waits_for=waits_for)
    attempts += 1
    if attempts >= MAX_ATTEMPTS:
        detail = f"{fault.detail} {attempts} attempts brought no byte; retry when the cause is gone."
        return Verdict(failed=True, attempts=attempts, detail=detail)
    return Verdict(failed=False, attempts=attempts, detail=fault.detail)


class Pace:
    """Smooths a rate and tells the time left once it is steady."""

    HALF_LIFE_S = 3.0
    STEADY_S = 3.0

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self._began = 0.0
        self.rate = 0.0

    def move(self, now: float, received: int) -> None:
        """`received` bytes in all at the monotonic moment `now`; fewer than before means a fresh start."""
        if self._last is None or received < self._last[1]:
            if self._last is None:
                self._began = now
            self._last = (now, received)
            return
        elapsed = now - self._last[0]
        if elapsed <= 0:
            return
        current = (received - self._last[1]) / elapsed
        age = now - self._began
        # Young averages trust what they see; older ones forget by half each half-life.
        weight = max(1 - 0.5 ** (elapsed / self.HALF_LIFE_S), min(1.0, elapsed / age))
        self.rate += weight * (current - self.rate)
        self._last = (now, received)

    def eta_s(self, left: int | None) -> float | None:
        """Seconds for `left` bytes; None until the rate can be trusted."""
        if left is None or self._last is None or self.rate < 1:
            return None
        return left / self.rate if self._last[0] - self._began >= self.STEADY_S else None
