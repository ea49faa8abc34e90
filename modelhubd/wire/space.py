"""What everything costs on the disk, and giving space back."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from modelhubd.wire.base import Message, Request


class UsageKind(StrEnum):
    ARTIFACT = "artifact"
    """An installed option of a model's version."""
    PARTIAL = "partial"
    """What a download holds before it is installed."""
    LEFTOVER = "leftover"
    """Partial files of no download."""
    UNKNOWN = "unknown"
    """Files in the models directory that belong to no artifact: somebody else's, and never removed."""
    CACHE = "cache"
    """What the daemon keeps besides: logs of servers, the database, the registry's metadata."""


class UsageItem(Message, frozen=True, kw_only=True):
    """Bytes on the disk of one thing. Bytes that several share (hard links) count for the first of them."""

    kind: UsageKind
    name: str
    """A reference, a file's or a folder's name, or what it is."""
    library_id: str | None = None
    model: str | None = None
    version: int | None = None
    option: str | None = None
    download: str | None = None
    size_bytes: int
    """Of its files, as they say."""
    disk_bytes: int
    """That it takes by itself."""
    shared_bytes: int = 0
    """That it has in common with something that is counted already."""
    active: bool = False
    """Whether the bare model id means it."""
    old: bool = False
    """A newer version has taken its place; it is kept for a rollback."""
    loaded_by: tuple[str, ...] = ()
    prunable: bool = False
    """Whether `POST /library/prune` removes it, asked with its defaults."""


class ModelUsage(Message, frozen=True, kw_only=True):
    """All that is here of one model."""

    model: str
    versions: int
    disk_bytes: int
    old_bytes: int


class Usage(Message, frozen=True, kw_only=True):
    items: tuple[UsageItem, ...]
    models: tuple[ModelUsage, ...]
    """The largest first."""
    disk_bytes: int
    """Of all items."""
    shared_bytes: int
    prunable_bytes: int
    free_bytes: int | None
    """On the disk of the models directory; None while it is away."""
    disk_total_bytes: int | None
    reserve_bytes: int
    """Of the free ones, left alone by whatever is downloaded, imported, repaired or moved."""


Keep = Annotated[int, Meta(ge=0, le=1000)]


class Prune(Request, frozen=True, kw_only=True):
    """What to give back. Nothing that is active, loaded or the only one of its option is ever touched."""

    dry_run: bool = False
    keep_old: Keep = 1
    """So many old versions of each option stay for a rollback."""
    old_versions: bool = True
    leftovers: bool = True
    caches: bool = True


class KeptItem(Message, frozen=True, kw_only=True):
    name: str
    reason: str


class Pruned(Message, frozen=True, kw_only=True):
    """What was removed, or would be."""

    items: tuple[UsageItem, ...]
    freed_bytes: int
    kept: tuple[KeptItem, ...] = ()
    dry_run: bool = False


class MoveModels(Request, frozen=True, kw_only=True):
    path: str
    """Absolute path of the folder that shall be the models directory; it is made, or is empty."""
