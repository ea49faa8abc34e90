"""The manifest of a bundle: read strictly, and written. Pure.

A bundle is taken whole or not at all: one bad entry, one name that could lead elsewhere, one file without a
digest, and nothing of it is used.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.entries.content import canonical
from modelhubd.entries.reading import NotADocument, faults_in_json, parsed, pointed
from modelhubd.entries.rules import faults_in_entry
from modelhubd.wire.bundles import BUNDLE_SCHEMA, BundledModel, BundleManifest
from modelhubd.wire.catalog import CatalogEntry, Option

MANIFEST_MAX = 4 * 1024 * 1024
MODELS_MAX = 1000
FILES_MAX = 10_000
CONTAINERS_MAX = 200_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class BadBundle(ValueError):
    """A folder that is no bundle to be used; the message says why."""


class BundledFile(Struct, frozen=True, kw_only=True):
    """`path` is relative to the bundle, as the library lays it out."""

    path: str
    name: str
    role: str
    size_bytes: int
    sha256: str


class Bundled(Struct, frozen=True, kw_only=True):
    """One option in the bundle, with the entry that describes it."""

    entry: CatalogEntry
    option: Option
    files: tuple[BundledFile, ...]

    @property
    def key(self) -> tuple[str, int, str]:
        return self.entry.id, self.entry.version, self.option.id

    @property
    def reference(self) -> str:
        return f"{self.entry.id}@{self.entry.version}:{self.option.id}"

    @property
    def folder(self) -> str:
        return folder_of(self.entry.id, self.entry.version, self.option.id)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


class Bundle(Struct, frozen=True, kw_only=True):
    """A sound manifest; `sha256` is that of its bytes."""

    name: str
    created_at: str
    sha256: str
    items: tuple[Bundled, ...]

    @property
    def size_bytes(self) -> int:
        return sum(item.size_bytes for item in self.items)

    @property
    def files(self) -> tuple[BundledFile, ...]:
        return tuple(file for item in self.items for file in item.files)


def folder_of(model: str, version: int, option: str) -> str:
    """Where an option's files lie in a bundle, as beneath the models directory."""
    return f"{model}/{version}/{option}"


def is_bundle_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and ".." not in text


def read_manifest(data: bytes) -> Bundle:
    """What `modelhub-bundle.json` says.

    Raises:
        BadBundle: it is not one, or says something that cannot be.
    """
    if len(data) > MANIFEST_MAX:
        raise BadBundle(f"its manifest is larger than {MANIFEST_MAX // 1024**2} MiB")
    if data.count(b"{") + data.count(b"[") > CONTAINERS_MAX:
        raise BadBundle(f"its manifest has more than {CONTAINERS_MAX} objects and arrays")
    manifest = _decoded(data)
    if manifest.schema != BUNDLE_SCHEMA:
        raise BadBundle("/schema: it was never in use")
    if not is_bundle_name(manifest.name):
        raise BadBundle("/name: lower-case letters, digits and . _ - are allowed (at most 64 characters)")
    return Bundle(
        name=manifest.name,
        created_at=manifest.created_at,
        sha256=hashlib.sha256(data).hexdigest(),
        items=_items(manifest),
    )


def write_manifest(name: str, created_at: str, items: Sequence[tuple[CatalogEntry, str]]) -> bytes:
    """The manifest of a bundle with these (entry, option id).

    Raises:
        BadBundle: it would not be read again.
    """
    entries: dict[tuple[str, int], CatalogEntry] = {}
    for entry, _ in items:
        entries.setdefault((entry.id, entry.version), entry)
    models = [BundledModel(model=entry.id, version=entry.version, option=option) for entry, option in items]
    manifest = BundleManifest(
        schema=BUNDLE_SCHEMA,
        name=name,
        created_at=created_at,
        entries=tuple(entries.values()),
        models=tuple(models),
    )
    data = canonical(_without_nothing(msgspec.to_builtins(manifest)))
    read_manifest(data)
    return data


def _without_nothing(value: Any) -> Any:
    """Without nulls: absent and null mean the same in an entry."""
    if isinstance(value, Mapping):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    return [_without_nothing(item) for item in value] if isinstance(value, list | tuple) else value


def _decoded(data: bytes) -> BundleManifest:
    try:
        document = parsed(data)
    except NotADocument as error:
        raise BadBundle(f"its manifest cannot be read: {error}") from None
    for pointer, reason in faults_in_json(document, "", 0):
        raise BadBundle(f"{pointer or 'its manifest'}: {reason}")
    if canonical(document) != data:
        raise BadBundle("its manifest is not in canonical form, so it is not the one that was made")
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > BUNDLE_SCHEMA:  # its other fields need not be ours
        raise BadBundle("its manifest is of a newer kind than this program knows: update modelhub")
    try:
        return msgspec.convert(document, BundleManifest)
    except msgspec.ValidationError as error:
        pointer, reason = pointed(str(error))
        raise BadBundle(f"{pointer or 'its manifest'}: {reason}") from None


def _items(manifest: BundleManifest) -> tuple[Bundled, ...]:
    if not 1 <= len(manifest.models) <= MODELS_MAX:
        raise BadBundle(f"/models: a bundle holds 1 to {MODELS_MAX} models")
    entries: dict[tuple[str, int], CatalogEntry] = {}
    for index, entry in enumerate(manifest.entries):
        for pointer, reason in faults_in_entry(entry):
            raise BadBundle(f"/entries/{index}{pointer}: {reason}")
        if (entry.id, entry.version) in entries:
            raise BadBundle(f"/entries/{index}: version {entry.version} of {entry.id} is there twice")
        entries[entry.id, entry.version] = entry
    items: dict[tuple[str, int, str], Bundled] = {}
    for index, held in enumerate(manifest.models):
        item = _item(f"/models/{index}", held, entries)
        if item.key in items:
            raise BadBundle(f"/models/{index}: {item.reference} is there twice")
        items[item.key] = item
    if unused := entries.keys() - {(model, version) for model, version, _ in items}:
        raise BadBundle(f"/entries: {min(unused)[0]} has an entry and no files")
    # Names in an option are held to the rules of entries; folders of models and options have lower case only.
    if sum(len(item.files) for item in items.values()) > FILES_MAX:
        raise BadBundle(f"it has more than {FILES_MAX} files")
    return tuple(items.values())


def _item(pointer: str, held: BundledModel, entries: Mapping[tuple[str, int], CatalogEntry]) -> Bundled:
    entry = entries.get((held.model, held.version))
    option = next((option for option in entry.options if option.id == held.option), None) if entry else None
    if entry is None or option is None:
        raise BadBundle(f"{pointer}: no entry describes it")
    files = []
    for file in option.files:
        if file.sha256 is None or file.size_bytes is None:
            raise BadBundle(f"{pointer}: {file.name} has no size and SHA-256 to check it by")
        files.append(
            BundledFile(
                path=f"{folder_of(*_key(held))}/{file.name}",
                name=file.name,
                role=file.role.value,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
            )
        )
    return Bundled(entry=entry, option=option, files=tuple(files))


def _key(held: BundledModel) -> tuple[str, int, str]:
    return held.model, held.version, held.option
