"""Policies themselves: who sets them, that a change is at once in force and kept, and offline."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client, Conflict, PreconditionFailed, Refused
from modelhubd.wire.policy import Policy
from tests.contract.world import World, a_world, checked, entry, local_file, problem, until
from tests.fakes.administered import connections, recording
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin, Step
from tests.fakes.tiny_gguf import write_chat
from tests.integration.policy.conftest import CHAT
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

KEYS = Policy.__struct_fields__


class Administered(RunningDaemon):
    program = "tests.fakes.administered"


def administer(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config/administrator.toml").write_text(text)


def test_a_fresh_machine_refuses_nothing_and_says_whose_word_that_is(daemon: RunningDaemon) -> None:
    found = daemon.client.policy()
    assert {getattr(found, key).source for key in KEYS} == {"default"}
    assert not any(getattr(found, key).locked for key in KEYS)
    assert (found.local_entries.value, found.direct_urls.value, found.offline.value) == (True, True, False)


def test_with_a_registry_ones_own_entries_and_addresses_do_not_count(home: Path) -> None:
    with running_daemon(home, {"MODELHUB_CATALOG_REGISTRY_URL": "https://127.0.0.1:9"}) as daemon:
        (home / "config/catalog.d/own.json").write_text('{"id":"me/own","options":[]}')
        found = daemon.client.policy()
        assert (found.local_entries.value, found.direct_urls.value) == (False, False)
        assert found.local_entries.source == "default"
        assert daemon.client.sync_catalog().faults == ()
        assert daemon.client.change_policy(local_entries=True).local_entries.source == "saved"
        assert daemon.client.catalog_info().faults != (), "they are read at once"


def test_what_the_administrator_locks_nobody_else_changes(home: Path) -> None:
    administer(
        home,
        'lock = ["policy.require_verified", "policy.allowed_publishers"]\n'
        '[policy]\nrequire_verified = true\nallowed_publishers = ["qwen"]\noffline = true\n',
    )
    (home / "config/config.toml").write_text("[policy]\nrequire_verified = false\n")
    said = {"MODELHUB_POLICY_REQUIRE_VERIFIED": "false"}
    daemon = Administered(home, said, "--set", "policy.require_verified=false")
    daemon.start()
    try:
        world = World(daemon, None)  # type: ignore[arg-type]  # nothing is fetched
        shown = world.get("/policy")
        locked = {"value": True, "source": "administrator", "locked": True}
        assert shown["require_verified"] == locked
        assert world.get("/config")["values"]["policy.require_verified"] == locked
        for value in (False, None, True):
            change = {"offline": False, "require_verified": value}
            found = problem(world.ask("PUT", "/policy", change), 403)
            assert found["code"] == "policy_locked"
            assert [error["pointer"] for error in found["errors"]] == ["/require_verified"]
            assert "administrator" in found["detail"]
        assert world.get("/policy") == shown, "nothing was changed"
        assert checked(world.ask("PUT", "/policy", {"offline": False}), 200)["offline"]["source"] == "saved"
        reset = checked(world.ask("PUT", "/policy", {"offline": None}), 200)["offline"]
        assert reset == {"value": True, "source": "administrator", "locked": False}
        refused = world.refused("POST", "/downloads", 403, {"model": "microsoft/phi-4"})
        assert refused["code"] == "refused_by_policy"
        assert "set by the administrator" in refused["detail"] and "ask them" in refused["detail"]
    finally:
        daemon.stop()


def test_the_environment_and_the_command_line_decide_over_what_is_saved(home: Path) -> None:
    settings = {"MODELHUB_POLICY_OFFLINE": "true"}
    with running_daemon(home, settings, "--set", "policy.require_digest=true") as daemon:
        for change, said in (
            ({"offline": False}, "MODELHUB_POLICY_OFFLINE"),
            ({"require_digest": False}, "--set"),
        ):
            with pytest.raises(Conflict, match=said) as refused:
                daemon.client.change_policy(**change)  # type: ignore[arg-type]
            assert refused.value.code == "decided_elsewhere"
        assert daemon.client.policy().offline.value


def test_a_change_is_at_once_in_force_told_and_kept_over_kill_9(home: Path) -> None:
    with running_daemon(home) as daemon:
        with contextlib.closing(Stream(daemon.socket, "?topics=policy")) as stream:
            stream.until("ready")
            changed = daemon.client.change_policy(require_digest=True, allowed_publishers=["google", "qwen"])
            assert changed.require_digest.source == "saved"
            told = stream.until("policy.changed")[-1][2]
            assert told["require_digest"] == {"value": True, "source": "saved", "locked": False}
        state = daemon.client.state(["policy"]).state
        assert state.policy == changed == daemon.client.policy()
        with pytest.raises(Refused, match="allowed_publishers"):
            daemon.client.create_download("microsoft/phi-4")
        daemon.kill()
        daemon.start()
        assert daemon.client.policy() == changed
        reset = daemon.client.change_policy(require_digest=None, allowed_publishers=None)
        assert {getattr(reset, key).source for key in KEYS} == {"default"}
        daemon.kill()
        daemon.start()
        assert daemon.client.policy() == reset


def test_a_change_may_ask_that_nobody_else_has_changed_them(shared: RunningDaemon) -> None:
    world = World(shared, None)  # type: ignore[arg-type]  # nothing is fetched
    seen = world.ask("GET", "/policy").headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{16}"', seen)
    first = world.ask("PUT", "/policy", {"report_installs": False}, ("If-Match", seen))
    assert first.status == 200 and first.headers["etag"] != seen
    problem(world.ask("PUT", "/policy", {"report_installs": True}, ("If-Match", seen)), 412)
    with pytest.raises(PreconditionFailed):
        shared.client.change_policy(report_installs=True, revision=seen.strip('"'))
    last = world.ask("PUT", "/policy", {"report_installs": None}, ("If-Match", first.headers["etag"]))
    assert last.status == 200 and last.headers["etag"] == seen


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"offline": "yes"}, "/offline"),
        ({"allowed_publishers": ["Qwen"]}, "/allowed_publishers/0"),
        ({"allowed_publishers": "qwen"}, "/allowed_publishers"),
        ({"allowed_publishers": ["p"] * 300}, "/allowed_publishers"),
        ({"everything": True}, "/everything"),
    ],
)
def test_what_is_no_policy_is_refused_with_a_pointer(
    shared: RunningDaemon, change: dict[str, Any], pointer: str
) -> None:
    world = World(shared, None)  # type: ignore[arg-type]  # nothing is fetched
    before = world.get("/policy")
    found = world.refused("PUT", "/policy", 422, change)
    assert [error["pointer"] for error in found["errors"]] == [pointer]
    assert world.get("/policy") == before


def test_a_program_that_misnames_itself_is_told_so(shared: RunningDaemon) -> None:
    world = World(shared, None)  # type: ignore[arg-type]  # nothing is fetched
    found = problem(world.ask("GET", "/policy", None, ("Modelhub-App", "editor")), 422)
    assert found["errors"][0]["pointer"] == "Modelhub-App"
    assert world.ask("GET", "/policy", None, ("Modelhub-App", "editor/1.0")).status == 200


def test_offline_stops_what_is_under_way_and_it_goes_on_afterwards(tmp_path: Path, origin: Origin) -> None:
    with a_world(tmp_path / "home", origin) as world:
        gate = world.serve("slow.gguf", Step(stall_after=1000), Step(), size=400_000)
        world.list_locally(entry("tests/slow", gate), entry("tests/next", world.serve("next.gguf")))
        made = world.download("tests/slow", until="active")
        until(
            lambda: world.get(f"/downloads/{made['id']}"), lambda found: found["progress"]["done_bytes"] > 0
        )
        assert world.ask("PUT", "/policy", {"offline": True}).status == 200
        waiting = world.get(f"/downloads/{made['id']}")
        if waiting["state"] != "waiting":
            waiting = world.reached(made["id"], "waiting")
        assert waiting["error"]["code"] == "refused_by_policy" and "offline" in waiting["error"]["detail"]
        refused = world.refused("POST", "/downloads", 403, {"model": "tests/next", "force": True})
        assert refused["code"] == "refused_by_policy" and "offline" in refused["detail"]
        assert world.ask("PUT", "/policy", {"offline": None}).status == 200
        world.reached(made["id"], "completed")
        world.download("tests/next", until="completed")


def test_an_offline_daemon_opens_no_connection(tmp_path: Path) -> None:
    """It is kept busy with everything that would; the same without the policy shows that it would."""
    folder = tmp_path / "origin"
    folder.mkdir()
    write_chat(folder / "chat.gguf")
    with Origin("--directory", str(folder)) as origin:
        for offline in ("true", "false"):
            place = tmp_path / offline
            settings = recording(place) | {
                "MODELHUB_POLICY_OFFLINE": offline,
                "MODELHUB_LLAMA_BINARY": str(install(place / "bin")),
                "MODELHUB_CATALOG_REGISTRY_URL": origin.url,
                "MODELHUB_POLICY_LOCAL_ENTRIES": "true",
            }
            with a_world(place / "home", origin, **settings) as world:
                shapeless = entry(CHAT, local_file(folder / "chat.gguf", origin))
                world.list_locally(shapeless)
                world.get(f"/catalog/models/{CHAT}")
                world.get("/catalog/models", q="chat")
                answer = world.ask("POST", "/downloads", {"model": CHAT, "force": True})
                assert answer.status == (403 if offline == "true" else 201)
                if offline == "false":
                    world.reached(answer.json["id"], "completed")
                    assert "worker socket" in connections(place)
                    continue
                for path in ("/status", "/device", "/governance/templates", "/updates"):
                    world.ask("GET", path)
                world.post("/catalog/sync", status=202)
                assert world.get("/status")["outbound"] == []
            assert connections(place) == []


def test_what_waits_from_before_a_restart_opens_none_either(tmp_path: Path, origin: Origin) -> None:
    place = tmp_path / "r"  # a socket's path has a limit
    recorded = recording(place)
    with a_world(place / "h", origin) as world:
        stuck = world.serve("stuck.gguf", Step(stall_after=1000), size=400_000)
        world.list_locally(entry("tests/stuck", stuck))
        made = world.download("tests/stuck", until="active")
        world.daemon.kill()
        world.daemon.environ |= recorded | {"MODELHUB_POLICY_OFFLINE": "true"}
        world.daemon.start()
        waiting = world.reached(made["id"], "waiting")
        assert waiting["error"]["code"] == "refused_by_policy"
        assert connections(place) == []


def test_without_a_snapshot_nothing_is_approved(shared: RunningDaemon) -> None:
    client: Client = shared.client
    model = client.search(limit=1).items[0].id
    found = client.governance_check([model, "no/such"])
    assert [(item.code, item.approved, item.verified, item.allowed) for item in found.items] == [
        ("not_approved", False, False, True),
        ("not_approved", False, False, True),
    ]
    assert found.as_of.source == "floor" and found.items[0].reason
    assert client.governance_templates().items == ()
    world = World(shared, None)  # type: ignore[arg-type]  # nothing is fetched
    for models in ("", "Bad", "a/b,,c/d", ",".join(["a/b"] * 257)):
        refused = world.refused("GET", "/governance/check", 422, models=models)
        assert refused["errors"][0]["pointer"] == "?models"
    problem(world.ask("GET", "/governance/check"), 422)
    assert json.loads(json.dumps(world.get("/governance/check", models=model)))["total"] == 1


def test_figures_come_as_text(shared: RunningDaemon) -> None:
    assert "modelhub_" in shared.client.metrics()
