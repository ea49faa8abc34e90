"""The HTTP application: every request passes the same gate, in the same order.

Unix socket: the peer's user. TCP: Host, Origin, Sec-Fetch-Site, then the token, each before the path is
looked at. What is raised anywhere becomes a problem here.
"""

import asyncio
import hashlib
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from modelhubd.api import store
from modelhubd.api.access import Access as Tokens
from modelhubd.api.page import is_page_navigation, page_routes
from modelhubd.api.parts import Parts
from modelhubd.api.routes import PREFIX, all_routes
from modelhubd.api.routing import Access, DaemonRoute
from modelhubd.errors import BadRequest, InvalidInput, NotAllowed
from modelhubd.gateway.proxy import refusal
from modelhubd.tasks import TaskOwner
from modelhubd.web.callers import Gate, check_peer, over_unix_socket
from modelhubd.web.problems import SECURITY_HEADERS, problem_of_any, problem_response
from modelhubd.web.routing import add_routes, route_of
from modelhubd.wire.base import rfc3339

BEGUN = "modelhub.begun"
KEPT_ANSWERS = timedelta(hours=24)
OTHER_ROUTES = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


def application(
    parts: Parts, gate: Gate | None, gateway: list[OTHER_ROUTES], tasks: TaskOwner
) -> web.Application:
    """The application for both sockets. `gate` is None where TCP is off; `gateway` routes need the token.

    Serve it with `handler_cancellation=True`: a caller that goes away ends its streams and its generation,
    but never a change that has begun, which `tasks` owns.
    """
    app = web.Application(client_max_size=max(route.max_body_bytes for route in all_routes()))
    table = add_routes(app, all_routes(), parts, PREFIX) | add_routes(app, page_routes(), parts, "")
    for method, path, handler in gateway:
        app.router.add_route(method, path, handler)
    app.on_response_prepare.append(_headers(gate))
    app.middlewares.append(problems)
    app.middlewares.append(
        _admission(gate, parts.access, table, embeddable=bool(parts.config.settings.server.embed_origins))
    )
    app.middlewares.append(_once_started(parts.started, table))
    app.middlewares.append(_finishing(table, tasks))
    app.middlewares.append(_replays(parts, table))
    return app


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was raised as a problem, under `/v1` as its clients know it; a begun stream is cut."""
    try:
        return await handler(request)
    except Exception as error:  # the one place where any exception becomes an answer
        problem = problem_of_any(error)
        ours = request.path == "/v1" or request.path.startswith("/v1/")
        response = refusal(problem, request.path) if ours else problem_response(problem)
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
        if request.get(BEGUN, False):
            request.protocol.force_close()
        return response


def _headers(gate: Gate | None) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def add(request: web.Request, response: web.StreamResponse) -> None:
        request[BEGUN] = True
        response.headers.update(SECURITY_HEADERS)
        origin = request.headers.get(hdrs.ORIGIN)
        if gate is not None and origin is not None and origin in gate.allow_origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.ETAG
            response.headers[hdrs.VARY] = hdrs.ORIGIN
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    return add


def _admission(
    gate: Gate | None, tokens: Tokens, table: dict[tuple[str, str], DaemonRoute], *, embeddable: bool
) -> Middleware:
    @web.middleware
    async def admission(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request, table)
        if over_unix_socket(request):
            check_peer(request.transport.get_extra_info("socket"))  # type: ignore[union-attr]
            return await handler(request)
        if gate is None:
            raise NotAllowed("TCP is switched off.")
        headers = request.headers
        gate.check(
            hosts=headers.getall(hdrs.HOST, []),
            origins=headers.getall(hdrs.ORIGIN, []),
            fetch_sites=headers.getall("Sec-Fetch-Site", []),
            page_navigation=is_page_navigation(request.method, request.path, headers, embeddable=embeddable),
        )
        if request.method == hdrs.METH_OPTIONS and headers.get(hdrs.ORIGIN) in gate.allow_origins:
            return _preflight()
        access = Access.OWNER if route is None else route.access
        if access is Access.SOCKET:
            raise NotAllowed("This is answered only over the Unix socket.", code="socket_only")
        if access is Access.OWNER:
            await tokens.check(headers.get(hdrs.AUTHORIZATION))
            if request.method == hdrs.METH_GET:
                with tokens.reading():
                    return await handler(request)
        return await handler(request)

    return admission


def _once_started(started: asyncio.Event, table: dict[tuple[str, str], DaemonRoute]) -> Middleware:
    """What holds data waits until every part runs: a moment after the sockets are there."""

    @web.middleware
    async def once_started(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request, table)
        if route is None or route.access is not Access.OPEN:
            await started.wait()
        return await handler(request)

    return once_started


def _finishing(table: dict[tuple[str, str], DaemonRoute], tasks: TaskOwner) -> Middleware:
    """A change that has begun is finished even if its caller hangs up."""

    @web.middleware
    async def finishing(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == hdrs.METH_GET or route_of(request, table) is None:
            return await handler(request)
        outcome = tasks.start(_outcome(request, handler), name=f"{request.method} {request.path}")
        found: web.StreamResponse | Exception = await asyncio.shield(outcome)
        if isinstance(found, Exception):
            raise found
        return found

    return finishing


async def _outcome(request: web.Request, handler: Handler) -> web.StreamResponse | Exception:
    try:
        return await handler(request)
    except Exception as error:  # raised again by whoever waits; nobody may
        return error


def _preflight() -> web.Response:
    return web.Response(
        status=HTTPStatus.NO_CONTENT,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST, PUT, PATCH, DELETE",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: (
                "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Modelhub-App"
            ),
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        },
    )


def _replays(parts: Parts, table: dict[tuple[str, str], DaemonRoute]) -> Middleware:
    under_way: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    @web.middleware
    async def replays(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request, table)
        key = request.headers.get("Idempotency-Key")
        if key is None or route is None or not route.creates:
            return await handler(request)
        if not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
            raise BadRequest("An Idempotency-Key has 1 to 200 printable ASCII characters.")
        lock = under_way.setdefault(key, asyncio.Lock())
        async with lock:
            return await _once(
                parts, request, handler, key, f"{route.method} {route.path}?{request.query_string}"
            )

    return replays


async def _once(
    parts: Parts, request: web.Request, handler: Handler, key: str, route: str
) -> web.StreamResponse:
    body_sha256 = hashlib.sha256(await request.read()).hexdigest()
    oldest = rfc3339(parts.clock() - KEPT_ANSWERS)
    kept = await store.kept_answer(parts.database.reader, key, oldest=oldest)
    if kept is not None:
        if kept[:2] != (route, body_sha256):
            raise InvalidInput(
                "This Idempotency-Key was used for another request. Take a new key for a new request.",
                code="idempotency_key_reused",
            )
        return web.Response(
            body=kept[3],
            status=kept[2],
            content_type="application/json",
            headers={"Idempotency-Replayed": "true"},
        )
    response = await handler(request)
    if isinstance(response, web.Response) and response.status < HTTPStatus.BAD_REQUEST:
        async with parts.database.transaction() as tx:
            await store.keep_answer(
                tx,
                key=key,
                route=route,
                body_sha256=body_sha256,
                status=response.status,
                answer=bytes(response.body),  # type: ignore[arg-type]
                now=rfc3339(parts.clock()),
                oldest=oldest,
            )
    return response
