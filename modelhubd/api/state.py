"""The whole state, and the stream of what changes in it."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.errors import InvalidInput
from modelhubd.events import Batch, Event, Subscription
from modelhubd.web.routing import Ask
from modelhubd.web.streams import cut_off_when_stuck, send
from modelhubd.wire.base import Request
from modelhubd.wire.events import TOPICS, Frame, Hello

HEARTBEAT_S = 15.0
GAUGE_INTERVAL_S = 0.1
NDJSON = "application/x-ndjson"
AT_ONCE = 64 * 1024
SLICE = 200
"""Items encoded in a row, in less than a millisecond."""
_GAP = b'"..."'
_encode = msgspec.json.Encoder().encode


class StateQuery(Request, frozen=True, kw_only=True):
    topics: str | None = None
    """Comma-separated; all when absent."""


class EventsQuery(Request, frozen=True, kw_only=True):
    topics: str | None = None
    after: str | None = None
    """Cursor to go on from; the header `Last-Event-ID` wins over it."""


def topics_of(text: str | None) -> tuple[str, ...]:
    """The asked topics, all where none is named.

    Raises:
        InvalidInput: a topic that does not exist.
    """
    if not text:
        return TOPICS
    asked = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if unknown := [topic for topic in asked if topic not in TOPICS]:
        raise InvalidInput.at("?topics", f"{unknown[0]!r} is none of {', '.join(TOPICS)}")
    return asked


async def state_of(parts: Parts, topics: Iterable[str]) -> list[bytes]:
    """Each topic's present value: a JSON object in pieces, for there may be thousands of downloads and
    artifacts."""
    pieces: list[bytes] = []
    for topic in topics:
        pieces += [b"," if pieces else b"{", _encode(topic), b":"]
        if topic == "downloads":
            pieces.append(b"[")
            for place, some in enumerate(await parts.downloads.recent()):
                pieces += [b",", some] if place else [some]
            pieces.append(b"]")
        else:
            pieces += await _encoded(await _value(parts, topic))
    return [*pieces, b"}"]


async def _encoded(value: Any) -> list[bytes]:
    """As JSON; a list in slices, between which others have their turn."""
    if not isinstance(value, list | tuple):
        return [_encode(value)]
    pieces = [b"["]
    for start in range(0, len(value), SLICE):
        if start:
            await asyncio.sleep(0)
            pieces.append(b",")
        pieces.append(b",".join(map(_encode, value[start : start + SLICE])))
    return [*pieces, b"]"]


async def _value(parts: Parts, topic: str) -> Any:
    match topic:
        case "library":
            return await parts.library.all()
        case "jobs":
            return parts.jobs.list()
        case "servers":
            return (await parts.servers.list()).items
        case "updates":
            return await parts.updates.all()
        case "catalog":
            return await parts.catalog.info()
        case "trials":
            return await parts.trials.every()
        case "evaluations":
            return await parts.evaluations.recent()
        case "device":
            return await parts.device.now()
        case "records":
            return await parts.records.summary()
        case _:
            return parts.policies.show()


async def state(ask: Ask[Parts, None, StateQuery]) -> web.StreamResponse:
    topics = topics_of(ask.query.topics)
    head = b'{"cursor":' + _encode(ask.parts.bus.cursor) + b',"state":'
    pieces = [head, *await state_of(ask.parts, topics), b"}"]
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.content_length = sum(map(len, pieces))
    with cut_off_when_stuck(ask.request):
        await response.prepare(ask.request)
        await _send_all(response, pieces)
        await response.write_eof()
    return response


async def _send_all(response: web.StreamResponse, pieces: Iterable[bytes]) -> None:
    """Small pieces together, and never so much at once that copying it would be felt."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= AT_ONCE:
            await send(response, b"".join(gathered))
            await asyncio.sleep(0)
            gathered, size = [], 0
    if gathered:
        await send(response, b"".join(gathered))


