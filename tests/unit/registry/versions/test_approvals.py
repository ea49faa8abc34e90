"""Who decides what: the product of decision, status, person, rule, content and issues."""

from itertools import product

import pytest

from modelhubd.errors import Conflict, InvalidInput, NotAllowed, Refused
from modelhubd.registry.versions.approvals import Ruling, blocking, check_reason, ruling
from modelhubd.wire.registry import Decide, Severity, VersionStatus
from tests.unit.registry.samples import OTHER, SHA, issue, row

SAID = Decide(decision="reject", content_sha256=SHA, reason="not ours to give")


@pytest.mark.parametrize(
    ("decision", "status", "decider", "four_eyes", "content", "blocked"),
    list(
        product(
            ("approve", "reject"), VersionStatus, ("author", "reviewer"), (True, False), (SHA, OTHER),
            (True, False),
        )
    ),
)  # fmt: skip
def test_a_decision_counts_only_where_everything_holds(
    decision: str, status: VersionStatus, decider: str, four_eyes: bool, content: str, blocked: bool
) -> None:
    asked = Decide(decision=decision, content_sha256=content, reason="because")  # type: ignore[arg-type]
    expected: str | None = None
    if decider == "author" and four_eyes:
        expected = "own_version"
    elif status is not VersionStatus.PENDING:
        expected = "wrong_state"
    elif content != SHA:
        expected = "content_differs"
    elif blocked and decision == "approve":
        expected = "blocked"
    issues = [issue(Severity.ERROR if blocked else Severity.WARNING)]

    def decide() -> Ruling:
        return ruling(row(status=status), asked, decider=decider, issues=issues, four_eyes=four_eyes)

    if expected is None:
        after = VersionStatus.APPROVED if decision == "approve" else VersionStatus.REJECTED
        assert decide() == Ruling(after, four_eyes=decider != "author")
        return
    with pytest.raises(Refused) as refusal:
        decide()
    assert refusal.value.code == expected
    kinds = {"own_version": NotAllowed, "blocked": InvalidInput}
    assert type(refusal.value) is kinds.get(expected, Conflict)


def test_a_blocked_approval_points_at_every_error_and_at_nothing_else() -> None:
    issues = [issue(pointer="/a"), issue(Severity.WARNING, pointer="/b"), issue(pointer="/c")]
    with pytest.raises(InvalidInput) as refusal:
        ruling(
            row(), Decide(decision="approve", content_sha256=SHA), decider="reviewer", issues=issues,
            four_eyes=True,
        )  # fmt: skip
    assert [error.pointer for error in refusal.value.errors] == ["/a", "/c"]
    assert blocking(issues) == (issues[0], issues[2])


def test_an_approval_needs_no_reason_and_a_rejection_does() -> None:
    approved = ruling(
        row(), Decide(decision="approve", content_sha256=SHA), decider="reviewer", issues=(), four_eyes=True
    )
    assert approved.status is VersionStatus.APPROVED
    with pytest.raises(InvalidInput) as refusal:
        ruling(
            row(),
            Decide(decision="reject", content_sha256=SHA),
            decider="reviewer",
            issues=(),
            four_eyes=True,
        )
    assert refusal.value.errors[0].pointer == "/reason"


@pytest.mark.parametrize("reason", [" ", "\n", "a\x1b[31m", "a\u202eb", "a\x00b"])
def test_a_reason_is_text_that_can_be_shown(reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_reason(reason)
    assert refusal.value.errors[0].pointer == "/reason"


def test_a_reason_may_have_lines_or_be_left_out() -> None:
    check_reason("first\nsecond\tthird")
    check_reason(None)
