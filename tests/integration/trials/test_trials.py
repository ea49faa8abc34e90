"""Trials beyond the story: what is refused, what is replayed, what goes wrong, what an update does."""

import contextlib
import json
import sqlite3
from typing import Any

import psutil
import pytest

from tests.contract.world import until
from tests.integration.trials.conftest import NEW_ANSWER, Trying
from tests.raw import over_socket
from tests.running import still_running
from tests.stream import Stream

MODEL, OTHER, THINKS = "acme/tried", "acme/other", "acme/thinks"
EMBEDS, EMBEDS2 = "acme/embeds", "acme/embeds2"
NEW = "".join(NEW_ANSWER)


@pytest.fixture(scope="module")
def stocked(world: Trying) -> Trying:
    """MODEL in two versions, the first active; another model, one with another template, two that embed."""
    old = world.have(MODEL, 1, "old")
    world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old})
    world.have(MODEL, 2, "new")
    for model, file in ((OTHER, "newer"), (THINKS, "thinks"), (EMBEDS, "embeds"), (EMBEDS2, "embeds2")):
        world.have(model, 1, file)
    return world


def test_what_cannot_be_tried_is_refused_with_the_reason(stocked: Trying) -> None:
    world, two = stocked, (f"{MODEL}@1", f"{MODEL}@2")
    trial = world.begin(*two)
    for active, candidate, status, code in (
        (f"{MODEL}@1", f"{MODEL}@1", 409, "same_artifact"), (*two, 409, "trial_exists"),
        (MODEL, OTHER, 409, "trial_exists"), (EMBEDS, MODEL, 409, "no_embeddings"),
        (OTHER, EMBEDS, 409, "no_text"), (OTHER, "acme/nothing", 404, "not_installed"),
        (OTHER, "?", 422, "invalid_input"),
    ):  # fmt: skip
        refused = world.refused("POST", "/trials", status, {"active": active, "candidate": candidate})
        assert refused["code"] == code, (active, candidate, refused)
    for field, value in (("sample", 0), ("sample", 1.5), ("when", "now"), ("keep", -1), ("max_pending", 0)):
        body = {"active": OTHER, "candidate": THINKS, field: value}
        assert world.refused("POST", "/trials", 422, body)["errors"][0]["pointer"] == f"/{field}"
    bad = {"active": OTHER, "candidate": THINKS, "checks": "checks:\n  bad:\n    regex: '('\n"}
    assert world.refused("POST", "/trials", 422, bad)["errors"][0]["pointer"] == "/checks"
    assert world.refused("GET", "/trials/nothing", 404)["code"] == "trial_not_found"
    assert world.refused("GET", f"/trials/{trial['id']}/blind", 404)["code"] == "nothing_to_mark"
    for n in ("1", "x", "9" * 30):
        assert world.refused("POST", f"/trials/{trial['id']}/pairs/{n}/mark", 404, {"better": "tie"})
    assert [one["id"] for one in world.get("/state", topics="trials")["state"]["trials"]] == [trial["id"]]
    world.end(trial["id"])
    assert world.get("/trials")["total"] == 0


def test_another_template_and_another_model_are_said(stocked: Trying) -> None:
    trial = stocked.begin(OTHER, THINKS)
    words = " ".join(trial["notes"])
    assert "another chat template" in words and "thinks before it answers" in words
    assert "cannot be promoted under the name" in words
    assert stocked.refused("POST", f"/trials/{trial['id']}/promote", 409, {})["code"] == "other_model"
    stocked.end(trial["id"])


