"""One request on its way through the gateway, and what those who listen are told of it in the end."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from modelhubd.errors import Refused
from modelhubd.exchange import MOST_CONTENT, Asked, Exchange, Figures, Listener, new_id
from modelhubd.gateway.confidence import STEP_BYTES, Confidence
from modelhubd.gateway.usage import Ends, Told, Usage, writing_speed
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import Server

log = logging.getLogger(__name__)

MOST_HELD = 64 * 1024 * 1024
"""Bytes of content of all requests under way together."""

LEAST_HEARD_MS = 10.0
"""Pieces of an answer that come closer together were sent in one go: when they came tells no speed."""


class Contents:
    """Knows how much content is held for listeners."""

    def __init__(self) -> None:
        self.held = 0

    def take(self, size: int) -> bool:
        """Whether there is room for so much more; then it counts as held."""
        if self.held + size > MOST_HELD:
            return False
        self.held += size
        return True


class Passage:
    """A context around one request: leaving it tells the listeners, whatever has happened."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        contents: Contents,
        route: str,
        clock: Callable[[], datetime],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listeners = listeners
        self._contents = contents
        self._timer = timer
        self._began = timer()
        self._first: float | None = None
        self._started_at = clock()
        self.id = new_id(self._started_at)
        self.route = route
        self.app: App | None = None
        self.node: str | None = None
        self.model = ""
        """Of the request, where no server is reached."""
        self._server: Server | None = None
        self._asked: Asked | None = None
        self._status: int | None = None
        self._broken: tuple[Outcome, str] | None = None
        self._ends = Ends()
        self._confidence: Confidence | None = None
        self._wanting: list[Listener] = []
        self._request: bytes | None = None
        self._answer: list[bytes] = []
        self._kept = self._held = 0
        self._too_long = False

    def __enter__(self) -> Self:
        return self

    def reached(self, asked: Asked, server: Server, size: int, body: Callable[[], bytes]) -> None:
        """This server is to answer; `body` gives the request's `size` bytes."""
        self._asked, self._server, self.model = asked, server, server.model
        if asked.wants_logprobs:
            self._confidence = Confidence()
        for listener in self._listeners:
            try:
                if listener.wants(self.route, asked, server, self.app, self.node):
                    self._wanting.append(listener)
            except Exception as error:
                _failed(error)
        if self._wanting and self._may_keep(size):
            self._request = body()

    def begins(self, status: int) -> None:
        """An answer with this status begins."""
        self._status = status

    async def add(self, piece: bytes) -> None:
        """The next piece of the answer, on its way to the client."""
        if self._first is None:
            self._first = self._timer()
        self._ends.add(piece)
        if self._request is not None and self._may_keep(len(piece)):
            self._answer.append(piece)
        if self._confidence is not None:
            for start in range(0, len(piece), STEP_BYTES):
                if start:
                    await asyncio.sleep(0)
                self._confidence.add(piece[start : start + STEP_BYTES])

    def expect_confidence(self) -> None:
        """The answer will hold log-probabilities, whether the client asked for them or not."""
        self._confidence = self._confidence or Confidence()

    def usage(self) -> Usage:
        """Tokens that the answer says it took."""
        return self._ends.usage()

    def broke(self, error: Exception, *, client_gone: bool) -> None:
        """The answer had begun and did not come to its end."""
        if client_gone:
            self._broken = Outcome.CANCELLED, "client_gone"
        else:
            self._broken = Outcome.FAIL, error.code if isinstance(error, Refused) else "cut_off"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._contents.held -= self._held
        if not self._listeners:
            return
        try:
            bare = self._exchange(error)
        except Exception as fault:
            _failed(fault)
            return
        whole = _with_content(bare, self._request, self._answer, too_long=self._too_long)
        for listener in self._listeners:
            try:
                listener.ended(whole if listener in self._wanting else bare)
            except Exception as fault:
                _failed(fault)

    def _may_keep(self, size: int) -> bool:
        kept = 0 if self._request is None else self._kept + size
        if max(kept, size) <= MOST_CONTENT and self._contents.take(size):
            self._kept = kept
            self._held += size
            return True
        self._request, self._answer, self._too_long = None, [], True
        return False

    def _exchange(self, error: BaseException | None) -> Exchange:
        outcome, code = self._broken or outcome_of(error, self._status)
        told = self._ends.told()
        streamed = self._asked is not None and self._asked.streams
        took = self._timer() - self._began
        first = None if self._first is None else self._first - self._began
        return Exchange(
            id=self.id,
            route=self.route,
            streamed=streamed,
            server=self._server,
            model=self.model,
            app=self.app,
            node=self.node,
            started_at=self._started_at,
            status=self._status,
            figures=figures(
                told,
                latency_s=took,
                first_s=first if streamed else None,
                confidence=None if self._confidence is None else self._confidence.mean(),
            ),
            outcome=outcome,
            code=code,
        )


def outcome_of(error: BaseException | None, status: int | None) -> tuple[Outcome, str | None]:
    """How a request ended, by what was raised and the status of the answer that came whole."""
    match error:
        case Refused():
            return Outcome.FAIL, error.code
        case asyncio.CancelledError():
            return Outcome.CANCELLED, "client_gone"
        case aiohttp.ClientError() | TimeoutError():
            return Outcome.FAIL, "server_gone"
        case None:
            failed = status is None or status >= HTTPStatus.BAD_REQUEST
            return (Outcome.FAIL, f"answered_{status or 0}") if failed else (Outcome.PASS, None)
        case _:
            return Outcome.FAIL, "internal"


def figures(told: Told, *, latency_s: float, first_s: float | None, confidence: float | None) -> Figures:
    """`first_s` is when the first piece of a streamed answer came; None of one that is not streamed."""
    ttft, rate = first_s, told.tokens_per_s
    if ttft is None and told.writing_s is not None:
        ttft = max(latency_s - told.writing_s, 0.0)
    if rate is None and told.writing_s is None and first_s is not None:
        rate = writing_speed(told.completion_tokens, (latency_s - first_s) * 1000, LEAST_HEARD_MS)
    return Figures(
        prompt_tokens=told.prompt_tokens,
        cached_tokens=told.cached_tokens,
        completion_tokens=told.completion_tokens,
        ttft_s=ttft,
        tokens_per_s=rate,
        latency_s=latency_s,
        finish_reason=told.finish_reason,
        confidence=confidence,
    )


def _with_content(
    bare: Exchange, request: bytes | None, answer: Sequence[bytes], *, too_long: bool
) -> Exchange:
    whole = None if request is None else b"".join(answer)
    return msgspec.structs.replace(bare, request=request, answer=whole, too_long=too_long)


def _failed(error: Exception) -> None:
    """Its name alone: what it says may hold content."""
    log.error("a listener of the gateway failed (%s)", type(error).__name__)
