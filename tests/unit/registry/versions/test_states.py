"""The whole table: every status with every event."""

from itertools import product

import pytest

from modelhubd.errors import Conflict
from modelhubd.registry.triggers import MOVES
from modelhubd.registry.versions.states import PUBLIC, TABLE, Event, advance, allows
from modelhubd.wire.registry import VersionStatus as Status

EXPECTED: dict[Status, dict[Event, Status]] = {
    Status.PENDING: {
        Event.APPROVE: Status.APPROVED,
        Event.REJECT: Status.REJECTED,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.APPROVED: {Event.WITHDRAW: Status.WITHDRAWN},
    Status.REJECTED: {},
    Status.CANCELLED: {},
    Status.WITHDRAWN: {},
}


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_each_event_in_each_status_does_what_the_table_says(status: Status, event: Event) -> None:
    expected = EXPECTED[status].get(event)
    assert allows(status, event) == (expected is not None)
    if expected is not None:
        assert advance(status, event) is expected
        return
    with pytest.raises(Conflict) as refusal:
        advance(status, event)
    assert refusal.value.code == "wrong_state"
    assert status in refusal.value.detail


def test_nothing_returns_to_pending_and_every_other_status_is_reached() -> None:
    assert set(TABLE.values()) == set(Status) - {Status.PENDING}


def test_the_database_allows_the_same_moves() -> None:
    assert {(before, after) for (before, _), after in TABLE.items()} == {
        (Status(before), Status(after)) for before, after in MOVES
    }


def test_what_everybody_sees_was_approved_once() -> None:
    assert {Status.APPROVED, Status.WITHDRAWN} == PUBLIC
