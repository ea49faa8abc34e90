"""A file whose bytes are installed already is not fetched: it becomes another name of them. So does one whose
bytes another download has installed while it was fetched."""

import contextlib
import logging
import os

from modelhubd.downloads import store
from modelhubd.downloads.progress import Live
from modelhubd.downloads.rows import NOTHING, STAGED, StoredDownload, StoredFile
from modelhubd.downloads.staging import STAGING, staging_of
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.storage.confined import ConfinedRoot
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
    live.shared.add(file.place)
    async with around.database.transaction(durable=True) as tx:
        await store.set_whole(tx, row.number, file.place, size, sha256)
    return True


async def share_what_has_come(around: Surroundings, live: Live, row: StoredDownload) -> None:
    """Give back the space of files that were fetched while another download installed the same bytes."""
    for file in row.files:
        if file.sha256 is None or file.size_bytes is None or file.replaces or file.place in live.shared:
            continue
        there = await around.installed_at(file.sha256, file.size_bytes)
        if there is None:
            continue
        target, sha256 = f"{staging_of(row.id)}/{file.name}", file.sha256
        spare = f"{STAGING}/{row.id}.shared"
        if await in_thread(lambda: _share_instead(around.root, there, target, spare, sha256)):  # noqa: B023
            live.shared.add(file.place)
            log.info("download %s: %s was installed meanwhile, so its bytes are kept once", row.id, file.name)


def _share_instead(root: ConfinedRoot, source: str, target: str, spare: str, sha256: str) -> bool:
    """Whether `target` is another name of `source` now; else it is as it was. Blocks."""
    try:
        if os.path.samestat(root.stat(source), root.stat(target)):
            return True
        if not share_right(root, source, spare, sha256):
            return False
        root.replace(spare, target)
        root.fsync_dir(target.rpartition("/")[0])
    except OSError:  # what was fetched stays, and takes its own space
        with contextlib.suppress(OSError):
            root.unlink(spare)
        return False
    return True
