"""load, ps, chat, logs, unload: what each asks of the daemon and what it says afterwards."""

import io
import json

import pytest

from modelhubd.wire.servers import Estimate, ServerError
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, frames, json_answer, problem_answer
from tests.unit.cli.conftest import Modelhub, page_answer

HELLO = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)


def test_load_sends_every_setting_and_waits_until_ready(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    loading = ("server.changed", samples.server(state="loading"), "e-2")
    hub.on("GET /api/v1/events", frames(HELLO, loading, ("server.changed", samples.server(), "e-3")))
    shown = modelhub(
        "load", "acme/tiny", "--ctx", "512", "--gpu-layers", "all", "--threads", "2", "--flash-attn", "off",
        "--kv-type", "q8_0", "--kv-type-v", "f16", "--reasoning", "off", "--reasoning-budget", "9",
        "--parallel", "2", "--batch", "64", "--no-mmap", "--mlock", "--seed", "7", "--ttl", "-1",
        "--name", "mine", "--force",
    )  # fmt: skip
    assert shown.code == 0
    assert shown.out == "cccc000011112222\tacme/tiny\tready\n"
    asked = next(asked for asked in hub.asked if asked.method == "POST")
    assert asked.body == {
        "library_id": "bbbb000011112222", "name": "mine", "force": True,
        "settings": {
            "ctx": 512, "gpu_layers": "all", "threads": 2, "flash_attention": "off", "kv_type_k": "q8_0",
            "kv_type_v": "f16", "reasoning": "off", "reasoning_budget": 9, "parallel": 2, "batch": 64,
            "mmap": False, "mlock": True, "seed": 7, "ttl_s": -1,
        },
    }  # fmt: skip


def test_a_load_tells_how_far_it_has_come(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    gauges = [
        ("server.load", {"id": server, "busy_slots": 0, "load_progress": done}, None)
        for server, done in (("cccc000011112222", 0.31), ("other", 0.9), ("cccc000011112222", 0.72))
    ]
    hub.on("GET /api/v1/events", frames(HELLO, *gauges, ("server.changed", samples.server(), "e-3")))
    shown = modelhub("load", "acme/tiny")
    assert shown.code == 0
    assert [line for line in shown.err.splitlines() if "%" in line] == [
        "acme/tiny: 30 % loaded", "acme/tiny: 70 % loaded",
    ]  # fmt: skip


def test_a_load_that_fails_shows_the_end_of_the_log(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    error = ServerError(code="bad_model", detail="It is no model.", log_tail=("one", "two\x1b[31m"))
    hub.on(
        "GET /api/v1/events",
        frames(HELLO, ("server.changed", samples.server(state="failed", error=error), "e-2")),
    )
    shown = modelhub("load", "acme/tiny")
    assert shown.code == 1
    assert "It is no model." in shown.err
    assert "│ two" in shown.err
    assert "\x1b" not in shown.err
    assert "modelhub logs cccc000011112222" in shown.err


def test_layers_are_a_number_or_a_word(hub: Hub, modelhub: Modelhub) -> None:
    for wrong in ("-1", "1000", "most", "٣"):
        assert modelhub("load", "acme/tiny", "--gpu-layers", wrong).code == 2


def test_without_a_llama_server_load_says_how_to_get_one(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", problem_answer(409, "binary_missing", "There is no llama-server."))
    shown = modelhub("load", "acme/tiny")
    assert shown.code == 5
    assert "modelhubd[llama]" in shown.err


def test_an_estimate_is_no_load_and_7_when_it_does_not_fit(hub: Hub, modelhub: Modelhub) -> None:
    found = Estimate(
        weights_bytes=1, kv_bytes=2, compute_bytes=3, overhead_bytes=4, total_bytes=10, available_bytes=5,
        fits=False, reason="needs 10 B, 5 B free", ctx=512,
    )  # fmt: skip
    hub.on("POST /api/v1/library/bbbb000011112222/estimate", json_answer(found))
    shown = modelhub("load", "acme/tiny", "--ctx", "512", "--estimate-only")
    assert shown.code == 7
    assert ["total", "10"] in shown.rows
    assert hub.asked[-1].body == {"settings": {"ctx": 512}}
    assert modelhub("show", "acme/tiny", "--estimate", "--ctx", "512").code == 0


def test_servers_are_named_by_name_model_or_id(hub: Hub, modelhub: Modelhub) -> None:
    servers = samples.server(), samples.server("dddd000011112222", name="mine", model="acme/other")
    hub.on("GET /api/v1/servers", page_answer(*servers))
    for identity in ("cccc000011112222", "dddd000011112222"):
        hub.on(f"DELETE /api/v1/servers/{identity}", json_answer(samples.server(identity, "stopped")))
    assert modelhub("unload", "mine").out == "dddd000011112222\n"
    assert modelhub("unload", "acme/tiny:gguf-f16").out == "cccc000011112222\n"
    assert modelhub("unload", "--all").out == "cccc000011112222\ndddd000011112222\n"
    assert modelhub("unload", "other").code == 3
    assert modelhub("unload").code == 2


def test_the_log_of_a_server_that_failed_can_still_be_read(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/servers", page_answer(samples.server(state="failed")))
    hub.on(
        "GET /api/v1/servers/cccc000011112222/logs",
        Answer(body=b"one\ntwo\x1b[2J\n", content_type="text/plain"),
    )
    assert modelhub("logs", "cccc", "--tail", "2").out == "one\ntwo\n"
    assert modelhub("logs", "acme/tiny", "-f").out == "one\ntwo\n"
    assert modelhub("ps").out == ""
    assert "failed" in modelhub("ps", "-a").out


CHAT = (
    b'data: {"choices":[{"delta":{"reasoning_content":"Hm."}}]}\n',
    b'data: {"choices":[{"delta":{"content":"Yes\\u001b[31m!"}}]}\n',
    b"data: [DONE]\n",
)


def test_into_a_pipe_chat_gives_the_answer_without_the_thoughts(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=CHAT))
    shown = modelhub("chat", "acme/tiny", "Really?", "--system", "Be brief.", "--max-tokens", "9")
    assert (shown.code, shown.out) == (0, "Yes!\n")
    assert hub.asked[-1].body["messages"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Really?"},
    ]  # fmt: skip
    assert hub.asked[-1].body["max_tokens"] == 9


def test_chat_asks_what_comes_on_stdin(hub: Hub, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=CHAT))
    monkeypatch.setattr("sys.stdin", io.StringIO("From a pipe?\n"))
    assert modelhub("chat", "acme/tiny").out == "Yes!\n"
    assert hub.asked[-1].body["messages"][0]["content"] == "From a pipe?"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert modelhub("chat", "acme/tiny").code == 2


def test_chat_as_json_is_one_whole_reply(hub: Hub, modelhub: Modelhub) -> None:
    reply = {"choices": [{"message": {"content": "Yes", "reasoning_content": "Hm."}}]}
    hub.on("POST /v1/chat/completions", json_answer(reply))
    assert json.loads(modelhub("chat", "acme/tiny", "Hi", "--json").out)["reasoning"] == "Hm."


def test_a_chat_with_an_unknown_model_is_not_found(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /v1/chat/completions", Answer(status=404, body=b'{"error":{"message":"No model x."}}'))
    shown = modelhub("chat", "x", "Hi")
    assert shown.code == 3
    assert "There is no model x to talk to" in shown.err
    assert "modelhub pull" in modelhub("chat", "acme/absent", "Hi").err
    assert "There is acme/tiny." in modelhub("chat", "acme/tinny", "Hi").err
    assert "There is acme/tiny." not in shown.err
    hub.on("POST /v1/chat/completions", problem_answer(422, "invalid_input", "/temperature: too hot"))
    assert "too hot" in modelhub("chat", "acme/tiny", "Hi").err


def test_an_unload_that_fails_does_not_keep_the_others(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(
        "GET /api/v1/servers", page_answer(samples.server("s1", name="one"), samples.server("s2", name="two"))
    )
    hub.on("DELETE /api/v1/servers/s1", problem_answer(503, "unavailable", "Not now."))
    hub.on("DELETE /api/v1/servers/s2", json_answer(samples.server("s2", "stopped")))
    shown = modelhub("unload", "--all", "--json")
    assert shown.code == 1
    assert json.loads(shown.out)["state"] == "stopped"


def test_a_load_that_loses_the_daemon_says_how_the_server_is(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    hub.on("GET /api/v1/events", frames(HELLO))
    hub.on("GET /api/v1/servers/cccc000011112222", json_answer(samples.server(state="stopped")))
    shown = modelhub("load", "acme/tiny")
    assert shown.code == 1
    assert "did not load: stopped" in shown.err


def test_a_detached_load_is_told_at_once(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    shown = modelhub("load", "acme/tiny", "-d")
    assert (shown.code, shown.out) == (0, "cccc000011112222\tacme/tiny\tstarting\n")
    assert "/api/v1/events" not in [asked.path for asked in hub.asked]
