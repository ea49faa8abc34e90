"""A file that is here already, under the same digest, is copied and not fetched again."""

import asyncio
import hashlib
import os
import threading

from modelhubd.downloads import store
from modelhubd.downloads.rows import NOTHING, STAGED, StoredDownload, StoredFile
from modelhubd.downloads.seeding import BLOCK, copy_some
from modelhubd.downloads.staging import staging_of
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import in_thread


async def taken_from_here(around: Surroundings, row: StoredDownload, file: StoredFile) -> bool:
    """Whether the file is whole now because the library has its very bytes. Where the file system can, the
    copy shares its blocks with the original; it is hashed as any other file is."""
    if file.sha256 is None or file.size_bytes is None or file.written_bytes or file.replaces is not None:
        return False
    source = await around.elsewhere(file.sha256, file.size_bytes)
    if source is None:
        return False
    if row.staged == NOTHING:
        async with around.database.transaction() as tx:
            await store.set_staged(tx, row.id, STAGED)
    target, size, sha256 = f"{staging_of(row.id)}/{file.name}", file.size_bytes, file.sha256
    halt = threading.Event()
    copying = asyncio.ensure_future(
        in_thread(lambda: copied(around.root, source, target, size, sha256, halt))
    )
    try:
        good = await asyncio.shield(copying)
    except asyncio.CancelledError:
        halt.set()
        await asyncio.wait([copying])
        raise
    except OSError:
        return False  # it is fetched as if it were not here
    if good:
        async with around.database.transaction(durable=True) as tx:
            await store.set_whole(tx, row.number, file.place, size, sha256)
    return good


def copied(
    root: ConfinedRoot, source: str, target: str, size: int, sha256: str, halt: threading.Event
) -> bool:
    """Whether a copy of the source is on the disk now and has this size and digest; nothing else stays of
    it. Blocks for as long as reading it takes, or until `halt`.

    Raises:
        OSError
    """
    root.make_dirs(target.rpartition("/")[0])
    reading = root.open(source)
    try:
        writing = root.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            digest, at = hashlib.sha256(), 0
            while not halt.is_set() and (count := copy_some(reading, writing, at, min(BLOCK, size - at))):
                digest.update(os.pread(writing, count, at))
                at += count
            good = at == size and digest.hexdigest() == sha256
            if good:
                os.fsync(writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    if not good:
        root.unlink(target)
    return good
