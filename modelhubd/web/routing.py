"""A route as a value, and the adapter that makes a handler's three lines enough: decode, ask, reply."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import web

from modelhubd.entries.requirements import HEADER, read_app
from modelhubd.web.bodies import MAX_BODY_BYTES, decode_body, parse_query
from modelhubd.wire.policy import App

P = TypeVar("P", covariant=True)
B = TypeVar("B", covariant=True)
Q = TypeVar("Q", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Ask(Generic[P, B, Q]):
    """A decoded request. `parts` is what the handler may ask."""

    parts: P
    body: B
    query: Q
    path: Mapping[str, str]
    request: web.Request
    app: App | None = None
    """Who asks, where the program names itself."""


Handler = Callable[[Ask[Any, Any, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method and path, what it takes and answers. The reference is generated from this.

    Who may use it stands in a subclass: each program has an access of its own.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    """Type of the JSON answer; None where there is none or it is a stream."""
    status: int = 200
    creates: bool = False
    """Takes `Idempotency-Key`."""
    conditional: bool = False
    """Takes `If-Match`."""
    also: tuple[Any, ...] = ()
    """Types of a JSON answer with 200 that the query asks for instead."""
    max_body_bytes: int = MAX_BODY_BYTES

    @property
    def is_open(self) -> bool:
        """Whether it is answered to callers without a token."""
        return False


R = TypeVar("R", bound=Route)


def route_of(request: web.Request, table: Mapping[tuple[str, str], R]) -> R | None:
    """The route of a mounted table that a request has reached, if any."""
    resource = request.match_info.route.resource
    return None if resource is None else table.get((request.method, resource.canonical))


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`value` as JSON."""
    return web.Response(
        body=msgspec.json.encode(value), status=status, headers=headers, content_type="application/json"
    )


def nothing() -> web.Response:
    """204."""
    return web.Response(status=204)


def app_of(request: web.Request) -> App | None:
    """The program that asks, if it says which it is.

    Raises:
        InvalidInput: what it says cannot be read.
    """
    named = request.headers.getall(HEADER, [])
    return read_app(", ".join(named)) if named else None


def adapt(
    route: Route, parts: Any, ask: type[Ask[Any, Any, Any]] = Ask
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route: decodes query and body by their types, then asks the handler."""

    async def handle(request: web.Request) -> web.StreamResponse:
        query = parse_query(request.query, route.query) if route.query else None
        body = await decode_body(request, route.body, route.max_body_bytes) if route.body else None
        app = app_of(request)
        return await route.handler(
            ask(parts=parts, body=body, query=query, path=request.match_info, request=request, app=app)
        )

    return handle


def add_routes(
    app: web.Application,
    routes: Sequence[R],
    parts: Any,
    prefix: str,
    ask: type[Ask[Any, Any, Any]] = Ask,
) -> dict[tuple[str, str], R]:
    """Mount routes under `prefix`, their handlers asked with an `ask`; answers them by (method, aiohttp's
    canonical path)."""
    mounted = {}
    for route in routes:
        added = app.router.add_route(route.method, prefix + route.path, adapt(route, parts, ask))
        resource = added.resource
        assert resource is not None
        mounted[route.method, resource.canonical] = route
    return mounted
