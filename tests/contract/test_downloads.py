"""api.md on downloads: values, verbs, what is refused in which state."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.contract.world import SIZE, World, entry, option, problem, until

VERBS = ("pause", "resume", "retry", "cancel")
POSSIBLE = {
    "queued": {"pause", "cancel"},
    "active": {"pause", "cancel"},
    "waiting": {"pause", "cancel"},
    "paused": {"resume", "cancel"},
    "completed": {"DELETE"},
    "failed": {"retry", "DELETE"},
    "cancelled": {"retry", "DELETE"},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SLOW = 4096


@pytest.fixture(autouse=True)
def nothing_is_under_way(world: World) -> Iterator[None]:
    """Each test begins and ends with an empty queue."""
    yield
    for download in world.walk("/downloads", 200):
        if download["state"] not in ("completed", "failed", "cancelled"):
            world.ask("POST", f"/downloads/{download['id']}/cancel")
        assert world.ask("DELETE", f"/downloads/{download['id']}").status == 204


class Made:
    """Downloads brought into a state."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def in_state(self, state: str) -> Any:
        name = self.named()
        known: dict[str, list[Any]] = {
            "waiting": [{"status": 503, "fields": {"Retry-After": "60"}}],
            "failed": [{"status": 404}],
            "completed": [{}],
        }
        steps = known.get(state, [{"rate": SLOW}])
        model = self.offered(name, *steps)
        if state == "queued":
            for _ in range(2):
                self.in_state("active")
            return self.world.download(model, until="queued")
        if state in ("paused", "cancelled"):
            made = self.world.download(model, until="active")
            verb = {"paused": "pause", "cancelled": "cancel"}[state]
            return self.world.post(f"/downloads/{made['id']}/{verb}")
        return self.world.download(model, until=state)

    def named(self) -> str:
        self.count += 1
        return f"m{self.count}"

    def offered(self, name: str, *steps: Any, **rest: Any) -> str:
        """A model whose one file the origin serves so."""
        file = self.world.serve(f"{name}.gguf", *steps)
        self.world.list_locally(entry(f"tests/{name}", file, **rest), file=name)
        return f"tests/{name}"


@pytest.fixture(scope="module")
def made(world: World) -> Made:
    return Made(world)


def test_a_download_has_the_fields_of_the_contract(world: World, made: Made) -> None:
    found = made.in_state("active")
    assert found.keys() >= {
        "id", "model", "version", "option", "state", "progress", "priority", "position", "attempts",
        "next_retry_at", "error", "created_at", "updated_at", "files",
    }  # fmt: skip
    assert found["progress"].keys() >= {"done_bytes", "total_bytes", "rate_bytes_per_s", "eta_s"}
    assert (found["version"], found["option"], found["priority"]) == (1, "gguf-q4", 0)
    assert found["progress"]["total_bytes"] == SIZE
    assert TIME.fullmatch(found["created_at"]) and TIME.fullmatch(found["updated_at"])
    assert found["error"] is None and found["next_retry_at"] is None
    [file] = found["files"]
    assert file["size_bytes"] == SIZE
    assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"])
    assert world.get(f"/downloads/{found['id']}")["id"] == found["id"]


def test_a_completed_download_is_whole_and_in_the_library(world: World, made: Made) -> None:
    found = made.in_state("completed")
    assert found["progress"]["done_bytes"] == found["progress"]["total_bytes"] == SIZE
    assert found["progress"]["verified_bytes"] == SIZE
    assert (found["position"], found["error"], found["next_retry_at"]) == (0, None, None)
    [artifact] = [item for item in world.walk("/library", 50) if item["model"] == found["model"]]
    assert artifact["state"] == "ok"
    path = world.daemon.home / "models" / found["model"] / "1" / "gguf-q4" / found["files"][0]["name"]
    assert path.stat().st_size == SIZE


