"""What this process has answered: requests by route and status, and how long they took."""

from collections import Counter
from collections.abc import Iterator

from modelhubd.metrics.exposition import Family, Sample, family
from modelhubd.metrics.histogram import Histogram

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
NO_ROUTE = "none"
"""Stands for every path that nothing answers: a stranger's path is no label."""


class Traffic:
    def __init__(self) -> None:
        self._answered: Counter[tuple[str, str, int]] = Counter()
        self._took: dict[str, Histogram] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a path of the table."""
        self._answered[method, route, status] += 1
        self._took.setdefault(route, Histogram(BOUNDS_S)).observe(seconds)

    def families(self) -> Iterator[Family]:
        yield family(
            "modelhub_registry_requests_total", "counter", "Answered requests.",
            *(
                Sample(count, (("method", method), ("route", route), ("status", str(status))))
                for (method, route, status), count in sorted(self._answered.items())
            ),
        )  # fmt: skip
        yield family(
            "modelhub_registry_request_seconds", "histogram", "From a request's head to its answer.",
            *(
                sample
                for route, took in sorted(self._took.items())
                for sample in took.samples((("route", route),))
            ),
        )  # fmt: skip
