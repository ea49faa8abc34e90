"""What crosses the wire to and from a registry, and the document that it signs."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from modelhubd.wire.base import Message, Page, Request
from modelhubd.wire.catalog import CatalogEntry, Counters

CATALOG_SCHEMA = 1
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Reason = Annotated[str, Meta(min_length=1, max_length=2000)]
Slug = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")]


# The signed catalog


class PublisherKey(Message, frozen=True, kw_only=True):
    """A public key of a publisher: Ed25519, 32 bytes in hex. `key_id` is the SHA-256 of those bytes."""

    key_id: str
    public_key: str
    revoked_at: str | None = None


class CatalogPublisher(Message, frozen=True, kw_only=True):
    name: str
    status: Literal["active", "suspended"] = "active"
    keys: tuple[PublisherKey, ...] = ()


class CatalogTemplate(Message, frozen=True, kw_only=True):
    """A workflow template and the models it uses; compliant while all of them are verified."""

    id: str
    name: str
    models: tuple[str, ...]


class Tombstone(Message, frozen=True, kw_only=True):
    """A model that was served and is not to be used any more."""

    id: str
    withdrawn_at: str
    reason: str


class SignedCatalog(Message, frozen=True, kw_only=True):
    """The TUF target `catalog.json.gz`, unpacked: everything that is served, as of one revision.

    `entries` are `CatalogEntry` values, kept raw so that a bad one drops itself and not the catalog.
    `checkpoint` is a C2SP signed note over the audit log's tree, made by the key `audit_key` (a C2SP verifier
    key), which is pinned by standing here.
    """

    schema: int = CATALOG_SCHEMA
    registry: str
    """Name of the registry: the origin line of its audit log."""
    revision: int
    published_at: str
    entries: tuple[msgspec.Raw, ...]
    tombstones: tuple[Tombstone, ...] = ()
    templates: tuple[CatalogTemplate, ...] = ()
    publishers: tuple[CatalogPublisher, ...] = ()
    checkpoint: str
    audit_key: str


class Popularity(Message, frozen=True, kw_only=True):
    """`GET /popularity`: counters by model id; a model that is not in it has none. Not signed."""

    counters: dict[str, Counters]


# Versions and reviews


class VersionStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Issue(Message, frozen=True, kw_only=True):
    """Something noticed at publish time; an `error` blocks approval."""

    code: str
    severity: Severity
    pointer: str
    message: str


class Published(Message, frozen=True, kw_only=True):
    """Answer to a publish."""

    version: int
    status: VersionStatus
    content_sha256: str
    issues: tuple[Issue, ...]


class RegistryVersion(Message, frozen=True, kw_only=True):
    """One version as the registry knows it. `entry` is what would be served; persons are principals."""

    model: str
    version: int
    status: VersionStatus
    content_sha256: str
    published_by: str
    published_at: str
    decided_by: str | None = None
    decided_at: str | None = None
    reason: str | None = None
    four_eyes: bool | None = None
    """Whether two persons agreed; None while nobody has decided."""
    withdrawn_by: str | None = None
    withdrawn_at: str | None = None
    withdraw_reason: str | None = None
    notes: str | None = None
    issues: int = 0
    """How many; `…/issues` lists them."""
    served: bool = False
    entry: CatalogEntry | None = None
    """Left out of lists."""


class RegistryModel(Message, frozen=True, kw_only=True):
    """A model as the registry knows it."""

    id: str
    publisher: str
    last_version: int
    served_version: int | None
    verified: bool
    verified_by: str | None = None
    verified_at: str | None = None
    tombstone: Tombstone | None = None
    counters: Counters
    templates: tuple[str, ...] = ()
    """Ids of templates that use it."""
    entry: CatalogEntry | None = None
    """What is served; None while nothing is."""


class Change(Message, frozen=True, kw_only=True):
    """One difference between what is served and what is under review, at a JSON pointer."""

    pointer: str
    before: Any = None
    after: Any = None


class Review(Message, frozen=True, kw_only=True):
    """A version in the queue, with what it would change."""

    version: RegistryVersion
    served_version: int | None
    changes: tuple[Change, ...]
    issues: tuple[Issue, ...]
    blocked: bool
    """By an issue that is an error."""


class RegistryModelPage(Page[RegistryModel], frozen=True, kw_only=True):
    pass


class RegistryVersionPage(Page[RegistryVersion], frozen=True, kw_only=True):
    pass


class ReviewPage(Page[Review], frozen=True, kw_only=True):
    pass


class Decide(Request, frozen=True, kw_only=True):
    decision: Literal["approve", "reject"]
    content_sha256: Sha256
    """Of the content that was looked at; another one is refused."""
    reason: Reason | None = None
    """Required for a rejection."""


class Withdraw(Request, frozen=True, kw_only=True):
    reason: Reason


# Verification and templates


class TemplateState(Message, frozen=True, kw_only=True):
    """A template's badge, as of this answer."""

    id: str
    compliant: bool


