"""The daemon runs models on the built-in server as on the real program: found, loaded, asked, stopped."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelhubd.llama.builds import MINIMUM_BUILD
from tests.contract.world import World, checked, until
from tests.fakes.tiny_gguf import ROOMY, SENTENCE, THOUGHTS
from tests.raw import over_socket
from tests.real.program import BUILD
from tests.real.server import Connection, ask
from tests.running import still_running

SMALL = {"ctx": 512, "threads": 1}
HELLO = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 30}
ENDLESS = HELLO | {"stream": True, "ignore_eos": True, "max_tokens": 100_000}
CHAT, ROOM, THINKING = "tests/chat", "tests/roomy", "tests/thinking"


@pytest.fixture(autouse=True)
def nothing_is_loaded(world: World) -> Iterator[None]:
    yield
    for server in world.walk("/servers", 200):
        world.ask("DELETE", f"/servers/{server['id']}")


def loaded(world: World, model: str = CHAT, **settings: Any) -> Any:
    """The Server, ready."""
    return world.post("/servers", {"library_id": model, "settings": SMALL | settings}, wait="ready")


def arguments(server: Any) -> list[str]:
    """The command line of the running server."""
    return psutil.Process(server["pid"]).cmdline()


def own_socket(server: Any) -> Path:
    said = arguments(server)
    return Path(said[said.index("--host") + 1])


def complete(world: World, model: str, **more: Any) -> Any:
    """The message that the gateway answers with."""
    body = json.dumps({"model": model} | HELLO | more).encode()
    answer = over_socket(world.daemon.socket, "POST", "/v1/chat/completions", body)
    return checked(answer, 200)["choices"][0]["message"]


def generating(world: World, model: str) -> http.client.HTTPConnection:
    """A connection to the gateway on which an answer without an end has begun."""
    connection = Connection(world.daemon.socket)
    body = json.dumps({"model": model} | ENDLESS)
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    assert connection.getresponse().read(50)
    return connection


def test_the_build_is_found_with_its_version_and_its_devices(world: World, kind: str) -> None:
    builds = until(lambda: world.get("/device")["llama_servers"], bool)
    first = builds[0]
    assert first["origin"] == ("configured" if kind == "real" else "builtin")
    assert first["usable"] is True and first["reason"] is None
    assert isinstance(first["devices"], list)
    assert first["build"] == BUILD if kind == "real" else first["build"] >= MINIMUM_BUILD
    assert world.get("/status")["llama_server"] == first["version"]
    assert len({build["id"] for build in builds}) == len(builds)
    assert builds[-1]["origin"] == "builtin"


def test_a_model_is_loaded_answers_and_is_unloaded(world: World) -> None:
    server = loaded(world)
    assert server["build"] == world.get("/device")["llama_servers"][0]["version"]
    process = psutil.Process(server["pid"])
    assert complete(world, CHAT)["content"] == SENTENCE
    checked(world.ask("DELETE", f"/servers/{server['id']}"), 200)
    assert not still_running([process], within_s=10)
    assert not own_sockets(world)


def own_sockets(world: World) -> list[Path]:
    return [path for path in (world.daemon.home / "run").glob("*.sock") if path != world.daemon.socket]


def test_the_settings_reach_the_server(world: World) -> None:
    server = loaded(world, ctx=1024, parallel=2, batch=64, kv_type_k="q8_0", kv_type_v="q8_0", mmap=False)
    assert server["settings"]["kv_type_k"] == {"value": "q8_0", "origin": "load"}
    path = own_socket(server)
    slots = json.loads(ask(path, "/slots")[1])
    assert [slot["n_ctx"] for slot in slots] == [512, 512]
    assert not any(slot["is_processing"] for slot in slots)
    assert json.loads(ask(path, "/props")[1])["total_slots"] == 2
    assert complete(world, CHAT)["content"] == SENTENCE


def test_each_setting_is_taken_by_the_program(world: World) -> None:
    server = loaded(
        world, gpu_layers="all", flash_attention="on", mlock=True, reasoning="on", reasoning_budget=9, seed=3
    )
    assert complete(world, CHAT)["content"] == SENTENCE
    assert server["state"] == "ready"


def test_the_server_counts_what_it_has_answered(world: World) -> None:
    server = loaded(world)
    complete(world, CHAT)
    status, text = ask(own_socket(server), "/metrics")
    found = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    assert status == 200
    assert float(found["llamacpp:tokens_predicted_total"]) > 0


def test_reasoning_is_switched_by_the_load(world: World) -> None:
    server = loaded(world, THINKING)
    assert complete(world, THINKING)["reasoning_content"] == THOUGHTS
    world.ask("DELETE", f"/servers/{server['id']}")
    loaded(world, THINKING, reasoning="off")
    quiet = complete(world, THINKING)
    assert quiet["content"] == SENTENCE
    assert not quiet.get("reasoning_content")


def test_a_server_is_stopped_while_it_generates(world: World) -> None:
    server = loaded(world, ROOM, ctx=ROOMY.n_ctx)
    process = psutil.Process(server["pid"])
    with contextlib.closing(generating(world, ROOM)):
        assert world.get(f"/servers/{server['id']}")["state"] == "ready"
        checked(world.ask("DELETE", f"/servers/{server['id']}"), 200)
    assert not still_running([process], within_s=10)
    assert not own_sockets(world)


@pytest.mark.parametrize(
    ("model", "code"),
    [("magic", "bad_model"), ("truncated", "bad_model"), ("architecture", "unsupported_architecture")],
)
def test_a_model_that_cannot_be_loaded_is_refused_with_the_reason(
    world: World, model: str, code: str
) -> None:
    refused = world.refused("POST", "/servers?wait=ready", 502, {"library_id": f"tests/{model}"})
    assert refused["code"] == code
    assert str(world.daemon.home) not in str(refused)


@pytest.mark.parametrize("busy", [False, True])
def test_kill_9_of_the_daemon_leaves_no_server(world: World, busy: bool) -> None:
    server = loaded(world, ROOM, ctx=ROOMY.n_ctx)
    children = psutil.Process(world.daemon.pid).children(recursive=True)
    assert server["pid"] in [child.pid for child in children]
    with contextlib.ExitStack() as open_request:
        if busy:
            open_request.enter_context(contextlib.closing(generating(world, ROOM)))
        world.daemon.kill()
        left = still_running(children, within_s=5)
    for process in left:
        process.kill()
    world.daemon.start()
    assert not left
    assert world.get("/servers")["total"] == 0
    assert not own_sockets(world)
    assert loaded(world, ROOM, ctx=ROOMY.n_ctx)["pid"] != server["pid"]


def test_a_daemon_that_stops_takes_a_generating_server_with_it(world: World) -> None:
    loaded(world, ROOM, ctx=ROOMY.n_ctx)
    children = psutil.Process(world.daemon.pid).children(recursive=True)
    with contextlib.closing(generating(world, ROOM)):
        world.daemon.stop()
    left = still_running(children, within_s=5)
    for process in left:
        process.kill()
    world.daemon.start()
    assert not left
