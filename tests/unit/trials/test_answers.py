"""Answers of every route, whole and streamed, say the same; questions are shown, and not asked twice if they
must not be."""

import json
from typing import Any

import pytest

from modelhubd.trials.answers import Answer, read_answer
from modelhubd.trials.questions import SHOWN, question_of, why_not_replayed

CALLS = (("rm", '{"all":true,"path":"/"}'),)
CHAT = Answer(text="Hi there", calls=CALLS, finish_reason="stop")


def sse(*events: Any) -> bytes:
    lines = [b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events]
    return b": comment\n\n" + b"".join(lines) + b"data: [DONE]\n\n"


def call(**function: str) -> Any:
    return {"index": 0, "function": function}


ANSWERS: tuple[tuple[bytes, Answer], ...] = (
    (
        json.dumps({"choices": [{
            "message": {"content": "Hi there", "tool_calls": [
                {"function": {"name": "rm", "arguments": '{"path": "/", "all": true}'}}]},
            "finish_reason": "stop"}]}).encode(),
        CHAT,
    ),
    (
        sse(
            {"choices": [{"delta": {"content": "Hi "}}]}, {"choices": [{"delta": {"content": "there"}}]},
            {"choices": [{"delta": {"tool_calls": [call(name="rm", arguments='{"path":')]}}]},
            {"choices": [{"delta": {"tool_calls": [call(arguments='"/","all":true}')]},
                          "finish_reason": "stop"}]},
            {"choices": [], "usage": {}},
        ),
        CHAT,
    ),
    (b'{"choices":[{"text":"on and on","finish_reason":"length"}]}',
     Answer(text="on and on", finish_reason="length")),
    (sse({"choices": [{"text": "on "}]}, {"choices": [{"text": "and on", "finish_reason": "length"}]}),
     Answer(text="on and on", finish_reason="length")),
    (
        json.dumps({"content": [{"type": "text", "text": "Hi there"},
                                {"type": "tool_use", "name": "rm", "input": {"path": "/", "all": True}}],
                    "stop_reason": "stop"}).encode(),
        CHAT,
    ),
    (
        sse(
            {"type": "message_start", "message": {}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi there"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "rm"}},
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"path":"/","all":true}'}},
            {"type": "message_delta", "delta": {"stop_reason": "stop"}},
            {"type": "message_stop"},
        ),
        CHAT,
    ),
    (
        json.dumps({"status": "stop", "output": [
            {"type": "reasoning"},
            {"type": "message", "content": [{"type": "output_text", "text": "Hi there"}]},
            {"type": "function_call", "name": "rm", "arguments": '{"path":"/","all":true}'}]}).encode(),
        CHAT,
    ),
    (
        sse({"type": "response.output_text.delta", "delta": "Hi"},
            {"type": "response.completed", "response": {"status": "completed", "output": [
                {"type": "message", "content": [{"text": "Hi there"}]}]}}),
        Answer(text="Hi there", finish_reason="completed"),
    ),
    (b'{"data":[{"embedding":[1,2]}]}', Answer()),
    (b"{broken", Answer(text="{broken")),
    (b'{"choices":[7]}', Answer(text='{"choices":[7]}')),
    (b"data: {broken\n\n", Answer(text="data: {broken\n\n")),
    (b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{no json"}}]}}]}',
     Answer(calls=(("f", "{no json"),))),
)  # fmt: skip


@pytest.mark.parametrize(("body", "said"), ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_is_read_whichever_way_it_came(body: bytes, said: Answer) -> None:
    assert read_answer(body) == said


def test_calls_without_end_are_cut() -> None:
    events = [
        {"choices": [{"delta": {"tool_calls": [{"index": n, "function": {"name": "f"}}]}}]}
        for n in range(400)
    ]
    assert len(read_answer(sse(*events)).calls) == 256


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"messages": [{"role": "user", "content": "https://example.org is a text"}]}, None),
        ({"messages": [], "tools": [{"type": "function"}]}, None),
        ({"messages": [{"content": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]}]}, None),
        ({"messages": [{"content": [{"image_url": {"url": " HTTPS://example.org/x.png"}}]}]}, "fetched"),
        ({"messages": [{"content": [{"image_url": "file:///etc/passwd"}]}]}, "fetched"),
        ({"input": "x", "previous_response_id": "r1"}, "stored"),
        ({"input": "x", "store": True}, "stores"),
        ([1], "JSON"),
    ],
)
def test_what_must_not_be_done_twice_is_not_replayed(body: Any, reason: str | None) -> None:
    why = why_not_replayed(json.dumps(body).encode())
    assert why is None if reason is None else reason in str(why)


def test_what_is_no_json_is_not_replayed_and_shown_as_it_is() -> None:
    assert why_not_replayed(b"{") == "it is not JSON"
    assert question_of(b"{") == "{"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]},
         "system: Be brief.\n\nuser: Why?"),
        ({"system": "S", "messages": [{"content": [{"type": "text", "text": "T"}, {"type": "image"}]}]},
         "system: S\n\nuser: T\n[image]"),
        ({"prompt": "Once"}, "Once"), ({"input": ["a", "b"]}, "a\n\nb"),
        ({"messages": [{"role": "user"}]}, "user: "),
        ({"input": {"odd": 1}}, ""),
    ],
)  # fmt: skip
def test_a_question_is_shown_with_who_says_what(body: Any, shown: str) -> None:
    assert question_of(json.dumps(body).encode()) == shown


def test_a_long_question_is_cut_in_its_middle() -> None:
    shown = question_of(json.dumps({"prompt": "a" * SHOWN + "b" * SHOWN}).encode())
    assert len(shown) < SHOWN + 10 and shown[0] == "a" and shown[-1] == "b"
