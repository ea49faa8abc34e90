"""The sync client against a hub on a real socket."""

import time
from pathlib import Path

import msgspec
import pytest

import modelhub_client
from modelhub_client import (
    ChatMessage,
    Client,
    Conflict,
    InvalidRequest,
    LoadFailed,
    ModelhubUnreachable,
    NoSpace,
    NotFound,
    NotPermitted,
    PreconditionFailed,
    ProblemError,
    Refused,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from modelhub_client.call import api, body_of, model_path
from modelhubd.wire.servers import LoadSettings, SettingsAnswer
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer, problem_answer


def test_a_search_sends_every_filter_and_answers_typed_models(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/catalog/models", json_answer(samples.page(samples.summary())))
    found = client.search("tiny model", formats=["gguf", "mlx"], compatible=True, sort="size", limit=3)
    assert found.items[0].id == "acme/tiny"
    assert hub.asked[0].query == (
        ("q", "tiny model"), ("format", "gguf"), ("format", "mlx"), ("compatible", "true"),
        ("sort", "size"), ("limit", "3"),
    )  # fmt: skip


def test_a_body_leaves_out_what_was_not_given(hub: Hub, client: Client) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server()))
    client.load("acme/tiny", LoadSettings(ctx=512), ttl_s=-1)
    assert hub.asked[0].body == {
        "library_id": "acme/tiny", "settings": {"ctx": 512}, "ttl_s": -1, "force": False,
    }  # fmt: skip
    assert hub.asked[0].query == (("wait", "ready"),)
    assert hub.asked[0].headers["Content-Type"] == "application/json"


def test_a_model_id_keeps_its_slash_and_nothing_else_of_a_path() -> None:
    assert model_path("acme/tiny") == "/catalog/models/acme/tiny"
    assert model_path("acme/../x?y#z") == "/catalog/models/acme/..%2Fx%3Fy%23z"
    assert api("/x", {"a": None, "b": False, "c": 0, "d": "ü &"}) == "/api/v1/x?c=0&d=%C3%BC+%26"


def test_an_unknown_field_of_a_newer_daemon_is_skipped(hub: Hub, client: Client) -> None:
    value = msgspec.to_builtins(samples.version()) | {"new_field": {"a": 1}}
    hub.on("GET /api/v1/version", json_answer(value))
    assert client.version() == samples.version()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_request", InvalidRequest), (401, "unauthenticated", NotPermitted),
        (403, "not_allowed", NotPermitted), (404, "model_not_found", NotFound), (409, "conflict", Conflict),
        (409, "does_not_fit", Refused), (409, "not_enough_memory", Refused),
        (403, "refused_by_policy", Refused),
        (412, "precondition_failed", PreconditionFailed), (413, "too_large", InvalidRequest),
        (415, "unsupported_media_type", InvalidRequest), (421, "misdirected", NotPermitted),
        (422, "invalid_input", InvalidRequest), (429, "too_many_requests", TooManyRequests),
        (502, "out_of_memory", LoadFailed), (503, "unavailable", Unavailable), (507, "disk_full", NoSpace),
        (500, "internal", ProblemError),
    ],
)  # fmt: skip
def test_each_refusal_is_an_error_of_its_kind(
    hub: Hub, client: Client, status: int, code: str, kind: type[ProblemError]
) -> None:
    hub.on("GET /api/v1/status", problem_answer(status, code, "No. Do that instead."))
    with pytest.raises(ProblemError, match=r"No\. Do that instead\.") as raised:
        client.status()
    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.code) == (status, code)


def test_a_refusal_in_openai_shape_is_understood(hub: Hub, client: Client) -> None:
    answer = Answer(
        status=404, body=b'{"error":{"message":"No such model.","type":"not_found","code":"model_not_found"}}'
    )
    hub.on("POST /v1/chat/completions", answer)
    with pytest.raises(NotFound, match="No such model") as raised:
        client.chat("x", [ChatMessage(role="user", content="Hi")])
    assert raised.value.code == "model_not_found"


