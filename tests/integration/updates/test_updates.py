"""Updates from the first sight to the rollback, on a real daemon, real models and a llama-server."""

from typing import Any

import pytest

from tests.contract.world import option, until
from tests.integration.updates.conftest import Updating
from tests.stream import Stream


def test_a_newer_version_is_shown_fetched_beside_the_old_one_and_made_the_active_one(world: Updating) -> None:
    old = world.have("acme/plain", 1, "one", context_length=4096, license={"spdx": "MIT"})
    assert world.update("acme/plain") is None
    stream = Stream(world.daemon.socket, "?topics=updates,library")
    stream.until("ready")
    world.offer("acme/plain", 3, "two", context_length=8192, license={"spdx": "Apache-2.0"})
    shown = stream.until("update.available")[-1][2]
    update = world.update("acme/plain")
    assert shown == update
    assert (update["id"], update["state"], update["kind"]) == (old, "available", "version")
    assert (update["installed_version"], update["version"], update["option"]) == (1, 3, "gguf-q4")
    assert [note["notes"] for note in update["notes"]] == ["what 3 brings", "what 2 brings"]
    assert update["size_bytes"] == world.file("two")["size_bytes"] == update["total_bytes"]
    changes = {change["field"]: (change["before"], change["after"]) for change in update["changes"]}
    assert changes["context_length"] == (4096, 8192)
    assert changes["license/spdx"] == ("MIT", "Apache-2.0")
    assert world.apply(old, dry_run=True)["applied"] == [update]
    assert world.active("acme/plain")["id"] == old
    (begun,) = world.apply(old)["applied"]
    assert begun["download"], begun
    world.reached(begun["download"], "completed")
    active = world.active("acme/plain")
    assert (active["version"], active["verified_at"] is not None) == (3, True)
    assert world.get(f"/library/{old}")["state"] == "ok", "the old one is kept"
    assert world.update("acme/plain") is None
    stream.until("update.removed")
    stream.close()


def test_state_lists_the_same_updates_as_the_route(world: Updating) -> None:
    world.have("acme/state", 1, "one")
    world.offer("acme/state", 2, "two")
    listed = world.get("/updates", limit=200)["items"]
    assert world.get("/state", topics="updates")["state"] == {"updates": listed}
    assert "acme/state" in {item["model"] for item in listed}
    assert world.get("/updates", q="acme/state", format="mlx")["items"] == []
    assert world.get("/updates", q="nothing-like-it")["total"] == 0


def test_an_update_made_active_by_hand_and_of_another_option_takes_the_settings_along(
    world: Updating,
) -> None:
    old = world.have("acme/hand", 1, "one")
    world.ask("PUT", "/catalog/models/acme/hand/active", {"library_id": old})
    saved = world.ask("PUT", f"/library/{old}/settings", {"ctx": 96, "threads": 1})
    assert saved.status == 200, saved.body
    world.offer("acme/hand", 2, "two", option_id="gguf-new")
    update = world.update("acme/hand")
    assert (update["option"], update["active"]) == ("gguf-new", True)
    new = world.applied(old)
    assert (new["version"], new["option"]) == (2, "gguf-new")
    settings = world.ask("GET", f"/library/{new['id']}/settings")
    assert settings.json["saved"] == {"ctx": 96, "threads": 1}
    seen = ("If-Match", settings.headers["etag"])
    assert world.ask("PUT", f"/library/{new['id']}/settings", {"ctx": 64}, seen).status == 200
    assert world.ask("PUT", f"/library/{new['id']}/settings", {"ctx": 32}, seen).status == 412


def test_a_rollback_brings_the_old_one_back_with_the_settings_it_had(world: Updating) -> None:
    old = world.have("acme/back", 1, "one")
    assert world.ask("PUT", f"/library/{old}/settings", {"ctx": 96}).status == 200
    world.offer("acme/back", 2, "two")
    new = world.applied(old)
    changed = world.ask("PUT", f"/library/{new['id']}/settings", {"ctx": 128})
    tried = world.post("/updates/rollback", {"model": "acme/back", "dry_run": True})
    assert world.active("acme/back")["id"] == new["id"]
    done = world.post("/updates/rollback", {"model": "acme/back"})
    assert done == tried
    assert (done["from_id"], done["to_id"], done["to_version"]) == (new["id"], old, 1)
    assert world.active("acme/back")["id"] == old
    assert world.get(f"/library/{old}/settings")["saved"] == {"ctx": 96}
    stale = ("If-Match", changed.headers["etag"])
    assert world.ask("PUT", f"/library/{old}/settings", {"ctx": 64}, stale).status == 412
    update = world.update("acme/back")
    assert (update["state"], update["held_back"][0]["code"]) == ("held_back", "rolled_back")
    everything = world.post("/updates/apply", {}, status=202)
    assert "acme/back" not in {one["model"] for one in everything["applied"]}, "not again by itself"
    assert world.applied(old)["id"] == new["id"], "but when it is named"
    assert world.get(f"/library/{new['id']}/settings")["saved"] == {"ctx": 128}
    assert world.ask("DELETE", f"/library/{old}").status == 200
    gone = world.refused("POST", "/updates/rollback", 409, {"model": "acme/back"})
    assert gone["code"] == "version_gone" and "acme/back@1:gguf-q4" in gone["detail"]


