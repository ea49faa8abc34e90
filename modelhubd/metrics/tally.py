"""Counts what the bus tells: loads and how long they took, failures, ended downloads, bytes that came."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from modelhubd.metrics.exposition import Family, Sample, family
from modelhubd.metrics.histogram import Histogram
from modelhubd.wire.downloads import Download
from modelhubd.wire.servers import Server, ServerState

LOAD_BOUNDS_S = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Tally:
    """`clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._states: dict[str, ServerState] = {}
        self._loading_since: dict[str, float] = {}
        self._load_s = Histogram(LOAD_BOUNDS_S)
        self._failures: Counter[str] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._done: dict[str, int] = {}
        self._bytes = 0

    def saw(self, event_type: str, resource: str, value: Any) -> None:
        """An event as it is published."""
        if isinstance(value, Server):
            self._saw_server(value)
        elif isinstance(value, Download):
            self.saw_download(value)
        elif event_type == "server.removed":
            self._states.pop(resource, None)
            self._loading_since.pop(resource, None)
        elif event_type == "download.removed":
            self._done.pop(resource, None)

    def saw_download(self, download: Download) -> None:
        """How far a download is; may be told as often as one likes."""
        done = download.progress.done_bytes
        self._bytes += max(0, done - self._done.get(download.id, done))
        if download.state.ended:
            if download.id in self._done:
                code = download.error.code if download.error is not None else ""
                self._ended[download.state.value, code] += 1
            self._done.pop(download.id, None)
        else:
            self._done[download.id] = done

    def families(self) -> tuple[Family, ...]:
        return (
            family(
                "modelhub_server_load_seconds", "histogram",
                "From the start of a llama-server until it answered.", *self._load_s.samples(),
            ),
            family(
                "modelhub_server_failures_total", "counter", "Failed loads and crashes by code.",
                *(Sample(count, (("code", code),)) for code, count in sorted(self._failures.items())),
            ),
            family(
                "modelhub_downloads_ended_total", "counter", "Downloads that ended, by state and error code.",
                *(
                    Sample(count, (("state", state), ("code", code)))
                    for (state, code), count in sorted(self._ended.items())
                ),
            ),
            family("modelhub_download_bytes_total", "counter", "Bytes downloaded.", Sample(self._bytes)),
        )  # fmt: skip

    def _saw_server(self, server: Server) -> None:
        before = self._states.get(server.id)
        if server.state is before:
            return
        self._states[server.id] = server.state
        if server.state is ServerState.STARTING or before is None:
            self._loading_since[server.id] = self._clock()
        if server.state is ServerState.READY:
            self._load_s.observe(self._clock() - self._loading_since.pop(server.id, self._clock()))
        crashed = before is ServerState.READY and server.state is ServerState.STARTING
        if server.error is not None and (crashed or server.state is ServerState.FAILED):
            self._failures[server.error.code] += 1
