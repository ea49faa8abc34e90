"""Everything at once. Apart from the other calls: it brings the values of all of them along."""

from collections.abc import Iterable

from modelhub_client.call import Call, api
from modelhub_client.state import StateAnswer


def state(topics: Iterable[str] = ()) -> Call[StateAnswer]:
    """Everything under `topics` (all of them when none is named), and the cursor to follow it from."""
    return Call(method="GET", target=api("/state", {"topics": ",".join(topics) or None}), answer=StateAnswer)
