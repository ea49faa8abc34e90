"""What each command asks of the daemon and what it says afterwards."""

import json
from typing import Any

import pytest

from modelhubd.wire.catalog import CatalogFault, CatalogInfo
from modelhubd.wire.servers import Estimate
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, frames, json_answer, problem_answer
from tests.unit.cli.conftest import Modelhub, page_answer

HELLO = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)


def _asked(hub: Hub) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in hub.asked]


def _ends(state: str, **rest: Any) -> Answer:
    return frames(HELLO, ("download.changed", samples.download(state=state, done=1000, **rest), "e-2"))


def test_pull_queues_and_follows_to_the_end(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hub.on("GET /api/v1/events", _ends("completed"))
    shown = modelhub("pull", "acme/tiny", "--force")
    assert (shown.code, shown.out) == (0, "acme/tiny@1:gguf-f16\n")
    assert "completed" in shown.err
    asked = next(asked for asked in hub.asked if asked.method == "POST")
    assert asked.body == {"model": "acme/tiny", "priority": 0, "force": True}


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("checksum_mismatch", 8), ("size_mismatch", 8), ("refused_by_policy", 7), ("http_error", 1)],
)
def test_a_pull_that_fails_says_why_and_what_to_do(
    hub: Hub, modelhub: Modelhub, code: str, exit_code: int
) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hub.on("GET /api/v1/events", _ends("failed", error={"code": code, "detail": "It went wrong."}))
    shown = modelhub("pull", "acme/tiny")
    assert shown.code == exit_code
    assert "It went wrong." in shown.err
    assert "modelhub downloads retry aaaa000011112222" in shown.err


