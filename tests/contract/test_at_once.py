"""Many callers at the same time: no answer is a 5xx, nothing happens twice, no state is skipped."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import SIZE, World, a_world, entry, local_file, until
from tests.fakes.origin import Origin
from tests.stream import Stream

FOLLOWING = {
    "queued": {"active", "paused", "cancelled"},
    "active": {"queued", "verifying", "waiting", "paused", "failed", "cancelled"},
    "verifying": {"active", "installing", "waiting", "failed", "cancelled"},
    "installing": {"active", "completed", "waiting", "failed", "cancelled"},
    "waiting": {"queued", "active", "paused", "cancelled"},
    "paused": {"queued", "cancelled"},
    "failed": {"queued"},
    "cancelled": {"queued"},
    "completed": set(),
}
LOAD = {"library_id": "tests/chat", "settings": {"ctx": 512, "threads": 1}}


@pytest.fixture(autouse=True)
def quiet_afterwards(world: World) -> Iterator[None]:
    yield
    for download in world.walk("/downloads", 200):
        world.ask("POST", f"/downloads/{download['id']}/cancel")


def at_once(count: int, ask: Callable[[int], Any]) -> list[Any]:
    """What `ask(0)` … `ask(count - 1)` answer when called at the same time."""
    answers: list[Any] = []
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait(10)
        answers.append(ask(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == count
    return answers


def offered(world: World, name: str, *steps: Any, size: int = SIZE) -> str:
    world.list_locally(entry(f"tests/{name}", world.serve(f"{name}.gguf", *steps, size=size)), file=name)
    return f"tests/{name}"


def test_equal_downloads_asked_for_at_once_are_one(world: World) -> None:
    body = {"model": offered(world, "one", {"rate": 2000}), "force": True}
    answers = at_once(10, lambda _: world.ask("POST", "/downloads", body))
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [item["model"] for item in world.walk("/downloads", 200)].count("tests/one") == 1


def test_one_key_sent_at_once_is_done_once_and_answered_alike(world: World) -> None:
    body = {"model": offered(world, "keyed", {"rate": 2000}), "force": True}
    key = ("Idempotency-Key", "at once")
    answers = at_once(8, lambda _: world.ask("POST", "/downloads", body, key))
    assert [answer.status for answer in answers] == [201] * 8
    assert len({answer.body for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7


def test_a_storm_of_verbs_breaks_nothing(world: World) -> None:
    """Every told state follows from the one before, and the end is as told."""
    models = [offered(world, f"storm{n}", {"rate": 30_000}) for n in range(4)]
    stream = Stream(world.daemon.socket, "?topics=downloads", ndjson=True)
    stream.until("ready")
    ids = [world.download(model)["id"] for model in models]
    told: dict[str, list[str]] = {}
    kinds: list[str] = []

    def listen() -> None:
        for _, kind, data in stream.until("download.removed"):
            kinds.append(kind)
            if kind in ("download.created", "download.changed"):
                told.setdefault(data["id"], []).append(data["state"])

    listener = threading.Thread(target=listen)
    listener.start()
    end = time.monotonic() + 3

    def hammer(number: int) -> list[int]:
        chance = random.Random(number)
        seen = []
        while time.monotonic() < end:
            verb = chance.choice(["pause", "resume", "pause", "resume", "cancel", "retry", "all", "patch"])
            if verb == "all":
                answer = world.ask("POST", f"/downloads/{chance.choice(['pause', 'resume'])}")
            elif verb == "patch":
                answer = world.ask(
                    "PATCH", f"/downloads/{chance.choice(ids)}", {"position": chance.randint(1, 4)}
                )
            else:
                answer = world.ask("POST", f"/downloads/{chance.choice(ids)}/{verb}")
            seen.append(answer.status)
        return seen

    statuses = {status for seen in at_once(6, hammer) for status in seen}
    assert statuses <= {200, 409}
    world.post("/downloads/pause")
    for id_ in ids:
        if world.get(f"/downloads/{id_}")["state"] in ("failed", "cancelled"):
            world.post(f"/downloads/{id_}/retry")
    world.post("/downloads/resume")
    for id_ in ids:
        assert world.reached(id_, "completed", "failed")["error"] is None
    assert world.ask("DELETE", f"/downloads/{ids[0]}").status == 204
    listener.join(20)
    stream.close()
    assert "snapshot" not in kinds
    for id_ in ids:
        for before, after in pairwise(told[id_]):
            assert before == after or after in FOLLOWING[before], f"{before} -> {after}"
        assert told[id_][-1] == "completed"
    assert {item["model"] for item in world.walk("/library", 200)} >= set(models)
    assert list((world.daemon.home / "models/.staging").iterdir()) == []


def test_progress_never_falls_over_pauses_and_restarts(world: World) -> None:
    made = world.download(offered(world, "steady", {"rate": 60_000}, size=120_000), until="active")
    shown = [0]

    def look() -> Any:
        found = world.get(f"/downloads/{made['id']}")
        shown.append(found["progress"]["done_bytes"])
        return found

    for number in range(4):
        here = shown[-1]
        until(look, partial(has_more, than=here + 2000))
        world.post(f"/downloads/{made['id']}/pause")
        look()
        if number == 1:
            world.daemon.stop()
            world.daemon.start()
            look()
        world.post(f"/downloads/{made['id']}/resume")
        look()
    until(look, lambda found: found["state"] == "completed")
    assert shown == sorted(shown)
    assert shown[-1] == 120_000


def has_more(download: Any, *, than: int) -> bool:
    return bool(download["progress"]["done_bytes"] > than)


def test_models_make_way_when_idle_and_never_when_busy(home: Path, origin: Origin, model_files: Path) -> None:
    with a_world(home, origin) as first:
        first.list_locally(entry("tests/chat", local_file(model_files / "chat.gguf", origin)))
        first.download("tests/chat", until="completed")
        [item] = first.walk("/library", 5)
        roomy = LOAD["settings"] | {"ctx": 65_536}  # type: ignore[operator]  # a dict in a dict
        needs = first.post(f"/library/{item['id']}/estimate", {"settings": roomy})["total_bytes"]
    with a_world(home, origin, MODELHUB_LLAMA_MEMORY_BUDGET_BYTES=str(needs * 3 // 2)) as tight:
        one = tight.post("/servers", LOAD | {"settings": roomy, "name": "one"}, wait="ready")
        estimate = tight.post(f"/library/{item['id']}/estimate", {"settings": roomy})
        assert (estimate["fits"], estimate["evicts"]) == (True, [one["id"]])
        two = tight.post("/servers", LOAD | {"settings": roomy, "name": "two"}, wait="ready")
        assert [server["id"] for server in tight.walk("/servers", 5)] == [two["id"]]
        body = LOAD | {"settings": roomy, "name": "three"}
        with streaming(tight, "two"):
            refused = tight.refused("POST", "/servers", 409, body)
            assert refused["code"] == "not_enough_memory"
            assert "two" in refused["detail"]
            forced = tight.post("/servers", body | {"force": True}, wait="ready")
            assert {server["id"] for server in tight.walk("/servers", 5)} == {two["id"], forced["id"]}


def test_stopping_in_the_middle_of_an_answer_takes_less_than_ten_seconds(
    home: Path, origin: Origin, model_files: Path
) -> None:
    with a_world(home, origin) as busy:
        busy.list_locally(entry("tests/chat", local_file(model_files / "chat.gguf", origin)))
        busy.download("tests/chat", until="completed")
        settings = {"ctx": 131_072, "threads": 1}
        for name in ("tests/chat", "second"):
            busy.post(
                "/servers", {"library_id": "tests/chat", "settings": settings, "name": name}, wait="ready"
            )
        with streaming(busy, "tests/chat"), streaming(busy, "second"):
            assert busy.daemon.stop() < 10


@contextlib.contextmanager
def streaming(world: World, name: str) -> Iterator[None]:
    """An answer that has begun and would go on for long."""
    connection = http.client.HTTPConnection(world.daemon.url[7:], timeout=20)
    body = {"model": name, "prompt": "x", "stream": True, "max_tokens": 100_000, "ignore_eos": True}
    headers = {"Authorization": f"Bearer {world.daemon.token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.readline().startswith(b"data:")
    yield
    answer.close()
    connection.close()
