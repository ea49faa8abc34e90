"""What the parts of a download share of the rest of the daemon."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import Backoff
from modelhubd.events import Bus
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.library import Finished


class Superseded(Exception):
    """A verb was quicker: the download is no longer in a state that this task works in."""


class Chosen(Protocol):
    """What the catalog says to a request for a model."""

    @property
    def entry(self) -> CatalogEntry: ...
    @property
    def option(self) -> Option: ...
    @property
    def version(self) -> int: ...


Choose = Callable[[str, int | None, str | None, bool], Awaitable[Chosen]]


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a download needs of the rest of the daemon."""

    database: Database
    bus: Bus
    root: ConfinedRoot
    allow_origins: tuple[str, ...]
    reserve_bytes: int
    is_installed: Callable[[str, int, str], Awaitable[bool]]
    install: Callable[[Transaction, Finished], Awaitable[None]]
    outbound: Callable[[str, str], None]
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    online: Callable[[], bool]
    storage_present: Callable[[], Awaitable[bool]]
    boot_id: str
    limits: Limits
    config_dir: str | None
    """Where credentials are."""
    backoff: Backoff
