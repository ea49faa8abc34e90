"""Passes OpenAI-compatible requests on to the server that runs the model, byte by byte, as they come."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

import aiohttp
import msgspec
from aiohttp import web

from modelhubd.errors import NotFound, Refused, Unavailable
from modelhubd.exchange import NODE_HEADER, RECORD_HEADER, Asked, Listener, read_node
from modelhubd.gateway.bodies import Bodies
from modelhubd.gateway.openai import ModelList, error_answer, model_list
from modelhubd.gateway.passage import Contents, Passage
from modelhubd.gateway.traffic import Traffic
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
ASKS_CONFIDENCE = {
    "/v1/chat/completions": b'"logprobs":true,"top_logprobs":1,',
    "/v1/completions": b'"logprobs":1,',
}
"""What is put into a request so that the answer tells how sure the model was."""
RECORD = web.RequestKey("record", str)
"""Id under which listeners are told of a request."""
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

    `usable` tells what the program that asks may use: nothing else is listed. `listeners` are told of every
    request that is passed on, or refused. `ask_confidence` says whether log-probabilities are asked for where
    the client does not ask for them itself: it gets them too."""

    def __init__(
        self,
        servers: RunningServers,
        installed: Callable[[], Awaitable[Iterable[Artifact]]],
        *,
        max_waiting: int = 128,
        aliases: Mapping[str, str] | None = None,
        usable: Callable[[Artifact, App | None], Awaitable[bool]] = anything,
        listeners: Sequence[Listener] = (),
        ask_confidence: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._listeners = tuple(listeners)
        self._ask_confidence = ask_confidence
        self._clock = clock
        self._contents = Contents()
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
        running = self._servers.running()
        servers = [one for one in running if one.library_id not in refused and not one.yields]
        return model_list(servers, usable, self._aliases)

    def _meant(self, name: str) -> str:
        """A running server's own name comes before an alias."""
        if name in self._aliases and all(name != server.name for server in self._servers.running()):
            return self._aliases[name]
        return name

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        with Passage(self._listeners, self._contents, request.path, self._clock) as passage:
            response = web.StreamResponse()
            if self._listeners:
                request[RECORD] = response.headers[RECORD_HEADER] = passage.id
            try:
                await self._exchange(request, response, passage)
            except (Refused, aiohttp.ClientError, TimeoutError) as error:
                if not response.prepared:
                    raise error if isinstance(error, Refused) else _gone(error) from error
                gone = isinstance(error, TimeoutError | aiohttp.ClientConnectionResetError)
                passage.broke(error, client_gone=gone)
                self.traffic.cut_off[passage.model] += 1
                log.warning("an answer was cut off: %s", str(error) or "its reader does not read")
                if request.transport is not None:
                    request.transport.abort()  # a begun answer can be taken back in no other way
            return response

    async def _exchange(self, request: web.Request, response: web.StreamResponse, passage: Passage) -> None:
        async with contextlib.AsyncExitStack() as held:
            passage.app = app = app_of(request)
            passage.node = read_node(request.headers.get(NODE_HEADER))
            holding = held.enter_context(self.bodies.holding())
            asked = await holding.read(request)
            name = self._meant(asked.model)
            with self.traffic.wait(name):
                try:
                    upstream = await held.enter_async_context(self._servers.lease(name, app))
                except Refused:
                    passage.model = await self._model_called(name)
                    raise
                server = upstream.server
                passage.reached(asked, server, holding.size, holding.copy)
                if self._asks_confidence(request.path, asked):
                    passage.expect_confidence()
                    holding.put_in(ASKS_CONFIDENCE[request.path])
                answer = await held.enter_async_context(
                    upstream.session.post(
                        PASSED_ON[request.path], data=holding.content, headers=_only(request, ASKING)
                    )
                )
            refuse_missing_route(answer.status, request.path, server)
            held.enter_context(self.traffic.answer(server.model, server.name, answer.status))
            passage.begins(answer.status)
            await _relay(request, answer, response, passage)
            self.traffic.took(server.model, passage.usage())

    def _asks_confidence(self, path: str, asked: Asked) -> bool:
        """llama-server refuses log-probabilities in streams of requests with tools."""
        return (
            path in ASKS_CONFIDENCE
            and self._ask_confidence()
            and not asked.wants_logprobs
            and not (asked.streams and asked.has_tools)
        )

    async def _model_called(self, name: str) -> str:
        """The id of the installed model that a name means, if there is one: only that may be told of it."""
        for artifact in await self._installed():
            exact = f"{artifact.model}@{artifact.version}"
            if name in (artifact.id, artifact.model, exact, f"{exact}:{artifact.option}"):
                return artifact.model
        return ""


async def _relay(
    request: web.Request, answer: aiohttp.ClientResponse, response: web.StreamResponse, passage: Passage
) -> None:
    """Send the answer on as it arrives."""
    response.set_status(answer.status)
    response.headers.update(_only(answer, ANSWERING))
    if answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await passage.add(chunk)
        async with asyncio.timeout(READER_S):
            await response.write(chunk)
    await response.write_eof()


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
            response = refusal(problem, request.path)
            if RECORD in request:
                response.headers[RECORD_HEADER] = request[RECORD]
            return response

    return shaped


def refusal(problem: Problem, path: str) -> web.Response:
    """The answer to a refused request, for these routes and for what stands before them."""
    response = problem_response(problem)
    response.body = error_answer(problem, path)
    response.content_type = "application/json"
    return response
