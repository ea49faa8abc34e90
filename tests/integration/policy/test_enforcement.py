"""Each policy at each place: download, load, dry run, estimate, gateway, search and detail."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.world import World, entry, until
from tests.integration.policy.conftest import BARE, CHAT
from tests.raw import Answer, over_socket

FORBIDS: list[tuple[str, Any, str]] = [
    ("require_verified", True, CHAT),
    ("require_signature", True, CHAT),
    ("require_digest", True, BARE),
    ("allowed_publishers", ["qwen"], CHAT),
    ("local_entries", False, CHAT),
]
"""A policy, its value, and a model that it refuses."""


@contextlib.contextmanager
def policy(world: World, **change: Any) -> Iterator[None]:
    """These policies for a while."""
    assert world.ask("PUT", "/policy", change).status == 200
    try:
        yield
    finally:
        assert world.ask("PUT", "/policy", dict.fromkeys(change)).status == 200


def refused_by(policy: str, found: Any) -> None:
    assert found["code"] == "refused_by_policy"
    assert policy in found["detail"] and "set through the API" in found["detail"]
    assert f"modelhub policy set {policy}" in found["detail"]


def chat(world: World, model: str) -> Answer:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "?"}]}).encode()
    return over_socket(world.daemon.socket, "POST", "/v1/chat/completions", body)


@pytest.mark.parametrize(("key", "value", "model"), FORBIDS)
def test_a_download_is_refused_whatever_forces_it(world: World, key: str, value: Any, model: str) -> None:
    removed = next(item for item in world.get("/library")["items"] if item["model"] == model)
    assert world.ask("DELETE", f"/library/{removed['id']}").status == 200
    with policy(world, **{key: value}):
        status = 404 if key == "local_entries" else 403
        found = world.refused("POST", "/downloads", status, {"model": model, "force": True})
        if status == 403:
            refused_by(key, found)
            named = {"model": model, "option": "gguf-q4", "force": True}
            refused_by(key, world.refused("POST", "/downloads", 403, named))
    world.download(model, until="completed")


@pytest.mark.parametrize(("key", "value", "model"), FORBIDS)
def test_a_load_is_refused_and_dry_run_and_estimate_say_so(
    world: World, key: str, value: Any, model: str
) -> None:
    with policy(world, **{key: value}):
        refused_by(key, world.refused("POST", "/servers", 403, {"library_id": model, "force": True}))
        refused_by(key, world.refused("POST", "/servers", 403, {"library_id": model}, dry_run="true"))
        artifact = next(item for item in world.get("/library")["items"] if item["model"] == model)
        notes = world.post(f"/library/{artifact['id']}/estimate", {})["notes"]
        assert any(note.startswith("A load is refused") and key in note for note in notes), notes
        answer = chat(world, model)
        assert answer.status == 403 and key in answer.json["error"]["message"]
    planned = world.post("/servers", {"library_id": model}, dry_run="true")
    assert planned["model"] == model


@pytest.mark.parametrize(("key", "value", "model"), FORBIDS)
def test_what_runs_and_becomes_forbidden_answers_no_more_and_is_unloaded(
    world: World, key: str, value: Any, model: str
) -> None:
    server = world.post("/servers", {"library_id": model}, wait="ready")
    assert chat(world, model).status == 200
    with policy(world, **{key: value}):
        answer = chat(world, model)
        assert answer.status == 403 and key in answer.json["error"]["message"]
        until(lambda: world.ask("GET", f"/servers/{server['id']}").status, lambda status: status == 404)
    assert chat(world, model).status == 200, "it is loaded again once it may be"


@pytest.mark.parametrize(("key", "value", "model"), FORBIDS)
def test_search_and_detail_say_which_models_are_refused_and_why(
    world: World, key: str, value: Any, model: str
) -> None:
    free = world.get("/catalog/models", q=model)["items"][0]
    assert (free["allowed"], free["refusal"], free["best_option"]) == (True, None, "gguf-q4")
    with policy(world, **{key: value}):
        if key == "local_entries":
            assert world.ask("GET", f"/catalog/models/{model}").status == 404
            return
        found = world.get("/catalog/models", q=model)["items"][0]
        assert (found["id"], found["allowed"], found["best_option"]) == (model, False, None)
        assert key in found["refusal"]
        detail = world.get(f"/catalog/models/{model}")
        assert (detail["allowed"], detail["best_option"]) == (False, None)
        assert key in detail["refusal"]
        assert [(option["allowed"], key in option["refusal"]) for option in detail["options"]] == [
            (False, True)
        ]


def test_the_best_option_is_one_that_is_allowed(world: World) -> None:
    small, large = world.serve("small.gguf", size=1000), world.serve("large.gguf", size=2000)
    two = entry("tests/two", large | {"sha256": None})
    two["options"].append(entry("x/y", small)["options"][0] | {"id": "gguf-q2"})
    world.list_locally(two, file="two")
    assert world.get("/catalog/models/tests/two")["best_option"] == "gguf-q4"
    with policy(world, require_digest=True):
        detail = world.get("/catalog/models/tests/two")
        assert (detail["allowed"], detail["best_option"], detail["refusal"]) == (True, "gguf-q2", None)
        assert [option["allowed"] for option in detail["options"]] == [False, True]
        found = world.get("/catalog/models", q="tests/two")["items"][0]
        assert (found["allowed"], found["best_option"], found["size_bytes"]) == (True, "gguf-q2", 1000)
        named = {"model": "tests/two", "option": "gguf-q4"}
        refused_by("require_digest", world.refused("POST", "/downloads", 403, named))
        assert world.post("/downloads", {"model": "tests/two"}, status=201)["option"] == "gguf-q2"


def test_what_is_under_way_and_becomes_forbidden_fails_with_the_reason(world: World) -> None:
    from tests.fakes.origin import Step

    slow = world.serve("slow.gguf", Step(stall_after=1000), size=400_000)
    world.list_locally(entry("tests/slow", slow), file="slow")
    made = world.download("tests/slow", until="active")
    with policy(world, allowed_publishers=["qwen"]):
        failed = world.reached(made["id"], "failed")
        assert failed["error"]["code"] == "refused_by_policy"
        assert "allowed_publishers" in failed["error"]["detail"]
        refused_by("allowed_publishers", world.refused("POST", f"/downloads/{made['id']}/retry", 403))


def test_what_is_queued_and_becomes_forbidden_fails_when_its_turn_comes(world: World) -> None:
    quick = world.serve("quick.gguf")
    world.list_locally(entry("tests/quick", quick), file="quick")
    made = world.download("tests/quick")
    world.ask("POST", f"/downloads/{made['id']}/pause")
    if world.get(f"/downloads/{made['id']}")["state"] != "paused":
        pytest.skip("it was quicker than the pause")
    with policy(world, require_signature=True):
        world.post(f"/downloads/{made['id']}/resume")
        failed = world.reached(made["id"], "failed")
        assert failed["error"]["code"] == "refused_by_policy"
        assert "require_signature" in failed["error"]["detail"]
    world.post(f"/downloads/{made['id']}/retry")
    world.reached(made["id"], "completed")
