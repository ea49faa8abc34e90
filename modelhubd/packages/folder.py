"""Looks into the folder of a bundle: beneath its root, no link followed, every read bounded. Blocks."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from modelhubd.entries.bundles import MANIFEST_MAX, BadBundle, Bundle, BundledFile, read_manifest
from modelhubd.library.outside import shown
from modelhubd.packages.ownership import Place, fault_in_places
from modelhubd.storage.confined import ConfinedRoot, UnsafePath
from modelhubd.trust.bundle_statements import ENVELOPE_MAX, read_envelope
from modelhubd.wire.bundles import MANIFEST, SIGNATURE, TUF
from modelhubd.wire.catalog import Envelope

PIECE = 1024 * 1024
STRAYS_SHOWN = 5
TREE_MAX = 50_000
"""Files of a bundle that are looked at by name."""


class Opened(Struct, frozen=True, kw_only=True):
    """A bundle whose manifest is sound. Its files have been compared by name and size only."""

    root: ConfinedRoot
    bundle: Bundle
    envelope: Envelope | None
    tuf: tuple[str, ...]
    """Names in its `tuf` folder."""


def open_bundle(path: Path) -> Opened:
    """The bundle in the folder `path`.

    Raises:
        BadBundle: it is none, a file is missing or has another size, something else is in it, or a link.
        OSError: it cannot be read.
    """
    root = ConfinedRoot(path)
    if not root.present():
        raise BadBundle("there is no such folder, or it is away")
    bundle = read_manifest(_small(root, MANIFEST, MANIFEST_MAX, "it has no manifest"))
    envelope = _envelope(root)
    return Opened(root=root, bundle=bundle, envelope=envelope, tuf=_agreeing(root, bundle))


def read_small(root: ConfinedRoot, relative: str, most: int) -> bytes:
    """A whole file of at most `most` bytes.

    Raises:
        BadBundle: it is larger.
        OSError
    """
    fd = root.open(relative)
    with os.fdopen(fd, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BadBundle(f"{relative} is larger than it may be")
    return data


def pieces_of(root: ConfinedRoot, path: str, file: BundledFile) -> Iterator[bytes]:
    """The bytes of the file at `path`, which at the end were those that the manifest promises of `file`.

    Raises:
        BadBundle: they are not, or cannot be read.
    """
    with explained(file.path):
        fd = root.open(path)
        digest, left = hashlib.sha256(), file.size_bytes
        try:
            if os.fstat(fd).st_size != file.size_bytes:
                raise BadBundle(f"{file.path} has another size than its manifest says")
            while left:
                piece = os.read(fd, min(PIECE, left))
                if not piece:
                    raise BadBundle(f"{file.path} became shorter while it was read")
                digest.update(piece)
                left -= len(piece)
                yield piece
        finally:
            os.close(fd)
    if digest.hexdigest() != file.sha256:
        raise BadBundle(f"{file.path} is not the file that the manifest promises: its SHA-256 differs")


def fault_in_safety(opened: Opened, me: int) -> str | None:
    """Why others than the user and root could change what is in the bundle; None where they could not."""
    root = opened.root.root
    places = [
        *(place_of(folder, named(folder), above=True) for folder in reversed(root.parents)),
        place_of(root, "the folder"),
    ]
    seen: set[str] = set()
    for relative in (MANIFEST, SIGNATURE, *(file.path for file in opened.bundle.files)):
        parts = relative.split("/")
        for depth in range(1, len(parts) + 1):
            inner = "/".join(parts[:depth])
            if inner not in seen and (inner != SIGNATURE or opened.envelope is not None):
                seen.add(inner)
                places.append(place_of(root / inner, inner))
    return fault_in_places(places, me)


def named(folder: Path) -> str:
    """A folder as its owner is told of it: the home folder is `~`."""
    return shown(str(folder), Path.home())


def place_of(path: Path, name: str, *, above: bool = False) -> Place:
    """What is at `path`.

    Raises:
        OSError
    """
    facts = path.lstat()
    return Place(name=name, mode=facts.st_mode, uid=facts.st_uid, gid=facts.st_gid, above=above)


def _small(root: ConfinedRoot, relative: str, most: int, missing: str) -> bytes:
    try:
        return read_small(root, relative, most)
    except FileNotFoundError:
        raise BadBundle(missing) from None
    except UnsafePath as error:
        raise BadBundle(f"{relative}: {error.reason}") from None


def _envelope(root: ConfinedRoot) -> Envelope | None:
    if not root.exists(SIGNATURE):
        return None
    envelope = read_envelope(_small(root, SIGNATURE, ENVELOPE_MAX, "its signature went away"))
    if envelope is None:
        raise BadBundle(f"{SIGNATURE} is no signature that can be read")
    return envelope


def _agreeing(root: ConfinedRoot, bundle: Bundle) -> tuple[str, ...]:
    """Names in `tuf`, once the folder was found to hold what the manifest says and nothing else."""
    wanted = {file.path: file.size_bytes for file in bundle.files}
    tuf: list[str] = []
    strays: list[str] = []
    for number, (path, facts) in enumerate(root.walk()):
        if number > TREE_MAX:
            raise BadBundle(f"it has more than {TREE_MAX} files")
        folder, _, name = path.rpartition("/")
        if stat.S_ISLNK(facts.st_mode):
            raise BadBundle(f"{path} is a symbolic link")
        if path in wanted:
            if not stat.S_ISREG(facts.st_mode):
                raise BadBundle(f"{path} is no regular file")
            if facts.st_size != wanted.pop(path):
                raise BadBundle(f"{path} has another size than its manifest says")
        elif folder == TUF:
            tuf.append(name)
        elif path not in (MANIFEST, SIGNATURE) and not name.startswith("."):
            strays.append(path)
    if wanted:
        raise BadBundle(f"{min(wanted)} is missing")
    if strays:
        some = ", ".join(strays[:STRAYS_SHOWN])
        raise BadBundle(f"it holds what its manifest does not name: {some}")
    return tuple(tuf)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """A system's error over a file of the bundle, as one that may be told.

    Raises:
        BadBundle
    """
    try:
        yield
    except UnsafePath as error:
        raise BadBundle(f"{what}: {error.filename}: {error.reason}") from error
    except OSError as error:
        named = (
            f" ({error.filename})" if isinstance(error.filename, str) and error.filename[:1] != "/" else ""
        )
        raise BadBundle(f"{what} cannot be read: {error.strerror or 'input/output error'}{named}") from error
