"""The HTTP application: every request passes the same gate, in the same order.

Its route, its token, its owner's rate, its scope, and only then its handler. What is raised anywhere becomes
a problem here, and every answer is counted.
"""

import time
from collections.abc import Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from modelhubd.errors import NotFound
from modelhubd.registry.access import authorize
from modelhubd.registry.api.console import console_routes
from modelhubd.registry.changes.service import Changes
from modelhubd.registry.parts import Parts
from modelhubd.registry.release.service import UNSIGNED
from modelhubd.registry.routes import PREFIX, all_routes
from modelhubd.registry.routing import CALLER, PUBLISH_BYTES, RegistryAsk, RegistryRoute
from modelhubd.registry.traffic import NO_ROUTE, Traffic
from modelhubd.trust.text import fault_in_text
from modelhubd.web.problems import SECURITY_HEADERS as EVERY_ANSWERS
from modelhubd.web.problems import problem_of_any, problem_response
from modelhubd.web.routing import add_routes, route_of

BEGUN = web.RequestKey("begun", bool)
SECURITY_HEADERS = {
    **EVERY_ANSWERS,
    "Content-Security-Policy": "default-src 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Server": "modelhub-registry",
}
"""A handler may say otherwise."""
NOT_SIGNED = "Modelhub-Unsigned-Revision"
"""Stands in the answer of a change that is kept, but not signed yet: see `GET /changes`. 0: no revision is
known, as the database is away."""
Table = Mapping[tuple[str, str], RegistryRoute]


def application(parts: Parts) -> web.Application:
    """The application with every route of the table."""
    app = web.Application(client_max_size=PUBLISH_BYTES)
    table = add_routes(app, all_routes(), parts, PREFIX, RegistryAsk)
    table |= add_routes(app, console_routes(), parts, "", RegistryAsk)
    app.on_response_prepare.append(_headers)
    app.middlewares.append(_counted(parts.traffic, table))
    app.middlewares.append(problems)
    app.middlewares.append(_admission(parts, table))
    app.middlewares.append(_told(parts.changes))
    return app


async def _headers(request: web.Request, response: web.StreamResponse) -> None:
    request[BEGUN] = True
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def _counted(traffic: Traffic, table: Table) -> Middleware:
    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status = time.monotonic(), 499
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            route = route_of(request, table)
            traffic.answered(
                request.method if route is not None else NO_ROUTE,
                NO_ROUTE if route is None else route.path,
                status,
                time.monotonic() - began,
            )

    return counted


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was raised as a problem; a begun answer is cut."""
    try:
        return await handler(request)
    except Exception as error:  # the one place where any exception becomes an answer
        response = problem_response(problem_of_any(error))
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
        if request.get(BEGUN, False):
            request.protocol.force_close()
        return response


def _told(changes: Changes) -> Middleware:
    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == hdrs.METH_GET:
            return await handler(request)
        UNSIGNED.set(None)  # a connection's requests share a context
        response = await handler(request)
        if (revision := UNSIGNED.get()) is not None:
            response.headers[NOT_SIGNED] = str(revision)
        changes.look()
        return response

    return told


def _admission(parts: Parts, table: Table) -> Middleware:
    @web.middleware
    async def admission(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request, table)
        if route is None or route.is_open:
            return await handler(request)
        caller = await parts.accounts.caller(request.headers.getall(hdrs.AUTHORIZATION, []))
        if route.rated:
            parts.rates.take(caller.principal)
        authorize(caller, route.scope, request.match_info)
        # A template's id is checked by its part, which says what an id is.
        if "/templates/" not in route.path and any(map(fault_in_text, request.match_info.values())):
            raise NotFound("There is nothing of that name: it has characters that no name here has.")
        request[CALLER] = caller
        return await handler(request)

    return admission