def test_a_version_that_was_pulled_by_hand_can_be_gone_back_from_and_keeps_its_settings(
    world: Updating,
) -> None:
    old = world.have("acme/pulled", 1, "one")
    assert world.ask("PUT", f"/library/{old}/settings", {"ctx": 96}).status == 200
    new = world.have("acme/pulled", 2, "two")
    assert new != old
    assert world.post("/updates/rollback", {"model": "acme/pulled"})["to_id"] == old
    assert world.get(f"/library/{old}/settings")["saved"] == {"ctx": 96}
    assert world.applied(old)["id"] == new
    assert world.get(f"/library/{new}/settings")["saved"] == {"ctx": 96}
    assert world.refused("POST", "/updates/rollback", 404, {"model": "acme/nobody"})
    assert world.refused("POST", "/updates/rollback", 422, {"model": "acme"})


def test_what_was_not_active_does_not_become_so_by_an_update(world: Updating) -> None:
    options = [option("gguf-a", world.file("one")), option("gguf-b", world.file("two"))]
    world.offer("acme/pair", 1, "one", options=options)
    for name in ("gguf-a", "gguf-b"):
        world.download(f"acme/pair:{name}", until="completed")
    items = {one["option"]: one for one in world.get("/library", q="acme/pair")["items"]}
    world.ask("PUT", "/catalog/models/acme/pair/active", {"library_id": items["gguf-a"]["id"]})
    newer = [option("gguf-a", world.file("one")), option("gguf-b", world.file("three"))]
    world.offer("acme/pair", 2, "one", options=newer)
    (begun,) = world.apply(items["gguf-b"]["id"])["applied"]
    world.reached(begun["download"], "completed")
    assert world.active("acme/pair")["id"] == items["gguf-a"]["id"]


def test_a_loaded_model_is_switched_at_the_next_load(world: Updating) -> None:
    old = world.have("acme/next", 1, "one")
    first = world.load("acme/next")
    world.offer("acme/next", 2, "two")
    new = world.applied(old)
    update = world.update("acme/next")
    assert (update["state"], update["new_id"], update["loaded_by"]) == ("ready", new["id"], [first["id"]])
    assert [one["id"] for one in world.running("acme/next")] == [first["id"]], "it runs on"
    second = world.load("acme/next")
    assert (second["library_id"], second["version"]) == (new["id"], 2)
    left = until(lambda: world.running("acme/next"), lambda running: len(running) == 1)
    assert left[0]["id"] == second["id"]
    until(lambda: world.update("acme/next"), lambda update: update is None)
    world.ask("DELETE", f"/servers/{second['id']}")


@pytest.mark.parametrize("name", [None, "helper"])
def test_switched_now_the_new_one_takes_over_with_its_settings_and_name(
    world: Updating, name: str | None
) -> None:
    model = f"acme/now-{name or 'bare'}"
    old = world.have(model, 1, "one")
    named = {"name": name} if name else {}
    first = world.load(model, settings={"ctx": 96}, **named)
    world.offer(model, 2, "two")
    new = world.applied(old, switch="now")

    def only_the_new(running: list[Any]) -> bool:
        return [(one["library_id"], one["name"]) for one in running] == [(new["id"], name or model)]

    (second,) = until(lambda: world.running(model), only_the_new)
    assert second["settings"]["ctx"] == {"value": 96, "origin": "load"}
    assert second["id"] != first["id"]
    world.post("/updates/rollback", {"model": model, "switch": "now"})
    (third,) = until(
        lambda: world.running(model),
        lambda running: [(one["library_id"], one["name"]) for one in running] == [(old, name or model)],
    )
    world.ask("DELETE", f"/servers/{third['id']}")


def test_a_pin_of_the_program_that_asks_holds_back_and_force_overrides(world: Updating) -> None:
    old = world.have("acme/pinned", 1, "one")
    world.offer("acme/pinned", 2, "two", requires={"app": {"editor": ">=2"}})
    app = ("Modelhub-App", "editor/1.9")
    (held,) = world.update("acme/pinned", app)["held_back"]
    assert (held["code"], held["by"]) == ("app_pin", "editor")
    assert ">=2" in held["detail"] and "1.9" in held["detail"]
    assert world.update("acme/pinned", ("Modelhub-App", "editor/2.0"))["state"] == "available"
    assert world.update("acme/pinned")["state"] == "available"
    answer = world.ask("POST", "/updates/apply", {"ids": [old]}, app).json
    assert answer["applied"] == []
    assert answer["refused"] == [{"id": old, "code": "app_pin", "detail": held["detail"]}]
    forced = world.ask("POST", "/updates/apply", {"ids": [old], "force": True}, app).json
    world.reached(forced["applied"][0]["download"], "completed")
    assert world.active("acme/pinned")["version"] == 2


