"""The files of the release as they are answered: bytes from the database, kept in memory as long."""

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelhubd.errors import NotFound, Unavailable
from modelhubd.registry.database import Database
from modelhubd.registry.release import store
from modelhubd.registry.release.files import CATALOG
from modelhubd.tasks import in_thread

FRESH_S = 0.5
"""How long a process may not know of a release that another one made."""
KEPT_BYTES = 256 * 1024 * 1024
"""Of files in memory; beyond it the one that was asked for longest ago goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the release. `sha256` is that of `content`."""

    name: str
    sha256: str
    content: bytes


class Served:
    """Answers files by name. What the list of files says is at most `FRESH_S` old."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._digests: Mapping[str, str] = {}
        self._known_at: float | None = None
        self._listing = asyncio.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._plain: tuple[str, bytes] | None = None
        self._unpacking = asyncio.Lock()

    def forget(self) -> None:
        """Look at the database before the next answer."""
        self._known_at = None

    async def file(self, name: str) -> File:
        """The file with this name.

        Raises:
            NotFound: there is none.
            Unavailable: the database is away.
        """
        digest = (await self._names()).get(name)
        if digest is None:
            raise NotFound(f"The release has no file {name}.")
        content = self._kept.get(digest)
        if content is None:
            return await self._read(name)
        self._kept.move_to_end(digest)
        return File(name=name, sha256=digest, content=content)

    async def catalog(self) -> File:
        """The newest target, gzip.

        Raises:
            Unavailable: nothing has been released yet.
        """
        try:
            return await self.file(CATALOG)
        except NotFound as error:
            raise Unavailable(
                "This registry has not signed its first catalog yet. Try again in a moment.", retry_after_s=1
            ) from error

    async def unpacked(self, file: File) -> bytes:
        """The document in a target, for those who do not take gzip."""
        async with self._unpacking:
            if self._plain is None or self._plain[0] != file.sha256:
                plain = await in_thread(lambda: gzip.decompress(file.content))
                self._plain = (file.sha256, plain)
            return self._plain[1]

    async def _names(self) -> Mapping[str, str]:
        if self._is_fresh():
            return self._digests
        async with self._listing:
            if not self._is_fresh():
                before = self._monotonic()
                listed = await self._database.glance(store.LISTED)
                self._digests = {name: sha256 for name, sha256, _ in listed}
                self._known_at = before
        return self._digests

    def _is_fresh(self) -> bool:
        return self._known_at is not None and self._monotonic() - self._known_at < FRESH_S

    async def _read(self, name: str) -> File:
        """The file as it is now, which may be newer than the list."""
        async with self._database.reading() as connection:
            content = await store.content(connection, name)
            digest = await store.digest(connection, name)
        if content is None or digest is None:
            raise NotFound(f"The release has no file {name} any more; a newer one has taken its place.")
        self._kept[digest] = content
        while sum(map(len, self._kept.values())) > KEPT_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return File(name=name, sha256=digest, content=content)