def test_a_waiting_download_says_why_and_when_it_is_tried_again(world: World, made: Made) -> None:
    found = made.in_state("waiting")
    assert TIME.fullmatch(found["next_retry_at"])
    assert found["next_retry_at"] > found["updated_at"]
    waits = datetime.fromisoformat(found["next_retry_at"]) - datetime.fromisoformat(found["updated_at"])
    assert 59 <= waits.total_seconds() <= 120, "the origin asked for 60 s"
    assert found["attempts"] >= 1
    assert found["error"]["code"] == "http_error"
    assert "503" in found["error"]["detail"]


def test_a_failed_download_says_why(world: World, made: Made) -> None:
    found = made.in_state("failed")
    assert found["error"]["code"] == "http_error"
    assert "404" in found["error"]["detail"]
    assert found["position"] == 0 and found["next_retry_at"] is None


@pytest.mark.parametrize("state", POSSIBLE)
def test_what_a_state_does_not_allow_is_409_and_names_the_state(world: World, made: Made, state: str) -> None:
    found = made.in_state(state)
    for verb in VERBS:
        if verb not in POSSIBLE[state]:
            refused = world.refused("POST", f"/downloads/{found['id']}/{verb}", 409)
            assert state in refused["detail"]
            assert world.get(f"/downloads/{found['id']}")["state"] == state
    if "DELETE" not in POSSIBLE[state]:
        refused = world.refused("DELETE", f"/downloads/{found['id']}", 409)
        assert state in refused["detail"]


@pytest.mark.parametrize("state", ["queued", "active", "waiting"])
def test_what_runs_or_waits_can_be_paused_and_resumed(world: World, made: Made, state: str) -> None:
    found = made.in_state(state)
    paused = world.post(f"/downloads/{found['id']}/pause")
    assert (paused["id"], paused["state"], paused["next_retry_at"]) == (found["id"], "paused", None)
    resumed = world.post(f"/downloads/{found['id']}/resume")
    assert resumed["id"] == found["id"]
    assert resumed["state"] in ("queued", "active")


@pytest.mark.parametrize("state", ["queued", "active", "waiting", "paused"])
def test_what_has_not_ended_can_be_cancelled_and_then_forgotten(world: World, made: Made, state: str) -> None:
    found = made.in_state(state)
    cancelled = world.post(f"/downloads/{found['id']}/cancel")
    assert (cancelled["state"], cancelled["position"]) == ("cancelled", 0)
    assert not list((world.daemon.home / "models/.staging").glob(f"{found['id']}*"))
    assert world.ask("DELETE", f"/downloads/{found['id']}").status == 204
    world.refused("GET", f"/downloads/{found['id']}", 404)
    world.refused("DELETE", f"/downloads/{found['id']}", 404)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_failed_or_was_cancelled_can_be_tried_again(world: World, made: Made, state: str) -> None:
    found = made.in_state(state)
    world.serve(found["files"][0]["name"])
    again = world.post(f"/downloads/{found['id']}/retry")
    assert (again["id"], again["error"]) == (found["id"], None)
    assert again["state"] in ("queued", "active")
    assert world.reached(found["id"], "completed")["attempts"] == 0


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_on_nothing_are_404(world: World, verb: str) -> None:
    assert world.refused("POST", f"/downloads/0000000000000000/{verb}", 404)["code"] == "download_not_found"


@pytest.mark.parametrize("state", ["queued", "active", "waiting", "paused"])
def test_an_equal_download_under_way_is_answered_with_200(world: World, made: Made, state: str) -> None:
    found = made.in_state(state)
    for body in (
        {"model": found["model"], "force": True},
        {"model": f"{found['model']}@1:gguf-q4"},
        {"model": found["model"], "version": 1, "option": "gguf-q4", "priority": 3},
    ):
        assert world.post("/downloads", body, status=200)["id"] == found["id"]


def test_what_is_installed_already_is_409(world: World, made: Made) -> None:
    found = made.in_state("completed")
    refused = world.refused("POST", "/downloads", 409, {"model": found["model"], "force": True})
    assert "installed" in refused["detail"]


