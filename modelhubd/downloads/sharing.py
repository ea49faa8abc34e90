"""A file whose bytes are installed already is not fetched: it becomes another name of them."""

import logging

from modelhubd.downloads import store
from modelhubd.downloads.progress import Live
from modelhubd.downloads.rows import NOTHING, STAGED, StoredDownload, StoredFile
from modelhubd.downloads.staging import staging_of
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.storage.sharing import share_right
from modelhubd.tasks import in_thread

log = logging.getLogger(__name__)


async def take_what_is_here(around: Surroundings, live: Live, row: StoredDownload, file: StoredFile) -> bool:
    """Whether the file is whole now without having been fetched."""
    sha256, size = file.sha256, file.size_bytes
    if sha256 is None or size is None or file.written_bytes or file.replaces is not None:
        return False
    there = await around.installed_at(sha256, size)
    if there is None:
        return False
    if row.staged == NOTHING:
        async with around.database.transaction() as tx:
            await store.set_staged(tx, row.id, STAGED)
    target = f"{staging_of(row.id)}/{file.name}"
    if not await in_thread(lambda: share_right(around.root, there, target, sha256)):
        return False
    log.info("download %s: %s is installed already, so it is not fetched", row.id, file.name)
    live.move(file.place, size, size)
    live.received(file.place)
    async with around.database.transaction(durable=True) as tx:
        await store.set_whole(tx, row.number, file.place, size, sha256)
    return True