def test_tools_streams_and_what_must_not_be_done_twice(stocked: Trying) -> None:
    """Tools are only compared; what would fetch something again is not replayed at all."""
    world = stocked
    trial = world.begin(f"{MODEL}@1", f"{MODEL}@2", keep=5)
    tool = {"type": "function", "function": {"name": "rm", "parameters": {"type": "object"}}}
    assert world.chat(MODEL, "delete all", tools=[tool], tool_choice="none")["choices"]
    world.chat(MODEL, "streamed", stream=True)
    asked = {"model": MODEL, "prompt": "x", "max_tokens": 4, "url": "https://example.org/picture.png"}
    answer = over_socket(world.daemon.socket, "POST", "/v1/completions", json.dumps(asked).encode())
    assert answer.status == 200
    assert (
        over_socket(world.daemon.socket, "POST", "/v1/chat/completions", b'{"model":"acme/tried"}').status
        != 200
    )
    found = world.paired(trial["id"], 2)
    assert (found["counts"]["pairs"], found["counts"]["skipped"]) == (2, 1)
    pairs = world.get(f"/trials/{trial['id']}/pairs", content="true")["items"]
    assert [one["content"]["candidate"] for one in pairs] == [NEW, NEW]
    assert "delete all" in pairs[0]["content"]["question"]
    for side in ("active", "candidate"):
        figures = pairs[1][side]
        assert figures["ttft_s"] <= figures["latency_s"] and figures["completion_tokens"] > 3
        assert figures["finish_reason"] == "stop" and figures["error"] is None
    world.end(trial["id"])


def test_embeddings_are_replayed_and_not_held_against_each_other(stocked: Trying) -> None:
    trial = stocked.begin(EMBEDS, EMBEDS2)
    assert "do not mix" in " ".join(trial["notes"])
    body = json.dumps({"model": EMBEDS, "input": "words"}).encode()
    assert over_socket(stocked.daemon.socket, "POST", "/v1/embeddings", body).status == 200
    assert stocked.paired(trial["id"], 1)["evidence"]["exact"]["of"] == 0
    stocked.end(trial["id"])


def test_similarity_is_told_where_an_embedding_model_is_loaded(stocked: Trying) -> None:
    server = stocked.post("/servers", {"library_id": EMBEDS}, wait="ready")
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2")
    stocked.chat(MODEL)
    evidence = stocked.paired(trial["id"], 1)["evidence"]
    assert evidence["similarity_pairs"] == 1 and -1 <= evidence["similarity"] <= 1
    stocked.ask("DELETE", f"/servers/{server['id']}")
    stocked.end(trial["id"])


def test_an_idle_trial_waits_until_nobody_needs_the_machine(stocked: Trying) -> None:
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2", when="idle")["id"]
    until(lambda: stocked.get("/trials")["items"][0]["waits_for"], bool)
    stocked.chat(MODEL)
    waits = until(
        lambda: stocked.get("/trials")["items"][0]["waits_for"], lambda now: now["code"] == "not_idle"
    )
    assert waits["detail"] == "The machine is in use."
    assert not [one for one in stocked.get("/servers")["items"] if one["yields"]], "nor is anything loaded"
    stocked.paired(trial, 1)
    stocked.end(trial)


def test_a_paused_trial_samples_nothing_and_goes_on(stocked: Trying) -> None:
    stream = Stream(stocked.daemon.socket)
    stream.until("ready")
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2", keep=1)["id"]
    paused = stocked.post(f"/trials/{trial}/pause")
    assert (paused["state"], paused["reason"]["code"]) == ("paused", "by_hand")
    stocked.chat(MODEL)
    assert stocked.post(f"/trials/{trial}/resume")["reason"] is None
    assert stocked.refused("POST", f"/trials/{trial}/resume", 409)["code"] == "wrong_state"
    stocked.chat(MODEL, "the canary is silent")
    assert stocked.paired(trial, 1)["counts"]["pairs"] == 1
    stocked.end(trial)
    frames = stream.until("trial.removed")
    stream.close()
    assert {"trial.changed", "trial.removed"} <= {kind for _, kind, _ in frames}
    assert "canary" not in repr(frames) and NEW not in repr(frames)


def test_a_trial_that_cannot_be_paused_goes_on(stocked: Trying) -> None:
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2")["id"]
    refusing = "CREATE TRIGGER refusing BEFORE UPDATE ON trial BEGIN SELECT RAISE(ABORT, 'not now'); END"
    with contextlib.closing(sqlite3.connect(stocked.daemon.home / "state/modelhub.db")) as database:
        database.execute(refusing)
        stocked.refused("POST", f"/trials/{trial}/pause", 500)
        database.execute("DROP TRIGGER refusing")
    assert stocked.get(f"/trials/{trial}")["state"] == "running"
    stocked.chat(MODEL)
    assert stocked.paired(trial, 1)["counts"]["pairs"] == 1
    stocked.end(trial)


