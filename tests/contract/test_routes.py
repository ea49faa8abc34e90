"""api.md on what the daemon says of itself, and the reference against what is answered."""

import re
from typing import Any

import pytest

from tests.contract.world import API, World, checked, problem
from tests.raw import over_socket, over_tcp

PROMISED = [
    ("get", "/version"), ("get", "/health"), ("get", "/status"), ("get", "/state"), ("get", "/events"),
    ("get", "/device"), ("get", "/catalog/models"), ("get", "/catalog/models/{publisher}/{name}"),
    ("get", "/catalog/models/{publisher}/{name}/versions"),
    ("put", "/catalog/models/{publisher}/{name}/active"),
    ("get", "/catalog"), ("post", "/catalog/sync"), ("post", "/downloads"), ("get", "/downloads"),
    ("get", "/downloads/{id}"), ("post", "/downloads/{id}/pause"), ("post", "/downloads/{id}/resume"),
    ("post", "/downloads/{id}/retry"), ("post", "/downloads/{id}/cancel"), ("patch", "/downloads/{id}"),
    ("delete", "/downloads/{id}"), ("post", "/downloads/pause"), ("post", "/downloads/resume"),
    ("get", "/downloads/limits"), ("patch", "/downloads/limits"), ("get", "/downloads/leftovers"),
    ("post", "/downloads/leftovers"),
    ("get", "/library"), ("get", "/library/{id}"), ("delete", "/library/{id}"), ("post", "/library/scan"),
    ("get", "/library/jobs"), ("get", "/library/jobs/{id}"), ("post", "/library/jobs/{id}/cancel"),
    ("post", "/library/import"), ("get", "/library/found"),
    ("post", "/library/{id}/verify"), ("post", "/library/{id}/repair"),
    ("post", "/library/{id}/estimate"), ("post", "/servers"), ("get", "/servers"), ("get", "/servers/{id}"),
    ("delete", "/servers/{id}"), ("post", "/servers/{id}/restart"), ("get", "/servers/{id}/logs"),
    ("get", "/config"), ("post", "/token/rotate"), ("post", "/session"), ("post", "/session/code"),
    ("get", "/openapi.json"), ("get", "/policy"), ("put", "/policy"), ("get", "/governance/templates"),
    ("get", "/governance/check"), ("post", "/library/bundles"), ("post", "/library/bundles/verify"),
    ("post", "/library/bundles/install"), ("get", "/library/sources"), ("post", "/library/sources"),
    ("delete", "/library/sources/{id}"), ("get", "/library/first-run"), ("post", "/library/first-run/skip"),
]  # fmt: skip
ANSWERED = [
    "/version", "/health", "/status", "/state", "/device", "/catalog", "/catalog/models", "/downloads",
    "/library", "/library/jobs", "/servers", "/config", "/downloads/limits", "/downloads/leftovers",
    "/policy", "/governance/templates",
]  # fmt: skip


def test_version_names_program_api_and_epoch(world: World) -> None:
    found = world.get("/version")
    assert found.keys() >= {"version", "api", "epoch", "features"}
    assert found["api"] == {"min": 1, "max": 1}
    assert re.fullmatch(r"[0-9a-f]{8}", found["epoch"])
    assert all(isinstance(feature, str) for feature in found["features"])


def test_health_is_exactly_ok(world: World) -> None:
    assert world.get("/health") == {"status": "ok"}


def test_status_has_counts_freshness_queue_disk_and_connections(world: World) -> None:
    found = world.get("/status")
    assert found["pid"] == world.daemon.pid
    assert found["catalog"]["source"] == "floor"
    assert found["downloads"].keys() >= {"queued", "active", "waiting", "paused", "failed"}
    assert (found["models_installed"], found["servers_running"], found["outbound"]) == (0, 0, [])
    assert found["disk_free_bytes"] > 0 and found["rss_bytes"] > 0


def test_device_says_what_this_machine_is(world: World) -> None:
    found = world.get("/device")
    assert found["os"] in ("linux", "macos")
    assert found["arch"] in ("x86_64", "arm64")
    assert 0 < found["ram_available_bytes"] <= found["ram_total_bytes"]
    assert 0 < found["disk_free_bytes"] <= found["disk_total_bytes"]
    assert isinstance(found["gpus"], list) and isinstance(found["llama_servers"], list)
    assert found["cpu_cores"] <= found["cpu_threads"]


