"""Every route of the daemon has a method of both clients, and every refusal an error of its own."""

import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

import modelhub_client
from modelhub_client import AsyncClient, Client
from modelhub_client.call import Call
from modelhub_client.errors import ClientError, ProblemError, error_of
from modelhub_client.events import _TYPES, Following
from modelhub_client.methods import AsyncMethods, SyncMethods
from modelhub_client.state import State
from modelhubd.api.routes import PREFIX, all_routes
from modelhubd.api.routing import DaemonRoute
from modelhubd.web.problems import STATUS
from modelhubd.wire.events import GAUGE_TYPES, STATE_TYPES, TOPICS
from modelhubd.wire.problem import Problem

ROUTES = {f"{route.method} {route.path}": route for route in all_routes()}


def _methods(kind: type) -> dict[str, Callable[..., Call[Any]]]:
    """Method → what builds its request."""
    found = {
        name: made.__wrapped__
        for name in tuple(vars(kind))
        if not name.startswith("_") and hasattr(made := getattr(kind, name), "__wrapped__")
    }
    return found | {"events": lambda: Following().call()}


SYNC, ASYNC = _methods(SyncMethods), _methods(AsyncMethods)


def _value(kind: Any) -> Any:
    """Something that a parameter of this type takes."""
    if kind in (str, Any):
        return "acme/x"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind()
    if kind in (int, bool):
        return 1
    if kind is Path:
        return Path("acme/x")
    return ["acme/x"] if typing.get_origin(kind) is not None else "acme/x"


def _request(build: Callable[..., Call[Any]]) -> str:
    """`METHOD path` of the request that a method sends when it is given no more than it must."""
    hints = typing.get_type_hints(build)
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(build).parameters.items():
        if parameter.default is parameter.empty:
            given[name] = _value(hints[name])
    call = build(**given)
    return f"{call.method} {urlsplit(call.target).path.removeprefix(PREFIX)}"


SENT = {name: _request(build) for name, build in SYNC.items()}


def _routes_of(request: str) -> list[str]:
    """The routes that take a request, the exact one first."""
    fitting = [
        name for name in ROUTES if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)), request)
    ]
    return sorted(fitting, key=lambda name: name.count("{"))[:1]


@pytest.mark.parametrize("route", list(ROUTES))
def test_every_route_has_a_method(route: str) -> None:
    assert [name for name, request in SENT.items() if _routes_of(request) == [route]]


def test_every_method_has_a_route() -> None:
    assert [name for name, request in SENT.items() if not _routes_of(request)] == []


def test_both_clients_have_the_same_methods() -> None:
    assert SYNC.keys() == ASYNC.keys()
    assert {name for name in SYNC if SYNC[name] is not ASYNC[name]} == {"events"}
    streams = {"events", "follow_log", "chat", "chat_stream", "run", "close"}
    for client in (Client, AsyncClient):
        assert SYNC.keys() | streams <= set(dir(client))


@pytest.mark.parametrize("route", [route for route in ROUTES.values() if route.creates], ids=lambda r: r.path)
def test_what_creates_can_be_repeated_safely(route: DaemonRoute) -> None:
    builders = [SYNC[name] for name, request in SENT.items() if request == f"{route.method} {route.path}"]
    assert any("idempotency_key" in inspect.signature(build).parameters for build in builders)


@pytest.mark.parametrize("status", sorted({*STATUS.values(), 429}))
def test_every_status_is_an_error_of_its_own(status: int) -> None:
    problem = Problem(type="x", title="x", status=status, detail="No.", code="x")
    found = error_of(status, msgspec.json.encode(problem))
    assert isinstance(found, ProblemError) and type(found) is not ProblemError
    assert type(found).__name__ in modelhub_client.__all__


def test_every_error_is_offered_and_explained() -> None:
    def kinds(kind: type) -> set[type]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    for kind in kinds(ClientError):
        assert kind.__name__ in modelhub_client.__all__ and kind.__doc__


def test_every_event_and_every_topic_has_its_type() -> None:
    assert {*STATE_TYPES, *GAUGE_TYPES, "snapshot"} == _TYPES.keys()
    assert {*TOPICS} - {"jobs"} == {*State.__struct_fields__}
