"""Who says which folders provide models: the configuration, applications, the administrator.

A drop-in file is one JSON object. One that others could have written is not read. Everything here blocks.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from modelhubd.entries.bundles import is_bundle_name
from modelhubd.packages.folder import named, place_of
from modelhubd.packages.ownership import Place, fault_in_places
from modelhubd.trust.names import is_reference
from modelhubd.wire.bundles import KeyHex, LocalPath

FILE_MAX = 64 * 1024
FILES_MAX = 200
SUFFIX = ".json"
CONFIG, APPLICATION, ADMINISTRATOR = "config", "application", "administrator"
_OTHER = re.compile(r"[^a-z0-9._-]+")


class Declared(Struct, frozen=True, kw_only=True):
    """A folder that is to provide models. `id` is what its artifacts are managed by."""

    id: str
    path: Path
    declared_by: str
    app: str | None = None
    key: str | None = None
    fault: str | None = None
    """Why the declaration itself does not count."""


class FirstRunWanted(Struct, frozen=True, kw_only=True):
    """A model that is to be downloaded once."""

    model: str
    declared_by: str


class Declarations(Struct, frozen=True, kw_only=True):
    """All that is declared, in order; of two with one id the first counts."""

    sources: tuple[Declared, ...] = ()
    first_run: tuple[FirstRunWanted, ...] = ()
    faults: tuple[str, ...] = ()
    """Drop-in files that do not count, and why."""


class AppFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bundles.d/<app>.json`."""

    path: LocalPath
    app: str
    key: KeyHex | None = None


class PackageFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`packages.d/<name>.json`: a folder, models for the first run, or both."""

    path: LocalPath | None = None
    name: str | None = None
    """The file's name without `.json` where it is absent."""
    key: KeyHex | None = None
    first_run: Annotated[tuple[str, ...], Meta(max_length=100)] = ()


def read_declarations(
    bundles: Sequence[str], first_run: Sequence[str], bundles_d: Path, packages_d: Path, me: int
) -> Declarations:
    """What the configuration (`bundles`, `first_run`) and the files in both folders say."""
    sources = [_of_config(text) for text in bundles]
    wanted = [FirstRunWanted(model=model, declared_by=CONFIG) for model in first_run]
    faults: list[str] = []
    for path, data, fault in _files(bundles_d, me):
        found = data if fault is None else None
        declared = None if found is None else _decoded(found, AppFile)
        if not isinstance(declared, AppFile) or not is_bundle_name(declared.app):
            faults.append(f"{bundles_d.name}/{path.name}: {fault or _said(declared, 'its app has no name')}")
            continue
        sources.append(_of_app(declared))
    for path, data, fault in _files(packages_d, me):
        package = None if fault is not None else _decoded(data, PackageFile)
        name = path.name.removesuffix(SUFFIX).lower()
        if isinstance(package, PackageFile):
            name = package.name or name
        if not isinstance(package, PackageFile) or not is_bundle_name(name):
            faults.append(f"{packages_d.name}/{path.name}: {fault or _said(package, 'it has no good name')}")
            continue
        if package.path is not None:
            sources.append(_of_administrator(package, name))
        for model in package.first_run:
            if is_reference(model):
                wanted.append(FirstRunWanted(model=model, declared_by=path.name))
            else:
                faults.append(f"{packages_d.name}/{path.name}: {model[:80]!r} is no model")
    unique = {source.id: source for source in reversed(sources)}
    faults += [
        f"{source.id} is declared twice; the first one counts"
        for source in sources
        if unique[source.id] is not source
    ]
    return Declarations(
        sources=tuple(source for source in sources if unique[source.id] is source),
        first_run=tuple({item.model: item for item in reversed(wanted)}.values())[::-1],
        faults=tuple(faults),
    )


def signature_of(bundles_d: Path, packages_d: Path) -> tuple[object, ...]:
    """A cheap look at both folders: equal as long as nobody touched their files."""
    found: list[object] = []
    for folder in (bundles_d, packages_d):
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  # names are all that is wanted
        except OSError:
            continue
        for name in names[:FILES_MAX]:
            try:
                facts = (folder / name).lstat()
            except OSError:
                continue
            found.append((str(folder), name, facts.st_ino, facts.st_mtime_ns, facts.st_size, facts.st_mode))
    return tuple(found)


def app_file(path: str, app: str, key: str | None) -> bytes:
    """What stands in `bundles.d/<app>.json`."""
    value = {"app": app, "path": path} | ({} if key is None else {"key": key})
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"


def _of_config(text: str) -> Declared:
    path = Path(text).expanduser()
    name = _OTHER.sub("-", path.name.lower()).strip("-._")[:64] or "bundle"
    return Declared(id=f"bundle:{name}", path=path, declared_by=CONFIG)


def _of_app(declared: AppFile) -> Declared:
    path = Path(declared.path)
    return Declared(
        id=f"bundle:{declared.app}",
        path=path,
        declared_by=APPLICATION,
        app=declared.app,
        key=declared.key,
        fault=None if path.is_absolute() else "its path is not absolute",
    )


def _of_administrator(declared: PackageFile, name: str) -> Declared:
    path = Path(declared.path or "")
    return Declared(
        id=f"package:{name}",
        path=path,
        declared_by=ADMINISTRATOR,
        key=declared.key,
        fault=None if path.is_absolute() else "its path is not absolute",
    )


def _files(folder: Path, me: int) -> Iterator[tuple[Path, bytes, str | None]]:
    """(path, content, why it does not count) of each drop-in file, in order of name."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX) and name[0] != ".")  # noqa: PTH208
    except OSError:
        return
    for name in names[:FILES_MAX]:
        path = folder / name
        try:
            fault = fault_in_places([*_above(folder), place_of(path, "it")], me)
            data = b"" if fault else _read(path)
        except OSError as error:
            yield path, b"", f"it cannot be read: {error.strerror}"
            continue
        yield path, data, fault or ("it is too large" if len(data) > FILE_MAX else None)


def _above(folder: Path) -> list[Place]:
    resolved = folder.resolve()
    places = [place_of(above, named(above), above=True) for above in reversed(resolved.parents)]
    return [*places, place_of(resolved, "its folder")]


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        return file.read(FILE_MAX + 1)


def _decoded(data: bytes, kind: type[AppFile] | type[PackageFile]) -> "AppFile | PackageFile | str":
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def _said(found: object, otherwise: str) -> str:
    return found if isinstance(found, str) else otherwise
