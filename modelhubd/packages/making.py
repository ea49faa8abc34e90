"""Makes the folder of a bundle: beside its final name, and given that name when it is whole. Blocks."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from modelhubd.entries.bundles import Bundle
from modelhubd.packages.folder import pieces_of
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.room import refuse_without_room
from modelhubd.wire.bundles import MANIFEST, TUF

PARTIAL = ".modelhub-partial"
NOT_LINKED = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""A hard link cannot be made there."""


class Source(Struct, frozen=True, kw_only=True):
    """Where the bytes of a file of the bundle come from: beneath `root`."""

    root: ConfinedRoot
    path: str


def make_bundle(
    path: Path,
    *,
    bundle: Bundle,
    manifest: bytes,
    taken: Mapping[str, Source],
    tuf: Mapping[str, bytes],
    link: bool,
    told: Callable[[int], None],
    may_copy: Callable[[Path], None],
) -> bool:
    """Write the bundle to the new folder `path`; `taken` is by path in the bundle. Whether all files were
    linked. Each file was read and is what the manifest promises. `may_copy` is asked once, before the first
    byte is written there. What is left where it fails is for `is_rid_of_partial`.

    Raises:
        NoSpace: by `may_copy`.
        FileExistsError: there is something at `path`.
        BadBundle: an installed file is not what was installed.
        OSError
    """
    above = ConfinedRoot(path.parent)
    partial = _partial(path)
    if above.exists(path.name):
        raise FileExistsError(errno.EEXIST, "there is something of that name already", path.name)
    above.remove_tree(partial)  # of one that was interrupted
    (path.parent / partial).mkdir(mode=0o755)
    root = ConfinedRoot(path.parent / partial)
    linked = _write_files(root, bundle, taken, link=link, told=told, may_copy=may_copy)
    for name, data in tuf.items():
        _write(root, f"{TUF}/{name}", [data])
    _write(root, MANIFEST, [manifest])
    for folder in sorted({found.rpartition("/")[0] for found, _ in root.walk()} | {""}):
        root.fsync_dir(folder)
    above.rename(partial, path.name)
    above.fsync_dir()
    return linked


def refuse_copies(models: ConfinedRoot, size: int, folder: Path, *, reserve: int, promised: int) -> None:
    """On the disk of the models directory its reserve, and what is to come there, are left alone.

    Raises:
        NoSpace: the disk of the folder cannot hold as many bytes.
        OSError
    """
    shared = folder.stat().st_dev == models.root.stat().st_dev
    refuse_without_room(
        "These models",
        size,
        reserve=reserve if shared else 0,
        free=ConfinedRoot(folder).free_bytes(),
        promised=promised if shared else 0,
    )


def has_partial(path: Path) -> bool:
    """Whether there is something of a bundle that was to become `path`."""
    with contextlib.suppress(OSError):
        return ConfinedRoot(path.parent).exists(_partial(path))
    return False


def is_rid_of_partial(path: Path) -> bool:
    """Remove what there is of the bundle that was to become `path`. Whether nothing is left for certain:
    where the folder above is empty or not there it may be on a drive that is away.

    Raises:
        OSError: it cannot be removed, or looked for.
    """
    above, partial = ConfinedRoot(path.parent), _partial(path)
    if above.exists(partial):
        above.remove_tree(partial)
        return True
    return any(path.parent.iterdir())


def _partial(path: Path) -> str:
    return f".{path.name}{PARTIAL}"


def _write_files(
    root: ConfinedRoot,
    bundle: Bundle,
    taken: Mapping[str, Source],
    *,
    link: bool,
    told: Callable[[int], None],
    may_copy: Callable[[Path], None],
) -> bool:
    linked = link
    if not link:
        may_copy(root.root)
    for file in bundle.files:
        source = taken[file.path]
        pieces = pieces_of(source.root, source.path, file)
        _make_dirs(root, file.path)
        if link and _is_linked(source.root.root / source.path, root.root / file.path):
            for _ in _telling(pieces, told):
                pass
        else:
            if linked:
                may_copy(root.root)
            linked = False
            _write(root, file.path, _telling(pieces, told))
    return linked


def _telling(pieces: Iterable[bytes], told: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        told(len(piece))


def _write(root: ConfinedRoot, path: str, pieces: Iterable[bytes]) -> None:
    """A new file that everybody may read, as what is shipped must be."""
    _make_dirs(root, path)
    fd = root.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(fd, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _make_dirs(root: ConfinedRoot, path: str) -> None:
    folder = path.rpartition("/")[0]
    if not folder:
        return
    root.make_dirs(folder)
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        (root.root / "/".join(parts[:depth])).chmod(0o755)


def _is_linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in NOT_LINKED:
            return False
        raise
    return True
