"""App pins: what a program that names itself is shown, may download and may load."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client, Refused
from tests.contract.world import World, entry, local_file
from tests.fakes.origin import Origin
from tests.integration.policy.conftest import CHAT
from tests.integration.policy.test_enforcement import policy
from tests.raw import Answer, over_socket

PINNED = "tests/pinned"
OLD, NEW = ("Modelhub-App", "editor/1.9"), ("Modelhub-App", "editor/2.0")


@pytest.fixture(scope="module", autouse=True)
def pinned(world: World, origin: Origin, model_file: Path) -> None:
    requires = {"app": {"editor": ">=2"}}
    future = {"daemon": ">=1000"}
    world.list_locally(
        entry(PINNED, local_file(model_file, origin), requires=requires),
        entry("tests/future", world.serve("future.gguf"), requires=future),
        file="pinned",
    )


def item(world: World, *headers: tuple[str, str]) -> Any:
    return world.ask("GET", "/catalog/models", None, *headers, q=PINNED).json["items"][0]


def test_search_and_detail_say_what_is_held_back_from_the_program_that_asks(world: World) -> None:
    assert item(world)["held_back"] is None
    assert item(world, NEW)["held_back"] is None
    assert item(world, OLD)["held_back"] == "It needs editor >=2, and this is 1.9."
    path = f"/catalog/models/{PINNED}"
    assert world.ask("GET", path, None, OLD).json["held_back"] == item(world, OLD)["held_back"]
    assert world.ask("GET", path, None, NEW).json["held_back"] is None
    assert "modelhubd >=1000" in world.get("/catalog/models/tests/future")["held_back"]


def test_a_download_and_a_load_are_held_back_unless_forced(world: World) -> None:
    body = {"model": PINNED}
    answer = world.ask("POST", "/downloads", body, OLD)
    assert (answer.status, answer.json["code"]) == (409, "requirement_not_met")
    assert "editor >=2" in answer.json["detail"] and "Force" in answer.json["detail"]
    assert world.ask("POST", "/downloads", {"model": "tests/future"}).status == 409
    made = world.ask("POST", "/downloads", body, NEW)
    assert made.status == 201
    world.reached(made.json["id"], "completed")
    load = {"library_id": PINNED}
    held = world.ask("POST", "/servers", load, OLD, dry_run="true")
    assert (held.status, held.json["code"]) == (409, "requirement_not_met")
    assert world.ask("POST", "/servers", load, OLD).status == 409
    assert world.ask("POST", "/servers", load | {"force": True}, OLD, dry_run="true").status == 200
    assert world.ask("POST", "/servers", load, NEW, dry_run="true").status == 200


def test_a_program_that_cannot_use_the_newest_gets_the_newest_that_it_can(
    world: World, origin: Origin, model_file: Path
) -> None:
    model, ancient = "tests/older", ("Modelhub-App", "editor/1.0")
    first = {"version": 1} | entry(
        model, local_file(model_file, origin), requires={"app": {"editor": ">=1.5"}}
    )
    pin = {"app": {"editor": ">=2"}}
    world.list_locally(
        entry(model, world.serve("newest.gguf"), version=2, requires=pin, older=[first]), file="older"
    )
    path = f"/catalog/models/{model}"
    for app, usable in ((OLD, 1), (NEW, None), (ancient, None)):
        assert world.ask("GET", path, None, app).json["usable_version"] == usable
        (found,) = world.ask("GET", "/catalog/models", None, app, q=model).json["items"]
        assert (found["version"], found["usable_version"]) == (2, usable)
    assert world.ask("POST", "/downloads", {"model": model}, ancient).status == 409
    assert world.ask("POST", "/downloads", {"model": f"{model}@3"}, OLD).json["code"] == "version_not_found"
    made = world.ask("POST", "/downloads", {"model": model}, OLD)
    assert (made.status, made.json["version"]) == (201, 1)
    world.reached(made.json["id"], "completed")
    load = {"library_id": f"{model}@1"}
    assert world.ask("POST", "/servers", load, OLD, dry_run="true").status == 200
    held = world.ask("POST", "/servers", load, ancient, dry_run="true")
    assert (held.status, held.json["code"]) == (409, "requirement_not_met")
    with policy(world, require_digest=True):
        assert world.ask("POST", "/servers", load, OLD, dry_run="true").status == 200
        world.list_locally(
            entry(model, world.serve("newest.gguf"), version=2, requires=pin,
                  older=[first | {"options": entry(model, world.serve("other.gguf"))["options"]}]),
            file="older",
        )  # fmt: skip
        other = world.ask("POST", "/servers", load, OLD, dry_run="true")
        assert other.json["code"] == "refused_by_policy", "it is not what the catalog lists as version 1"


def test_a_client_names_its_program(world: World) -> None:
    old = Client(environ=world.daemon.environ, app="editor/1.9")
    assert old.model(PINNED).held_back is not None
    with pytest.raises(Refused, match="not for the programs"):
        old.create_download("tests/future")
    assert Client(environ=world.daemon.environ, app="editor/2.1").model(PINNED).held_back is None


def test_a_specifier_that_is_none_is_a_fault_of_the_entry(world: World) -> None:
    folder = world.daemon.home / "config/catalog.d"
    bad = entry("tests/bad", {"name": "a.gguf", "size_bytes": 1}, requires={"app": {"editor": "soon"}})
    (folder / "bad.json").write_text(json.dumps(bad))
    faults = world.post("/catalog/sync", status=202)["faults"]
    (folder / "bad.json").unlink()
    assert [(fault["file"], fault["pointer"]) for fault in faults] == [("bad.json", "/requires/app/editor")]


def test_the_gateway_lists_and_answers_only_what_is_for_the_program_that_asks(world: World) -> None:
    if not any(one["model"] == PINNED for one in world.get("/library")["items"]):
        world.download(PINNED, until="completed")

    def listed(*headers: tuple[str, str]) -> set[str]:
        answer = over_socket(world.daemon.socket, "GET", "/v1/models", None, *headers)
        assert answer.status == 200
        return {model["id"] for model in answer.json["data"]}

    def asked(*headers: tuple[str, str]) -> Answer:
        body = json.dumps({"model": PINNED, "messages": [{"role": "user", "content": "?"}]}).encode()
        return over_socket(world.daemon.socket, "POST", "/v1/chat/completions", body, *headers)

    def refused() -> None:
        answer = asked(OLD)
        assert (answer.status, answer.json["error"]["code"]) == (409, "requirement_not_met")
        assert "editor >=2" in answer.json["error"]["message"]

    assert PINNED in listed() & listed(NEW)
    assert PINNED not in listed(OLD)
    assert CHAT in listed(OLD)
    refused()
    assert world.get("/servers")["items"] == [], "what is refused is not loaded first"
    assert asked(NEW).status == 200
    refused()
    assert asked().status == 200
    assert PINNED not in listed(OLD), "a running server is listed no more than its model"
    garbled = asked(("Modelhub-App", "no version"))
    assert (garbled.status, garbled.json["error"]["param"]) == (422, "Modelhub-App")
    with policy(world, allowed_publishers=["qwen"]):
        assert not listed() & {PINNED, CHAT}
