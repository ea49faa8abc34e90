"""The route table, its OpenAPI document and the contract agree."""

import re

import msgspec

from modelhubd.api.routes import PREFIX, ROUTES, all_routes
from modelhubd.api.routing import Access
from modelhubd.web.openapi import openapi

CONTRACT = """
GET /version            GET /health             GET /status             GET /state
GET /events             GET /device             GET /catalog/models     GET /catalog/models/{publisher}/{name}
GET /catalog/models/{publisher}/{name}/versions PUT /catalog/models/{publisher}/{name}/active
GET /catalog            POST /catalog/sync      POST /catalog/audit/acknowledge
PUT /catalog/models/{publisher}/{name}/star     DELETE /catalog/models/{publisher}/{name}/star
POST /downloads         GET /downloads
GET /downloads/{id}     POST /downloads/{id}/pause                      POST /downloads/{id}/resume
POST /downloads/{id}/retry                      POST /downloads/{id}/cancel
PATCH /downloads/{id}   DELETE /downloads/{id}  POST /downloads/pause   POST /downloads/resume
GET /downloads/limits   PATCH /downloads/limits GET /downloads/leftovers   POST /downloads/leftovers
GET /library            GET /library/{id}       DELETE /library/{id}    POST /library/scan
GET /library/jobs       GET /library/jobs/{id}  POST /library/jobs/{id}/cancel
POST /library/import    GET /library/found
POST /library/{id}/verify                       POST /library/{id}/repair
GET /library/{id}/settings                      PUT /library/{id}/settings
DELETE /library/{id}/settings
POST /library/{id}/estimate                     POST /servers           GET /servers
GET /servers/{id}       DELETE /servers/{id}    POST /servers/{id}/restart
GET /servers/{id}/logs  GET /config             POST /token/rotate      POST /session
POST /session/code      GET /openapi.json      GET /metrics
GET /policy             PUT /policy             GET /governance/templates          GET /governance/check
GET /library/usage                              POST /library/prune
POST /library/move                              POST /library/bundles
POST /library/bundles/verify                    POST /library/bundles/install
GET /library/sources                            POST /library/sources
DELETE /library/sources/{id}                    GET /library/first-run
POST /library/first-run/skip                    GET /updates
POST /updates/apply                             POST /updates/rollback
POST /trials            GET /trials             GET /trials/decisions   GET /trials/{id}
DELETE /trials/{id}     POST /trials/{id}/pause POST /trials/{id}/resume
POST /trials/{id}/promote                       POST /trials/{id}/remove
GET /trials/{id}/pairs  GET /trials/{id}/blind  POST /trials/{id}/pairs/{n}/mark
GET /records            GET /records/{id}       GET /records/stats      GET /records/series
GET /records/audit      PUT /records/audit      POST /records/purge     POST /records/{id}/feedback
POST /records/export    POST /records/export/preview    GET /records/export/preview/{id}
POST /evaluations       GET /evaluations        GET /evaluations/{id}   DELETE /evaluations/{id}
GET /evaluations/{id}/report                    POST /evaluations/{id}/cancel
POST /evaluations/{id}/resume
"""


def test_every_route_of_the_contract_is_there() -> None:
    promised = {tuple(match) for match in re.findall(r"([A-Z]+) (/\S+)", CONTRACT)}
    assert {(route.method, route.path) for route in all_routes()} == promised


def test_only_these_need_no_token() -> None:
    opened = {(route.method, route.path) for route in all_routes() if route.access is Access.OPEN}
    assert opened == {("GET", "/health"), ("POST", "/session")}


def test_the_document_describes_every_route_and_refers_to_nothing_that_is_missing() -> None:
    document = openapi(ROUTES, title="modelhubd", version="0", prefix=PREFIX)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, PREFIX + route.path) for route in ROUTES}
    text = msgspec.json.encode(document).decode()
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert referred <= set(document["components"]["schemas"])
    identifiers = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(identifiers) == len(set(identifiers))


def test_what_changes_what_was_seen_takes_if_match() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.conditional} == {
        ("PUT", "/library/{id}/settings"),
        ("DELETE", "/library/{id}/settings"),
        ("PUT", "/policy"),
    }


def test_what_creates_takes_an_idempotency_key() -> None:
    assert {route.path for route in ROUTES if route.creates} == {
        "/downloads",
        "/servers",
        "/evaluations",
        "/trials",
        "/updates/apply",
    }
