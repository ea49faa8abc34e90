"""Who shows what a registry serves."""

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from modelhubd.catalog.sync import Base
from modelhubd.storage.database import Transaction
from modelhubd.wire.catalog import CatalogInfo


class Shown(Protocol):
    """What the registry needs of the catalog that shows what it serves."""

    async def sync(self) -> CatalogInfo: ...
    async def info(self) -> CatalogInfo: ...
    def served_ids(self) -> Collection[str]: ...
    async def adopt(self, base: Base, also: Callable[[Transaction], Awaitable[None]]) -> None: ...
    def tell(self, event: str) -> None: ...
