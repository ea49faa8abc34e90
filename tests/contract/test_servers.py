"""api.md and llama.md on running models: load, look at, unload, and what goes wrong; on the real server."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.contract.world import API, World, checked, entry, local_file, problem, until
from tests.fakes.origin import Origin
from tests.raw import over_socket
from tests.stream import Stream

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SETTINGS = {"ctx": 512, "threads": 1}
CHAT = "tests/chat"


@pytest.fixture(scope="module", autouse=True)
def installed(world: World, origin: Origin, model_files: Path) -> dict[str, Any]:
    """Library items by model name: a chat model, an embedding model, and one that is corrupt."""
    names = ("chat", "embedding", "corrupt")
    world.list_locally(
        *(
            entry(f"tests/{name}", local_file(model_files / f"{name}.gguf", origin), capabilities=[name])
            for name in names
        )
    )
    for name in names:
        world.download(f"tests/{name}", until="completed")
    return {item["model"]: item for item in world.walk("/library", 2)}


@pytest.fixture(autouse=True)
def nothing_is_loaded(world: World) -> Iterator[None]:
    yield
    for server in world.walk("/servers", 200):
        world.ask("DELETE", f"/servers/{server['id']}")
    assert world.get("/servers")["total"] == 0


def loaded(world: World, model: str = CHAT, **fields: Any) -> Any:
    """The Server, ready."""
    body = {"library_id": model, "settings": SETTINGS} | fields
    return world.post("/servers", body, wait="ready")


def test_a_library_item_has_the_fields_of_the_contract(world: World, installed: dict[str, Any]) -> None:
    assert installed.keys() == {CHAT, "tests/embedding", "tests/corrupt"}
    item = installed[CHAT]
    assert item.keys() >= {
        "id", "model", "version", "option", "format", "source", "state", "size_bytes", "files", "verified_at",
        "installed_at", "loaded_by",
    }  # fmt: skip
    assert (item["state"], item["format"], item["version"], item["loaded_by"]) == ("ok", "gguf", 1, [])
    assert TIME.fullmatch(item["verified_at"]) and TIME.fullmatch(item["installed_at"])
    [file] = item["files"]
    assert file["name"] == "chat.gguf" and re.fullmatch(r"[0-9a-f]{64}", file["sha256"])
    assert file["size_bytes"] == item["size_bytes"]
    assert world.get(f"/library/{item['id']}") == item


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_the_library_is_walked_to_the_end_and_filtered(
    world: World, installed: dict[str, Any], limit: int
) -> None:
    assert {item["model"] for item in world.walk("/library", limit)} == installed.keys()
    assert len(world.walk("/library", limit, format=["gguf", "mlx"], state="ok")) == 3
    assert world.walk("/library", limit, format="mlx") == []
    assert [item["model"] for item in world.walk("/library", limit, q="embed")] == ["tests/embedding"]
    assert [item["model"] for item in world.walk("/library", limit, capability="chat")] == [CHAT]
    assert world.walk("/library", limit, state="damaged") == []


def test_a_load_is_answered_at_once_and_goes_on_by_itself(world: World, installed: dict[str, Any]) -> None:
    begun = world.post("/servers", {"library_id": installed[CHAT]["id"], "settings": SETTINGS}, status=202)
    assert begun.keys() >= {
        "id", "name", "library_id", "model", "version", "state", "pid", "build", "settings", "memory",
        "endpoint", "error", "started_at", "ready_at", "last_used_at",
    }  # fmt: skip
    assert begun["state"] in ("starting", "loading")
    found = until(lambda: world.get(f"/servers/{begun['id']}"), lambda found: found["state"] == "ready")
    assert (found["model"], found["version"], found["library_id"]) == (CHAT, 1, installed[CHAT]["id"])
    assert found["endpoint"].startswith("/v1")
    assert found["error"] is None
    assert TIME.fullmatch(found["started_at"]) and TIME.fullmatch(found["ready_at"])
    assert psutil.Process(found["pid"]).is_running()
    assert found["settings"]["ctx"] == {"value": 512, "origin": "load"}
    assert found["settings"]["parallel"]["origin"] == "default"
    assert found["memory"].keys() >= {"estimated_bytes", "measured_bytes"}
    assert found["memory"]["estimated_bytes"] > installed[CHAT]["size_bytes"] / 2
    assert world.get(f"/library/{installed[CHAT]['id']}")["loaded_by"] == [found["id"]]
    assert world.get("/status")["servers_running"] == 1


def test_waiting_for_ready_answers_200_and_a_ready_server(world: World) -> None:
    assert loaded(world)["state"] == "ready"


def test_an_equal_load_is_the_same_server(world: World, installed: dict[str, Any]) -> None:
    first = loaded(world)
    assert loaded(world)["id"] == first["id"]
    assert loaded(world, installed[CHAT]["id"])["id"] == first["id"]
    refused = world.refused(
        "POST", "/servers", 409, {"library_id": CHAT, "settings": {"ctx": 256, "threads": 1}}
    )
    assert refused["code"] == "already_loaded"
    other = loaded(world, name="second", settings={"ctx": 256, "threads": 1})
    assert (other["name"], other["id"] != first["id"]) == ("second", True)
    assert {item["id"] for item in world.walk("/servers", 1)} == {first["id"], other["id"]}


def test_loads_at_the_same_time_are_one_load(world: World) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(loaded(world))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 5
    assert len({answer["id"] for answer in answers}) == 1


def test_a_corrupt_model_is_502_with_the_reason_and_the_server(world: World) -> None:
    refused = world.refused("POST", "/servers?wait=ready", 502, {"library_id": "tests/corrupt"})
    assert refused["code"] == "bad_model"
    assert len(refused["detail"]) > 30
    failed = world.get(f"/servers/{refused['server_id']}")
    assert failed["state"] == "failed"
    assert failed["error"].keys() >= {"code", "detail", "log_tail"}
    assert failed["error"]["code"] == "bad_model"
    assert str(world.daemon.home) not in str(failed["error"]) + refused["detail"]
    assert world.post("/servers", {"library_id": "tests/corrupt"}, status=202)["id"] != failed["id"]
    estimate = world.refused("POST", f"/library/{failed['library_id']}/estimate", 409, {})
    assert estimate["code"] == "bad_model"


def test_a_model_too_large_is_409_with_numbers_and_force_overrides(world: World) -> None:
    huge = {"ctx": 16_777_216, "threads": 1, "parallel": 1}
    with_kv = huge | {"kv_type_k": "f32", "kv_type_v": "f32"}
    refused = world.refused("POST", "/servers", 409, {"library_id": CHAT, "settings": with_kv})
    assert refused["code"] == "not_enough_memory"
    assert len(re.findall(r"\d+(\.\d+)? [MGT]B", refused["detail"])) >= 2, refused["detail"]
    assert "force" in refused["detail"]
    [item] = world.walk("/library", 5, q="chat")
    estimate = world.post(f"/library/{item['id']}/estimate", {"settings": with_kv})
    assert estimate["fits"] is False
    assert estimate["total_bytes"] > estimate["available_bytes"]


def test_an_estimate_adds_up_and_says_whether_it_fits(world: World, installed: dict[str, Any]) -> None:
    path = f"/library/{installed[CHAT]['id']}/estimate"
    small = world.post(path, {"settings": SETTINGS})
    parts = ("weights_bytes", "kv_bytes", "compute_bytes", "overhead_bytes")
    assert sum(small[part] for part in parts) == small["total_bytes"]
    assert (small["fits"], small["ctx"]) == (True, 512)
    assert small["reason"]
    large = world.post(path, {"settings": {"ctx": 2048}})
    assert large["kv_bytes"] == 4 * small["kv_bytes"]
    assert large["weights_bytes"] == small["weights_bytes"]
    assert world.post(path, {})["settings"]["ctx"]["origin"] == "default"


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"settings": {"ctx": -1}}, "/settings/ctx"),
        ({"settings": {"gpu_layers": "some"}}, "/settings/gpu_layers"),
        ({"settings": {"kv_type_k": "q9"}}, "/settings/kv_type_k"),
        ({"settings": {"kv_type_v": "q4_0", "flash_attention": "off"}}, "/settings/kv_type_v"),
        ({"settings": {"args": "--api-key x"}}, "/settings/args"),
        ({"name": "--host 0.0.0.0"}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "x" * 200}, "/name"),
        ({"ttl_s": -2}, "/ttl_s"),
    ],
)
def test_settings_that_cannot_be_are_422_at_their_place(world: World, fields: Any, at: str) -> None:
    refused = world.refused("POST", "/servers", 422, {"library_id": CHAT} | fields)
    assert refused["errors"][0]["pointer"] == at


def test_waiting_for_anything_else_is_422(world: World) -> None:
    refused = world.refused("POST", "/servers?wait=forever", 422, {"library_id": CHAT})
    assert refused["errors"][0]["pointer"] == "?wait"


def test_unloading_answers_the_stopped_server_and_forgets_it(world: World) -> None:
    found = loaded(world)
    stopped = checked(world.ask("DELETE", f"/servers/{found['id']}"), 200)
    assert (stopped["id"], stopped["state"]) == (found["id"], "stopped")
    assert not psutil.pid_exists(found["pid"]), "the daemon waits for its own children"
    world.refused("GET", f"/servers/{found['id']}", 404)
    world.refused("DELETE", f"/servers/{found['id']}", 404)
    assert world.get(f"/library/{found['library_id']}")["loaded_by"] == []


def test_a_restart_is_the_same_server_in_a_new_process(world: World) -> None:
    found = loaded(world)
    begun = checked(world.ask("POST", f"/servers/{found['id']}/restart"), 202)
    assert begun["id"] == found["id"]
    again = until(
        lambda: world.get(f"/servers/{found['id']}"),
        lambda server: server["state"] == "ready" and server["pid"] != found["pid"],
    )
    assert {name: setting["value"] for name, setting in again["settings"].items()} == {
        name: setting["value"] for name, setting in found["settings"].items()
    }
    assert not psutil.pid_exists(found["pid"])


def test_what_is_loaded_cannot_be_removed(world: World, installed: dict[str, Any]) -> None:
    loaded(world)
    assert world.refused("DELETE", f"/library/{installed[CHAT]['id']}", 409)["code"] == "loaded"
    assert world.get(f"/library/{installed[CHAT]['id']}")["state"] == "ok"


def test_the_log_is_text_and_its_tail_has_as_many_lines_as_asked(world: World) -> None:
    found = loaded(world)
    answer = world.ask("GET", f"/servers/{found['id']}/logs", tail=3)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.body.decode().splitlines()) == 3
    assert world.ask("GET", f"/servers/{found['id']}/logs", tail=0).body == b""
    assert len(world.ask("GET", f"/servers/{found['id']}/logs").body.splitlines()) > 3


def test_a_followed_log_grows_and_ends_with_the_server(world: World) -> None:
    found = loaded(world)
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(str(world.daemon.socket))
    connection.request("GET", f"{API}/servers/{found['id']}/logs?tail=2&follow=true")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.readline() and answer.readline()
    world.ask("DELETE", f"/servers/{found['id']}")
    assert answer.read() is not None
    connection.close()


def test_events_tell_the_life_of_a_server_in_order_with_whole_values(world: World) -> None:
    stream = Stream(world.daemon.socket, "?topics=servers,library")
    stream.until("ready")
    found = loaded(world)
    world.ask("DELETE", f"/servers/{found['id']}")
    frames = stream.until("server.removed")
    stream.close()
    states: list[str] = []
    for cursor, kind, data in frames:
        if kind == "server.changed":
            assert cursor is not None
            assert data.keys() == found.keys()
            states += [] if states and states[-1] == data["state"] else [data["state"]]
    assert states[0] == "starting"
    assert [state for state in ("starting", "ready", "stopped") if state in states] == [
        "starting", "ready", "stopped"
    ]  # fmt: skip
    assert states.index("ready") < states.index("stopped")
    assert frames[-1][2] == {"id": found["id"]}
    told = [data["loaded_by"] for _, kind, data in frames if kind == "library.changed"]
    assert [found["id"]] in told and told[-1] == []


def test_load_is_told_at_most_ten_times_a_second_without_an_id(world: World) -> None:
    found = loaded(world)
    stream = Stream(world.daemon.socket, "?topics=servers")
    stream.until("ready")
    began = time.monotonic()
    body = json.dumps({"model": CHAT, "prompt": "x", "max_tokens": 1}).encode()
    asked = 0
    while time.monotonic() - began < 1 or asked < 20:
        assert over_socket(world.daemon.socket, "POST", "/v1/completions", body).status == 200
        asked += 1
    took = time.monotonic() - began
    world.ask("DELETE", f"/servers/{found['id']}")
    gauges = [(id_, data) for id_, kind, data in stream.until("server.removed") if kind == "server.load"]
    stream.close()
    assert 2 <= len(gauges) <= took * 10 + 2
    assert all(id_ is None and data["id"] == found["id"] and "state" not in data for id_, data in gauges)
    assert all(isinstance(data["busy_slots"], int) for _, data in gauges)


def test_the_active_artifact_is_chosen_by_hand(world: World, installed: dict[str, Any]) -> None:
    item = installed[CHAT]
    answer = world.ask("PUT", f"/catalog/models/{CHAT}/active", {"library_id": item["id"]})
    assert checked(answer, 200)["active"] is True
    other = installed["tests/embedding"]["id"]
    refused = problem(world.ask("PUT", f"/catalog/models/{CHAT}/active", {"library_id": other}), 422)
    assert refused["errors"][0]["pointer"] == "/library_id"


def test_scanning_says_what_changed_and_what_it_does_not_know(world: World) -> None:
    (world.daemon.home / "models/stray.txt").write_text("x")
    found = world.post("/library/scan")
    assert found.keys() >= {"added", "changed", "missing", "unknown_files"}
    assert (found["added"], found["missing"]) == (0, 0)
    assert "stray.txt" in found["unknown_files"]
    (world.daemon.home / "models/stray.txt").unlink()


def test_a_load_with_a_key_is_answered_again(world: World) -> None:
    key = ("Idempotency-Key", "load-1")
    body = {"library_id": CHAT, "settings": SETTINGS}
    first = world.ask("POST", "/servers?wait=ready", body, key)
    again = world.ask("POST", "/servers?wait=ready", body, key)
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["idempotency-replayed"] == "true"
