"""What is noticed about a version when it is published; reviewers see it, and errors block the approval.

Nothing here asks the network: whether an address answers is not for a request to find out.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from modelhubd.entries.issues_of_figures import issues_of_figures
from modelhubd.entries.issues_of_files import issues_of_files
from modelhubd.entries.issues_of_text import issues_of_text
from modelhubd.entries.lookalikes import lookalikes
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.registry import Issue, Severity

ISSUES_MAX = 200
"""Recorded of one version, the gravest first."""
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a version is compared with.

    `models` are the ids of others, `holders` names another model by the SHA-256 of weights they share,
    `signature_fault` is what is wrong with the publisher's signatures.
    """

    require_digest: bool = True
    allow_origins: Collection[str] = ()
    models: Collection[str] = ()
    publishers: Collection[str] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    served: CatalogEntry | None = None
    unchanged: bool = False
    has_keys: bool = False
    signature_fault: str | None = None


def issues_in(entry: CatalogEntry, notes: str | None, around: Surroundings) -> tuple[Issue, ...]:
    """The issues of a version, errors first."""
    found = [
        *issues_of_files(
            entry,
            require_digest=around.require_digest,
            allow_origins=around.allow_origins,
            holders=around.holders,
        ),
        *issues_of_figures(entry),
        *issues_of_text(entry, notes, around.served),
        *lookalikes(
            entry.id, others=around.models, publishers=around.publishers, base_model=entry.base_model
        ),
        *_signatures(entry, around),
    ]
    if around.unchanged:
        found.append(
            Issue(
                code="unchanged", severity=Severity.WARNING, pointer="",
                message="nothing differs from what is served",
            )
        )  # fmt: skip
    found = list(gravest_first(found))
    left = len(found) - ISSUES_MAX
    if left > 0:
        found[ISSUES_MAX:] = [
            Issue(
                code="more_issues", severity=Severity.INFO, pointer="",
                message=f"{left} more issues; they show once these are mended",
            )
        ]  # fmt: skip
    return tuple(found)


def gravest_first(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Errors, warnings, the rest; of one kind as they came."""
    return tuple(sorted(issues, key=lambda issue: _ORDER[issue.severity]))


def _signatures(entry: CatalogEntry, around: Surroundings) -> list[Issue]:
    if entry.envelopes and around.signature_fault is not None:
        return [
            Issue(
                code="bad_signature", severity=Severity.ERROR, pointer="/envelopes",
                message=around.signature_fault,
            )
        ]  # fmt: skip
    if not entry.envelopes and around.has_keys:
        return [
            Issue(
                code="unsigned", severity=Severity.WARNING, pointer="/envelopes",
                message="its publisher has keys, but this version is not signed: where policy asks for a "
                "signature, no machine takes it",
            )
        ]  # fmt: skip
    return []
