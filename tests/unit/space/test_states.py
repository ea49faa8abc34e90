"""The life of a move: every pair of state and event."""

import pytest

from modelhubd.errors import Conflict
from modelhubd.space.states import Event, State, advance

KEPT = {
    ("copying", "switched"): "clearing",
    ("copying", "given up"): "undoing",
    ("clearing", "cleared"): None,
    ("undoing", "undone"): None,
}


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("state", list(State))
def test_each_event_leads_where_the_table_says_or_is_refused(state: State, event: Event) -> None:
    if (state.value, event.value) in KEPT:
        assert advance(state, event) == KEPT[state.value, event.value]
    else:
        with pytest.raises(Conflict, match=str(state)):
            advance(state, event)
