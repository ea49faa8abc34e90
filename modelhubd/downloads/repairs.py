"""Repairs: downloads that begin with what is good of a damaged artifact."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from modelhubd.downloads import store
from modelhubd.downloads.admission import refuse_unless_room
from modelhubd.downloads.carrier import Carrier
from modelhubd.downloads.listing import found
from modelhubd.downloads.rows import STAGED
from modelhubd.downloads.seeding import seed
from modelhubd.downloads.surroundings import Choose, Surroundings
from modelhubd.errors import NotFound
from modelhubd.storage.database import Transaction
from modelhubd.trust.digests import option_digest
from modelhubd.wire.catalog import Option
from modelhubd.wire.library import Held


class Broken(Protocol):
    """What names an artifact."""

    @property
    def model(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def option(self) -> str: ...


class Job(Protocol):
    """Runs blocking work, which tells `add` of the bytes that are copied."""

    async def in_thread(self, work: Callable[[], None], /) -> None: ...
    def add(self, done_bytes: int, /) -> None: ...


class Repairs:
    """`lock` keeps others from a download of the same artifact; `wake` has the queue look again."""

    def __init__(
        self,
        around: Surroundings,
        carrier: Carrier,
        choose: Choose,
        lock: Callable[[str], AbstractAsyncContextManager[None]],
        wake: Callable[[], None],
    ) -> None:
        self._around = around
        self._carrier = carrier
        self._choose = choose
        self._lock = lock
        self._wake = wake

    async def begin(
        self,
        broken: Broken,
        held: Sequence[Held],
        job: Job,
    ) -> str:
        """Fetch what is not good of the files that are `held`, which stay where they are until the new ones
        are whole and right. Answers the id of the download; one that is under way already does it too.

        Raises:
            NotAllowed: `refused_by_policy`.
            NotFound: nobody knows any more where the files are to be had.
            NoSpace: the disk cannot hold a second copy of what is damaged.
        """
        around, key = self._around, (broken.model, broken.version, broken.option)
        fetched = await self._option_of(*key)
        usable = usable_of(fetched, held)
        async with self._lock("/".join(map(str, key))):
            present = await store.under_way(around.database.reader, *key)
            if present is not None:
                return present
            whole = {file.name for file in usable if file.whole}
            await refuse_unless_room(around, [file for file in fetched.files if file.name not in whole])
            id_, folder = secrets.token_hex(8), "/".join(map(str, key))
            await job.in_thread(lambda: seed(around.root, id_, folder, usable, job.add))
            async with around.database.transaction(durable=True) as tx:
                await store.insert(
                    tx,
                    id=id_,
                    model=broken.model,
                    version=broken.version,
                    option=fetched,
                    digest=option_digest(fetched.files),
                    priority=0,
                    max_bytes_per_s=None,
                    now=around.clock(),
                )
                await self._take(tx, id_, usable)
                await self._carrier.tell(tx, id_, "download.created")
        self._wake()
        return id_

    async def _take(self, tx: Transaction, id: str, held: Sequence[Held]) -> None:
        row = await found(tx, id)
        known = {file.name: file for file in held}
        await store.set_staged(tx, id, STAGED)
        for file in row.files:
            mine = known.get(file.name)
            if mine is None:
                continue
            if mine.whole and mine.sha256 is not None:
                await store.set_whole(tx, row.number, file.place, mine.size_bytes, mine.sha256)
            else:
                boot_id = self._around.boot_id
                await store.set_held(tx, row.number, file.place, mine.good, boot_id, mine.identity)

    async def _option_of(self, model: str, version: int, option: str) -> Option:
        """Where its files are to be had: by the catalog of now, else as a download of it had them."""
        try:
            return (await self._choose(model, version, option, True)).option
        except NotFound:
            before = await store.last_option(self._around.database.reader, model, version, option)
            if before is None:
                raise NotFound(
                    f"Nobody knows where {model}@{version}:{option} is to be had any more: the catalog does "
                    "not list it. Download another version, or put its files back yourself.",
                    code="no_origin",
                ) from None
            return before


def usable_of(fetched: Option, held: Sequence[Held]) -> tuple[Held, ...]:
    """Those whose content the download promises too; any other file comes as a whole."""
    promised = {file.name: (file.sha256, file.size_bytes) for file in fetched.files}
    return tuple(
        file
        for file in held
        if file.sha256 is not None
        and promised.get(file.name) in ((file.sha256, file.size_bytes), (file.sha256, None))
    )
