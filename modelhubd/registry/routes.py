"""EVERY route of the registry, with the scope it takes. Each part has a section of its own."""

from collections.abc import Sequence

import msgspec

from modelhubd import __version__
from modelhubd.registry.api import about, accounts
from modelhubd.registry.routing import ANYBODY, RegistryRoute
from modelhubd.web.openapi import openapi
from modelhubd.wire.base import Page
from modelhubd.wire.registry import (
    ChangePublisher,
    Me,
    NewKey,
    NewPublisher,
    NewToken,
    Publisher,
    PublisherKey,
    Token,
    TokenMade,
)
from modelhubd.wire.status import Health

PREFIX = "/api/v1"
READ = ("read",)
PUBLISH = ("publish:{publisher}",)
REVIEW = ("review",)
VERIFY = ("verify",)
ADMIN = ("admin",)


def _route(
    method: str, path: str, handler: object, summary: str, scope: tuple[str, ...], **rest: object
) -> RegistryRoute:
    return RegistryRoute(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        scope=scope,
        **rest,  # type: ignore[arg-type]
    )


ABOUT = (_route("GET", "/health", about.health, "Alive, and its database too", ANYBODY, answer=Health),)

ACCOUNTS = (
    _route("GET", "/me", accounts.me, "Who asks, and what for", READ, answer=Me),
    _route(
        "GET", "/tokens", accounts.tokens, "One's own tokens; an administrator sees all", READ,
        query=accounts.ListQuery, answer=Page[Token],
    ),
    _route(
        "POST", "/tokens", accounts.make_token, "A new token; its secret is shown this once", READ,
        body=NewToken, answer=TokenMade, status=201,
    ),
    _route(
        "DELETE", "/tokens/{id}", accounts.revoke_token, "Revoke one's own; an administrator any", READ,
        status=204,
    ),
    _route(
        "GET", "/publishers", accounts.publishers, "Whose names models bear", READ,
        query=accounts.ListQuery, answer=Page[Publisher],
    ),
    _route("POST", "/publishers", accounts.make_publisher, "A new publisher", ADMIN,
           body=NewPublisher, answer=Publisher, status=201),
    _route("GET", "/publishers/{publisher}", accounts.publisher, "One publisher", READ, answer=Publisher),
    _route("PATCH", "/publishers/{publisher}", accounts.change_publisher, "Suspend or activate", ADMIN,
           body=ChangePublisher, answer=Publisher),
    _route("GET", "/publishers/{publisher}/keys", accounts.keys, "Its keys", (*ADMIN, *PUBLISH),
           query=accounts.ListQuery, answer=Page[PublisherKey]),
    _route("POST", "/publishers/{publisher}/keys", accounts.add_key, "A further key", ADMIN,
           body=NewKey, answer=PublisherKey, status=201),
    _route("DELETE", "/publishers/{publisher}/keys/{key_id}", accounts.revoke_key, "Revoke a key", ADMIN,
           status=204),
)  # fmt: skip

ROUTES: tuple[RegistryRoute, ...] = (*ABOUT, *ACCOUNTS)


def all_routes(routes: Sequence[RegistryRoute] = ROUTES) -> tuple[RegistryRoute, ...]:
    """The table with the route that answers its own reference."""

    def reference() -> bytes:
        return msgspec.json.encode(
            openapi(whole, title="modelhub-registry", version=__version__, prefix=PREFIX)
        )

    about_itself = _route("GET", "/openapi.json", about.document(reference), "This reference", READ)
    whole = (*routes, about_itself)
    return whole