def test_with_enough_pairs_it_pauses_and_resumed_it_takes_as_many_again(stocked: Trying) -> None:
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2", max_pairs=2)["id"]
    for pairs in (2, 4):
        found = stocked.get(f"/trials/{trial}")
        while found["state"] == "running":
            stocked.chat(MODEL)
            found = until(
                lambda: stocked.get(f"/trials/{trial}"),
                lambda one: one["state"] == "paused" or not one["counts"]["pending"],
            )
        assert (found["reason"]["code"], found["max_pairs"]) == ("enough_pairs", pairs)
        assert (found["counts"]["pairs"], found["counts"]["pending"]) == (pairs, 0)
        assert not list((stocked.daemon.home / "state/trials" / trial / "pending").iterdir())
        until(
            lambda: [one for one in stocked.get("/servers")["items"] if one["yields"]], lambda left: not left
        )
        stocked.post(f"/trials/{trial}/resume")
    page = stocked.get(f"/trials/{trial}/pairs", limit=3)
    assert (page["total"], [one["n"] for one in page["items"]]) == (4, [1, 2, 3])
    rest = stocked.get(f"/trials/{trial}/pairs", limit=3, after=page["next"])
    assert ([one["n"] for one in rest["items"]], rest["next"]) == ([4], None)
    stocked.end(trial)


def test_the_candidate_makes_way_and_never_answers_people(stocked: Trying) -> None:
    """Whoever loads the same artifact gets a server of their own, and the trial's is gone."""
    world = stocked
    trial = world.begin(f"{MODEL}@1", f"{MODEL}@2")["id"]
    world.chat(MODEL)
    world.paired(trial, 1)
    (beside,) = [one for one in world.get("/servers")["items"] if one["yields"]]
    process = psutil.Process(beside["pid"])
    assert process.nice() == 19
    refused = over_socket(
        world.daemon.socket, "POST", "/v1/chat/completions",
        json.dumps({"model": beside["name"], "messages": [{"role": "user", "content": "x"}]}).encode(),
    )  # fmt: skip
    assert refused.status in (404, 422), "nothing is called so"
    assert world.says(f"{MODEL}@2") == NEW
    assert not still_running([process], within_s=10)
    (mine,) = [
        one
        for one in world.get("/servers")["items"]
        if (one["model"], one["version"], one["state"]) == (MODEL, 2, "ready")
    ]
    assert not mine["yields"]
    world.ask("DELETE", f"/servers/{mine['id']}")
    world.end(trial)


def test_a_candidate_that_cannot_run_pauses_the_trial_and_the_active_one_goes_on(stocked: Trying) -> None:
    world = stocked
    library_id = world.have("acme/broken", 1, "newer")
    (world.daemon.home / "models/acme/broken/1/gguf-q4/model.gguf").unlink()
    world.post("/library/scan")
    refused = world.refused("POST", "/trials", 409, {"active": OTHER, "candidate": library_id})
    assert refused["code"] == "artifact_missing"
    world.have("acme/breaks", 1, "new")
    trial = world.begin(OTHER, "acme/breaks")["id"]
    (world.daemon.home / "models/acme/breaks/1/gguf-q4/model.gguf").unlink()
    world.post("/library/scan")
    assert world.says(OTHER) == NEW
    found = until(lambda: world.get(f"/trials/{trial}"), lambda one: one["state"] == "paused")
    assert found["reason"]["code"] in ("candidate_gone", "artifact_missing")
    assert "acme/breaks" in found["reason"]["detail"]
    assert world.says(OTHER) == NEW
    world.end(trial)


def test_what_has_changed_since_it_began_is_not_promoted_or_removed_blindly(stocked: Trying) -> None:
    world = stocked
    trial = world.begin(f"{MODEL}@1", f"{MODEL}@2")
    promote, remove = (f"/trials/{trial['id']}/{what}" for what in ("promote", "remove"))
    old, new = (trial[side]["library_id"] for side in ("active", "candidate"))
    world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": new})
    assert world.refused("POST", promote, 409, {})["code"] == "active_changed"
    in_use = world.refused("POST", remove, 409, {"remove_candidate": True})
    assert in_use["code"] == "candidate_in_use"
    world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old})
    assert world.ask("DELETE", f"/library/{new}").status == 200
    assert world.refused("POST", promote, 409, {})["code"] == "candidate_gone"
    assert world.get("/trials")["total"] == 1, "it is there all the while"
    world.end(trial["id"])
    world.have(MODEL, 2, "new")


