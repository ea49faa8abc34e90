"""The two kinds of wire struct, and what every list answers."""

from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Sent by us. Grows by addition; readers skip what they do not know."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accepted by us. An unknown field is refused with a pointer to it."""


class Page(Message, Generic[T], frozen=True, kw_only=True):
    """A slice of a list: `next` is passed back as `after`; `total` counts the whole list."""

    items: tuple[T, ...]
    next: str | None = None
    total: int


def rfc3339(moment: datetime) -> str:
    """The instant in UTC as RFC 3339 with milliseconds and `Z`, the only form of time on the wire."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