def test_an_error_page_of_another_program_is_no_problem_of_ours(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/status", Answer(status=500, body=b"<html>oops</html>", content_type="text/html"))
    with pytest.raises(UnexpectedAnswer, match="500"):
        client.status()


def test_an_answer_of_another_shape_names_the_request(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/status", json_answer({"hello": 1}))
    with pytest.raises(UnexpectedAnswer, match="GET /api/v1/status"):
        client.status()


def test_nobody_on_the_socket_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(ModelhubUnreachable, match=r"modelhub\.sock"):
        Client(environ={"MODELHUB_HOME": str(tmp_path)}).health()


def test_a_connection_that_ends_without_an_answer_is_unreachable(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/status", Answer(drop=True))
    with pytest.raises(ModelhubUnreachable, match="ended the connection"):
        client.status()


def test_an_answer_cut_short_is_unreachable(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/status", Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
    with pytest.raises(ModelhubUnreachable):
        client.status()


def test_another_protocol_on_the_socket_is_unexpected(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/status", Answer(raw=b"220 mail.example ESMTP\r\n"))
    with pytest.raises(UnexpectedAnswer, match="Not HTTP"):
        client.status()


def test_a_silent_daemon_does_not_hold_the_client(tmp_path: Path) -> None:
    import socket

    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        began = time.monotonic()
        with pytest.raises(ModelhubUnreachable, match="within"):
            Client(socket=path).health(timeout_s=0.1)
        assert time.monotonic() - began < 15


def test_an_empty_answer_is_none(hub: Hub, client: Client) -> None:
    hub.on("DELETE /api/v1/library/bbbb", Answer(status=204))
    client.remove("bbbb")
    assert hub.asked[0].method == "DELETE"


def test_a_log_is_text(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/servers/cccc/logs", Answer(body="eins\nzwölf\n".encode(), content_type="text/plain"))
    assert client.log_lines("cccc", tail=2) == "eins\nzwölf\n"
    assert hub.asked[0].query == (("tail", "2"),)


def test_a_log_is_followed_line_by_line(hub: Hub, client: Client) -> None:
    hub.on("GET /api/v1/servers/cccc/logs", Answer(lines=(b"one\n", b"two\r\n"), content_type="text/plain"))
    assert list(client.follow_log("cccc")) == ["one", "two"]
    assert ("follow", "true") in hub.asked[0].query


def test_a_streamed_chat_gives_reasoning_and_text_apart(hub: Hub, client: Client) -> None:
    lines = (
        b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n', b"\n", b": ping\n",
        b'data: {"choices":[{"delta":{"reasoning_content":"Hm."}}]}\n',
        b'data: {"choices":[{"delta":{"content":"Yes"},"finish_reason":"stop"}]}\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n', b"data: [DONE]\n",
    )  # fmt: skip
    hub.on("POST /v1/chat/completions", Answer(lines=lines, content_type="text/event-stream"))
    pieces = list(client.chat_stream("tiny", [ChatMessage(role="user", content="Hi")], max_tokens=5))
    assert "".join(piece.content for piece in pieces) == "Yes"
    assert "".join(piece.reasoning for piece in pieces) == "Hm."
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == 2
    assert hub.asked[0].body["stream"] is True
    assert hub.asked[0].body["max_tokens"] == 5


def test_a_failure_in_the_middle_of_a_streamed_chat_is_raised(hub: Hub, client: Client) -> None:
    lines = (b'data: {"choices":[{"delta":{"content":"Ye"}}]}\n', b'data: {"error":{"message":"It died."}}\n')
    hub.on("POST /v1/chat/completions", Answer(lines=lines))
    with pytest.raises(LoadFailed, match="It died"):
        list(client.chat_stream("tiny", []))


def test_a_whole_chat_is_one_reply(hub: Hub, client: Client) -> None:
    reply = {"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}], "model": "tiny"}
    hub.on("POST /v1/chat/completions", json_answer(reply))
    assert client.chat("tiny", [ChatMessage(role="user", content="Hi")]).content == "Yes"


def test_none_is_left_out_at_every_depth() -> None:
    assert body_of({"a": None, "b": {"c": None, "d": 1}}) == b'{"b":{"d":1}}'


def test_the_package_exports_what_it_names() -> None:
    assert all(getattr(modelhub_client, name) is not None for name in modelhub_client.__all__)
    with pytest.raises(AttributeError):
        _ = modelhub_client.nothing_of_that_name


def test_settings_are_changed_only_as_they_were_seen(hub: Hub, client: Client) -> None:
    path = "/api/v1/library/bbbb000011112222/settings"
    found = SettingsAnswer(saved={"ctx": 512}, effective={}, defaults={}, revision="aa11")
    for method in ("GET", "PUT", "DELETE"):
        hub.on(f"{method} {path}", json_answer(found))
    assert client.settings("bbbb000011112222") == found
    client.save_settings("bbbb000011112222", LoadSettings(ctx=512, mmap=False), revision=found.revision)
    assert hub.asked[-1].body == {"ctx": 512, "mmap": False}
    assert hub.asked[-1].headers["If-Match"] == '"aa11"'
    client.reset_settings("bbbb000011112222", revision="aa11")
    assert hub.asked[-1].headers["If-Match"] == '"aa11"'
    client.reset_settings("bbbb000011112222")
    assert "If-Match" not in hub.asked[-1].headers


def test_reasoning_is_switched_for_one_answer(hub: Hub, client: Client) -> None:
    hub.on("POST /v1/chat/completions", json_answer({"choices": []}))
    question = [ChatMessage(role="user", content="hi")]
    client.chat("acme/tiny", question, reasoning=False)
    assert hub.asked[-1].body["chat_template_kwargs"] == {"enable_thinking": False}
    client.chat("acme/tiny", question, reasoning=True, extra={"chat_template_kwargs": {"tone": "dry"}})
    assert hub.asked[-1].body["chat_template_kwargs"] == {"tone": "dry", "enable_thinking": True}
    client.chat("acme/tiny", question)
    assert "chat_template_kwargs" not in hub.asked[-1].body