def test_a_program_that_cannot_use_the_newest_is_offered_the_newest_that_it_can(world: Updating) -> None:
    model, app = "acme/older", ("Modelhub-App", "editor/1.9")
    old = world.have(model, 1, "one")
    second = {
        "id": model, "version": 2, "requires": {"app": {"editor": ">=1.5"}},
        "options": [option("gguf-q4", world.file("two"))],
    }  # fmt: skip
    world.offer(model, 3, "three", requires={"app": {"editor": ">=2"}}, older=[second])
    assert world.update(model)["version"] == 3
    update = world.update(model, app)
    assert (update["version"], update["state"], update["newer_version"]) == (2, "available", 3)
    assert [(held["code"], held["by"]) for held in update["newer_held_back"]] == [("app_pin", "editor")]
    assert [note["version"] for note in update["notes"]] == [2]
    (begun,) = world.ask("POST", "/updates/apply", {"ids": [old]}, app).json["applied"]
    world.reached(begun["download"], "completed")
    until(lambda: world.active(model), lambda one: one["version"] == 2)
    after = world.update(model, app)
    assert (after["version"], after["state"], after["newer_version"]) == (3, "held_back", None)
    assert world.update(model, ("Modelhub-App", "editor/2.0"))["state"] == "available"


def test_a_policy_holds_back_with_its_name_and_layer_and_nothing_overrides_it(world: Updating) -> None:
    old = world.have("acme/policed", 1, "one")
    world.offer("acme/policed", 2, "two")
    world.ask("PUT", "/policy", {"allowed_publishers": ["somebody"]})
    try:
        update = world.update("acme/policed")
        (held,) = update["held_back"]
        assert (held["code"], held["by"], held["source"]) == ("policy", "allowed_publishers", "saved")
        assert update["refusal"] == held["detail"]
        (refused,) = world.apply(old, force=True)["refused"]
        assert refused["code"] == "policy"
    finally:
        world.ask("PUT", "/policy", {"allowed_publishers": None})
    assert world.update("acme/policed")["state"] == "available"


def test_other_content_under_the_same_version_is_shown_and_not_taken(world: Updating) -> None:
    old = world.have("acme/swapped", 1, "one")
    world.offer("acme/swapped", 1, "two")
    update = world.update("acme/swapped")
    assert (update["kind"], update["state"], update["id"]) == ("content", "held_back", old)
    assert update["held_back"][0]["code"] == "content_replaced"
    assert world.apply(old, force=True)["refused"][0]["code"] == "content_replaced"


def test_a_refused_or_cancelled_download_leaves_the_old_one_and_no_update_on_the_books(
    world: Updating,
) -> None:
    old = world.have("acme/given-up", 1, "one")
    slow = world.serve("slow.gguf", {"stall_after": 1000}, size=50_000)
    options = [option("gguf-q4", slow)]
    world.offer("acme/given-up", 2, "one", options=options)
    (begun,) = world.apply(old)["applied"]
    assert begun["state"] == "downloading"
    assert world.update("acme/given-up")["download"] == begun["download"]
    world.post(f"/downloads/{begun['download']}/cancel")
    until(lambda: world.update("acme/given-up"), lambda update: update["state"] == "available")
    assert world.active("acme/given-up")["id"] == old
    assert world.refused("POST", "/updates/apply", 404, {"ids": ["0" * 16]})["code"] == "artifact_not_found"


def test_files_that_are_here_already_are_shared_and_not_fetched_again(world: Updating) -> None:
    shared = world.serve("shared.safetensors", size=300_000, seed=71)
    first = world.serve("first.safetensors", size=40_000, seed=72)
    second = world.serve("second.safetensors", size=50_000, seed=73)

    def offer(version: int, file: dict[str, Any]) -> None:
        options = [option("st", shared, file, format="safetensors")]
        world.offer("acme/parts", version, "one", options=options)

    offer(1, first)
    world.download("acme/parts", until="completed")
    old = world.active("acme/parts")["id"]
    asked = len(world.origin.requests("/shared.safetensors"))
    offer(2, second)
    update = world.update("acme/parts")
    assert (update["size_bytes"], update["total_bytes"]) == (50_000, 350_000)
    new = world.applied(old, force=True)
    assert len(world.origin.requests("/shared.safetensors")) == asked, "nobody asked for it again"
    files = [world.daemon.home / f"models/acme/parts/{version}/st/shared.safetensors" for version in (1, 2)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [file.stat().st_nlink for file in files] == [2, 2], "the bytes are on the disk once"
    assert new["verified_at"] is not None