class VerificationChanged(Message, frozen=True, kw_only=True):
    """`templates` are those that use the model, with their badges after the change."""

    changed: bool
    verified: bool
    templates: tuple[TemplateState, ...]


class PutTemplate(Request, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2000)] = ""
    models: Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]


class Template(Message, frozen=True, kw_only=True):
    id: str
    name: str
    description: str = ""
    models: tuple[str, ...]
    compliant: bool
    unverified: tuple[str, ...] = ()
    """Its models that are not in the verified set."""
    updated_at: str
    updated_by: str


class TemplatePage(Page[Template], frozen=True, kw_only=True):
    pass


class TemplateCompliance(Message, frozen=True, kw_only=True):
    """A template's badge and what it follows from: which of its models are in the verified set."""

    id: str
    compliant: bool
    verified: tuple[str, ...]
    unverified: tuple[str, ...]


class DownloadReported(Message, frozen=True, kw_only=True):
    """That a report of a download has arrived. Whether it counts is not said."""

    model: str


# Accounts


class NewPublisher(Request, frozen=True, kw_only=True):
    name: Slug
    display_name: Annotated[str, Meta(max_length=200)] = ""


class ChangePublisher(Request, frozen=True, kw_only=True):
    status: Literal["active", "suspended"]
    reason: Reason


class NewKey(Request, frozen=True, kw_only=True):
    public_key: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Publisher(Message, frozen=True, kw_only=True):
    name: str
    display_name: str
    status: Literal["active", "suspended"]
    keys: tuple[PublisherKey, ...]
    created_at: str


class NewToken(Request, frozen=True, kw_only=True):
    """A token for a person or service, made by an administrator, or for oneself with scopes one has."""

    principal: Annotated[str, Meta(min_length=1, max_length=128)]
    """Name of the person or service; one that is not known yet is created."""
    scopes: Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)]
    expires_in_s: Annotated[int, Meta(ge=60, le=366 * 86400)]
    note: Annotated[str, Meta(max_length=200)] = ""


class Token(Message, frozen=True, kw_only=True):
    id: str
    principal: str
    scopes: tuple[str, ...]
    note: str = ""
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str | None = None
    last_used_at: str | None = None


class TokenMade(Message, frozen=True, kw_only=True):
    """The only answer that ever holds the secret."""

    token: str
    info: Token


class Me(Message, frozen=True, kw_only=True):
    """Who the caller is, what it may do, and what this registry is."""

    principal: str
    scopes: tuple[str, ...]
    token_id: str
    expires_at: str
    registry: str
    four_eyes: bool


# Changes


class Changed(Message, frozen=True, kw_only=True):
    """Where the registry stands. Another `cursor` than before: something was done since. What it was is not
    said, as not everybody may know. `revision` counts changes of what is served; those up to `released` are
    signed, so that machines get them."""

    cursor: str
    revision: int = 0
    released: int = 0


# Audit


class AuditEntry(Message, frozen=True, kw_only=True):
    """One act. `leaf_hash` is RFC 6962's of the entry's canonical bytes, hex."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    prev_hash: str
    leaf_hash: str


class AuditPage(Page[AuditEntry], frozen=True, kw_only=True):
    pass


class Checkpoint(Message, frozen=True, kw_only=True):
    """`note` is a C2SP signed note with a tlog checkpoint; `key` is the verifier key that checks it."""

    size: int
    root_hash: str
    note: str
    key: str


class Proof(Message, frozen=True, kw_only=True):
    """An RFC 6962 proof: hashes in hex, in the order in which they are combined."""

    size: int
    """Of the tree that the proof is for."""
    root_hash: str
    hashes: tuple[str, ...]
    seq: int | None = None
    leaf_hash: str | None = None
    from_size: int | None = None
