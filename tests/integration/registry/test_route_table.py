"""Every route of the table, walked: who is let in, and who is not."""

import re

from modelhubd.registry.access import is_scope
from modelhubd.registry.routes import PREFIX, all_routes
from modelhubd.registry.routing import RegistryRoute
from tests.fakes.registry import Person, Registry

EVERY_SCOPE = ("read", "review", "verify", "admin", "publish:acme", "publish:globex")
PATH = {"publisher": "acme", "name": "model", "version": "1", "id": "none", "key_id": "none"}
OPEN = {("GET", "/health"), ("GET", "/metrics")}


def path_of(route: RegistryRoute) -> str:
    return re.sub(r"{(\w+)(?::[^}]*)?}", lambda match: PATH[match[1]], route.path)


def lets_in(route: RegistryRoute, scope: str) -> bool:
    """As registry.md says: each scope reads, `admin` also verifies, and nothing else includes another."""
    for wanted in (one.format_map(PATH) for one in route.scope):
        if scope == wanted or wanted == "read" or (wanted, scope) == ("verify", "admin"):
            return True
    return False


def test_every_route_has_a_scope_that_there_is() -> None:
    for route in all_routes():
        if (route.method, route.path) in OPEN:
            assert route.is_open, route
        else:
            assert route.scope, route
            assert all(is_scope(scope.format_map(PATH)) for scope in route.scope), route
        if any("{publisher}" in scope for scope in route.scope):
            assert "{publisher}" in route.path, route


async def test_no_route_answers_without_a_token_or_with_a_lesser_scope(registry: Registry) -> None:
    people: dict[str, Person] = {
        scope: await registry.person(f"only-{scope.replace(':', '-')}", scope) for scope in EVERY_SCOPE
    }
    for route in all_routes():
        where = f"{route.method} {route.path}"
        if route.is_open:
            assert (await registry.anybody.ask(route.method, path_of(route))).status == 200, where
            continue
        refused = await registry.anybody.ask(route.method, path_of(route))
        assert (refused.status, refused.code) == (401, "unauthenticated"), where
        for scope, person in people.items():
            if not lets_in(route, scope):
                refused = await person.ask(route.method, path_of(route), {})
                assert (refused.status, refused.code) == (403, "scope_missing"), (where, scope)


async def test_every_route_lets_those_in_whose_scope_it_names(registry: Registry) -> None:
    people = {scope: await registry.person("somebody", scope) for scope in EVERY_SCOPE}
    for route in all_routes():
        for scope, person in people.items():
            if route.method == "GET" and not route.is_open and lets_in(route, scope):
                let_in = await person.ask(route.method, path_of(route))
                told = let_in.body if let_in.status >= 400 else b""
                assert let_in.status not in (401, 403) and let_in.status < 500, (route.path, scope, told)


async def test_what_there_is_not_says_so_to_anybody(registry: Registry) -> None:
    for person in (registry.anybody, registry.reader):
        nothing = await person.get("/nothing")
        assert (nothing.status, nothing.code) == (404, "not_found")
        wrong = await person.ask("PUT", "/me")
        assert (wrong.status, wrong.code, wrong.headers["Allow"]) == (405, "method_not_allowed", "GET")


async def test_the_reference_describes_every_route(registry: Registry) -> None:
    document = (await registry.reader.get("/openapi.json")).json
    described = {(method.upper(), path) for path, ways in document["paths"].items() for method in ways}
    assert described == {
        (route.method, PREFIX + re.sub(r":[^}]*}", "}", route.path)) for route in all_routes()
    }
    opened = {
        (method.upper(), path.removeprefix(PREFIX))
        for path, ways in document["paths"].items()
        for method, operation in ways.items()
        if operation.get("security") == []
    }
    assert opened == OPEN
    identifiers = [one["operationId"] for ways in document["paths"].values() for one in ways.values()]
    assert len(identifiers) == len(set(identifiers))


async def test_every_answer_forbids_what_a_browser_could_make_of_it(registry: Registry) -> None:
    for person, path in (
        (registry.anybody, "/health"),
        (registry.anybody, "/none"),
        (registry.reader, "/me"),
    ):
        headers = (await person.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Set-Cookie" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control-")]
