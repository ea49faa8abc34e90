"""The story: v2 beside v1, a hundred requests, the evidence, promoted, rolled back."""

import sqlite3
import stat

import pytest

from tests.contract.world import until
from tests.fakes.tiny_gguf import SENTENCE
from tests.integration.trials.conftest import NEW_ANSWER, Trying
from tests.raw import over_socket

MODEL = "acme/story"
NEW = "".join(NEW_ANSWER)
SECRET = "the canary sings at night"


@pytest.mark.timeout(300)
def test_a_candidate_is_tried_on_a_hundred_requests_promoted_and_rolled_back(world: Trying) -> None:
    old = world.have(MODEL, 1, "old")
    world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old})
    new = world.have(MODEL, 2, "new")
    assert world.means(MODEL) == 1, "a name that was pinned means what it meant"
    checks = "checks:\n  greets:\n    regex: Greetings\n"
    trial = world.begin(f"{MODEL}@1", f"{MODEL}@2", keep=20, checks=checks)
    assert (trial["state"], trial["checks"], trial["notes"]) == ("running", ["greets"], [])
    assert trial["active"]["library_id"] == old and trial["candidate"]["library_id"] == new
    world.post("/servers", {"library_id": MODEL, "settings": {"ctx": 512, "threads": 1}}, wait="ready")

    for n in range(100):
        assert world.says(MODEL, f"{n} {SECRET}") == SENTENCE, "the active model alone answers"
    found = world.paired(trial["id"], 100)

    counts, evidence = found["counts"], found["evidence"]
    assert (counts["pairs"], counts["failed"], counts["skipped"], counts["kept"]) == (100, 0, 0, 20)
    assert evidence["answered"]["count"] == evidence["answered"]["of"] == 100
    assert evidence["exact"]["count"] == 0 and evidence["exact"]["of"] == 100
    (greets,) = evidence["checks"]
    assert (greets["active"]["count"], greets["candidate"]["count"]) == (0, 100)
    assert greets["comparison"]["verdict"] == "better"
    assert any("greets" in words for words in evidence["words"])
    figures = {one["figure"]: one for one in evidence["figures"]}
    assert figures["latency_s"]["pairs"] >= 90 and figures["completion_tokens"]["pairs"] == 100
    assert [one["name"] for one in world.get("/servers")["items"] if one["yields"]] == [
        f"trial-{trial['id']}"
    ]
    models = over_socket(world.daemon.socket, "GET", "/v1/models").json["data"]
    assert not [one["id"] for one in models if one["id"].startswith("trial-")], "nobody is offered it"

    mark_blindly(world, trial["id"])
    spool_is_closed(world, trial["id"])

    promoted = world.post(f"/trials/{trial['id']}/promote", {})
    assert (promoted["state"], promoted["counts"]["kept"]) == ("promoted", 0)
    assert promoted["evidence"]["marks"]["candidate"] == 10
    assert world.means(MODEL) == 2
    assert not (world.daemon.home / "state/trials" / trial["id"]).exists(), "its key is gone with its content"
    assert until(lambda: world.says(MODEL), lambda said: said == NEW) == NEW
    decision = world.get("/trials/decisions")["items"][0]
    assert (decision["decision"], decision["trial"]) == ("promoted", trial["id"])
    assert decision["evidence"]["pairs"] == 100

    back = world.post("/updates/rollback", {"model": MODEL})
    assert (back["to_version"], world.means(MODEL)) == (1, 1)
    assert until(lambda: world.says(MODEL), lambda said: said == SENTENCE) == SENTENCE
    world.end(trial["id"])
    assert world.get("/trials")["total"] == 0


def mark_blindly(world: Trying, trial: str) -> None:
    """Ten marks for whichever answer is the candidate's; who asks sees no names."""
    firsts = set()
    for _ in range(10):
        pair = world.get(f"/trials/{trial}/blind")
        assert world.get(f"/trials/{trial}/blind") == pair, "asking again tells nothing more"
        assert pair.keys() == {"pair", "question", "first", "second", "left"}
        assert SECRET in pair["question"] and {pair["first"], pair["second"]} == {SENTENCE, NEW}
        firsts.add(pair["first"])
        (shown,) = [
            one
            for one in world.get(f"/trials/{trial}/pairs", content="true", limit=200)["items"]
            if one["n"] == pair["pair"]
        ]
        assert shown["content"] is None, "not while its mark is open"
        better = "first" if pair["first"] == NEW else "second"
        marked = world.post(f"/trials/{trial}/pairs/{pair['pair']}/mark", {"better": better})
    assert firsts == {SENTENCE, NEW}, "either comes first"
    assert marked["counts"]["marked"] == 10
    (shown,) = [
        one
        for one in world.get(f"/trials/{trial}/pairs", content="true", limit=200)["items"]
        if one["n"] == pair["pair"]
    ]
    assert (shown["mark"], shown["content"]["candidate"]) == ("candidate", NEW)
    unseen = next(one["n"] for one in world.get(f"/trials/{trial}/pairs")["items"] if not one["has_content"])
    refused = world.refused("POST", f"/trials/{trial}/pairs/{unseen}/mark", 409, {"better": "tie"})
    assert refused["code"] == "not_shown"


def spool_is_closed(world: Trying, trial: str) -> None:
    """0600 in folders that are 0700, nothing readable in it, nothing of any request in the database."""
    state = world.daemon.home / "state"
    folder = state / "trials" / trial
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} == {"kept", trial}, "what was used is deleted"
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert SECRET.encode() not in path.read_bytes() and SENTENCE.encode() not in path.read_bytes()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with sqlite3.connect(state / "modelhub.db") as database:
        database.execute("PRAGMA wal_checkpoint")
    database.close()
    for path in state.glob("modelhub.db*"):
        assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in world.daemon.log_file.read_text()
