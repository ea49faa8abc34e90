"""One look at a folder that provides models: whether it may, and which of its files must be read. Blocks."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from msgspec import Struct

from modelhubd.entries.bundles import BadBundle, Bundled
from modelhubd.library.states import Outside, is_same
from modelhubd.packages.declared import Declared
from modelhubd.packages.folder import Opened, explained, fault_in_safety, open_bundle, pieces_of
from modelhubd.packages.standing import of_signature
from modelhubd.packages.store import Verified
from modelhubd.wire.bundles import MANIFEST, Outcome, SourceState


class Seen(Struct, frozen=True, kw_only=True):
    """What a look found. Of what is `ok`, `facts` are the files by path in the bundle, as they are now."""

    declared: Declared
    state: SourceState
    detail: str | None = None
    opened: Opened | None = None
    facts: Mapping[str, Verified] = {}
    signed: bool = False

    @property
    def items(self) -> tuple[Bundled, ...]:
        return () if self.opened is None else self.opened.bundle.items

    def places(self, item: Bundled) -> dict[str, Outside]:
        """Where the files of an item are, by their names in it."""
        found = {file.name: self.facts[file.path] for file in item.files}
        return {
            name: Outside(file.path, file.device, file.inode, file.mtime_ns) for name, file in found.items()
        }

    def unread(self, known: Mapping[str, Verified]) -> list[str]:
        """Paths in the bundle of those files that were not read since they changed; `known` is by absolute
        path."""
        return [path for path, facts in self.facts.items() if not _is_same(facts, known.get(facts.path))]


def look_at_source(declared: Declared, trusted: Collection[bytes], me: int) -> Seen:
    """Whether the folder may provide models, by its manifest, its signature, and who could write there."""
    if declared.fault is not None:
        return Seen(declared=declared, state=SourceState.REFUSED, detail=declared.fault)
    try:
        path = declared.path.resolve(strict=True)
        (path / MANIFEST).lstat()
    except (OSError, RuntimeError):
        return Seen(declared=declared, state=SourceState.OFFLINE, detail="its folder is not there")
    try:
        with explained("it"):
            opened = open_bundle(path)
            fault = fault_in_safety(opened, me)
            facts = _facts(opened)
        if fault is not None:
            raise BadBundle(f"{fault}. Close it to others (chmod go-w) or move the folder")
        key = None if declared.key is None else bytes.fromhex(declared.key)
        check = of_signature(opened, trusted, key)
        if check.outcome is Outcome.WRONG:
            raise BadBundle(f"signature: {check.detail}")
    except BadBundle as error:
        if not (path / MANIFEST).exists():  # it went away meanwhile
            return Seen(declared=declared, state=SourceState.OFFLINE, detail="its folder is not there")
        return Seen(declared=declared, state=SourceState.REFUSED, detail=str(error))
    signed = check.outcome is Outcome.GOOD
    return Seen(declared=declared, state=SourceState.OK, opened=opened, facts=facts, signed=signed)


def stamp_of(path: Path) -> object:
    """A cheap look: equal as long as the folder's manifest, and what it names, has not been replaced."""
    found: list[object] = []
    for place in (path, path / MANIFEST):
        try:
            facts = os.stat(place)  # noqa: PTH116
        except OSError:
            found.append(None)
        else:
            found.append((facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_mode, facts.st_uid))
    return tuple(found)


def read_file(opened: Opened, path: str, facts: Verified, told: Callable[[int], None]) -> None:
    """Read one file whole: its bytes are as promised, and it is still the file of `facts`.

    Raises:
        BadBundle: it is not.
    """
    file = next(file for file in opened.bundle.files if file.path == path)
    with explained("it"):
        for piece in pieces_of(opened.root, path, file):
            told(len(piece))
        if not _is_same(facts, _fact(opened, path, file.sha256)):
            raise BadBundle(f"{path} was changed while it was read")


def _facts(opened: Opened) -> dict[str, Verified]:
    return {file.path: _fact(opened, file.path, file.sha256) for file in opened.bundle.files}


def _fact(opened: Opened, path: str, sha256: str) -> Verified:
    facts = opened.root.stat(path)
    return Verified(
        path=str(opened.root.root / path),
        device=facts.st_dev,
        inode=facts.st_ino,
        size_bytes=facts.st_size,
        mtime_ns=facts.st_mtime_ns,
        sha256=sha256,
        verified_at="",
        ctime_ns=facts.st_ctime_ns,
    )


def _is_same(facts: Verified, known: Verified | None) -> bool:
    """Whether it is the file that was read; its device may have another number since, and itself too where
    the file system keeps none."""
    if known is None or not is_same(
        (known.inode, known.mtime_ns), (facts.inode, facts.mtime_ns, facts.ctime_ns)
    ):
        return False
    now = facts.size_bytes, facts.mtime_ns, facts.sha256
    return now == (known.size_bytes, known.mtime_ns, known.sha256)
