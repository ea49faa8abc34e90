"""A version as it is stored, and what callers are shown of it."""

from dataclasses import dataclass

from modelhubd.registry.versions.states import PUBLIC
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.registry import RegistryVersion, VersionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One row, without its content."""

    model: str
    version: int
    status: VersionStatus
    content_sha256: str
    published_by: str
    published_at: str
    decided_by: str | None = None
    decided_at: str | None = None
    reason: str | None = None
    four_eyes: bool = True
    withdrawn_by: str | None = None
    withdrawn_at: str | None = None
    withdraw_reason: str | None = None
    issues: int = 0
    served: bool = False

    @property
    def subject(self) -> str:
        """What the audit log calls it."""
        return f"{self.model}@{self.version}"


def is_visible(status: VersionStatus, *, model: str, scopes: frozenset[str]) -> bool:
    """Whether a caller with these scopes may know that such a version of the model exists."""
    return status in PUBLIC or sees_unpublished(model, scopes)


def sees_unpublished(model: str, scopes: frozenset[str]) -> bool:
    """Whether these scopes show the model's versions that were never approved."""
    return not scopes.isdisjoint({f"publish:{model.partition('/')[0]}", "review", "admin"})


def shown(row: VersionRow, *, notes: str | None = None, entry: CatalogEntry | None = None) -> RegistryVersion:
    """The row as the wire has it."""
    return RegistryVersion(
        model=row.model,
        version=row.version,
        status=row.status,
        content_sha256=row.content_sha256,
        published_by=row.published_by,
        published_at=row.published_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
        four_eyes=None if row.decided_by is None else row.four_eyes,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        withdraw_reason=row.withdraw_reason,
        notes=notes,
        issues=row.issues,
        served=row.served,
        entry=entry,
    )
