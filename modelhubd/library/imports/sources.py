"""Reads what is to be imported, where it is, without ever writing there. Blocking.

Links are followed where a tool's own layout has them, and never out of it: a folder's links must end within
the folder, those of a Hugging Face cache within their repository.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field

from modelhubd.entries.grouping import siblings
from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.trust.text import printable

DEPTH_MAX = 3
FILES_MAX = 10_000
BLOCK = 1 << 20
HALF_WRITTEN = (
    ".part",
    ".partial",
    ".incomplete",
    ".download",
    ".downloading",
    ".crdownload",
    ".tmp",
    ".aria2",
    ".downloadinprogress",
)
REPOSITORY = "models--"
GGUF = b"GGUF"


class SourceFile(Struct, frozen=True):
    """A regular file as it was when it was first seen. `path` has no link in it."""

    path: Path
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    linked: bool = False
    """It was named by a symbolic link."""

    @property
    def identity(self) -> tuple[int, int, int, int]:
        return self.device, self.inode, self.size_bytes, self.mtime_ns


class Source(Struct, frozen=True):
    """Files by the names they have in the model, with `/`."""

    files: dict[str, SourceFile]
    left_out: dict[str, str] = field(default_factory=dict)
    beside: dict[str, SourceFile] = field(default_factory=dict)
    """More files of the same folder, for a model that was named by one of its files."""


def find_source(text: str, home: Path) -> Source:
    """What is at a path, which is absolute or begins with `~/`.

    Raises:
        InvalidInput: that is no path.
        NotFound: nothing is there.
        Conflict: it cannot be read, it is no plain file or folder, or it is half-written.
    """
    named = home / text[2:] if text.startswith("~/") else Path(text)
    if "\0" in text or not named.is_absolute():
        raise InvalidInput.at("/path", "write the whole path, from / or ~/ on")
    try:
        real = named.resolve(strict=True)
        is_folder = real.is_dir()
        return _folder(real) if is_folder else _file(named, real)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("There is no file or folder of that path.", code="path_not_found") from None
    except RuntimeError:  # a loop of links, up to Python 3.12
        raise Conflict("The path is a loop of links.", code="cannot_read") from None
    except OSError as error:
        raise Conflict(f"The path cannot be read: {error.strerror}.", code="cannot_read") from None


def _folder(folder: Path) -> Source:
    files: dict[str, SourceFile] = {}
    left_out: dict[str, str] = {}
    within = _root_of(folder)
    for name, path in _names_below(folder):
        found = _seen(path, within)
        if isinstance(found, str):
            left_out[name] = found
        else:
            files[name] = found
    return Source(files, left_out)


def _file(named: Path, real: Path) -> Source:
    """The file, with the other parts of its set; all else that lies there is `beside` it."""
    if (fault := half_written(named.name)) is not None:
        raise Conflict(f"{_shown(named.name)} cannot be imported: {fault}.", code="half_written")
    facts = real.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise Conflict(f"{_shown(named.name)} is no plain file.", code="cannot_read")
    folder = named.parent.resolve(strict=True)
    within = _root_of(folder)
    names = [name for name, _ in _names_below(folder, depth=0)]
    wanted = set(siblings(named.name, names)) | {named.name}
    files: dict[str, SourceFile] = {}
    beside: dict[str, SourceFile] = {}
    for name in names:
        # The one that was named may be a link to anywhere: whoever named it meant that file.
        found = (
            _facts(real, facts, linked=named.is_symlink())
            if name == named.name
            else _seen(folder / name, within)
        )
        if isinstance(found, str):
            if name in wanted:
                raise Conflict(f"{_shown(name)} cannot be imported: {found}.", code="cannot_read")
            continue
        (files if name in wanted else beside)[name] = found
    return Source(_with_suffix(files), {}, beside)


def half_written(name: str) -> str | None:
    """Why a file of this name is not whole yet; None where its name does not say so. Pure."""
    if name.lower().endswith(HALF_WRITTEN):
        return "it is still being written, as its name says"
    return None


def _with_suffix(files: dict[str, SourceFile]) -> dict[str, SourceFile]:
    """A GGUF file that is not called so, as tools keep them by digest, is called so."""
    if len(files) != 1:
        return files
    ((name, file),) = files.items()
    if "." in name[1:] and re.search(r"\.[A-Za-z]{2,12}$", name):
        return files
    fd = open_source(file, name)
    try:
        return {f"{name}.gguf": file} if os.pread(fd, 4, 0) == GGUF else files
    finally:
        os.close(fd)


def _names_below(folder: Path, depth: int = DEPTH_MAX) -> Iterator[tuple[str, Path]]:
    count = 0
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        folders[:] = (
            sorted(name for name in folders if not name.startswith(".")) if len(here.parts) < depth else []
        )
        for name in sorted(names):
            if name.startswith(".") or not _is_text(name):
                continue
            count += 1
            if count > FILES_MAX:
                raise Conflict(
                    f"This folder holds more than {FILES_MAX} files. Name the folder of the model itself.",
                    code="too_many_files",
                )
            yield (here / name).as_posix(), Path(place) / name


def _seen(path: Path, within: Path) -> SourceFile | str:
    """The file, or why it is not taken."""
    if (fault := half_written(path.name)) is not None:
        return fault
    return regular_within(path, within)


def regular_within(path: Path, within: Path) -> SourceFile | str:
    """The regular file at `path`, a link followed if it ends beneath `within`; else why it is not taken."""
    try:
        linked = path.is_symlink()
        real = path.resolve(strict=True)
        facts = real.stat()
    except (OSError, RuntimeError):
        return "it cannot be read, or is a link to nothing"
    if linked and not real.is_relative_to(within):
        return "it is a link that leads out of the folder"
    if not stat.S_ISREG(facts.st_mode):
        return "it is no plain file"
    return _facts(real, facts, linked=linked)


def _root_of(folder: Path) -> Path:
    """What links in `folder` may lead to: the repository of a Hugging Face cache, else the folder itself."""
    above = (folder, *folder.parents)
    return next((path for path in above[:DEPTH_MAX] if path.name.startswith(REPOSITORY)), folder)


def _facts(path: Path, facts: os.stat_result, *, linked: bool) -> SourceFile:
    return SourceFile(
        path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, linked
    )


def open_source(file: SourceFile, name: str) -> int:
    """A descriptor to read the very file, for the caller to close.

    Raises:
        Conflict: another one is there now, or it cannot be read.
    """
    try:
        fd = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Conflict(f"{_shown(name)} cannot be read: {error.strerror}.", code="cannot_read") from None
    try:
        check_unchanged(fd, file, name)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check_unchanged(fd: int, file: SourceFile, name: str, *, times: bool = False) -> None:
    """
    Raises:
        Conflict: the open file is not as it was first seen; with `times` also where only its inode was.
    """
    facts = os.fstat(fd)
    now = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
    if now != file.identity or (times and facts.st_ctime_ns != file.ctime_ns):
        raise changed(name)


def changed(name: str) -> Conflict:
    return Conflict(
        f"{_shown(name)} changed while it was imported. Import it when whoever writes it is done; nothing "
        "was taken.",
        code="source_changed",
    )


def hash_source(file: SourceFile, name: str, add: Callable[[int], None]) -> str:
    """Its SHA-256; `add` is told of each piece.

    Raises:
        Conflict: it changed meanwhile, or cannot be read.
    """
    fd = open_source(file, name)
    try:
        digest = hashlib.sha256()
        left = file.size_bytes
        while left and (block := _read(fd, min(BLOCK, left), name)):
            digest.update(block)
            left -= len(block)
            add(len(block))
        check_unchanged(fd, file, name)
        if left:
            raise changed(name)
        return digest.hexdigest()
    finally:
        os.close(fd)


def _read(fd: int, count: int, name: str) -> bytes:
    try:
        return os.read(fd, count)
    except OSError as error:
        raise Conflict(f"{_shown(name)} cannot be read: {error.strerror}.", code="cannot_read") from None


def read_start(file: SourceFile, name: str, count: int) -> bytes:
    """The first bytes of it."""
    fd = open_source(file, name)
    try:
        pieces = []
        while count and (piece := _read(fd, min(count, BLOCK), name)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def total_bytes(files: Iterable[SourceFile]) -> int:
    return sum(file.size_bytes for file in files)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    return printable(name)[:120]