def test_config_names_where_each_value_comes_from_and_no_secret(world: World) -> None:
    found = world.get("/config")["values"]
    assert found["server.port"] == {"value": 0, "source": "environment", "locked": False}
    assert found["downloads.max_active"]["source"] == "default"
    assert world.daemon.token not in str(found)


def test_the_reference_names_every_promised_route(world: World) -> None:
    document = world.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert {(method, path) for path, item in document["paths"].items() for method in item} >= {
        (method, API + path) for method, path in PROMISED
    }


@pytest.mark.parametrize("path", ANSWERED)
def test_an_answer_is_what_the_reference_says(world: World, path: str) -> None:
    document = world.get("/openapi.json")
    content = document["paths"][API + path]["get"]["responses"]["200"]["content"]
    faults = list(misfits(world.get(path), content["application/json"]["schema"], document, "$"))
    assert faults == []


def misfits(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str) -> list[str]:
    """Where `value` is not what `schema` says: types, required and unknown fields, enums, references."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return misfits(value, document["components"]["schemas"][name], document, at)
    if "anyOf" in schema:
        tried = [misfits(value, item, document, at) for item in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{at} is {value!r}"]
    kinds: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
        "boolean": bool, "null": type(None),
    }  # fmt: skip
    kind = schema.get("type")
    if kind is None:
        return []
    if not isinstance(value, kinds[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
        return [f"{at} is {value!r} and not {kind}"]
    faults: list[str] = []
    if kind == "array" and isinstance(schema.get("items"), dict):
        for n, item in enumerate(value):
            faults += misfits(item, schema["items"], document, f"{at}[{n}]")
    if kind == "object":
        properties = schema.get("properties", {})
        faults += [f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            more = schema.get("additionalProperties", {})
            inner = properties.get(name, more if isinstance(more, dict) else {})
            if properties and name not in properties:
                faults.append(f"{at}.{name} is not in the reference")
            faults += misfits(item, inner, document, f"{at}.{name}")
    return faults


def test_health_needs_no_token_and_a_code_is_made_only_over_the_socket(world: World) -> None:
    url = world.daemon.url
    host, token = ("Host", url[7:]), ("Authorization", f"Bearer {world.daemon.token}")
    assert over_tcp(url, "GET", f"{API}/health", [host]).json == {"status": "ok"}
    assert over_tcp(url, "POST", f"{API}/session/code", [host, token]).status == 403
    made = checked(over_socket(world.daemon.socket, "POST", f"{API}/session/code"), 201)
    assert made["expires_in_s"] == 60
    body = b'{"code":"%s"}' % made["code"].encode()
    kind = ("Content-Type", "application/json")
    session = over_tcp(url, "POST", f"{API}/session", [host, kind], body)
    assert session.status == 201
    bearer = ("Authorization", f"Bearer {session.json['token']}")
    assert over_tcp(url, "GET", f"{API}/status", [host, bearer]).status == 200
    problem(over_tcp(url, "POST", f"{API}/session", [host, kind], body), 401)


def test_rotating_the_token_ends_the_old_one_and_every_session(world: World) -> None:
    url, old = world.daemon.url, world.daemon.token
    host = ("Host", url[7:])
    code = world.post("/session/code", status=201)["code"]
    session = world.post("/session", {"code": code}, status=201)["token"]
    assert world.ask("POST", "/token/rotate").status == 204
    for token in (old, session):
        answer = over_tcp(url, "GET", f"{API}/status", [host, ("Authorization", f"Bearer {token}")])
        assert problem(answer, 401)["code"] == "unauthenticated"
    assert world.daemon.token != old
    fresh = ("Authorization", f"Bearer {world.daemon.token}")
    assert over_tcp(url, "GET", f"{API}/status", [host, fresh]).status == 200


def test_syncing_answers_202_with_the_catalog(world: World) -> None:
    assert world.post("/catalog/sync", status=202)["source"] == "floor"
