"""What the parts of a download share of the rest of the daemon."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import Backoff, Fault
from modelhubd.events import Bus
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App


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


class Choose(Protocol):
    """Picks what a download fetches; see `Catalog.choose`."""

    def __call__(
        self, model: str, version: int | None, option: str | None, force: bool, app: App | None = None, /
    ) -> Awaitable[Chosen]: ...


Forbidden = Callable[[str, int, str, str | None], Awaitable[str | None]]
"""Why a policy refuses this model, version and option with files of this digest, in words; None where none
does."""


async def nothing_forbidden(model: str, version: int, option: str, digest: str | None) -> str | None:
    """Where there are no policies."""
    return None


Elsewhere = Callable[[str, int], Awaitable[str | None]]
"""Where in the models directory there is a whole file of this SHA-256 and size, if there is one."""


async def nowhere(sha256: str, size: int) -> str | None:
    """Where there is no library."""
    return None


OFFLINE = Fault(
    code="refused_by_policy",
    detail="This machine is kept offline by the policy `offline`. The download goes on when that is over.",
    passing=True,
    waits_for="policy",
)


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
    forbidden: Forbidden
    offline: Callable[[], bool]
    config_dir: str | None
    """Where credentials are."""
    backoff: Backoff
    elsewhere: Elsewhere
