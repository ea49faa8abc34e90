"""Passes OpenAI-compatible requests on to the server that runs the model, byte by byte, as they come."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Protocol

import aiohttp
import msgspec
from aiohttp import web

from modelhubd.errors import NotFound, Refused, Unavailable
from modelhubd.gateway.bodies import Bodies
from modelhubd.gateway.openai import ModelList, error_answer, model_list
from modelhubd.gateway.traffic import Traffic
from modelhubd.gateway.usage import Ends, Usage
from modelhubd.trust.text import printable
from modelhubd.web.problems import problem_of, problem_response
from modelhubd.web.routing import app_of
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.problem import Problem
from modelhubd.wire.servers import Server

log = logging.getLogger(__name__)

READER_S = 120.0
"""How long a client may leave a piece of its answer unread; it keeps a slot busy meanwhile."""
PASSED_ON = {
    "/v1/chat/completions": "/v1/chat/completions",
    "/v1/chat/completions/input_tokens": "/v1/chat/completions/input_tokens",
    "/v1/completions": "/v1/completions",
    "/v1/embeddings": "/v1/embeddings",
    "/v1/rerank": "/v1/rerank",
    "/v1/reranking": "/v1/rerank",
    "/v1/responses": "/v1/responses",
    "/v1/responses/input_tokens": "/v1/responses/input_tokens",
    "/v1/messages": "/v1/messages",
    "/v1/messages/count_tokens": "/v1/messages/count_tokens",
    "/v1/tokenize": "/tokenize",
    "/v1/detokenize": "/detokenize",
    "/v1/apply-template": "/apply-template",
}
"""Our routes, and what llama-server calls them."""
ASKING = ("Accept", "Content-Type")
ANSWERING = ("Content-Type", "Cache-Control", "X-Accel-Buffering")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Upstream(Protocol):
    @property
    def session(self) -> aiohttp.ClientSession: ...
    @property
    def server(self) -> Server: ...


class RunningServers(Protocol):
    """What the gateway asks of `modelhubd.llama.service.Servers`."""

    def lease(self, name: str, app: App | None, /) -> AbstractAsyncContextManager[Upstream]: ...
    def running(self) -> Iterable[Server]: ...


async def anything(artifact: Artifact, app: App | None) -> bool:
    """Lets everybody use everything."""
    return True


class Gateway:
    """The routes under `/v1`. Mount them behind the access checks, in an application that cancels the
    handler when its client goes away (`handler_cancellation=True`): that is what frees the slot.

    `usable` tells what the program that asks may use: nothing else is listed."""

    def __init__(
        self,
        servers: RunningServers,
        installed: Callable[[], Awaitable[Iterable[Artifact]]],
        *,
        max_waiting: int = 128,
        aliases: Mapping[str, str] | None = None,
        usable: Callable[[Artifact, App | None], Awaitable[bool]] = anything,
    ) -> None:
        self._usable = usable
        self._servers = servers
        self._installed = installed
        self._aliases = aliases or {}
        self.traffic = Traffic(max_waiting)
        self.bodies = Bodies()

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler) of each route."""

        def shaped(handler: Handler) -> Handler:
            return _shaped(self.traffic, handler)

        return [
            ("GET", "/v1/models", shaped(self._models)),
            ("GET", "/v1/models/{name:.+}", shaped(self._model)),
            *(("POST", path, shaped(self._pass_on)) for path in PASSED_ON),
        ]

    async def _models(self, request: web.Request) -> web.StreamResponse:
        found = await self._list(app_of(request))
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        for model in (await self._list(app_of(request))).data:
            if model.id == name:
                return web.Response(body=msgspec.json.encode(model), content_type="application/json")
        raise NotFound(
            f"There is no model {printable(name)[:130]} here. GET /v1/models lists them.",
            code="model_not_found",
        )

    async def _list(self, app: App | None) -> ModelList:
        usable, refused = [], set()
        for artifact in await self._installed():
            if await self._usable(artifact, app):
                usable.append(artifact)
            else:
                refused.add(artifact.id)
        servers = [server for server in self._servers.running() if server.library_id not in refused]
        return model_list(servers, usable, self._aliases)

    def _meant(self, name: str) -> str:
        """A running server's own name comes before an alias."""
        if name in self._aliases and all(name != server.name for server in self._servers.running()):
            return self._aliases[name]
        return name

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        model = ""
        try:
            async with contextlib.AsyncExitStack() as held:
                holding = held.enter_context(self.bodies.holding())
                app, asked = app_of(request), await holding.read(request)
                with self.traffic.wait(asked.model):
                    name = self._meant(asked.model)
                    upstream = await held.enter_async_context(self._servers.lease(name, app))
                    model = upstream.server.model
                    answer = await held.enter_async_context(
                        upstream.session.post(
                            PASSED_ON[request.path], data=holding.content, headers=_only(request, ASKING)
                        )
                    )
                refuse_missing_route(answer.status, request.path, upstream.server)
                held.enter_context(self.traffic.answer(model, upstream.server.name, answer.status))
                self.traffic.took(model, await _relay(request, answer, response))
        except (Refused, aiohttp.ClientError, TimeoutError) as error:
            if not response.prepared:
                raise error if isinstance(error, Refused) else _gone(error) from error
            self.traffic.cut_off[model] += 1
            log.warning("an answer was cut off: %s", str(error) or "its reader does not read")
            if request.transport is not None:
                request.transport.abort()  # a begun answer can be taken back in no other way
        return response


async def _relay(request: web.Request, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> Usage:
    """Send the answer on as it arrives; what it says it took."""
    response.set_status(answer.status)
    response.headers.update(_only(answer, ANSWERING))
    if answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    ends = Ends()
    async for chunk in answer.content.iter_any():
        ends.add(chunk)
        async with asyncio.timeout(READER_S):
            await response.write(chunk)
    await response.write_eof()
    return ends.usage()


def refuse_missing_route(status: int, path: str, server: Server) -> None:
    """Raises NotFound if llama-server says that it does not know the route: older builds lack some."""
    if status == HTTPStatus.NOT_FOUND:
        raise NotFound(
            f"The llama-server that runs {server.name} (build {server.build}) does not have {path}."
            " Use a newer build.",
            code="not_in_this_build",
        )


def _only(message: web.Request | aiohttp.ClientResponse, names: Iterable[str]) -> dict[str, str]:
    return {name: message.headers[name] for name in names if name in message.headers}


def _gone(error: Exception) -> Unavailable:
    return Unavailable(
        f"The model's server did not answer ({type(error).__name__}). Try again.",
        code="server_gone",
        retry_after_s=1,
    )


def _shaped(traffic: Traffic, handler: Handler) -> Handler:
    """`handler` with its refusals in the shape of its clients, and counted."""

    async def shaped(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            problem = problem_of(error)
            traffic.answered["", problem.status] += 1
            return refusal(problem, request.path)

    return shaped


def refusal(problem: Problem, path: str) -> web.Response:
    """The answer to a refused request, for these routes and for what stands before them."""
    response = problem_response(problem)
    response.body = error_answer(problem, path)
    response.content_type = "application/json"
    return response
