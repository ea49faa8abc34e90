"""What lies at a name that a download needs and is not the download's keeps its bytes under another name."""

import logging

from modelhubd.storage.confined import ConfinedRoot

log = logging.getLogger(__name__)


def move_aside(root: ConfinedRoot, path: str) -> str:
    """Rename the file, folder or link at `path` to the first `path.kept-N` that is free, durably. Blocks.

    Returns the new path. Nothing is overwritten, no link is followed.

    Raises:
        OSError
    """
    number = 1
    while True:
        kept = f"{path}.kept-{number}"
        try:
            root.rename(path, kept)
        except FileExistsError:
            number += 1
            continue
        # Before anything else takes the name: a power loss must not leave the bytes without one.
        root.fsync_dir(path.rpartition("/")[0])
        log.warning("%s is not what was downloaded under this name; it is kept as %s", path, kept)
        return kept
