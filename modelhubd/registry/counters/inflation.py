"""How often one principal's reports of downloads count."""

from collections import OrderedDict

MOST = 4
"""Downloads of one model by one principal that count within `WINDOW_S`."""
WINDOW_S = 3600.0
REMEMBERED = 100_000
"""Pairs of principal and model; beyond it the one that reported longest ago is forgotten."""


class Inflation:
    """Counts in this process's memory; `at` is any clock in seconds that does not go back."""

    def __init__(self, *, most: int = MOST, window_s: float = WINDOW_S, remembered: int = REMEMBERED) -> None:
        self._most = most
        self._window_s = window_s
        self._remembered = remembered
        self._counted: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()

    def counts(self, principal: str, model: str, at: float) -> bool:
        """Whether this report counts; it is remembered if it does."""
        key = (principal, model)
        recent = tuple(then for then in self._counted.pop(key, ()) if at - then < self._window_s)
        allowed = len(recent) < self._most
        self._counted[key] = (*recent, at) if allowed else recent
        if len(self._counted) > self._remembered:
            self._counted.popitem(last=False)
        return allowed
