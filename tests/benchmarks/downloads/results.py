"""What was measured, and what it is held against."""

import statistics
from dataclasses import dataclass, field

from tests.benchmarks.downloads.peers import OURS
from tests.benchmarks.downloads.programs import Cost


@dataclass(frozen=True)
class Target:
    """Ours takes no more than `most` times what `peer` takes."""

    peer: str
    most: float
    of_cpu: bool = False


@dataclass
class Race:
    """Contestants side by side in rounds."""

    title: str
    size: int
    costs: dict[str, list[Cost]]
    targets: tuple[Target, ...] = ()
    notes: list[str] = field(default_factory=list)

    def seconds(self, name: str) -> float:
        return statistics.median(cost.wall_s for cost in self.costs[name])

    def cpu(self, name: str) -> float:
        return statistics.median(cost.cpu_s for cost in self.costs[name])

    def spread(self, name: str) -> tuple[float, float]:
        walls = [cost.wall_s for cost in self.costs[name]]
        return min(walls), max(walls)

    def ratio(self, target: Target) -> float | None:
        """None where one of the two was not measured."""
        if not self.costs.get(OURS) or not self.costs.get(target.peer):
            return None
        of = self.cpu if target.of_cpu else self.seconds
        return of(OURS) / of(target.peer)


@dataclass
class Latency:
    """How the API answered during one download."""

    title: str
    p50_ms: float
    p99_ms: float
    worst_ms: float
    asked: int
    bytes_per_s: float
    most_p99_ms: float
    daemon_bytes: int
    daemon_resident: int
    worker_bytes: int
    worker_resident: int


@dataclass
class Results:
    machine: str
    place: str
    """Where the files were."""
    races: list[Race] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What could not be measured, and why."""