def test_a_failed_one_does_not_stand_in_the_way_of_a_new_one(world: World, made: Made) -> None:
    found = made.in_state("failed")
    again = world.download(found["model"])
    assert again["id"] != found["id"]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"model": "tests/x@2", "version": 3}, "/version"),
        ({"model": "tests/x:a", "option": "b"}, "/option"),
        ({"model": "tests/x", "version": 0}, "/version"),
        ({"model": "tests/x", "version": "1"}, "/version"),
        ({"model": "tests/x", "priority": -101}, "/priority"),
        ({"model": "tests/x", "force": "yes"}, "/force"),
        ({"model": "Tests/X"}, "/model"),
        ({"model": "tests/x\n"}, "/model"),
        ({"model": "tests/../x"}, "/model"),
        ({"model": "tests/x@01"}, "/model"),
        ({"model": None}, "/model"),
        ({"model": "tests/x", "state": "completed"}, "/state"),
    ],
)
def test_a_wrong_field_is_422_at_its_place(world: World, body: Any, at: str) -> None:
    refused = world.refused("POST", "/downloads", 422, body)
    assert [error["pointer"] for error in refused["errors"]] == [at]


def test_an_unknown_model_version_or_option_is_404_and_says_what_there_is(world: World, made: Made) -> None:
    model = made.offered("chosen-one")
    near = world.refused("POST", "/downloads", 404, {"model": "tests/chosen-on"})
    assert (near["code"], model in near["detail"]) == ("model_not_found", True)
    assert "version 1" in world.refused("POST", "/downloads", 404, {"model": model, "version": 2})["detail"]
    assert "gguf-q4" in world.refused("POST", "/downloads", 404, {"model": model, "option": "no"})["detail"]


def figures(ram: int) -> Callable[[float], dict[str, Any]]:
    """File facts of a share of the memory."""
    return lambda share: {
        "name": f"{share}.gguf", "size_bytes": int(ram * share), "sha256": "0" * 64,
        "urls": ["https://models.invalid/x.gguf"],
    }  # fmt: skip


def test_the_default_option_is_the_largest_compatible_one(world: World) -> None:
    ram = world.get("/device")["ram_available_bytes"]
    file = figures(ram)
    options = [option(name, file(share)) for name, share in (("s", 0.01), ("m", 0.03), ("xl", 3.0))]
    world.list_locally(entry("tests/sizes") | {"options": options}, file="sizes")
    detail = world.get("/catalog/models/tests/sizes")
    verdicts = {item["id"]: item["fit"]["verdict"] for item in detail["options"]}
    assert verdicts == {"s": "compatible", "m": "compatible", "xl": "too_large"}
    assert detail["best_option"] == "m"
    assert world.post("/downloads", {"model": "tests/sizes"}, status=201)["option"] == "m"


def test_a_model_too_large_is_refused_with_numbers_and_force_overrides(world: World, made: Made) -> None:
    needs = world.get("/device")["ram_total_bytes"] * 4
    model = made.offered("huge-by-declaration", {"rate": SLOW}, hardware={"min_ram_bytes": needs})
    for body in ({"model": model}, {"model": model, "option": "gguf-q4"}):
        refused = world.refused("POST", "/downloads", 409, body)
        assert refused["code"] == "does_not_fit"
        assert len(re.findall(r"\d+(\.\d+)? [GT]B", refused["detail"])) >= 2, refused["detail"]
        assert "force" in refused["detail"]
    assert world.post("/downloads", {"model": model, "force": True}, status=201)["model"] == model


def test_what_the_disk_cannot_hold_is_507(world: World) -> None:
    free = world.get("/device")["disk_free_bytes"]
    file = {"name": "a.gguf", "size_bytes": free * 2, "sha256": "0" * 64, "urls": ["https://x.invalid/a"]}
    world.list_locally(entry("tests/wide", file), file="wide")
    refused = world.refused("POST", "/downloads", 507, {"model": "tests/wide", "force": True})
    assert refused["code"] == "disk_full"
    assert re.search(r"\d+(\.\d+)? [GT]B", refused["detail"])


