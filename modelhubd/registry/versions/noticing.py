"""What is to be noticed about a version just now, beside everything else that is there."""

import hashlib
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.issues import Surroundings, issues_in
from modelhubd.entries.issues_of_files import weights_of
from modelhubd.registry.accounts import store as accounts_store
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.versions import store
from modelhubd.registry.versions.entries import stored_entry
from modelhubd.registry.versions.listing_store import served_contents
from modelhubd.tasks import in_thread
from modelhubd.trust.statements import fault_in_signature
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.registry import Issue, PublisherKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A version that is looked at: the entry with its signatures, its notes and its canonical content."""

    entry: CatalogEntry
    notes: str | None
    content: str

    @property
    def model(self) -> str:
        return self.entry.id


async def issues_now(
    connection: AsyncConnection, config: RegistryConfig, looked: Looked, *, for_reviewers: bool
) -> tuple[Issue, ...]:
    """The issues of the version, errors first.

    Its publisher is told only of models that were approved once or are its own, reviewers of those that wait
    for review too: else a publish would be an oracle for what others have under review.
    """
    model, own = looked.model, looked.model.partition("/")[0]
    known = store.under_review_too() if for_reviewers else store.known_to(own)
    models, publishers = await store.names(connection, known)
    served = (await served_contents(connection, [model])).get(model)
    holders = await store.holders(connection, model, weights_of(looked.entry), known)
    found = await accounts_store.publishers(connection, own)
    keys = found[0].keys if found else ()

    def look() -> tuple[Issue, ...]:
        around = Surroundings(
            require_digest=config.require_digest,
            allow_origins=config.allow_origins,
            models=models.split(),
            publishers=publishers.split(),
            holders=holders,
            served=None if served is None else stored_entry(served[1]),
            unchanged=served is not None and served[1] == looked.content,
            has_keys=any(key.revoked_at is None for key in keys),
            signature_fault=_signature_fault(looked, keys),
        )
        return issues_in(looked.entry, looked.notes, around)

    return await in_thread(look)


def new_among(issues: tuple[Issue, ...], recorded: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """Those that are not recorded."""
    return tuple(issue for issue in issues if issue not in recorded)


def _signature_fault(looked: Looked, keys: tuple[PublisherKey, ...]) -> str | None:
    if not looked.entry.envelopes:
        return None
    return fault_in_signature(
        looked.entry.envelopes,
        model=looked.model,
        publisher=looked.model.partition("/")[0],
        content_sha256=hashlib.sha256(looked.content.encode()).hexdigest(),
        keys=keys,
    )
