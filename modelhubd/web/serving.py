"""Serves an application so that what is no request, too, is answered with a problem and bounded in time."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from modelhubd.web.problems import problem_of_any, problem_response
from modelhubd.wire.problem import Problem

HEAD_S = 30.0
"""How long a connection may be without a whole request head, at its beginning and between two requests."""


class BoundedRunner(web.AppRunner):
    """An `AppRunner` whose own refusals are problems. `headers` are those of every answer."""

    __slots__ = ("_headers",)

    def __init__(self, app: web.Application, *, headers: Mapping[str, str], **rest: Any) -> None:
        super().__init__(app, keepalive_timeout=HEAD_S, access_log=None, **rest)
        self._headers = headers

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler, request_factory=made.request_factory, headers=self._headers, **self._kwargs
        )


class _Server(web.Server):
    def __init__(self, handler: Any, *, headers: Mapping[str, str], **rest: Any) -> None:
        super().__init__(handler, **rest)
        self._headers = headers

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, self._headers, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    __slots__ = ("_extra",)

    def __init__(self, server: _Server, headers: Mapping[str, str], **rest: Any) -> None:
        super().__init__(server, **rest)
        self._extra = headers

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is answered to bytes that are no request; the connection ends."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun; another one cannot be sent")
        code = "bad_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
        response = problem_response(
            Problem(
                type=f"urn:modelhub:problem:{code}",
                title=HTTPStatus(status).phrase,
                status=status,
                detail="This is not HTTP/1.1 as it is spoken here; send a request that is.",
                code=code,
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