def test_position_and_priority_can_be_changed_while_waiting_in_line(world: World, made: Made) -> None:
    first = made.in_state("queued")
    second = world.download(made.offered(made.named(), {"rate": SLOW}), until="queued")
    assert first["position"] < second["position"]
    moved = checked_patch(world, second["id"], {"position": 1})
    assert moved["position"] < world.get(f"/downloads/{first['id']}")["position"]
    raised = checked_patch(world, first["id"], {"priority": 50})
    assert raised["priority"] == 50
    assert raised["position"] < world.get(f"/downloads/{second['id']}")["position"]
    in_order = [item["id"] for item in world.walk("/downloads", 1, state="queued")]
    assert in_order == [first["id"], second["id"]]
    assert checked_patch(world, second["id"], {})["id"] == second["id"]


def test_what_cannot_be_changed_is_refused(world: World, made: Made) -> None:
    ended = made.in_state("failed")
    assert world.refused("PATCH", f"/downloads/{ended['id']}", 409, {"priority": 1})["code"] == "wrong_state"
    for body, at in (({"position": 0}, "/position"), ({"priority": 101}, "/priority"), ({"x": 1}, "/x")):
        refused = world.refused("PATCH", f"/downloads/{ended['id']}", 422, body)
        assert refused["errors"][0]["pointer"] == at


def checked_patch(world: World, id_: str, body: Any) -> Any:
    answer = world.ask("PATCH", f"/downloads/{id_}", body)
    assert answer.status == 200, answer.body
    return answer.json


def test_all_can_be_paused_and_resumed_together(world: World, made: Made) -> None:
    made.in_state("queued")
    summary = world.post("/downloads/pause")
    assert summary.keys() >= {"queued", "active", "waiting", "paused", "failed", "rate_bytes_per_s"}
    assert (summary["active"], summary["queued"], summary["waiting"], summary["paused"]) == (0, 0, 0, 3)
    assert {item["state"] for item in world.walk("/downloads", 2)} == {"paused"}
    assert world.post("/downloads/resume")["paused"] == 0
    until(lambda: world.get("/status")["downloads"], lambda found: bool(found["active"] == 2))


def test_several_files_are_one_download(world: World) -> None:
    files = [world.serve(f"part-{n}.gguf", seed=n) for n in (1, 2, 3)]
    for file, role in zip(files, ("model", "shard", "shard"), strict=True):
        file["role"] = role
    world.list_locally(entry("tests/parts", *files), file="parts")
    found = world.download("tests/parts", until="completed")
    assert [file["name"] for file in found["files"]] == [file["name"] for file in files]
    assert found["progress"]["total_bytes"] == 3 * SIZE
    assert [file["done_bytes"] for file in found["files"]] == [SIZE] * 3


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"seed": 99}, "checksum_mismatch"),
        ({"size": SIZE + 1}, "size_mismatch"),
        ({"fields": {"Content-Type": "text/html"}, "prefix": "<!doctype html><html>"}, "wrong_content"),
        ({"status": 403}, "http_error"),
        ({"status": 302, "fields": {"Location": "http://10.0.0.1/x"}}, "forbidden_url"),
    ],
)
def test_a_permanent_fault_fails_with_its_code_and_leaves_nothing(
    world: World, made: Made, step: Any, code: str
) -> None:
    found = world.download(made.offered(made.named(), step), until="failed")
    assert found["error"]["code"] == code
    assert found["error"]["detail"]
    assert str(world.daemon.home) not in found["error"]["detail"]
    assert not (world.daemon.home / "models" / found["model"]).exists()


def test_the_same_key_gives_the_first_answer_again(world: World, made: Made) -> None:
    model = made.offered(made.named(), {"rate": SLOW})
    key = ("Idempotency-Key", "contract-1")
    first = world.ask("POST", "/downloads", {"model": model}, key)
    assert (first.status, "idempotency-replayed" in first.headers) == (201, False)
    world.post(f"/downloads/{first.json['id']}/cancel")
    again = world.ask("POST", "/downloads", {"model": model}, key)
    assert (again.status, again.body, again.headers["idempotency-replayed"]) == (201, first.body, "true")
    other = problem(world.ask("POST", "/downloads", {"model": "tests/other"}, key), 422)
    assert other["code"] == "idempotency_key_reused"
    elsewhere = problem(world.ask("POST", "/servers", {"model": model, "library_id": "x"}, key), 422)
    assert elsewhere["code"] == "idempotency_key_reused"
