"""The event stream without its transport: what to ask for, what a line means, how long to wait."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from modelhub_client.call import Call, api
from modelhub_client.errors import UnexpectedAnswer
from modelhub_client.state import State
from modelhubd.wire.base import Message
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import Download, DownloadLimits
from modelhubd.wire.evaluations import Evaluation, EvaluationProgress
from modelhubd.wire.events import DownloadProgress, Frame, Hello, Removed
from modelhubd.wire.jobs import Job, LibraryProgress
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import Policy
from modelhubd.wire.records import Audit, RecordsSummary
from modelhubd.wire.servers import Server, ServerLoad
from modelhubd.wire.trials import Trial
from modelhubd.wire.updates import Update

STALL_S = 45.0
"""Without a byte for so long (three heartbeats) a stream counts as broken."""
FIRST_DELAY_S, MAX_DELAY_S = 0.25, 5.0

SNAPSHOT = "snapshot"
DISCONNECTED = "disconnected"
"""Made by the client: the stream broke and is being opened again. `data` is None."""

_HOUSEKEEPING = frozenset({"hello", "ready", "bookmark", "shutdown"})


class Snapshot(Message, frozen=True, kw_only=True):
    """The whole state: take it for everything known so far. `reason` is `fresh`, `restarted`, `expired`,
    `unknown` or `lagged`."""

    reason: str
    state: State


_TYPES: dict[str, Any] = {
    SNAPSHOT: Snapshot,
    "download.created": Download, "download.changed": Download, "download.removed": Removed,
    "download.progress": DownloadProgress, "download.limits": DownloadLimits,
    "library.added": Artifact, "library.changed": Artifact, "library.removed": Removed,
    "update.available": Update, "update.removed": Removed,
    "library.job": Job, "library.progress": LibraryProgress,
    "server.changed": Server, "server.removed": Removed, "server.load": ServerLoad,
    "policy.changed": Policy, "record.audit": Audit, "record.stats": RecordsSummary,
    "trial.changed": Trial, "trial.removed": Removed,
    "catalog.synced": CatalogInfo, "catalog.stale": CatalogInfo, "device.changed": Device,
    "evaluation.changed": Evaluation, "evaluation.removed": Removed,
    "evaluation.progress": EvaluationProgress,
}  # fmt: skip


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`data` is the wire struct that belongs to `type`, or plain JSON for types this client does not know."""

    type: str
    data: Any = None
    cursor: str | None = None
    """Where a later `events(after=…)` goes on; None for gauges."""


class Following:
    """One reader's place in the stream, across connections.

    A gap cannot arise: after a break the stream is asked for from the last cursor, and a daemon that cannot
    go on from there answers with a snapshot. `may_retry` is true once a stream has opened, or with `wait`.
    """

    def __init__(
        self,
        topics: Iterable[str] = (),
        after: str | None = None,
        *,
        wait: bool = False,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._topics = ",".join(topics)
        self._jitter = jitter
        self._failures = 0
        self.cursor = after
        self.may_retry = wait

    def call(self) -> Call[None]:
        """The request that goes on from here."""
        return Call(
            method="GET",
            target=api("/events", {"topics": self._topics or None, "after": self.cursor}),
            answer=type(None),
            accept="application/x-ndjson",
            timeout_s=STALL_S,
        )

    def read(self, line: bytes) -> Event | None:
        """What a line tells; None for the stream's own housekeeping and for what is no frame."""
        if not line.strip():
            return None
        try:
            frame = msgspec.json.decode(line, type=Frame)
        except msgspec.MsgspecError:
            return None
        if frame.id is not None:
            self.cursor = frame.id
        if frame.type == "hello":
            self._greet(frame.data)
        if frame.type in _HOUSEKEEPING:
            return None
        return Event(type=frame.type, data=_typed(frame), cursor=frame.id)

    def broken(self) -> float:
        """Seconds to wait before the next attempt: longer each time, until a stream opens again."""
        self._failures += 1
        limit = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(self._failures - 1, 16))
        return limit * (0.5 + self._jitter() / 2)

    def _greet(self, data: Any) -> None:
        self._failures = 0
        self.may_retry = True
        try:
            hello = msgspec.convert(data, Hello)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswer(f"The event stream begins with what cannot be read: {error}.") from error
        if not hello.resumed:
            self.cursor = None


def _typed(frame: Frame) -> Any:
    kind = _TYPES.get(frame.type)
    if kind is None:
        return frame.data
    try:
        return msgspec.convert(frame.data, kind)
    except msgspec.ValidationError:
        return frame.data