async def events(ask: Ask[Parts, None, EventsQuery]) -> web.StreamResponse:
    topics = topics_of(ask.query.topics)
    after = ask.request.headers.get("Last-Event-ID") or ask.query.after
    stream = Stream(ask.parts, topics, ndjson=NDJSON in ask.request.headers.get("Accept", ""))
    return await stream.serve(ask.request, after)


class Stream:
    """One reader's connection: hello, then a snapshot or what was missed, ready, then live."""

    def __init__(self, parts: Parts, topics: tuple[str, ...], *, ndjson: bool) -> None:
        self._parts = parts
        self._topics = topics
        self._ndjson = ndjson

    async def serve(self, request: web.Request, after: str | None) -> web.StreamResponse:
        bus = self._parts.bus
        subscription = bus.subscribe(self._topics)
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        response.content_type = NDJSON if self._ndjson else "text/event-stream"
        try:
            cursor = bus.cursor
            reason, missed = bus.since(after)
            with cut_off_when_stuck(request):
                await response.prepare(request)
                wanted = tuple(event for event in missed if subscription.wants(event.type))
                await _send_all(response, await self._start(cursor, reason, wanted))
                await self._live(response, subscription)
        finally:
            bus.unsubscribe(subscription)
        return response

    async def _start(self, cursor: str, reason: str | None, missed: tuple[Event, ...]) -> list[bytes]:
        hello = Hello(
            epoch=self._parts.bus.epoch, resumed=reason is None, reason=reason, heartbeat_s=HEARTBEAT_S
        )
        pieces = [] if self._ndjson else [b"retry: 1000\n\n"]
        pieces.append(self._frame("hello", hello))
        if reason is not None:
            pieces += await self._snapshot(reason, cursor)
        else:
            pieces += map(self._event, missed)
        return [*pieces, self._frame("ready", {}, cursor)]

    async def _live(self, response: web.StreamResponse, subscription: Subscription) -> None:
        loop = asyncio.get_running_loop()
        gauges_from = loop.time()
        while True:
            early = gauges_from - loop.time()
            if early > 0:
                batch = await subscription.take(within_s=early, gauges=False)
            else:
                batch = await subscription.take(within_s=HEARTBEAT_S)
            if batch.gauges:
                gauges_from = loop.time() + GAUGE_INTERVAL_S
            if pieces := await self._pieces(batch, idle=early <= 0):
                await _send_all(response, pieces)
            if batch.closed:
                return

    async def _pieces(self, batch: Batch, *, idle: bool) -> list[bytes]:
        pieces: list[bytes] = []
        if batch.lagged:
            pieces += await self._snapshot("lagged", self._parts.bus.cursor)
        pieces += (self._event(event) for event in batch.events)
        pieces += (self._line(kind, value, None) for kind, value in batch.gauges)
        if batch.closed:
            pieces.append(self._frame("shutdown", {}))
        elif not pieces and idle:
            pieces.append(self._frame("bookmark", {}, self._parts.bus.cursor))
        return pieces

    async def _snapshot(self, reason: str, cursor: str) -> list[bytes]:
        head, tail = self._line("snapshot", _GAP, cursor).split(_GAP)
        state = await state_of(self._parts, self._topics)
        return [head, b'{"reason":' + _encode(reason) + b',"state":', *state, b"}", tail]

    def _event(self, event: Event) -> bytes:
        return self._line(event.type, event.data, f"{self._parts.bus.epoch}-{event.seq}")

    def _frame(self, kind: str, value: Any, cursor: str | None = None) -> bytes:
        return self._line(kind, msgspec.json.encode(value), cursor)

    def _line(self, kind: str, data: bytes, cursor: str | None) -> bytes:
        if self._ndjson:
            return msgspec.json.encode(Frame(id=cursor, type=kind, data=msgspec.Raw(data))) + b"\n"
        head = f"id: {cursor}\n" if cursor else ""
        return f"{head}event: {kind}\ndata: ".encode() + data + b"\n\n"