def test_promoted_with_switch_now_the_candidate_answers_once_it_is_ready(stocked: Trying) -> None:
    """Whoever asks meanwhile is answered by the old one; nobody has to load anything."""
    world, model = stocked, "acme/switched"
    old = world.have(model, 1, "old")
    world.ask("PUT", f"/catalog/models/{model}/active", {"library_id": old})
    world.ask("PUT", f"/library/{old}/settings", {"ctx": 512, "threads": 1, "parallel": 1})
    world.have(model, 2, "new")
    trial = world.begin(f"{model}@1", f"{model}@2")["id"]
    before = world.post("/servers", {"library_id": model}, wait="ready")
    world.chat(model)
    world.paired(trial, 1)
    world.post(f"/trials/{trial}/promote", {"switch": "now"})
    assert world.means(model) == 2

    def servers() -> Any:
        return [one for one in world.get("/servers")["items"] if one["model"] == model]

    (after,) = until(
        servers, lambda found: [(one["version"], one["state"]) for one in found] == [(2, "ready")]
    )
    assert after["id"] != before["id"] and after["settings"]["parallel"]["value"] == 1
    assert world.says(model) == NEW
    assert [one["id"] for one in servers()] == [after["id"]], "it was loaded already"
    world.ask("DELETE", f"/servers/{after['id']}")
    world.end(trial)


def test_an_update_is_tried_first_where_that_is_asked_for(stocked: Trying) -> None:
    """Installed beside, a trial begun, the name as before; promoted it is what the name means."""
    world, model = stocked, "acme/updated"
    old = world.have(model, 1, "old")
    offer(world, model, 2, "new")
    (begun,) = world.post("/updates/apply", {"ids": [old]}, status=202)["applied"]
    world.reached(begun["download"], "completed")
    (trial,) = until(lambda: world.get("/trials")["items"], bool)
    assert trial["from_update"] and trial["active"]["library_id"] == old
    assert world.means(model) == 1
    (update,) = [one for one in world.get("/updates", limit=200)["items"] if one["model"] == model]
    assert update["on_trial"]
    world.post(f"/trials/{trial['id']}/promote", {})
    assert world.means(model) == 2
    world.post("/updates/rollback", {"model": model})
    assert world.means(model) == 1
    world.end(trial["id"])
    offer(world, model, 3, "thinks")
    (begun,) = world.post("/updates/apply", {"ids": [old], "trial": True}, status=202)["applied"]
    world.reached(begun["download"], "completed")
    (trial,) = until(lambda: world.get("/trials")["items"], bool)
    gone = world.post(f"/trials/{trial['id']}/remove", {"remove_candidate": True})
    assert (gone["decision"], world.means(model)) == ("removed", 1)
    items = world.get("/library", q=model, limit=200)["items"]
    assert sorted(one["version"] for one in items if one["model"] == model) == [1, 2]
    (begun,) = world.post("/updates/apply", {"ids": [old], "trial": False}, status=202)["applied"]
    world.reached(begun["download"], "completed")
    assert until(lambda: world.means(model), lambda version: version == 3) == 3
    assert world.get("/trials")["total"] == 0


def offer(world: Trying, model: str, version: int, file: str) -> Any:
    """Have the catalog serve this version and no other."""
    world.list_locally(world.entry(model, version, file), file=model.replace("/", "-"))


def test_a_spool_that_cannot_be_written_to_pauses_the_trial_and_harms_nobody(stocked: Trying) -> None:
    trial = stocked.begin(f"{MODEL}@1", f"{MODEL}@2")["id"]
    pending = stocked.daemon.home / "state/trials" / trial / "pending"
    until(pending.exists, bool)
    pending.rmdir()
    pending.touch()
    assert stocked.chat(MODEL)["choices"]
    found = until(lambda: stocked.get(f"/trials/{trial}"), lambda one: one["state"] == "paused")
    assert found["reason"]["code"] == "spool_failed"
    assert stocked.chat(MODEL)["choices"]
    stocked.end(trial)
    assert not pending.parent.exists()
