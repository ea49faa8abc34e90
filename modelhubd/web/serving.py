"""Serving an application on sockets that listen already."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from http import HTTPStatus
from socket import socket
from typing import Any

from aiohttp import web

from modelhubd.errors import BadRequest
from modelhubd.web.listening import BACKLOG
from modelhubd.web.problems import problem_of, problem_of_any, problem_response

IDLE_S = 75.0
"""In which the next request has to have come, to the end of its headers."""
LINE_BYTES = 64 * 1024
"""The longest request line: a pasted text makes a long search."""


class Connection(web.RequestHandler):
    """aiohttp's, which answers what it cannot read as a request as everything else is answered here: with a
    problem. Anybody may send such a thing, so it is no news for the log. `headers` are every answer's."""

    __slots__ = ("_extra",)

    def __init__(self, manager: web.Server, headers: Mapping[str, str], **rest: Any) -> None:
        super().__init__(manager, **rest)
        self._extra = headers

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status != HTTPStatus.BAD_REQUEST or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        response = problem_response(
            problem_of(
                BadRequest(
                    "This cannot be read as HTTP/1.1: the request line or a header is malformed or too long."
                    " Send a shorter or a well-formed one.",
                    code="unreadable_request",
                )
            )
        )
        response.headers.update(self._extra)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):  # raised before any of our middlewares: an unknown Expect
            resp = problem_response(problem_of_any(resp))
            resp.headers.update(self._extra)
        return await super().finish_response(request, resp, start_time)


@contextlib.asynccontextmanager
async def serving(
    app: web.Application,
    listeners: Iterable[socket],
    *,
    headers: Mapping[str, str],
    grace_s: float,
    idle_s: float = IDLE_S,
    abandon: bool = False,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[None]:
    """The application answers on these sockets while the context lasts, with `headers` on what it never sees.
    Where `abandon`, a caller that goes away cancels its handler.

    A connection ends when `idle_s` seconds after its beginning, or after the last answer, no request has come
    whole to the end of its headers, however slowly its bytes drip. At the end of the context requests in
    flight get `grace_s` seconds.
    """
    runner = web.AppRunner(app, handle_signals=False, handler_cancellation=abandon, shutdown_timeout=grace_s)
    await runner.setup()
    loop, manager = asyncio.get_running_loop(), runner.server
    assert manager is not None

    def connection() -> Connection:
        return Connection(
            manager,
            headers,
            loop=loop,
            keepalive_timeout=idle_s,
            access_log=None,  # documented: no log
            max_line_size=LINE_BYTES,
            auto_decompress=False,
        )

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        for listener in listeners:
            server = await loop.create_server(connection, sock=listener, backlog=BACKLOG, ssl=tls)
            stack.callback(server.close)
        yield
