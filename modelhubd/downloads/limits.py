"""The limits of all downloads together: which are in force, who decides them, and how they are changed."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.config import Config
from modelhubd.downloads import queue_store
from modelhubd.downloads.schedule import Local, Window, held_until, next_change, read_window
from modelhubd.errors import Conflict, InvalidInput
from modelhubd.events import Bus
from modelhubd.settings import DownloadsConfig
from modelhubd.storage.database import Database
from modelhubd.wire.base import rfc3339
from modelhubd.wire.downloads import ChangeLimits, DownloadLimits
from modelhubd.wire.problem import FieldError
from modelhubd.wire.status import ConfigValue

log = logging.getLogger(__name__)
KEYS = ("max_active", "max_bytes_per_s", "connections", "schedule")


class QueueLimits(Struct, frozen=True, kw_only=True):
    max_active: int = 2
    max_bytes_per_s: int | None = None
    connections: int = 16
    window: Window | None = None


class Configured(Struct, frozen=True, kw_only=True):
    """What the configuration says of the limits, and where it says so."""

    values: DownloadsConfig = DownloadsConfig()
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)
    locked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config) -> "Configured":
        return cls(values=config.settings.downloads, origins=config.origins, locked=config.locked)

    def source(self, key: str) -> str:
        return self.origins.get(_full(key), "default")

    def decided_by(self, key: str) -> str | None:
        """Who keeps the API from changing it, in words; None where it may."""
        if _full(key) in self.locked:
            return "the administrator of this machine has locked it; ask them"
        if self.source(key) == "argument":
            return f"the daemon's command line sets it (--set {_full(key)}=…); start the daemon without it"
        if self.source(key) == "environment":
            name = f"MODELHUB_DOWNLOADS_{key.upper()}"
            return f"the daemon's environment sets it ({name}); unset it and restart the daemon"
        return None


def in_force(configured: Configured, saved: Mapping[str, Any]) -> tuple[QueueLimits, dict[str, str]]:
    """The limits, and where each comes from. `saved` is as `ChangeLimits` takes it."""
    values: dict[str, Any] = {key: getattr(configured.values, key) for key in KEYS}
    sources = {key: configured.source(key) for key in KEYS}
    for key, value in saved.items():
        if configured.decided_by(key) is None:
            values[key] = value
            sources[key] = "saved"
    limits = QueueLimits(
        max_active=values["max_active"],
        max_bytes_per_s=values["max_bytes_per_s"] or None,
        connections=values["connections"],
        window=read_window(values["schedule"] or ""),
    )
    return limits, sources


class Limiter:
    """Holds the limits in force. `on_change` is awaited when they have changed."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        configured: Configured,
        *,
        clock: Callable[[], datetime],
        local: Local,
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._bus = bus
        self._configured = configured
        self._clock = clock
        self._local = local
        self._on_change = on_change
        self._saved: dict[str, Any] = {}
        self.in_force, self._sources = in_force(configured, {})

    async def load(self) -> None:
        """Take up what was saved before."""
        saved = await queue_store.saved_settings(self._database.reader, [_full(key) for key in KEYS])
        for key in KEYS:
            if _full(key) in saved:
                self._take_up(key, saved[_full(key)])
        self.in_force, self._sources = in_force(self._configured, self._saved)

    def _take_up(self, key: str, value: object) -> None:
        try:
            change = msgspec.convert({key: value}, ChangeLimits)
            _check(change)
        except (msgspec.ValidationError, InvalidInput):
            log.warning("the saved limit %s = %r cannot be and is ignored", key, value)
        else:
            self._saved[key] = getattr(change, key)

    def held_until(self, now: datetime) -> datetime | None:
        """When the schedule lets downloads run again; None while it does."""
        return held_until(self.in_force.window, now, self._local)

    def next_change(self, now: datetime) -> datetime | None:
        """When the schedule opens or closes next; None without one."""
        window = self.in_force.window
        return None if window is None else next_change(window, now, self._local)

    def show(self) -> DownloadLimits:
        until = self.held_until(self._clock())
        limits = self.in_force
        return DownloadLimits(
            max_active=limits.max_active,
            max_bytes_per_s=limits.max_bytes_per_s,
            connections=limits.connections,
            schedule=None if limits.window is None else str(limits.window),
            held_until=None if until is None else rfc3339(until),
            sources=self._sources,
            fixed=tuple(key for key in KEYS if self._configured.decided_by(key) is not None),
        )

    async def change(self, request: ChangeLimits) -> DownloadLimits:
        """At once in force, and kept over restarts.

        Raises:
            InvalidInput: the schedule is none.
            Conflict: the command line, the environment or the administrator decides one of them; nothing is
                changed.
        """
        _check(request)
        asked = {key: value for key in KEYS if (value := getattr(request, key)) is not msgspec.UNSET}
        refusals = {key: by for key in asked if (by := self._configured.decided_by(key)) is not None}
        if refusals:
            key, by = next(iter(refusals.items()))
            raise Conflict(
                f"{key} cannot be changed here: {by}.",
                code="decided_elsewhere",
                errors=tuple(FieldError(pointer=f"/{key}", detail=by) for key, by in refusals.items()),
            )
        async with self._database.transaction() as tx:
            await queue_store.save_settings(tx, {_full(key): value for key, value in asked.items()})
            tx.after_commit(lambda: self._put_in_force(asked))
        await self._on_change()
        return self.show()

    def _put_in_force(self, asked: Mapping[str, Any]) -> None:
        self._saved.update(asked)
        self.in_force, self._sources = in_force(self._configured, self._saved)
        self.tell()

    def tell(self) -> None:
        """Have readers know what is in force now."""
        self._bus.publish("download.limits", "limits", self.show())

    def described(self) -> dict[str, ConfigValue]:
        """`downloads.<key>` → value and source, for `GET /config`."""
        shown = self.show()
        values: dict[str, int | str] = {
            "max_active": shown.max_active,
            "max_bytes_per_s": shown.max_bytes_per_s or 0,
            "connections": shown.connections,
            "schedule": shown.schedule or "",
        }
        return {
            _full(key): ConfigValue(
                value=value, source=self._sources[key], locked=_full(key) in self._configured.locked
            )
            for key, value in values.items()
        }


def local_time(moment: datetime) -> datetime:
    """As the wall clock of this machine shows it, wherever the machine has been carried meanwhile."""
    time.tzset()
    return moment.astimezone()


def _full(key: str) -> str:
    return f"downloads.{key}"


def _check(request: ChangeLimits) -> None:
    if isinstance(request.schedule, str):
        try:
            read_window(request.schedule)
        except ValueError as error:
            raise InvalidInput.at("/schedule", str(error)) from error
