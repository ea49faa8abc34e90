"""A bundle of models in a folder, as it is written and as the daemon tells of it.

The folder holds `modelhub-bundle.json` (canonical JSON), the models' files at
`<publisher>/<name>/<version>/<option>/<file>`, perhaps a signature over the manifest, and perhaps the
registry's signed catalog in `tuf/`.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from modelhubd.wire.base import Message, Request
from modelhubd.wire.catalog import CatalogEntry

MANIFEST = "modelhub-bundle.json"
SIGNATURE = "modelhub-bundle.dsse.json"
TUF = "tuf"
BUNDLE_SCHEMA = 1

LocalPath = Annotated[str, Meta(min_length=1, max_length=4096)]
KeyHex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""An Ed25519 public key, 32 bytes in hex."""
Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")]


class BundledModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One option of one version whose files are in the bundle."""

    model: str
    version: int
    option: str


class BundleManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`modelhub-bundle.json`. `entries` are whole, so that their publishers' signatures can be checked;
    `models` says which of their options are here. Sizes and digests of the files are those of the entries."""

    schema: int
    name: str
    created_at: str
    entries: tuple[CatalogEntry, ...]
    models: tuple[BundledModel, ...]


# What is asked for


class CreateBundle(Request, frozen=True, kw_only=True):
    """`path` is a folder that does not exist yet."""

    path: LocalPath
    models: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1000)]
    """Library ids or `publisher/name[@version][:option]`, all installed."""
    name: Name | None = None
    """Of the bundle; the folder's name where it is absent and can be one."""
    link: bool = False
    """Hard links instead of copies, where the file system can."""
    with_catalog: bool = False
    """Put in the registry's signed catalog, for machines that cannot ask it."""


class OpenBundle(Request, frozen=True, kw_only=True):
    path: LocalPath
    key: KeyHex | None = None
    """It must be signed by this key."""


# What is told


class Outcome(StrEnum):
    GOOD = "good"
    UNCHECKED = "unchecked"
    """There was nothing to check it by."""
    WRONG = "wrong"


class BundleCheck(Message, frozen=True, kw_only=True):
    """One thing that was looked at. `what` is `manifest`, `files`, `signature`, `catalog`, or
    `publisher/name@version:option` for what the catalog and the policies here say of a model."""

    what: str
    outcome: Outcome
    detail: str


class BundleItem(Message, frozen=True, kw_only=True):
    model: str
    version: int
    option: str
    size_bytes: int
    installed: bool = False
    """Whether it is in the library now."""
    before: bool = False
    """Of a bundle that was to be installed: it was in the library already, so nothing of it was taken."""


class BundleReport(Message, frozen=True, kw_only=True):
    """`result` of a job of kind `bundle create`, `bundle verify` or `bundle install`."""

    name: str
    manifest_sha256: str
    """What a signature over the bundle binds."""
    size_bytes: int
    items: tuple[BundleItem, ...]
    checks: tuple[BundleCheck, ...] = ()
    linked: bool = False
    """Of one that was made: all files are hard links."""


# Sources: folders of models that applications and administrators provide


class SourceState(StrEnum):
    OK = "ok"
    CHECKING = "checking"
    """Its files are read for the first time, or have changed."""
    OFFLINE = "offline"
    """Its folder is not there just now."""
    REFUSED = "refused"


class Source(Message, frozen=True, kw_only=True):
    """A folder that provides models."""

    id: str
    """`bundle:<name>` of an application, `package:<name>` of the administrator, as artifacts' `managed`."""
    app: str | None = None
    declared_by: str
    """`config`, `application` or `administrator`."""
    where: str
    """Its path, with the home folder as `~`."""
    state: SourceState
    detail: str | None = None
    """Why it is not `ok`."""
    models: tuple[str, ...] = ()
    """References of what it provides now."""
    signed: bool = False
    """Whether a key that was named for it has signed it."""


class AddSource(Request, frozen=True, kw_only=True):
    """An application registers its bundle; asking again with the same `app` replaces it."""

    path: LocalPath
    app: Name
    key: KeyHex | None = None
    """It counts only while this key has signed it."""


# What is downloaded at the first run


class FirstRunState(StrEnum):
    PENDING = "pending"
    """It waits for the catalog."""
    HELD = "held"
    """It cannot be downloaded now; `detail` says why. Tried again by itself."""
    ENQUEUED = "enqueued"
    DONE = "done"
    SKIPPED = "skipped"


class FirstRunItem(Message, frozen=True, kw_only=True):
    model: str
    """A reference."""
    declared_by: str
    """`config`, `registry`, or the name of an administrator's file."""
    state: FirstRunState
    detail: str | None = None
    download_id: str | None = None


class FirstRun(Message, frozen=True, kw_only=True):
    items: tuple[FirstRunItem, ...] = ()


class SkipFirstRun(Request, frozen=True, kw_only=True):
    models: tuple[str, ...] | None = None
    """All that are not done yet where absent."""
