"""The life of an update: every pair of state and event, and what must never be."""

import pytest

from modelhubd.errors import Conflict
from modelhubd.updates.states import TABLE, UNDER_WAY, Event, State, advance, allows

KEPT = {
    ("wanted", "enqueued"): "fetching",
    ("wanted", "given up"): None,
    ("wanted", "installed"): "done",
    ("wanted", "installed while the old one is loaded"): "installed",
    ("wanted", "installed to be tried"): "trying",
    ("fetching", "installed to be tried"): "trying",
    ("trying", "given up"): None,
    ("trying", "installed"): "done",
    ("trying", "installed while the old one is loaded"): "installed",
    ("fetching", "given up"): None,
    ("fetching", "installed"): "done",
    ("fetching", "installed while the old one is loaded"): "installed",
    ("installed", "switch now"): "switching",
    ("installed", "switched"): "done",
    ("installed", "the old one was unloaded"): "done",
    ("installed", "roll back"): "rolled back",
    ("switching", "switched"): "done",
    ("switching", "switch failed"): "installed",
    ("switching", "the old one was unloaded"): "done",
    ("switching", "roll back"): "rolled back",
    ("done", "roll back"): "rolled back",
    ("rolled back", "installed"): "done",
    ("rolled back", "installed while the old one is loaded"): "installed",
    ("rolled back", "installed to be tried"): "trying",
}


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("state", list(State))
def test_each_event_leads_where_the_table_says_or_is_refused(state: State, event: Event) -> None:
    if (state.value, event.value) in KEPT:
        assert allows(state, event)
        assert advance(state, event) == KEPT[state.value, event.value]
    else:
        assert not allows(state, event)
        with pytest.raises(Conflict, match=str(state)):
            advance(state, event)


def test_only_what_has_not_taken_the_others_place_can_leave_the_books() -> None:
    assert {state for (state, _), after in TABLE.items() if after is None} == {*UNDER_WAY, State.TRYING}
