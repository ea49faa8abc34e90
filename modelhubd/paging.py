"""Pages of lists: opaque cursors, and pages of lists that are held whole."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from modelhubd.errors import InvalidInput
from modelhubd.wire.base import Page

T = TypeVar("T")
P = TypeVar("P", bound=tuple[Any, ...])

Limit = Annotated[int, Meta(ge=1, le=200)]
"""Items of a page, as a caller may ask for them."""
DEFAULT_LIMIT = 50


def encode_cursor(place: tuple[Any, ...]) -> str:
    """Where a page ends, as text that a client hands back."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(after: str, kind: type[P]) -> P:
    """The place that `encode_cursor` wrote.

    Raises:
        InvalidInput: at `?after`, which is none of ours.
    """
    try:
        data = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True)
        place: P = msgspec.json.decode(data, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next") from error
    return place


def page_of(
    items: Iterable[T], place: Callable[[T], P], kind: type[P], limit: int, after: str | None
) -> Page[T]:
    """`limit` of the items in the order of their places; coming and going between two pages shifts nothing.

    Raises:
        InvalidInput: at `?after`, which is no `next` of such a list.
    """
    start = None if after is None else decode_cursor(after, kind)
    ordered = sorted(items, key=place)
    rest = [item for item in ordered if start is None or place(item) > start]
    more = len(rest) > limit
    return Page(
        items=tuple(rest[:limit]),
        next=encode_cursor(place(rest[limit - 1])) if more else None,
        total=len(ordered),
    )
