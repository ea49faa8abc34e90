"""What is to be noticed about a version just now, beside everything else that is there."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.issues import Surroundings, issues_in
from modelhubd.entries.issues_of_files import weights_of
from modelhubd.registry.accounts import store as accounts_store
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.versions import store
from modelhubd.registry.versions.entries import notes_in, shown_entry, stored_entry
from modelhubd.registry.versions.listing_store import served_contents
from modelhubd.registry.versions.rows import VersionRow
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

    @property
    def publisher(self) -> str:
        return self.model.partition("/")[0]


def looked_at(row: VersionRow, stored: store.Content) -> Looked:
    """A version that is in the database."""
    return Looked(
        entry=shown_entry(row, stored.content, stored.envelopes, verified=False),
        notes=notes_in(stored.content),
        content=stored.content,
    )


async def issues_now(
    connection: AsyncConnection, config: RegistryConfig, looked: Looked
) -> tuple[Issue, ...]:
    """The issues of the version, errors first.

    Its publisher is told only of models that were approved once or are its own: else a publish would be an
    oracle for what others have under review.
    """
    (found,) = await _issues(connection, config, [looked], store.known_to(looked.publisher))
    return found


async def issues_for_reviewers(
    connection: AsyncConnection, config: RegistryConfig, looked: Sequence[Looked]
) -> list[tuple[Issue, ...]]:
    """The issues of each version, errors first, beside all that was approved once or waits for review."""
    return await _issues(connection, config, looked, store.under_review_too()) if looked else []


async def _issues(
    connection: AsyncConnection,
    config: RegistryConfig,
    looked: Sequence[Looked],
    known: sa.ColumnElement[bool],
) -> list[tuple[Issue, ...]]:
    models, publishers = await store.names(connection, known)
    served = await served_contents(connection, {one.model for one in looked})
    weights = frozenset[str]().union(*(weights_of(one.entry) for one in looked))
    holders = await store.holders(connection, weights, known)
    found = await accounts_store.publishers(connection, {one.publisher for one in looked})
    keys = {one.name: one.keys for one in found}

    def look() -> list[tuple[Issue, ...]]:
        others, owners = models.split(), publishers.split()
        return [
            issues_in(
                one.entry,
                one.notes,
                Surroundings(
                    require_digest=config.require_digest,
                    allow_origins=config.allow_origins,
                    models=others,
                    publishers=owners,
                    holders=_of_others(holders, one),
                    served=stored_entry(served[one.model][1]) if one.model in served else None,
                    unchanged=one.model in served and served[one.model][1] == one.content,
                    has_keys=any(key.revoked_at is None for key in keys.get(one.publisher, ())),
                    signature_fault=_signature_fault(one, keys.get(one.publisher, ())),
                ),
            )
            for one in looked
        ]

    return await in_thread(look)


def _of_others(holders: Mapping[str, Sequence[str]], looked: Looked) -> dict[str, str]:
    """By SHA-256 of its weights, the first other model that has them."""
    others = {
        sha256: next((holder for holder in holders.get(sha256, ()) if holder != looked.model), None)
        for sha256 in weights_of(looked.entry)
    }
    return {sha256: holder for sha256, holder in others.items() if holder is not None}


def new_among(issues: tuple[Issue, ...], recorded: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """Those that are not recorded."""
    return tuple(issue for issue in issues if issue not in recorded)


def _signature_fault(looked: Looked, keys: tuple[PublisherKey, ...]) -> str | None:
    if not looked.entry.envelopes:
        return None
    return fault_in_signature(
        looked.entry.envelopes,
        model=looked.model,
        publisher=looked.publisher,
        content_sha256=hashlib.sha256(looked.content.encode()).hexdigest(),
        keys=keys,
    )
