"""Who may decide what about a version under review, and what must hold for it."""

from collections.abc import Collection
from dataclasses import dataclass

from modelhubd.errors import Conflict, InvalidInput, NotAllowed
from modelhubd.registry.versions.rows import VersionRow
from modelhubd.registry.versions.states import Event, advance
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.problem import FieldError
from modelhubd.wire.registry import Decide, Issue, Severity, VersionStatus

EVENTS = {"approve": Event.APPROVE, "reject": Event.REJECT}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a decision makes of the version. `four_eyes`: two persons agreed."""

    status: VersionStatus
    four_eyes: bool


def ruling(
    version: VersionRow, asked: Decide, *, decider: str, issues: Collection[Issue], four_eyes: bool
) -> Ruling:
    """The outcome of `decider`'s decision; persons are principals, whatever tokens they use.

    Raises:
        NotAllowed: (`own_version`) the decider published it, and `four_eyes` is the rule.
        Conflict: (`wrong_state`, `content_differs`) it is not pending, or holds another content than the one
            that was looked at.
        InvalidInput: a rejection without a reason, a reason that cannot be shown, or (`blocked`) the approval
            of a version with errors.
    """
    own = decider == version.published_by
    if own and four_eyes:
        raise NotAllowed(
            "Nobody decides on what he published himself. Ask another reviewer, or cancel the version.",
            code="own_version",
        )
    following = advance(version.status, EVENTS[asked.decision])
    if asked.content_sha256 != version.content_sha256:
        raise Conflict(
            f"{version.subject} has the content {version.content_sha256}, which is not the one this decision "
            "names. Look at it again.",
            code="content_differs",
        )
    check_reason(asked.reason)
    if asked.decision == "reject" and asked.reason is None:
        raise InvalidInput.at("/reason", "a rejection says why, so that the publisher can mend it")
    if asked.decision == "approve" and (errors := blocking(issues)):
        raise InvalidInput(
            f"{version.subject} has {len(errors)} issues that block its approval. Reject it; a mended "
            "version can be published.",
            code="blocked",
            errors=tuple(FieldError(pointer=issue.pointer, detail=issue.message) for issue in errors),
        )
    return Ruling(following, four_eyes=not own)


def blocking(issues: Collection[Issue]) -> tuple[Issue, ...]:
    """The issues that keep a version from approval."""
    return tuple(issue for issue in issues if issue.severity is Severity.ERROR)


def check_reason(reason: str | None) -> None:
    """Let a reason pass that can be shown wherever it is read.

    Raises:
        InvalidInput: at `/reason`.
    """
    if reason is None:
        return
    if not reason.strip():
        raise InvalidInput.at("/reason", "a reason has words")
    if (fault := fault_in_text(reason, multiline=True)) is not None:
        raise InvalidInput.at("/reason", fault)
