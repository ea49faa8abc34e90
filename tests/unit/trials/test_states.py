"""The life of a trial: every pair of state and event."""

import pytest

from modelhubd.errors import Conflict
from modelhubd.trials.states import Event, advance, allows
from modelhubd.wire.trials import TrialState

KEPT = {
    ("running", "pause"): "paused", ("running", "pause by itself"): "paused",
    ("running", "promote"): "promoted", ("paused", "pause"): "paused", ("paused", "resume"): "running",
    ("paused", "promote"): "promoted",
}  # fmt: skip


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("state", list(TrialState))
def test_each_event_leads_where_the_table_says_or_is_refused(state: TrialState, event: Event) -> None:
    if (state.value, event.value) in KEPT:
        assert allows(state, event)
        assert advance(state, event) == KEPT[state.value, event.value]
    else:
        assert not allows(state, event)
        with pytest.raises(Conflict, match=str(state)):
            advance(state, event)
