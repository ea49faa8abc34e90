"""What an answer says, whichever route it came from, whole or as a stream: its text, the tools that it calls,
and why it ended. Nothing that is called is ever done."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

_MAX_CALLS = 256


class Answer(Struct, frozen=True, kw_only=True):
    """`calls` are (name, arguments) in order; arguments that are JSON are written in one way."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str | None = None


def read_answer(body: bytes) -> Answer:
    """What a 200 answer of the gateway says; empty for one that holds no text, such as embeddings. An answer
    that cannot be read counts as its bytes, so that two of them can be compared."""
    try:
        if body.lstrip()[:1] == b"{":
            return _whole(json.loads(body))
        return _joined(_events(body))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return Answer(text=body.decode("utf-8", "replace"))


def _whole(answer: Mapping[str, Any]) -> Answer:
    if choices := answer.get("choices"):
        return _choice(choices[0])
    if isinstance(output := answer.get("output"), list):
        return _output(output, answer.get("status"))
    if isinstance(content := answer.get("content"), list):
        return _blocks(content, answer.get("stop_reason"))
    return Answer()


def _choice(choice: Mapping[str, Any]) -> Answer:
    message = choice.get("message") or {}
    calls = [call.get("function") or {} for call in message.get("tool_calls") or ()]
    return _answer(
        message.get("content") or choice.get("text") or "",
        [(call.get("name"), call.get("arguments")) for call in calls],
        choice.get("finish_reason"),
    )


def _output(items: list[Mapping[str, Any]], status: Any) -> Answer:
    """Of `/v1/responses`."""
    text, calls = "", []
    for item in items:
        if item.get("type") == "message":
            text += "".join(part.get("text") or "" for part in item.get("content") or ())
        elif item.get("type") == "function_call":
            calls.append((item.get("name"), item.get("arguments")))
    return _answer(text, calls, status)


def _blocks(blocks: list[Mapping[str, Any]], stop_reason: Any) -> Answer:
    """Of `/v1/messages`."""
    text = "".join(block.get("text") or "" for block in blocks if block.get("type") == "text")
    calls = [(block.get("name"), block.get("input")) for block in blocks if block.get("type") == "tool_use"]
    return _answer(text, calls, stop_reason)


def _events(body: bytes) -> Iterator[Mapping[str, Any]]:
    for line in body.splitlines():
        kind, _, data = line.partition(b":")
        if kind == b"data" and data.strip() != b"[DONE]":
            yield json.loads(data)


def _joined(events: Iterator[Mapping[str, Any]]) -> Answer:
    text, finish = [], None
    calls: dict[Any, list[str]] = {}
    for event in events:
        kind = event.get("type")
        if choices := event.get("choices"):
            choice = choices[0]
            delta = choice.get("delta") or {}
            text.append(delta.get("content") or choice.get("text") or "")
            finish = choice.get("finish_reason") or finish
            for call in delta.get("tool_calls") or ():
                _grow(calls, call.get("index"), call.get("function") or {})
        elif kind == "response.completed":
            return _whole(event["response"])
        elif kind == "content_block_start" and event["content_block"].get("type") == "tool_use":
            _grow(calls, event.get("index"), {"name": event["content_block"].get("name")})
        elif kind == "content_block_delta":
            delta = event.get("delta") or {}
            text.append(delta.get("text") or "")
            if delta.get("partial_json"):
                _grow(calls, event.get("index"), {"arguments": delta["partial_json"]})
        elif kind == "message_delta":
            finish = (event.get("delta") or {}).get("stop_reason") or finish
    return _answer("".join(text), [(name, arguments) for name, arguments in calls.values()], finish)


def _grow(calls: dict[Any, list[str]], index: Any, part: Mapping[str, Any]) -> None:
    if len(calls) >= _MAX_CALLS and index not in calls:
        return
    call = calls.setdefault(index, ["", ""])
    call[0] += part.get("name") or ""
    call[1] += part.get("arguments") or ""


def _answer(text: Any, calls: list[tuple[Any, Any]], finish: Any) -> Answer:
    return Answer(
        text=str(text),
        calls=tuple((str(name), _in_one_way(arguments)) for name, arguments in calls[:_MAX_CALLS]),
        finish_reason=finish if isinstance(finish, str) else None,
    )


def _in_one_way(arguments: Any) -> str:
    """JSON with its keys in order, so that writing does not count as a difference."""
    try:
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return str(arguments)
