"""Previews show the beginning of what was said, in every form."""

import json
from typing import Any

import pytest

from modelhubd.records.content import preview_of_answer, preview_of_request, whole

HELLO = [{"role": "system", "content": "be"}, {"role": "user", "content": "hi\n\x1b[2Jthere"}]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"messages": HELLO}, "hi there"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"image_url": "x"}]}]},
            "a",
        ),
        ({"prompt": "once"}, "once"),
        ({"input": ["one", "two"]}, "two"),
        ({"query": "q", "documents": ["d"]}, "q"),
        ({"messages": []}, ""),
        ({"messages": 3}, ""),
        ([], ""),
    ],
)
def test_a_preview_of_a_request_is_the_last_thing_said(asked: Any, shown: str) -> None:
    assert preview_of_request(json.dumps(asked).encode(), 100) == shown


def stream(*chunks: Any) -> bytes:
    return (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (b'{"choices":[{"message":{"role":"assistant","content":"Hello."}}]}', "Hello."),
        (b'{"choices":[{"text":"Hello."}]}', "Hello."),
        (b'{"content":[{"type":"text","text":"Hello."}]}', "Hello."),
        (b'{"output":[{"content":[{"text":"Hello."}]}]}', "Hello."),
        (b'{"data":[{"embedding":[1,2]}]}', ""),
        (b"{broken", ""),
        (b"", ""),
        (
            stream(
                {"choices": [{"delta": {"content": "Hel"}}]}, {"choices": [{"delta": {"content": "lo."}}]}
            ),
            "Hello.",
        ),
        (stream({"type": "x", "delta": {"text": "Hel"}}, {"delta": {"text": "lo."}}), "Hello."),
        (stream({"delta": "Hel"}, {"delta": "lo."}, 3, {"choices": [{"text": "!"}]}), "Hello.!"),
        (b"data: {broken\n\n", ""),
        (b"data: [1]\n\n", ""),
        (b"[" * 100_000, ""),
        (b'{"a":' * 100_000, ""),
    ],
)
def test_a_preview_of_an_answer_is_its_text(answer: bytes, shown: str) -> None:
    assert preview_of_answer(answer, 100) == shown


def test_a_preview_is_no_longer_than_it_may_be() -> None:
    long = "word " * 1000
    assert len(preview_of_request(json.dumps({"prompt": long}).encode(), 20)) == 20
    many = stream(*({"choices": [{"delta": {"content": "word "}}]} for _ in range(1000)))
    assert preview_of_answer(many, 20) == "word word word word…"


def test_text_that_lies_deep_is_not_looked_for() -> None:
    value: Any = "deep"
    for _ in range(10):
        value = {"content": value}
    assert preview_of_answer(json.dumps(value).encode(), 20) == ""


def test_the_whole_is_text_that_a_database_takes() -> None:
    assert whole(b"a\xff\x00b") == "a\ufffd\ufffdb"