def test_a_pull_of_what_is_installed_is_done(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/downloads", problem_answer(409, "already_installed", "It is installed."))
    shown = modelhub("pull", "acme/tiny")
    assert shown.code == 0
    assert "installed already" in shown.err


def test_one_refused_reference_does_not_keep_the_others(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(
        "POST /api/v1/downloads",
        problem_answer(409, "does_not_fit", "Needs 70 GB, has 16 GB."),
        json_answer(samples.download(state="queued"), 201),
    )
    hub.on("GET /api/v1/events", _ends("completed"))
    shown = modelhub("pull", "acme/huge", "acme/tiny")
    assert shown.code == 7
    assert shown.out == "acme/tiny@1:gguf-f16\n"
    assert "--force" in shown.err


def test_a_wrong_reference_stops_a_pull_before_anything_is_queued(hub: Hub, modelhub: Modelhub) -> None:
    assert modelhub("pull", "acme/tiny", "Not Valid").code == 2
    assert hub.asked == []


def test_a_detached_pull_gives_the_id_at_once(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    shown = modelhub("pull", "-d", "acme/tiny")
    assert (shown.code, shown.out) == (0, "aaaa000011112222\n")
    assert "GET /api/v1/events" not in _asked(hub)


def test_the_json_of_a_pull_is_a_line_per_change(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hub.on("GET /api/v1/events", _ends("completed"))
    states = [json.loads(line)["state"] for line in modelhub("pull", "acme/tiny", "--json").out.splitlines()]
    assert states == ["queued", "completed"]


def test_downloads_are_named_by_id_its_beginning_or_their_model(hub: Hub, modelhub: Modelhub) -> None:
    ended = samples.download("ffff000011112222", "completed")
    hub.on("GET /api/v1/downloads", page_answer(samples.download(), ended))
    hub.on("POST /api/v1/downloads/aaaa000011112222/pause", json_answer(samples.download(state="paused")))
    for name in ("aaaa000011112222", "aaaa", "acme/tiny", "acme/tiny@1:gguf-f16"):
        assert modelhub("downloads", "pause", name).code == 0
        assert hub.asked[-1].path == "/api/v1/downloads/aaaa000011112222/pause"
    assert modelhub("downloads", "pause", "nothing").code == 3


def test_a_name_of_several_downloads_is_not_guessed(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads", page_answer(samples.download("aaaa1"), samples.download("aaaa2")))
    shown = modelhub("downloads", "cancel", "acme/tiny")
    assert shown.code == 2
    assert "aaaa1, aaaa2" in shown.err
    assert modelhub("downloads", "cancel").code == 2


def test_retry_takes_the_one_that_failed(hub: Hub, modelhub: Modelhub) -> None:
    failed = samples.download("ffff000011112222", "failed", model="acme/other")
    hub.on("GET /api/v1/downloads", page_answer(samples.download(model="acme/other"), failed))
    hub.on("POST /api/v1/downloads/ffff000011112222/retry", json_answer(failed))
    assert modelhub("downloads", "retry", "acme/other").code == 0


def test_all_are_paused_at_once(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/downloads/pause", json_answer(samples.status().downloads))
    assert modelhub("downloads", "pause", "--all").code == 0


def test_a_download_is_moved_and_forgotten(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("PATCH /api/v1/downloads/aaaa000011112222", json_answer(samples.download()))
    hub.on("DELETE /api/v1/downloads/aaaa000011112222", Answer(status=204))
    assert modelhub("downloads", "move", "aaaa", "2").code == 0
    assert hub.asked[-1].body == {"position": 2}
    assert modelhub("downloads", "forget", "aaaa").code == 0


def test_rm_wants_an_exact_name_where_several_are_installed(hub: Hub, modelhub: Modelhub) -> None:
    both = samples.artifact("b1"), samples.artifact("b2", option="gguf-q4", active=False)
    hub.on("GET /api/v1/library", page_answer(*both))
    hub.on("DELETE /api/v1/library/b1", Answer(status=204))
    hub.on("DELETE /api/v1/library/b2", Answer(status=204))
    refused = modelhub("rm", "acme/tiny")
    assert refused.code == 2
    assert "acme/tiny@1:gguf-q4" in refused.err
    assert modelhub("rm", "acme/tiny:gguf-q4").out == "b2\n"
    assert modelhub("rm", "b1").out == "b1\n"
    assert modelhub("rm", "acme/tiny", "--all").out == "b1\nb2\n"
    assert modelhub("rm", "acme/nothing").code == 3


def test_rm_of_a_running_model_is_a_conflict(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("DELETE /api/v1/library/bbbb000011112222", problem_answer(409, "loaded", "Unload it first."))
    shown = modelhub("rm", "acme/tiny")
    assert (shown.code, shown.out) == (5, "")


def test_doctor_is_1_when_something_fails_and_says_what_to_do(hub: Hub, modelhub: Modelhub) -> None:
    faults = (CatalogFault(file="mine.json", pointer="/0/id", reason="is missing"),)
    info = CatalogInfo(source="floor", revision="1", models=105, local_entries=0, faults=faults)
    hub.on("GET /api/v1/status", json_answer(samples.status(catalog=info)))
    hub.on("GET /api/v1/device", json_answer(samples.device(llama_servers=(), disk_free_bytes=0)))
    hub.socket.parent.chmod(0o755)
    hub.socket.chmod(0o600)
    shown = modelhub("doctor")
    assert shown.code == 1
    found = {row[1]: (row[0], row[2], row[3]) for row in shown.rows}
    assert found["runtime folder"][0] == "fail"
    assert "chmod 700" in found["runtime folder"][2]
    assert found["socket"][0] == "ok"
    assert found["disk"][0] == "fail"
    assert found["llama-server"][0] == "warn"
    assert found["catalog entry"][:2] == ("warn", "mine.json at /0/id: is missing")


def test_doctor_without_a_daemon_still_checks_what_it_can(modelhub: Modelhub) -> None:
    shown = modelhub("doctor", "--json")
    assert shown.code == 1
    found = {check["name"]: check["verdict"] for check in json.loads(shown.out)}
    assert found["daemon"] == "fail"
    assert found["disk"] in ("ok", "warn")


def test_events_are_frames_as_they_came(hub: Hub, modelhub: Modelhub) -> None:
    changed = ("download.changed", samples.download(), "e-2")
    hub.on("GET /api/v1/events", frames(HELLO, changed), problem_answer(401, "unauthenticated", "No."))
    shown = modelhub("events", "--topics", "downloads", "--after", "e-1", "--json")
    assert shown.code == 4
    assert json.loads(shown.out)["type"] == "download.changed"
    assert dict(hub.asked[0].query) == {"topics": "downloads", "after": "e-1"}


def test_a_setting_is_found_by_its_key(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(
        "GET /api/v1/config", json_answer({"values": {"server.port": {"value": 7717, "source": "default"}}})
    )
    assert modelhub("config", "get", "server.port").out == "7717\n"
    assert modelhub("config", "list").rows == [["server.port", "7717", "default", "false"]]
    missing = modelhub("config", "get", "server.prot")
    assert missing.code == 3
    assert "server.port" in missing.err


def test_the_page_is_opened_by_its_one_time_address(hub: Hub, modelhub: Modelhub) -> None:
    code = {"code": "c", "expires_in_s": 60, "url": "http://127.0.0.1:1/#code=c"}
    hub.on("POST /api/v1/session/code", json_answer(code), json_answer(code | {"url": None}))
    assert modelhub("ui").out == "http://127.0.0.1:1/#code=c\n"
    refused = modelhub("ui")
    assert refused.code == 1
    assert "tcp = true" in refused.err


def test_show_names_the_options_where_one_is_missing(hub: Hub, modelhub: Modelhub) -> None:
    shown = modelhub("show", "acme/tiny:gguf-q9")
    assert shown.code == 3
    assert "gguf-f16, gguf-f32" in shown.err
    assert [row[0] for row in modelhub("show", "acme/tiny:gguf-f16").rows].count("option") == 1
    assert modelhub("show", "acme/tiny", "--files").rows[0][:2] == ["gguf-f16", "gguf-f16.gguf"]


def test_versions_are_told_also_without_a_daemon(modelhub: Modelhub) -> None:
    shown = modelhub("version")
    assert shown.code == 0
    assert ["modelhubd", ""] in shown.rows


def test_a_watch_with_nothing_to_watch_is_done(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads", page_answer(samples.download(state="completed")))
    assert modelhub("downloads", "watch").code == 0


def test_a_watch_of_one_that_was_cancelled_is_1(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/events", _ends("cancelled"))
    shown = modelhub("downloads", "watch", "aaaa", "-q")
    assert shown.code == 1


def test_events_are_told_in_words(hub: Hub, modelhub: Modelhub) -> None:
    told = (
        ("snapshot", {"reason": "fresh", "state": {}}, "e-1"),
        ("download.changed", samples.download(), "e-2"),
        ("download.progress", {"id": "a", "done_bytes": 1, "total_bytes": None, "rate_bytes_per_s": 0.0,
                               "eta_s": None}, None),
        ("library.added", samples.artifact(), "e-3"), ("server.changed", samples.server(), "e-4"),
        ("library.removed", {"id": "b"}, "e-5"), ("trial.changed", {"x": 1}, "e-6"),
    )  # fmt: skip
    hub.on("GET /api/v1/events", frames(HELLO, *told), problem_answer(401, "unauthenticated", "No."))
    rows = modelhub("events").rows
    assert [row[1] for row in rows] == [kind for kind, _, _ in told]
    assert rows[1] == ["e-2", "download.changed", "acme/tiny:gguf-f16 active"]
    assert rows[2] == ["", "download.progress", "a 1 of ? bytes"]
    hub.on("GET /api/v1/events", frames(HELLO, *told), problem_answer(401, "unauthenticated", "No."))
    assert modelhub("events", "-q").out.split() == ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6"]


def test_a_token_is_made_anew(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/token/rotate", Answer(status=204))
    assert modelhub("token", "rotate").code == 0
    assert hub.asked[-1].method == "POST"


def test_every_reference_that_is_refused_is_named(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(
        "POST /api/v1/downloads",
        problem_answer(404, "model_not_found", "There is no acme/one."),
        problem_answer(409, "does_not_fit", "acme/two needs 70 GB."),
    )
    shown = modelhub("pull", "acme/one", "acme/two")
    assert shown.code == 3
    assert "acme/one" in shown.err
    assert "acme/two" in shown.err


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_quiet_does_not_hide_why_a_pull_has_failed(hub: Hub, modelhub: Modelhub, state: str) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hub.on("GET /api/v1/events", _ends(state))
    shown = modelhub("pull", "acme/tiny", "-q")
    assert (shown.code, shown.out) == (1, "")
    assert state in shown.err


def test_a_version_that_the_catalog_does_not_have_is_not_shown_as_another(
    hub: Hub, modelhub: Modelhub
) -> None:
    assert modelhub("show", "acme/tiny@1").code == 0
    shown = modelhub("show", "acme/tiny@9")
    assert (shown.code, shown.out) == (3, "")
    assert "version 1 of acme/tiny, not 9" in shown.err


def test_a_search_that_is_cut_says_so_in_a_pipe_too(hub: Hub, modelhub: Modelhub) -> None:
    found = json.loads(json_answer(samples.page(samples.summary())).body)
    hub.on("GET /api/v1/catalog/models", json_answer(found | {"total": 27}))
    assert "1 of 27 models" in modelhub("search", "--limit", "1").err
    assert modelhub("search", "--limit", "1", "-q").err == ""


def test_an_empty_library_is_not_a_search_without_a_match(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/library", page_answer())
    assert "Nothing is installed." in modelhub("list").err
    assert "Nothing is installed that matches." in modelhub("list", "tiny").err


def test_what_is_not_installed_names_what_is_near(hub: Hub, modelhub: Modelhub) -> None:
    both = samples.artifact("b1"), samples.artifact("b2", option="gguf-q4", active=False)
    hub.on("GET /api/v1/library", page_answer(*both, samples.artifact("b3", model="other/far")))
    for command in ("load", "rm", "verify", "settings show"):
        shown = modelhub(*command.split(), "acme/tinny")
        assert shown.code == 3
        assert "acme/tinny is not installed. Installed is acme/tiny." in shown.err
        assert "other/far" not in shown.err
    shown = modelhub("load", "acme/tiny:q9")
    assert "Installed is acme/tiny@1:gguf-f16 or acme/tiny@1:gguf-q4." in shown.err
    assert "Installed is" not in modelhub("load", "zzz/yyy").err


@pytest.mark.parametrize("command", ["device", "load acme/tiny --estimate-only", "estimate acme/tiny"])
def test_only_ids_are_printed_where_only_ids_are_asked_for(
    hub: Hub, modelhub: Modelhub, command: str
) -> None:
    found = Estimate(
        weights_bytes=1, kv_bytes=2, compute_bytes=3, overhead_bytes=4, total_bytes=10, available_bytes=50,
        fits=True, reason="needs 10 B", ctx=512, notes=("A remark.",),
    )  # fmt: skip
    hub.on("POST /api/v1/library/bbbb000011112222/estimate", json_answer(found))
    told = modelhub(*command.split())
    assert told.code == 0 and told.out
    for form in ("-q", "--output=ids"):
        shown = modelhub(*command.split(), form)
        assert (shown.code, shown.out, shown.err) == (0, "", "")


def test_a_form_that_contradicts_another_is_wrong_usage(hub: Hub, modelhub: Modelhub) -> None:
    assert modelhub("list", "-o", "ids").out == "bbbb000011112222\n"
    assert modelhub("list", "-o", "ids", "--json").code == 2
    assert modelhub("list", "-o", "xml").code == 2


TOLD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("library.progress", {"id": "j", "done_bytes": 5, "total_bytes": 10, "done_files": 0, "total_files": 1},
     "j 5 of 10 bytes"),
    ("library.job", {"id": "j", "kind": "verify", "state": "failed", "model": "acme/tiny@1:q4",
                     "error": {"code": "x", "detail": "It is gone."}, "progress": {}, "created_at": ""},
     "acme/tiny@1:q4: verify failed It is gone."),
    ("download.limits", {"max_active": 2, "max_bytes_per_s": 5_000_000, "connections": 16, "schedule": None,
                         "sources": {}}, "2 at once, 5.00 MB/s"),
    ("update.available", {"id": "b", "model": "acme/tiny", "state": "available", "installed_version": 1,
                          "installed_option": "q4", "version": 2}, "acme/tiny@1 to 2, available"),
    ("server.load", {"id": "s", "busy_slots": 0, "load_progress": 0.31}, "s 31 % loaded"),
    ("server.load", {"id": "s", "busy_slots": 2}, "s 2 busy"),
    ("evaluation.progress", {"id": "e", "done": 3, "total": 6}, "e 3 of 6 answers"),
    ("trial.removed", {"id": "t"}, "t"),
    ("record.stats", {"state": "on", "records": 7}, "on, 7 kept"),
    ("record.audit", {"rules": [], "allowed": True}, "content is kept by 0 rules"),
)  # fmt: skip


def test_whatever_happens_is_told_in_words(hub: Hub, modelhub: Modelhub) -> None:
    sent = [(kind, data, f"e-{number}") for number, (kind, data, _) in enumerate(TOLD)]
    hub.on("GET /api/v1/events", frames(HELLO, *sent), problem_answer(401, "unauthenticated", "No."))
    assert [row[1:] for row in modelhub("events").rows] == [[kind, text] for kind, _, text in TOLD]
